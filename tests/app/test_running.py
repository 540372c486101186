"""A running gateway as the operations see it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import orjson
import pytest

from tidewaiter.app.approving import requests_of
from tidewaiter.app.channelling import switchboard_of
from tidewaiter.app.checks import faults
from tidewaiter.app.running import Running, digests_of
from tidewaiter.app.shelf import PolicyShelf, edition_on_disk
from tidewaiter.config import load
from tidewaiter.errors import ConfigError, UpstreamError
from tidewaiter.identity import Directory
from tidewaiter.ledger.entry import members
from tidewaiter.model import Column, Receipt, Relation, Secret
from tidewaiter.sql.catalog import Catalog
from tidewaiter.store import open_store

T = TypeVar("T")

TOML = """
[[datasource]]
name = "shop"
address = "127.0.0.1:1"
user = "tidewaiter"
tls = "disable"
"""
GOOD = '@id("everyone") permit (principal, action == Action::"connect", resource);\n'
BETTER = '@id("nobody") forbid (principal, action == Action::"connect", resource);\n'
BY = {"os_user": "root"}
PEOPLE = ("public", "people")


class Ledger:
    """A recorder that remembers what was made durable."""

    def __init__(self) -> None:
        self.available = True
        self.entries: list[tuple[str, dict[str, Any]]] = []
        self.durable_up_to = 0

    def record(self, kind: str, members: bytes, body: bytes | None = None) -> Receipt:
        self.entries.append((kind, orjson.loads(b"{%b}" % members)))
        return Receipt(len(self.entries) - 1)

    async def durable(self, receipt: Receipt) -> None:
        self.durable_up_to = receipt + 1


class Door:
    """A gateway without sessions."""

    is_accepting = True

    @property
    def seats(self) -> Door:
        return self

    def sessions(self) -> list[dict[str, object]]:
        return []

    def session(self, identifier: str, /) -> dict[str, object] | None:
        return None

    def kill(self, identifier: str, reason: str, /) -> bool:
        return False

    def kill_credential(self, credential: str, reason: str, /) -> int:
        return 0

    def kill_principal(self, name: str, reason: str, /) -> int:
        return 0

    def principals_changed(self) -> None:
        return None


class Watch:
    """A catalog that is always the same, of a database that can be lost."""

    is_lost = False

    async def refresh(self) -> Catalog:
        if self.is_lost:
            raise UpstreamError("nobody answers")
        columns = (Column("born", 1, "date", 1082, "date"), Column("Given name", 2, "text", 25, "text"))
        relation = Relation(*PEOPLE, "r", tuple(column.name for column in columns))
        return Catalog(version=7, relations={PEOPLE: relation}, columns={PEOPLE: columns})


class Rig:
    """A running site on a real folder, with what it said."""

    def __init__(self, folder: Path) -> None:
        (folder / "tidewaiter.toml").write_text(TOML)
        (folder / "policies").mkdir()
        self.policy = folder / "policies" / "one.cedar"
        self.policy.write_text(GOOD)
        self.config = load(folder / "tidewaiter.toml", {})
        self.store = open_store(self.config.store.url, folder)
        self.ledger = Ledger()
        self.door = Door()
        self.watch = Watch()
        self.said: list[str] = []

    async def record(self, kind: str, fields: Mapping[str, object]) -> Receipt:
        return self.ledger.record(kind, members(fields))

    def do(self, work: Callable[[Running], Awaitable[T]]) -> T:
        """Run `work` on a site; later calls see the policies that earlier ones put in force."""

        async def go() -> T:
            return await work(self.site())

        return asyncio.run(go())

    def site(self) -> Running:
        directory = Directory(self.store, 0.0)
        self.shelf = getattr(self, "shelf", None) or PolicyShelf(edition_on_disk(self.config))
        self.digests = getattr(self, "digests", None) or digests_of(self.config)
        return Running(
            config=self.config,
            directory=directory,
            switchboard=switchboard_of(self.config, [], self.store, directory, self, lambda: 1.5, self.said.append),
            requests=requests_of(self.config, self.store, self, lambda: 1.5),
            shelf=self.shelf,
            recorder=self.ledger,
            gateway=self.door,
            watches={"shop": self.watch},
            secrets={"shop": Secret("")},
            config_digests=self.digests,
            clock_ns=lambda: 1_500_000_000,
            say=self.said.append,
            environ={},
            is_started=True,
        )


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path)
    yield rig
    rig.store.close()


def test_an_entry_is_durable_when_recording_returns(rig: Rig) -> None:
    assert rig.do(lambda site: site.record("kind", {"a": 1})) == 0
    assert (rig.ledger.entries, rig.ledger.durable_up_to) == ([("kind", {"a": 1})], 1)


def test_new_policies_are_recorded_before_they_are_in_force(rig: Rig) -> None:
    assert rig.do(lambda site: site.reload(BY)) | {"policies": 0} == {
        "changed": False,
        "policies": 0,
        "needs_restart": [],
        "problems": [],
    }
    assert rig.ledger.entries == []
    before = rig.shelf.policies()
    rig.policy.write_text(BETTER)
    told = rig.do(lambda site: site.reload(BY))
    assert told["changed"]
    assert rig.shelf.policies() is not before
    ((kind, fields),) = rig.ledger.entries
    assert (kind, fields["digest"], fields["by"]) == ("policy.change", told["policies"], BY)
    assert list(fields["files"]) == ["one.cedar"]


def test_invalid_policies_change_nothing_and_are_said_loudly(rig: Rig) -> None:
    rig.site()
    before = rig.shelf.policies()
    rig.policy.write_text("permit (nonsense")
    with pytest.raises(ConfigError):
        rig.do(lambda site: site.reload(BY))
    assert rig.shelf.policies() is before
    assert rig.said[0] == "the policies and classification on disk are refused, those in force stay:"
    assert "one.cedar" in rig.said[1]
    ((kind, fields),) = rig.ledger.entries
    assert (kind, fields["by"]) == ("policy.refused", BY)


def test_policies_that_cannot_be_recorded_are_not_put_in_force(rig: Rig) -> None:
    rig.site()
    before = rig.shelf.policies()
    rig.policy.write_text(BETTER)

    async def broken(receipt: Receipt) -> None:
        raise UpstreamError("disk full")

    rig.ledger.durable = broken  # type: ignore[method-assign]
    with pytest.raises(UpstreamError):
        rig.do(lambda site: site.reload(BY))
    assert rig.shelf.policies() is before


def test_keys_that_need_a_restart_are_named(rig: Rig) -> None:
    rig.site()
    main = rig.config.folder / "tidewaiter.toml"
    main.write_text(TOML.replace('"127.0.0.1:1"', '"127.0.0.1:2"') + "[limits]\nconnections = 7\n")
    told = rig.do(lambda site: site.reload(BY))
    assert told["needs_restart"] == ["[limits] connections", "[[datasource]] shop: address"]
    assert rig.said[0] == "[limits] connections was changed: restart the server to put it in force"
    main.write_text("# another remark\n" + TOML)
    assert rig.do(lambda site: site.reload(BY))["needs_restart"] == []
    main.write_text("nonsense")
    assert rig.do(lambda site: site.reload(BY))["needs_restart"] == ["tidewaiter.toml"]
    assert any("would not start again" in line for line in rig.said)


def test_a_new_classification_is_put_in_force_with_the_policies(rig: Rig) -> None:
    rig.site()
    file = rig.config.folder / "classification.toml"
    file.write_text('[tags.email]\nmask = "email"\n[datasource.shop."public.customers"]\nemail = ["email"]\n')

    async def look(site: Running) -> tuple[object, object]:
        told = await site.reload(BY)
        return told["changed"], site.config.classification.tagged("shop")

    assert rig.do(look) == (True, {("public", "customers")})
    assert set(rig.shelf.policies().tagged("shop")) == {("public", "customers")}
    ((kind, fields),) = rig.ledger.entries
    assert (kind, len(fields["classification"])) == ("policy.change", 64)


TAGS = '[tags.mail]\nmask = "email"\n[datasource.shop."public.people"]\nborn = ["mail"]\n'


def test_reload_says_of_tags_what_check_says(rig: Rig) -> None:
    rig.site()
    (rig.config.folder / "classification.toml").write_text(f'{TAGS}"Last name" = ["mail"]\n')
    told = rig.do(lambda site: site.reload(BY))
    assert told["changed"]
    missing, misfit = faults(rig.shelf.policies().classification, "shop", asyncio.run(rig.watch.refresh()))
    assert missing == 'classification.toml tags what does not exist: public.people."Last name"'
    assert misfit.startswith(
        "classification.toml:4: [datasource] shop: public.people.born: mask email of tag mail does"
    )
    assert told["problems"] == [f"datasource shop: {missing}", f"datasource shop: {misfit}"]
    assert rig.said == [f"warning: {problem}" for problem in told["problems"]]


def test_reload_says_when_it_cannot_tell_whether_tags_fit(rig: Rig) -> None:
    rig.site()
    (rig.config.folder / "classification.toml").write_text(TAGS)
    rig.watch.is_lost = True
    told = rig.do(lambda site: site.reload(BY))
    assert told["changed"]
    assert told["problems"] == ["datasource shop: whether its tags fit could not be looked up: nobody answers"]


def test_an_invalid_classification_keeps_everything_as_it_is(rig: Rig) -> None:
    rig.site()
    before = rig.shelf.policies()
    rig.policy.write_text(BETTER)
    (rig.config.folder / "classification.toml").write_text("[nonsense]")
    with pytest.raises(ConfigError):
        rig.do(lambda site: site.reload(BY))
    assert rig.shelf.policies() is before
    assert "classification.toml" in rig.said[1]
    ((kind, fields),) = rig.ledger.entries
    assert (kind, len(fields["problems"])) == ("policy.refused", 1)


def test_warnings_of_new_policies_are_said(rig: Rig) -> None:
    rig.site()
    rig.policy.write_text('@id("x") permit (principal, action, resource in Datasource::"elsewhere");')
    rig.do(lambda site: site.reload(BY))
    assert any("elsewhere" in line for line in rig.said)


def test_what_keeps_a_server_from_serving_is_named(rig: Rig) -> None:
    assert rig.do(_obstacles(lambda found: None)) == []
    assert rig.do(_obstacles(lambda found: setattr(found, "is_started", False))) == ["the server is starting"]
    assert rig.do(_obstacles(lambda found: setattr(found, "is_stopping", True))) == ["the server is stopping"]
    rig.door.is_accepting = False
    rig.ledger.available = False
    assert rig.do(_obstacles(lambda found: None)) == ["the server is starting", "the ledger cannot be written"]


def _obstacles(change: Callable[[Running], None]) -> Callable[[Running], Awaitable[list[str]]]:
    async def look(site: Running) -> list[str]:
        change(site)
        return site.obstacles()

    return look


def test_check_from_inside_looks_at_the_recorder(rig: Rig) -> None:
    found = rig.do(lambda site: site.check())
    assert {finding.what: finding.is_ok for finding in found}["ledger"]
    assert not {finding.what: finding.is_ok for finding in found}["datasource shop"]
    rig.ledger.available = False
    assert rig.do(lambda site: site.check())[-1].said == "cannot be written"


def test_policies_catalog_time_and_upstream_are_the_running_ones(rig: Rig) -> None:
    async def look(site: Running) -> tuple[object, int, float, bool]:
        return await site.policies(), (await site.catalog("shop")).version, site.now_s(), site.sessions is rig.door

    assert rig.do(look) == (rig.shelf.policies(), 7, 1.5, True)
    with pytest.raises(UpstreamError):
        rig.do(lambda site: site.reach("shop"))
