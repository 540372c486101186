"""The same store on PostgreSQL: every statement that the SQLite tests run, once, on a real server."""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from channelkit import Place
from sqlalchemy import text

from tidewaiter.demo.postgres import EmbeddedPostgres
from tidewaiter.errors import ConfigError, StoreUnavailable
from tidewaiter.identity import Directory
from tidewaiter.identity.accounts import Realm
from tidewaiter.model import Kind, Secret
from tidewaiter.store import Store, open_store
from tidewaiter.store.tables import VERSION_TABLE

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
    here, there = Directory(store, NOW_S), Directory(elsewhere, NOW_S)
    there.add_principal("alice", Kind.USER, now_s=NOW_S)
    assert here.principal("alice") is None
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
