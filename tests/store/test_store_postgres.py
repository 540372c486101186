"""The same store on PostgreSQL: every statement that the SQLite tests run, once, on a real server."""

from __future__ import annotations

import asyncio
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from bookkit import DORA, Memory, draft, random_text
from channelkit import Place
from lane import Lane
from sqlalchemy import create_engine, text
from test_store_schema import migrate, shape

from tidewaiter.approvals.book import Book
from tidewaiter.approvals.desk import State
from tidewaiter.approvals.requests import Requests, Terms
from tidewaiter.demo.postgres import EmbeddedPostgres
from tidewaiter.errors import ConfigError, StoreUnavailable
from tidewaiter.identity import Directory
from tidewaiter.identity.accounts import Realm
from tidewaiter.model import Kind, Secret
from tidewaiter.store import Store, engine, open_store
from tidewaiter.store.schema import revision_of
from tidewaiter.store.tables import HEAD, VERSION_TABLE

NOW_S = 1_800_000_000.0


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    # The server's user must be able to enter; pytest's own folders lie under a private one when root runs the tests.
    with tempfile.TemporaryDirectory(prefix="tw-") as name:
        Path(name).chmod(0o755)
        with EmbeddedPostgres(Path(name) / "pg", Secret("pass")) as running:
            yield running


@pytest.fixture
def url(server: EmbeddedPostgres) -> str:
    server.execute("drop database if exists control with (force)")
    server.execute("create database control")
    return server.dsn("control")


@pytest.fixture
def store(url: str, tmp_path: Path) -> Iterator[Store]:
    opened = open_store(url, tmp_path)
    yield opened
    opened.close()


def test_directory_works_on_postgresql(store: Store) -> None:
    directory = Directory(store, NOW_S)
    directory.add_principal("alice", Kind.USER, now_s=NOW_S, groups=["analysts"])
    directory.add_principal("alice-bot", Kind.AGENT, now_s=NOW_S, owner="alice")
    issued = directory.issue("alice-bot", ["shop"], 60.0, NOW_S)
    assert [verifier.id for verifier in directory.credentials_of("alice-bot", NOW_S)] == [issued.id]
    assert directory.add_group("alice", "dba")
    owner = directory.account("alice-bot").principal.owner
    assert owner is not None
    assert owner.groups == {"analysts", "dba"}
    assert directory.remove_group("alice", "dba")
    assert directory.revoke(issued.id, NOW_S)
    assert not directory.may_continue("alice-bot", issued.id)
    assert directory.set_enabled("alice", False)
    assert directory.principal("alice-bot") is None
    assert [credential.datasources for credential in directory.credentials()] == [("shop",)]
    assert directory.prune(NOW_S + 100 * 86400) == 1


def test_a_new_store_is_as_the_migrations_make_it_on_postgresql(server: EmbeddedPostgres, store: Store) -> None:
    server.execute("drop database if exists migrated with (force)")
    server.execute("create database migrated")
    other = create_engine(server.dsn("migrated").replace("postgresql:", "postgresql+psycopg:", 1))
    migrate(other, "head")
    with store.reading() as new, other.begin() as migrated:
        assert shape(new) == shape(migrated)
        assert revision_of(new) == revision_of(migrated) == HEAD
    other.dispose()


def test_channels_are_told_once_by_two_gateways_on_postgresql(store: Store, url: str, tmp_path: Path) -> None:
    elsewhere = open_store(url, tmp_path)
    here, there = Place(store), Place(elsewhere)
    asyncio.run(here.ask())
    assert (here.outbox.note("ops", lambda request: True, NOW_S), there.outbox.is_behind("ops")) == (1, False)
    claimed = here.outbox.claim("ops", NOW_S, NOW_S + 60)
    assert claimed is not None
    assert there.outbox.claim("ops", NOW_S, NOW_S + 60) is None
    here.outbox.told(claimed[0], "ref", NOW_S)
    assert [reference for _, reference in there.outbox.announced("ops", NOW_S)] == ["ref"]
    assert (there.outbox.tally("ops").told, there.outbox.next_at_s("ops")) == (1, None)
    there.outbox.mark("ops", "m1", NOW_S)
    assert here.outbox.was_seen("ops", "m1")
    there.people()
    assert here.accounts.principal_of(Realm.GITHUB, "1001") == "dora"
    here.outbox.prune(NOW_S)
    elsewhere.close()


def test_another_gateways_changes_are_noticed(store: Store, url: str, tmp_path: Path) -> None:
    elsewhere = open_store(url, tmp_path)
    here, there = Directory(store, NOW_S, clock_s=lambda: 0.0), Directory(elsewhere, NOW_S)
    there.add_principal("alice", Kind.USER, now_s=NOW_S)
    assert here.principal("alice") is None  # no time has passed since it looked
    here.refresh()
    assert here.principal("alice") is not None
    assert here.salt_of("alice") == there.salt_of("alice")
    elsewhere.close()


def test_gateways_that_open_a_new_store_at_once_agree(url: str, tmp_path: Path) -> None:
    opened: list[Store] = []
    threads = [threading.Thread(target=lambda: opened.append(open_store(url, tmp_path))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({store.salt_key for store in opened}) == 1
    assert len(opened) == 3
    for store in opened:
        store.close()


def test_a_newer_schema_is_refused(store: Store, url: str, tmp_path: Path) -> None:
    with store.changing() as change:
        change.connection.execute(text(f"update {VERSION_TABLE} set version_num = '9999'"))
    with pytest.raises(ConfigError, match="newer than this version") as refused:
        open_store(url, tmp_path)
    assert "pass" not in str(refused.value).replace("***", "")


def test_a_lost_server_is_reported_and_service_resumes(store: Store, server: EmbeddedPostgres) -> None:
    directory = Directory(store, NOW_S)
    directory.add_principal("alice", Kind.USER, now_s=NOW_S)
    server.stop()
    with pytest.raises(StoreUnavailable):
        directory.refresh()
    server.start()
    directory.refresh()
    assert directory.principal("alice") is not None


def test_the_clock_is_the_servers_whatever_ours_says(store: Store, server: EmbeddedPostgres) -> None:
    shared_s = store.clock(lambda: 0.0)
    behind_s = float(server.execute("select extract(epoch from clock_timestamp())")) - shared_s()
    assert abs(behind_s) < 60, "ours is 50 years slow, and the server's counts"
    before_s = shared_s()
    server.execute("select pg_sleep(0.01)")
    assert shared_s() > before_s, "it goes on between questions"


def test_gateways_whose_clocks_are_minutes_apart_agree_on_what_has_expired(
    store: Store, url: str, tmp_path: Path
) -> None:
    asyncio.run(_clocks(store, url, tmp_path))


async def _clocks(store: Store, url: str, folder: Path) -> None:
    elsewhere = open_store(url, folder)

    def gateway(one: Store, off_s: float) -> Requests:
        return Requests(Book(one, random_text), Memory(), one.clock(lambda: time.time() + off_s), Terms(60.0, 30.0))

    slow, fast = gateway(store, -600.0), gateway(elsewhere, 600.0)
    request = await slow.ask(draft())
    told = {"note": "", "channel": "shell", "place": "here"}
    assert (await fast.find(request.id)).state is State.OPEN
    approved = await fast.decide(request.id, DORA, is_approval=True, **told)
    assert 0 < approved.expires_s - request.created_s < 60
    assert (await slow.consume(request.id, request.binding, "s", {})).state is State.CONSUMED
    elsewhere.close()


def test_a_line_that_hangs_is_given_up_and_a_lock_is_not_kept(
    url: str, server: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "ANSWER_S", 0.2)
    monkeypatch.setattr(engine, "CONNECT_S", 1)
    monkeypatch.setattr(engine, "BUSY_MS", 300)
    lane = Lane(server.port)
    with (
        closing(open_store(url.replace(f":{server.port}/", f":{lane.port}/"), tmp_path)) as hanging,
        closing(open_store(url, tmp_path)) as other,
    ):
        with pytest.raises(StoreUnavailable), hanging.changing():
            lane.hang()  # with the one row locked that all writers queue for
            with pytest.raises(StoreUnavailable):
                hanging.stamp()
            assert any(_changes(other) for _ in range(50)), "the server ends the transaction"
        lane.heal()
        assert hanging.stamp() == other.stamp()


def _changes(store: Store) -> bool:
    with suppress(StoreUnavailable), store.changing() as change:
        return change.generation > 0
    return False
