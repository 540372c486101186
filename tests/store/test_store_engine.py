from __future__ import annotations

import importlib.util
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import select, text

from tidewaiter.errors import ConfigError, StoreUnavailable
from tidewaiter.store import Store, engine, open_store
from tidewaiter.store.tables import meta, principals

URL = "sqlite:///state/control.sqlite"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(URL, tmp_path)
    yield opened
    opened.close()


def permissions(path: Path) -> int:
    return path.stat().st_mode & 0o777


def add_person(store: Store, name: str) -> int:
    with store.changing() as change:
        row = {"name": name, "kind": "user", "enabled": True, "created_at_s": 0.0}
        versions = {"version": change.generation, "credentials_version": change.generation}
        change.connection.execute(principals.insert().values(**row, **versions))
        return change.generation


def test_a_new_store_is_for_its_owner_only(store: Store, tmp_path: Path) -> None:
    files = sorted((tmp_path / "state").iterdir())
    assert [path.name for path in files] == ["control.sqlite", "control.sqlite-shm", "control.sqlite-wal"]
    assert {permissions(path) for path in files} == {0o600}
    assert permissions(tmp_path / "state") == 0o700


def test_a_file_that_others_could_read_is_tightened(tmp_path: Path) -> None:
    open_store(URL, tmp_path).close()
    path = tmp_path / "state" / "control.sqlite"
    path.chmod(0o644)
    open_store(URL, tmp_path).close()
    assert permissions(path) == 0o600


def test_opening_a_store_twice_does_not_drop_the_first_ones_locks(store: Store, tmp_path: Path) -> None:
    program = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('begin immediate')"
    with store.changing():
        open_store(URL, tmp_path).close()
        path = tmp_path / "state" / "control.sqlite"
        other = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=False)
    assert "database is locked" in other.stderr


def test_connections_enforce_foreign_keys_and_survive_power_cuts(store: Store) -> None:
    with store.reading() as connection:
        found = [connection.scalar(text(f"PRAGMA {name}")) for name in ("foreign_keys", "synchronous", "journal_mode")]
    assert found == [1, 2, "wal"]


def test_an_absolute_path_is_taken_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "elsewhere" / "c.sqlite"
    open_store(f"sqlite:///{path}", tmp_path / "deployment").close()
    assert path.exists()


def test_the_salt_key_is_made_once_and_kept(tmp_path: Path) -> None:
    first = open_store(URL, tmp_path, token_bytes=lambda size: b"k" * size)
    again = open_store(URL, tmp_path, token_bytes=lambda size: b"x" * size)
    assert first.salt_key == again.salt_key == b"k" * 32
    first.close()
    again.close()


def test_changes_are_numbered_and_reading_sees_them(store: Store) -> None:
    assert [add_person(store, name) for name in ("a", "b")] == [1, 2]
    with store.reading() as connection:
        assert connection.execute(select(meta.c.generation)).scalar_one() == 2
        assert connection.scalars(select(principals.c.name).order_by(principals.c.name)).all() == ["a", "b"]


def test_a_change_that_takes_no_number_leaves_the_generation(store: Store) -> None:
    with store.changing():
        pass
    assert add_person(store, "a") == 1


def test_an_error_rolls_the_whole_change_back(store: Store) -> None:
    with pytest.raises(RuntimeError), store.changing() as change:
        assert change.generation == 1
        raise RuntimeError
    assert add_person(store, "a") == 1


def test_the_stamp_moves_with_every_commit_and_only_then(store: Store) -> None:
    before = store.stamp()
    assert store.stamp() == before
    add_person(store, "a")
    assert store.stamp() != before


def test_the_stamp_moves_when_another_process_commits(store: Store, tmp_path: Path) -> None:
    before = store.stamp()
    program = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('update meta set generation = 9'); c.commit()"
    )
    subprocess.run([sys.executable, "-c", program, tmp_path / "state" / "control.sqlite"], check=True)
    assert store.stamp() != before


def test_writers_wait_for_each_other_and_none_is_lost(store: Store) -> None:
    def write(worker: int) -> None:
        for number in range(10):
            add_person(store, f"p{worker}.{number}")

    threads = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert add_person(store, "last") == 41


def test_processes_that_open_a_new_store_at_once_agree_on_one(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib, tidewaiter.store as s; o = s.open_store(sys.argv[1], pathlib.Path(sys.argv[2]));"
        "print(o.salt_key.hex()); o.close()"
    )
    command = [sys.executable, "-c", program, URL, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) for _ in range(3)]
    said = [process.communicate()[0] for process in running]
    assert len(set(said)) == 1
    assert len(said[0].strip()) == 64


def test_a_locked_store_is_reported_not_waited_for_without_end(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BUSY_MS", 50)
    impatient = open_store(URL, tmp_path)
    with store.changing(), pytest.raises(StoreUnavailable, match="database is locked"), impatient.changing():
        pass
    impatient.close()


def test_a_new_store_locked_by_another_process_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "BUSY_MS", 50)
    (tmp_path / "state").mkdir()
    holder = sqlite3.connect(tmp_path / "state" / "control.sqlite", isolation_level=None)
    holder.execute("begin immediate")
    with pytest.raises(StoreUnavailable, match="database is locked"):
        open_store(URL, tmp_path)
    holder.close()


def test_a_file_that_is_no_database_is_reported(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "control.sqlite").write_bytes(b"not a database" * 100)
    with pytest.raises(StoreUnavailable, match="file is not a database"):
        open_store(URL, tmp_path)


def test_a_store_that_lost_its_row_is_reported(store: Store, tmp_path: Path) -> None:
    with store.changing() as change:
        change.connection.execute(meta.delete())
    with pytest.raises(StoreUnavailable, match="No row was found"):
        open_store(URL, tmp_path)


def test_a_folder_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way")
    with pytest.raises(StoreUnavailable, match=r"control store sqlite:////.*: (File exists|Not a directory)"):
        open_store(URL, tmp_path)


def test_a_closed_store_has_no_stamp(tmp_path: Path) -> None:
    opened = open_store(URL, tmp_path)
    opened.close()
    with pytest.raises(StoreUnavailable, match="closed database"):
        opened.stamp()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nonsense with secret", "not a database URL"),
        ("mysql://u:secret@h/d", "mysql is not supported"),
        ("postgresql+asyncpg://u:secret@h/d", "postgresql\\+asyncpg is not supported"),
        ("sqlite://", "sqlite needs a plain file"),
        ("sqlite:///:memory:", "sqlite needs a plain file"),
        ("sqlite:///c.sqlite?mode=ro", "sqlite needs a plain file"),
    ],
)
def test_urls_that_cannot_be_used_are_refused_without_repeating_secrets(tmp_path: Path, url: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as refused:
        open_store(url, tmp_path)
    assert "secret" not in str(refused.value)


def test_postgresql_without_its_driver_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'psycopg\[binary\]"):
        open_store("postgresql://h/d", tmp_path)


@pytest.mark.skipif(importlib.util.find_spec("psycopg") is None, reason="psycopg is a development dependency")
def test_a_postgresql_that_does_not_answer_is_reported_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="connection") as reported:
        open_store("postgresql://u:secret@127.0.0.1:1/d", tmp_path)
    assert "secret" not in str(reported.value)


def test_a_driver_that_cannot_be_told_how_long_to_wait_is_too_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(psycopg.Connection, "wait", lambda self, gen, interval=0.1: None)
    with pytest.raises(ConfigError, match=r"pip install 'psycopg\[binary\]>=3\.3\.9'"):
        open_store("postgresql://127.0.0.1:1/control", tmp_path)
