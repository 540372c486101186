"""What `tidewaiter check` looks at."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tidewaiter.admin.site import Finding, Reached, Sessions
from tidewaiter.app import checks
from tidewaiter.app.certificates import LIFETIME, self_signed
from tidewaiter.approvals.requests import Requests
from tidewaiter.channels.outbox import Outbox
from tidewaiter.config import Config, load
from tidewaiter.errors import LedgerUnavailable, StoreUnavailable, UpstreamError
from tidewaiter.floor.rights import Rights
from tidewaiter.identity import Directory
from tidewaiter.identity.accounts import Accounts
from tidewaiter.model import Column, Receipt, Relation
from tidewaiter.policy import Policies
from tidewaiter.sql.catalog import Catalog
from tidewaiter.store import open_store

TOML = """
[gateway]
tls = { cert = "cert", key = "key" }
[[datasource]]
name = "shop"
address = "127.0.0.1:1"
user = "tidewaiter"
"""
TAGS = """
[tags.email]
mask = "email"
[datasource.shop."public.customers"]
email = ["email"]
mail = ["email"]
[datasource.shop."public.gone"]
email = ["email"]
"""
NOW = datetime(2026, 11, 23, tzinfo=UTC)


class Place:
    """A site whose database and store answer as told."""

    sessions: Sessions | None = None

    def __init__(self, config: Config, directory: Directory) -> None:
        self.config = config
        self._directory = directory
        self.at = NOW
        self.reached: Reached | None = Reached("18.1", False, "TLSv1.3", 1.0)
        self.found: Catalog | None = Catalog()
        self.is_store_broken = False
        self.exposed: tuple[tuple[str, str, str, str], ...] | None = ()

    @property
    def directory(self) -> Directory:
        if self.is_store_broken:
            raise StoreUnavailable("the store is locked")
        return self._directory

    @property
    def requests(self) -> Requests:
        raise AssertionError("check looks at no request")

    @property
    def accounts(self) -> Accounts:
        raise AssertionError("check looks at no account")

    @property
    def outbox(self) -> Outbox:
        raise AssertionError("check looks at no delivery")

    async def probe(self, channel: str) -> str:
        raise AssertionError("check probes no channel")

    def hears(self, channel: str) -> str:
        raise AssertionError("check listens to no channel")

    def now_s(self) -> float:
        return self.at.timestamp()

    async def record(self, kind: str, fields: Mapping[str, object]) -> Receipt:
        raise AssertionError("check records nothing")

    async def policies(self) -> Policies:
        raise AssertionError("check reads the policies on disk")

    async def reload(self, by: Mapping[str, object]) -> dict[str, object]:
        raise AssertionError("check reloads nothing")

    async def check(self) -> list[Finding]:
        return await checks.common(self)

    async def catalog(self, datasource: str) -> Catalog:
        if self.found is None:
            raise UpstreamError("the catalog cannot be read")
        return self.found

    async def reach(self, datasource: str) -> Reached:
        if self.reached is None:
            raise UpstreamError("cannot be reached")
        return self.reached

    async def rights(self, datasource: str, columns: Sequence[tuple[str, str, str]]) -> Rights:
        if self.exposed is None:
            raise UpstreamError("the rights cannot be read")
        return Rights({}, {}, {}, exposed=self.exposed)

    def told(self) -> dict[str, list[Finding]]:
        """Findings by what they are about."""
        found: dict[str, list[Finding]] = {}
        for finding in asyncio.run(self.check()):
            found.setdefault(finding.what, []).append(finding)
        return found


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    certificate, key = self_signed(["localhost"], NOW)
    (tmp_path / "cert").write_bytes(certificate)
    (tmp_path / "key").touch(0o600)
    (tmp_path / "key").write_bytes(key)
    (tmp_path / "tidewaiter.toml").write_text(TOML)
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "one.cedar").write_text('@id("a") permit (principal, action, resource);')
    config = load(tmp_path / "tidewaiter.toml", {})
    store = open_store(config.store.url, tmp_path)
    yield Place(config, Directory(store, 0.0))
    store.close()


def test_a_deployment_in_order_has_no_complaint(place: Place) -> None:
    told = place.told()
    assert set(told) == {"configuration", "policies", "certificate", "control store", "datasource shop"}
    assert all(finding.is_ok and not finding.is_warning for found in told.values() for finding in found)


def test_each_invalid_policy_is_a_failure(place: Place) -> None:
    (place.config.policies / "two.cedar").write_text("permit (nonsense")
    (failed,) = place.told()["policies"]
    assert not failed.is_ok
    assert "two.cedar" in failed.said


def test_a_certificate_that_ends_is_a_warning_then_a_failure(place: Place) -> None:
    place.at = NOW + LIFETIME - checks.RENEW_BEFORE / 2
    (soon,) = place.told()["certificate"]
    assert (soon.is_ok, soon.is_warning) == (True, True)
    place.at = NOW + LIFETIME * 2
    assert not place.told()["certificate"][0].is_ok
    (place.config.folder / "cert").write_text("nonsense")
    assert not place.told()["certificate"][0].is_ok


def test_without_tls_there_is_no_certificate_to_look_at(place: Place) -> None:
    (place.config.folder / "tidewaiter.toml").write_text("")
    place.config = load(place.config.folder / "tidewaiter.toml", {})
    told = place.told()
    assert "certificate" not in told
    assert told["datasources"][0].is_warning


def test_warnings_of_the_configuration_are_passed_on(place: Place) -> None:
    (place.config.folder / "tidewaiter.toml").write_text('[console]\nlisten = "0.0.0.0:8480"')
    place.config = load(place.config.folder / "tidewaiter.toml", {})
    assert [finding.is_warning for finding in place.told()["configuration"]] == [False, True]


def test_a_store_that_does_not_answer_is_a_failure(place: Place) -> None:
    place.is_store_broken = True
    assert place.told()["control store"] == [Finding("control store", False, "the store is locked")]


def test_a_database_that_does_not_answer_is_a_failure(place: Place) -> None:
    place.reached = None
    assert [finding.is_ok for finding in place.told()["datasource shop"]] == [False]
    place.reached = Reached("18.1", False, "TLSv1.3", 1.0)
    place.found = None
    assert [finding.is_ok for finding in place.told()["datasource shop"]] == [True, False]


def test_a_superuser_is_a_failure_with_its_reason(place: Place) -> None:
    place.reached = Reached("18.1", True, "TLSv1.3", 1.0, ("user tidewaiter is a superuser of shop: …",))
    found = place.told()["datasource shop"]
    assert [finding.is_ok for finding in found] == [False, False]
    assert found[1].is_warning


def test_tags_on_what_does_not_exist_are_a_failure(place: Place) -> None:
    (place.config.folder / "classification.toml").write_text(TAGS)
    place.config = load(place.config.folder / "tidewaiter.toml", {})
    customers = Relation("public", "customers", "r", ("id", "email"))
    place.found = Catalog(relations={("public", "customers"): customers})
    (failed,) = (finding for finding in place.told()["datasource shop"] if not finding.is_ok)
    assert failed.said.endswith("tags what does not exist: public.customers.mail, public.gone")


def test_a_mask_that_does_not_fit_is_a_failure_with_its_line(place: Place) -> None:
    (place.config.folder / "classification.toml").write_text(
        '[tags.birth]\nmask = { name = "truncate", unit = "year" }\n'
        '[datasource.shop."public.customers"]\nborn = ["birth"]\nsaid = ["birth"]\n'
    )
    place.config = load(place.config.folder / "tidewaiter.toml", {})
    place.found = catalog(Column("born", 1, "date", 1082, "date"), Column("said", 2, "text", 25, "text"))
    (failed,) = (finding for finding in place.told()["datasource shop"] if not finding.is_ok)
    assert failed.said == (
        "classification.toml:5: [datasource] shop: public.customers.said: mask truncate of tag birth "
        "does not fit text: it is for date, timestamp, timestamptz"
    )


def test_columns_that_nobody_classified_are_a_warning_unless_they_are_allowed(place: Place) -> None:
    place.found = catalog(*(Column(f"c{number}", number, "text", 25, "text") for number in range(1, 8)))
    (place.config.folder / "classification.toml").write_text('[datasource.shop."public.customers"]\nc1 = []\n')
    place.config = load(place.config.folder / "tidewaiter.toml", {})
    told = place.told()["datasource shop"][-1]
    assert (told.is_ok, told.is_warning) == (True, True)
    assert told.said.startswith("6 columns are not classified: public.customers.c2, ")
    assert "c7" not in told.said
    (place.config.folder / "tidewaiter.toml").write_text(TOML + 'unclassified = "allow"\n')
    place.config = load(place.config.folder / "tidewaiter.toml", {})
    assert [finding.is_warning for finding in place.told()["datasource shop"]] == [False]


def test_what_can_be_read_without_the_gateway_is_a_warning(place: Place) -> None:
    (place.config.folder / "classification.toml").write_text(
        '[tags.x]\nmask = "null"\n[datasource.shop."public.customers"]\nssn = ["x"]\n'
    )
    place.config = load(place.config.folder / "tidewaiter.toml", {})
    place.found = catalog(Column("ssn", 1, "text", 25, "text"))
    assert place.told()["datasource shop"][-1].said.startswith("tidewaiter cannot read a tagged column without")
    place.exposed = (("shop_ro", "public", "customers", "ssn"), ("owner", "public", "customers", "ssn"))
    told = place.told()["datasource shop"][-1]
    assert (told.is_ok, told.is_warning) == (True, True)
    assert told.said == (
        "without the gateway, tidewaiter can read 1 tagged column (as owner, shop_ro): public.customers.ssn; "
        "`tidewaiter floor shop` says what refuses"
    )
    place.exposed = None
    assert not place.told()["datasource shop"][-1].is_ok


def catalog(*columns: Column) -> Catalog:
    """One table."""
    path = ("public", "customers")
    relation = Relation(*path, "r", tuple(column.name for column in columns))
    return Catalog(relations={path: relation}, columns={path: columns})


def test_a_ledger_is_opened_to_be_checked() -> None:
    assert checks.ledger_opens(lambda: 12) == Finding("ledger", True, "can be written; 12 entries")

    def broken() -> int:
        raise LedgerUnavailable("disk full")

    assert checks.ledger_opens(broken) == Finding("ledger", False, "disk full")
