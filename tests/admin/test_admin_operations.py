"""Operations: what they change, what they record before, and whom they disconnect."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tidewaiter.admin.actor import Actor, Channel
from tidewaiter.admin.operations import OPERATIONS, advertised, operate
from tidewaiter.admin.site import Finding, Reached, Sessions
from tidewaiter.approvals.book import Book
from tidewaiter.approvals.requests import Requests
from tidewaiter.channels.outbox import Outbox
from tidewaiter.config import Config, load
from tidewaiter.errors import Conflict, LedgerUnavailable, NotFound, TidewaiterError, UsageError
from tidewaiter.floor.rights import Rights
from tidewaiter.identity import Directory
from tidewaiter.identity.accounts import Accounts
from tidewaiter.model import Column, Receipt, Relation
from tidewaiter.policy import Policies
from tidewaiter.sql.catalog import Catalog
from tidewaiter.store import Store, open_store

NOW_S = 1_795_000_000.0
BY = Actor(Channel.SOCKET, "root", 0)

TOML = """
[gateway]
postgres = "127.0.0.1:6000"
[[datasource]]
name = "shop"
address = "db.internal"
user = "tidewaiter"
[[datasource]]
name = "hr"
address = "db.internal"
user = "tidewaiter"
"""

POLICY = """
@id("analysts-connect")
permit (principal in Group::"analysts", action == Action::"connect", resource in Datasource::"shop");
@id("analysts-read")
permit (principal in Group::"analysts", action in Action::"read", resource in Datasource::"shop");
"""


@dataclass
class Seats:
    """Live sessions that remember who was ended."""

    live: dict[str, dict[str, object]] = field(default_factory=dict)
    calls: list[tuple[str, ...]] = field(default_factory=list)

    def sessions(self) -> list[dict[str, object]]:
        return list(self.live.values())

    def session(self, identifier: str, /) -> dict[str, object] | None:
        return self.live.get(identifier)

    def kill(self, identifier: str, reason: str, /) -> bool:
        self.calls.append(("kill", identifier))
        return self.live.pop(identifier, None) is not None

    def kill_credential(self, credential: str, reason: str, /) -> int:
        self.calls.append(("kill_credential", credential))
        return 2

    def kill_principal(self, name: str, reason: str, /) -> int:
        self.calls.append(("kill_principal", name))
        return 3

    def principals_changed(self) -> None:
        self.calls.append(("principals_changed",))


class Place:
    """A site with a real directory and real policies; entries go into a list."""

    def __init__(self, config: Config, directory: Directory, seats: Seats | None, store: Store) -> None:
        self.config = config
        self.directory = directory
        self.requests = Requests(Book(store, lambda size: "A" * size), self, self.now_s)
        self.accounts, self.outbox = Accounts(store), Outbox(store)
        self.seats = seats
        self.entries: list[tuple[str, dict[str, Any]]] = []
        self.is_ledger_broken = False
        self.found = Catalog()
        self.answers: dict[str, list[list[Any]]] = {"roles": [], "grants": [], "functions": [], "exposed": []}

    @property
    def sessions(self) -> Sessions | None:
        return self.seats

    def now_s(self) -> float:
        return NOW_S

    async def record(self, kind: str, fields: Mapping[str, object]) -> Receipt:
        if self.is_ledger_broken:
            raise LedgerUnavailable("disk full")
        self.entries.append((kind, dict(fields)))
        return Receipt(len(self.entries) - 1)

    async def policies(self) -> Policies:
        return Policies.parse({"p.cedar": POLICY}, list(self.config.datasources))

    async def catalog(self, datasource: str) -> Catalog:
        return self.found

    async def reach(self, datasource: str) -> Reached:
        return Reached("18.1", False, "TLSv1.3", 1.5)

    async def probe(self, channel: str) -> str:
        return f"{channel} is fine"

    def hears(self, channel: str) -> str:
        return "socket closed"

    async def rights(self, datasource: str, columns: Sequence[tuple[str, str, str]]) -> Rights:
        return Rights.of(self.answers)

    async def reload(self, by: Mapping[str, object]) -> dict[str, object]:
        return {"changed": True, "by": by}

    async def check(self) -> list[Finding]:
        return [Finding("ledger", True, "fine")]

    def ask(self, operation: str, **arguments: object) -> Any:
        """Run an operation."""
        return asyncio.run(operate(self, operation, arguments, BY))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    (tmp_path / "tidewaiter.toml").write_text(TOML)
    config = load(tmp_path / "tidewaiter.toml", {})
    store = open_store(config.store.url, tmp_path)
    yield Place(config, Directory(store, NOW_S), Seats(), store)
    store.close()


@pytest.fixture
def idle(place: Place) -> Place:
    place.seats = None
    return place


def test_adding_a_principal_is_recorded_with_who_did_it(place: Place) -> None:
    place.ask("principal.add", name="alice", groups=["analysts"])
    told = place.ask("principal.add", name="bot", kind="agent", owner="alice")
    assert told == {
        "name": "bot",
        "kind": "agent",
        "groups": [],
        "owner": "alice",
        "enabled": True,
        "can_log_in": True,
        "created_at": "2026-11-18T11:06:40Z",
    }
    assert place.entries[1] == (
        "principal.change",
        {
            "change": "add",
            "principal": "bot",
            "kind_of": "agent",
            "groups": [],
            "owner": "alice",
            "by": {"channel": "socket", "os_user": "root", "os_uid": 0},
        },
    )
    assert [found["name"] for found in place.ask("principal.ls")] == ["alice", "bot"]


def test_what_is_there_already_or_makes_no_sense_is_refused_unrecorded(place: Place) -> None:
    place.ask("principal.add", name="alice")
    with pytest.raises(Conflict, match="already"):
        place.ask("principal.add", name="alice")
    with pytest.raises(UsageError, match="not a kind of principal: use user, service, agent"):
        place.ask("principal.add", name="bob", kind="robot")
    assert len(place.entries) == 1


def test_a_change_that_fails_after_it_was_recorded_is_followed_by_an_entry_that_says_so(place: Place) -> None:
    with pytest.raises(UsageError):
        place.ask("principal.add", name="Not A Name")
    assert [kind for kind, _ in place.entries] == ["principal.change", "principal.change"]
    assert place.entries[1][1]["intent"] == 0
    assert "is not a name" in place.entries[1][1]["failed"]


def test_nothing_changes_when_it_cannot_be_recorded(place: Place) -> None:
    place.ask("principal.add", name="alice")
    place.is_ledger_broken = True
    for operation, arguments in (
        ("principal.add", {"name": "bob"}),
        ("principal.disable", {"name": "alice"}),
        ("principal.group_add", {"name": "alice", "group": "dba"}),
    ):
        with pytest.raises(LedgerUnavailable):
            place.ask(operation, **arguments)
    (alice,) = place.ask("principal.ls")
    assert (alice["enabled"], alice["groups"]) == (True, [])


def test_disabling_ends_sessions_and_is_recorded_once(place: Place) -> None:
    place.ask("principal.add", name="alice")
    assert place.ask("principal.disable", name="alice")["sessions_ended"] == 3
    again = place.ask("principal.disable", name="alice")
    assert (again["changed"], again["enabled"]) == (False, False)
    assert place.seats is not None
    assert place.seats.calls == [("kill_principal", "alice")] * 2  # a repeated command may mean a missed session
    assert [fields["change"] for _, fields in place.entries] == ["add", "disable"]
    assert place.ask("principal.enable", name="alice")["can_log_in"]


def test_group_changes_reach_live_sessions(place: Place) -> None:
    place.ask("principal.add", name="alice")
    assert place.ask("principal.group_add", name="alice", group="dba") | {"created_at": 0} == {
        "name": "alice", "kind": "user", "groups": ["dba"], "owner": None, "enabled": True, "can_log_in": True,
        "created_at": 0, "changed": True,
    }  # fmt: skip
    assert not place.ask("principal.group_add", name="alice", group="dba")["changed"]
    assert place.ask("principal.group_rm", name="alice", group="dba")["groups"] == []
    assert place.seats is not None
    assert place.seats.calls == [("principals_changed",)] * 2
    assert [fields["change"] for _, fields in place.entries] == ["add", "group_add", "group_rm"]


def test_operations_on_unknown_principals_are_not_found(place: Place) -> None:
    for operation in ("principal.enable", "principal.disable"):
        with pytest.raises(NotFound):
            place.ask(operation, name="nobody")
    with pytest.raises(NotFound):
        place.ask("principal.group_rm", name="nobody", group="g")
    assert place.entries == []


def test_a_credential_is_recorded_without_its_secret(place: Place) -> None:
    place.ask("principal.add", name="alice")
    told = place.ask("credential.issue", principal="alice", datasources=["shop"], ttl_s=3600, label="laptop")
    assert (told["host"], told["port"], told["user"]) == ("127.0.0.1", 6000, "alice")
    assert told["datasources"] == ["shop"]
    assert not told["all_datasources"]
    kind, fields = place.entries[-1]
    assert kind == "credential.issue"
    assert fields["credential"] == told["id"]
    assert told["password"] not in repr(place.entries)
    (listed,) = place.ask("credential.ls", principal="alice")
    assert (listed["id"], listed["state"], listed["label"]) == (told["id"], "live", "laptop")
    assert told["password"] not in repr(listed)


def test_a_credential_for_everything_lists_what_there_is(place: Place) -> None:
    place.ask("principal.add", name="alice")
    told = place.ask("credential.issue", principal="alice")
    assert (told["datasources"], told["all_datasources"]) == (["shop", "hr"], True)
    assert place.ask("credential.ls")[0]["datasources"] == []


def test_a_credential_that_cannot_be_recorded_never_counts(place: Place) -> None:
    place.ask("principal.add", name="alice")
    place.is_ledger_broken = True
    with pytest.raises(LedgerUnavailable):
        place.ask("credential.issue", principal="alice")
    assert [found["state"] for found in place.ask("credential.ls")] == ["revoked"]


def test_a_credential_for_an_unknown_datasource_is_not_made(place: Place) -> None:
    place.ask("principal.add", name="alice")
    with pytest.raises(NotFound, match="no datasource 'nope'"):
        place.ask("credential.issue", principal="alice", datasources=["nope"])
    assert place.ask("credential.ls") == []


def test_revoking_ends_sessions_and_is_recorded_once(place: Place) -> None:
    place.ask("principal.add", name="alice")
    made = place.ask("credential.issue", principal="alice")
    told = place.ask("credential.revoke", id=made["id"])
    assert told == {"id": made["id"], "principal": "alice", "changed": True, "sessions_ended": 2}
    assert not place.ask("credential.revoke", id=made["id"])["changed"]
    assert [kind for kind, _ in place.entries].count("credential.revoke") == 1
    with pytest.raises(NotFound):
        place.ask("credential.revoke", id="nope")
    assert place.ask("credential.ls")[0]["revoked_at"] == "2026-11-18T11:06:40Z"


def test_without_a_server_changes_count_and_there_are_no_sessions(idle: Place) -> None:
    idle.ask("principal.add", name="alice")
    made = idle.ask("credential.issue", principal="alice")
    assert idle.ask("credential.revoke", id=made["id"])["sessions_ended"] == 0
    assert idle.ask("principal.disable", name="alice")["sessions_ended"] == 0
    idle.ask("principal.group_add", name="alice", group="g")
    with pytest.raises(NotFound, match="no server is running"):
        idle.ask("session.ls")


def test_sessions_are_listed_shown_and_ended(place: Place) -> None:
    assert place.seats is not None
    place.seats.live["s1"] = {"id": "s1", "principal": "alice", "began_at": NOW_S}
    assert place.ask("session.ls") == [{"id": "s1", "principal": "alice", "began_at": "2026-11-18T11:06:40Z"}]
    assert place.ask("session.show", id="s1")["principal"] == "alice"
    assert place.ask("session.kill", id="s1") == {"id": "s1", "changed": True}
    assert place.entries == [("session.kill", {"session": "s1", "principal": "alice", "by": BY.fields()})]
    with pytest.raises(NotFound, match="no live session 's1'"):
        place.ask("session.kill", id="s1")


def test_a_session_that_ends_by_itself_meanwhile_is_not_found(place: Place) -> None:
    assert place.seats is not None
    place.seats.live["s1"] = {"id": "s1", "principal": "alice"}
    place.seats.kill = lambda identifier, reason: False  # type: ignore[method-assign]
    with pytest.raises(NotFound, match="ended by itself"):
        place.ask("session.kill", id="s1")


def test_datasources_are_listed_without_secrets_and_tested(place: Place) -> None:
    listed = place.ask("datasource.ls")
    assert [found["name"] for found in listed] == ["shop", "hr"]
    assert listed[0]["address"] == "db.internal:5432"
    assert "password" not in listed[0]
    assert place.ask("datasource.test", name="shop")["server_version"] == "18.1"
    with pytest.raises(NotFound):
        place.ask("datasource.test", name="nope")


def test_sampling_a_database_is_recorded(place: Place) -> None:
    place.ask("datasource.classify", name="shop", rows=500, relations=["public.people"], write=True)
    kind, fields = place.entries[-1]
    assert (kind, fields["datasource"], fields["rows"], fields["write"]) == ("classify", "shop", 500, True)
    with pytest.raises(NotFound):
        place.ask("datasource.classify", name="nope", rows=1)


def test_a_floor_is_for_the_datasource_s_roles_unless_others_are_named(place: Place) -> None:
    with pytest.raises(UsageError, match="no column of shop is tagged yet"):
        place.ask("datasource.floor", name="shop")
    text = '[tags.x]\nmask = "null"\n[datasource.shop."public.people"]\nssn = ["x"]\n'
    (place.config.folder / "classification.toml").write_text(text)
    place.config = load(place.config.folder / "tidewaiter.toml", {})
    people = ("public", "people")
    place.found = Catalog(
        relations={people: Relation(*people, "r", ("id", "ssn"))},
        columns={people: (Column("id", 1, "integer", 23, "int4"), Column("ssn", 2, "text", 25, "text"))},
    )
    place.answers["roles"] = [[name, False, False, False, True, [name]] for name in ("tidewaiter", "other", "owner")]
    place.answers["grants"] = [[*people, "owner", name, "SELECT", None] for name in ("tidewaiter", "other", "owner")]
    told = place.ask("datasource.floor", name="shop")
    assert (told["held"], told["not_held"]) == (["tidewaiter"], {})
    assert 'GRANT SELECT ("id") ON TABLE "public"."people" TO "tidewaiter";' in told["sql"]
    assert '"other"' not in told["sql"]
    assert place.ask("datasource.floor", name="shop", roles=["other", "owner"])["not_held"] == {
        "owner": ["owns public.people"]
    }
    with pytest.raises(NotFound, match='no role "No Body"'):
        place.ask("datasource.floor", name="shop", roles=["No Body"])


def test_whoami_says_where_one_may_connect(place: Place) -> None:
    place.ask("principal.add", name="alice", groups=["analysts"])
    place.ask("credential.issue", principal="alice")
    told = place.ask("whoami", principal="alice")
    assert (told["groups"], told["os_user"], told["live_credentials"]) == (["analysts"], "root", 1)
    assert told["may_connect"] == {"shop": True, "hr": False}
    place.ask("principal.disable", name="alice")
    assert place.ask("whoami", principal="alice")["may_connect"] == {"shop": False, "hr": False}
    with pytest.raises(NotFound):
        place.ask("whoami", principal="nobody")


def test_explain_answers_question_by_question(place: Place) -> None:
    place.ask("principal.add", name="alice", groups=["analysts"])
    told = place.ask("policy.explain", principal="alice", datasource="shop", sql="delete from nowhere")
    assert told["verdict"] == "deny"
    assert told["message"]
    assert set(told) >= {"verdict", "rule", "message", "questions", "facts"}
    assert place.ask("policy.explain", principal="alice", datasource="shop", sql="select 1")["verdict"] == "allow"
    with pytest.raises(UsageError, match="negative"):
        place.ask("policy.explain", principal="alice", datasource="shop", sql="select 1", estimated_rows=-1)
    huge = place.ask("policy.explain", principal="alice", datasource="shop", sql="select " + "1," * (1 << 19) + "1")
    assert huge["verdict"] == "deny"
    assert "longer than 1048576 bytes" in huge["facts"]["unknown"][0]


def test_reading_the_audit_is_recorded(place: Place) -> None:
    place.ask("audit.query", command="touched", arguments={"relation": "customers"})
    assert place.entries == [
        ("audit.query", {"command": "touched", "arguments": {"relation": "customers"}, "by": BY.fields()})
    ]
    with pytest.raises(UsageError, match="at most 4096 characters"):
        place.ask("audit.query", command="search", arguments={"text": "x" * 5000})


def test_reload_and_check_are_the_sites_own(place: Place) -> None:
    assert place.ask("reload") == {"changed": True, "by": BY.fields()}
    assert place.ask("check") == [{"what": "ledger", "is_ok": True, "said": "fine", "is_warning": False}]


@pytest.mark.parametrize(
    ("operation", "arguments", "said"),
    [
        ("principal.add", {}, "needs the argument name"),
        ("principal.ls", {"all": True}, "has no argument all"),
        ("principal.add", {"name": 7}, "Expected `str`, got `int`"),
        ("principal.ls", {"site": 1}, "has no argument site"),
    ],
)
def test_wrong_arguments_are_a_usage_error(
    place: Place, operation: str, arguments: dict[str, object], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        place.ask(operation, **arguments)


def test_an_unknown_operation_is_not_found(place: Place) -> None:
    with pytest.raises(NotFound, match="no operation"):
        place.ask("principal.destroy")
    assert "principal.destroy" not in OPERATIONS


def test_clients_are_told_an_address_they_can_reach(place: Place, tmp_path: Path) -> None:
    assert advertised(place.config) == ("127.0.0.1", 6000)
    everywhere = load(tmp_path / "tidewaiter.toml", {"TIDEWAITER_GATEWAY_POSTGRES": "0.0.0.0:6001",
                                                     "TIDEWAITER_GATEWAY_REQUIRE_TLS": "never"})  # fmt: skip
    host, port = advertised(everywhere)
    assert (host != "0.0.0.0", port) == (True, 6001)


def test_every_failure_of_an_operation_is_an_expected_error(place: Place) -> None:
    for name in OPERATIONS:
        try:
            place.ask(name)
        except TidewaiterError as error:
            assert str(error)
