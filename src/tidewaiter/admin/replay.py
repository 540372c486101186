"""`policy replay`: recorded statements against a set of policies, by the facts that were recorded then. Pure.

The texts are not understood again: a catalog of today could give them another meaning than they had. Principals are
judged as who they are now, at the time, from the place and in the transaction in which the statement was made. One
thing the facts do not tell: whether a text can be masked. It is rewritten for that, on the catalog that is given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import orjson

from tidewaiter.admin.explain import masked
from tidewaiter.config import Datasource
from tidewaiter.ledger.index import split_name
from tidewaiter.model import (
    Allow,
    Context,
    Facts,
    Indirect,
    Lock,
    Principal,
    Resource,
    ResourceType,
    SyntaxFault,
    Touch,
)
from tidewaiter.policy import Policies
from tidewaiter.proxy.masked import RULE
from tidewaiter.proxy.pipeline import opaque_reason, word_of
from tidewaiter.sql.catalog import Catalog

STATEMENTS = frozenset({"intent", "execution"})
WRITES = frozenset({"insert", "update", "update_all", "merge", "merge_all"})
EXAMPLES = 3  # entries remembered of each change: enough to see what kind of statement it is
FACTS = 65_536  # distinct facts kept at once; beyond that all are read anew when seen again
VERDICTS = 262_144  # verdicts kept at once, more than a gateway keeps: a replay sees everybody's statements in turns
BEGINS, ENDS = frozenset({"begin"}), frozenset({"commit", "rollback", "prepare_transaction"})
OF_FACTS = ("verbs", "touches", "unknown", "control", "fault", "parts", "is_unrestricted", "indirect", "locks")

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """One way in which verdicts differ: what was recorded, what it would be now, for whom, by which rule."""

    before: str
    after: str
    principal: str
    datasource: str
    rule: str


@dataclass(slots=True)
class Seen:
    """How often a change was seen, and the numbers of its first entries."""

    count: int = 0
    entries: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Place:
    """A datasource as it is configured now. Without a `catalog` nothing is rewritten there."""

    source: Datasource
    catalog: Catalog | None = None


@dataclass(slots=True)
class _Session:
    address: str = ""
    application: str = ""
    evidence: str = "password"
    in_transaction: bool = False


class Replay:
    """Takes entries in the order of the log. `strangers` counts statements of principals that no longer exist, `unsure`
    those that would read something masked now, where it is not known whether masking would refuse them: without a
    catalog, only statements that were refused so before are known.

    `find_text` is asked for the text of an entry that would be masked, `find_session` for the session.start entry of a
    session that began before the first entry taken.
    """

    def __init__(
        self,
        policies: Policies,
        principals: Mapping[str, Principal],
        find_session: Callable[[str], Fields | None] = lambda session: None,
        places: Mapping[str, Place] = MappingProxyType({}),
        find_text: Callable[[int], str | None] = lambda seq: None,
    ) -> None:
        self.unsure = 0
        self._places = places
        self._find_text = find_text
        self.statements = 0
        self.unchanged = 0
        self.strangers: dict[str, int] = {}
        self.changes: dict[Change, Seen] = {}
        self._policies = policies
        self._principals = principals
        self._find_session = find_session
        self._sessions: dict[str, _Session] = {}
        self._facts: dict[bytes, Facts] = {}
        self._verdicts: dict[tuple[object, ...], tuple[str, str]] = {}

    def take(self, seq: int, t_ns: int, kind: str, fields: Fields) -> None:
        """One entry of any kind; `fields` are all its members."""
        if kind in STATEMENTS:
            self._statement(seq, t_ns, fields)
        elif kind == "session.start":
            self._sessions[fields["session"]] = _session(fields)
        elif kind == "session.end":
            self._sessions.pop(fields["session"], None)

    def _statement(self, seq: int, t_ns: int, fields: Fields) -> None:
        self.statements += 1
        session = self._session_of(str(fields["session"]))
        facts = self._facts_of(fields)
        principal = self._principals.get(fields["principal"])
        if principal is None:
            self.strangers[fields["principal"]] = self.strangers.get(fields["principal"], 0) + 1
        else:
            context = Context(
                session.address,
                session.application,
                session.in_transaction,
                t_ns,
                session.evidence,
                fields.get("estimated_rows"),
            )
            self._compare(seq, fields, principal, facts, context)
        if facts.control in BEGINS:
            session.in_transaction = True
        elif facts.control in ENDS:
            session.in_transaction = False

    def _compare(self, seq: int, fields: Fields, principal: Principal, facts: Facts, context: Context) -> None:
        datasource = fields["datasource"]
        would_be = fields.get("would_be")  # "limited" says how it ended, not what the verdict was
        before = would_be if would_be in ("deny", "hold") else fields["verdict"]
        after, rule = self._decide(principal, datasource, facts, context)
        if after != "deny" and self._sees_masks(principal, datasource, facts, context):
            after, rule = self._masked(seq, fields, principal, facts, context, (after, rule))
        if before == after:
            self.unchanged += 1
            return
        seen = self.changes.setdefault(Change(before, after, principal.name, datasource, rule), Seen())
        seen.count += 1
        if len(seen.entries) < EXAMPLES:
            seen.entries.append(seq)

    def _decide(self, principal: Principal, datasource: str, facts: Facts, context: Context) -> tuple[str, str]:
        """The verdict's word and its first rule. `_facts` keeps facts alive, so that equal ids are equal facts."""
        key = (principal.name, datasource, id(facts), self._policies.context_key(context))
        known = self._verdicts.get(key)
        if known is None:
            verdict = self._policies.decide(principal, datasource, facts, context)
            known = word_of(verdict), verdict.rules[0] if verdict.rules else ""
            if len(self._verdicts) >= VERDICTS:
                self._verdicts.clear()
            self._verdicts[key] = known
        return known

    def _sees_masks(self, principal: Principal, datasource: str, facts: Facts, context: Context) -> bool:
        place = self._places.get(datasource)
        if place is None or place.source.mode == "observe":
            return False
        guards = place.source.unclassified in ("mask", "deny")
        return guards or bool(self._policies.masked(principal, datasource, facts, context))

    def _masked(
        self, seq: int, fields: Fields, principal: Principal, facts: Facts, context: Context, told: tuple[str, str]
    ) -> tuple[str, str]:
        """The verdict where something is masked, as the gateway's would be."""
        place = self._places[fields["datasource"]]
        text = self._find_text(seq) if place.catalog is not None else None
        if facts.unknown or (text is None and fields.get("rule") == RULE):
            return "deny", RULE
        if place.catalog is None or text is None:
            self.unsure += "masked" not in fields
            return told
        source, path = place.source, (place.source.user, "public")
        if fields.get("rule") == RULE and fields.get("binds") and not WRITES.isdisjoint(facts.verbs):
            return "deny", RULE  # for its values, which are not looked at here
        verdict, _ = masked(self._policies, principal, source, place.catalog, text, facts, path, context, Allow())
        return told if isinstance(verdict, Allow) else ("deny", RULE)

    def _session_of(self, name: str) -> _Session:
        found = self._sessions.get(name)
        if found is None:
            start = self._find_session(name)
            found = self._sessions[name] = _session(start) if start is not None else _Session()
        return found

    def _facts_of(self, fields: Fields) -> Facts:
        """One object for equal facts, so that verdicts are remembered."""
        key = orjson.dumps([fields.get(name) for name in OF_FACTS])
        found = self._facts.get(key)
        if found is None:
            if len(self._facts) >= FACTS:
                self._facts.clear()
                self._verdicts.clear()
            found = self._facts[key] = recorded_facts(fields)
        return found


def recorded_facts(fields: Fields) -> Facts:
    """The facts of a statement's entry. Raises ValueError, KeyError or TypeError for one that is none of ours."""
    touches = tuple(_touch(told) for told in fields.get("touches", ()))
    implied = {opaque_reason(touch.resource) for touch in touches if touch.action in ("do", "call", "function")}
    fault = fields.get("fault")
    return Facts(
        verbs=tuple(fields.get("verbs", ())),
        touches=touches,
        unknown=tuple(reason for reason in fields.get("unknown", ()) if reason not in implied),
        parts=fields.get("parts", 1),
        control=fields.get("control"),
        fault=SyntaxFault(fault, "") if fault else None,
        has_where=not fields.get("is_unrestricted", False),
        indirect=tuple(_indirect(told) for told in fields.get("indirect", ())),
        locks=tuple(Lock((schema, name), mode) for mode, schema, name in fields.get("locks", ())),
    )


def _touch(told: Fields) -> Touch:
    if "relation" in told:
        resource = Resource(ResourceType.TABLE, split_name(told["relation"]))
    else:
        name = told["name"]
        resource = Resource(ResourceType(told["type"]), split_name(name) if name else ())
    (action,) = told["verbs"]
    return Touch(
        action, resource, tuple(told.get("columns", ())), told.get("star", False), tuple(told.get("via", ())),
        told.get("part", 0), tuple(told.get("traits", ())),
    )  # fmt: skip


def _indirect(told: Fields) -> Indirect:
    (schema, name), (cause_schema, cause) = told["relation"], told["cause"]
    return Indirect(told["kind"], told["name"], told["verb"], (schema, name), (cause_schema, cause))


def _session(fields: Fields) -> _Session:
    application, address = str(fields.get("application", "")), str(fields.get("client_address", ""))
    return _Session(address, application, str(fields.get("evidence", "password")))
