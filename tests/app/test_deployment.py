"""A deployment folder opened for one command."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tidewaiter.app import upstreams
from tidewaiter.app.calling import call
from tidewaiter.app.deployment import Deployment, open_log
from tidewaiter.app.founding import found
from tidewaiter.config import Config, load
from tidewaiter.errors import LedgerBusy, NotFound, Tampered
from tidewaiter.ledger.entry import decode
from tidewaiter.ledger.reader import LogReader
from tidewaiter.sql.catalog import Catalog

SHOP = """
[[datasource]]
name = "shop"
address = "127.0.0.1:1"
user = "tidewaiter"
tls = "disable"
"""


@pytest.fixture
def config(tmp_path: Path) -> Config:
    found(tmp_path, "tidewaiter", "localhost", datetime.now(UTC), {})
    with (tmp_path / "tidewaiter.toml").open("a") as file:
        file.write(SHOP)
    return load(tmp_path / "tidewaiter.toml", {})


def test_an_entry_is_on_disk_and_the_lock_is_free_afterwards(config: Config) -> None:
    with Deployment(config, {}, lambda: 7) as site:
        assert asyncio.run(site.record("kind", {"a": 1})) == 0
        with pytest.raises(LedgerBusy):
            open_log(config, lambda: 7, announce=False)
    (stored,) = LogReader(config.state / "ledger").frames()
    entry = decode(stored.header)
    assert (entry.kind, entry.t_ns, entry.fields) == ("kind", 7, {"a": 1})
    open_log(config, lambda: 7, announce=False).close()


def test_reading_commands_do_not_open_the_ledger(config: Config) -> None:
    assert call(config, "principal.ls", {}) == []
    assert call(config, "datasource.ls", {})[0]["name"] == "shop"
    assert not (config.state / "ledger").exists()


def test_a_change_waits_for_nobody_who_holds_the_ledger(config: Config) -> None:
    log = open_log(config, lambda: 1, announce=False)
    with pytest.raises(LedgerBusy):
        call(config, "principal.add", {"name": "alice"})
    log.close()
    assert call(config, "principal.ls", {}) == []


def test_a_tampered_ledger_takes_no_change(config: Config) -> None:
    call(config, "principal.add", {"name": "alice"})
    (segment,) = (config.state / "ledger" / "segments").iterdir()
    segment.write_bytes(segment.read_bytes().replace(b"alice", b"alicf"))
    with pytest.raises(Tampered):
        call(config, "principal.add", {"name": "bob"})
    assert [one["name"] for one in call(config, "principal.ls", {})] == ["alice"]


def test_there_is_nothing_to_reload_and_nobody_connected(config: Config) -> None:
    with Deployment(config, {}) as site:
        assert site.sessions is None
        with pytest.raises(NotFound):
            asyncio.run(site.reload({}))


def test_policies_and_catalog_are_read_when_they_are_asked_for(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    async def catalog_once(*_arguments: object) -> Catalog:
        return Catalog(version=3)

    monkeypatch.setattr(upstreams, "catalog_once", catalog_once)
    with Deployment(config, {}) as site:
        assert asyncio.run(site.policies()).version
        assert asyncio.run(site.catalog("shop")).version == 3
        assert site.now_s() > 1.7e9
