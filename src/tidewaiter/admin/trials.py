"""`policy test`: a tests file beside the policies says who may run what; each test is decided without running it. Pure.

The file names its own people and tables, so that tests need neither store nor database.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from tidewaiter.admin.explain import changes, facts_of, facts_told, masked, verdict_told
from tidewaiter.config import Datasource, split_relation
from tidewaiter.config.document import Document, Path, suggestion
from tidewaiter.errors import ConfigError
from tidewaiter.model import Context, Deny, Kind, Principal, Verdict
from tidewaiter.policy import Policies
from tidewaiter.proxy.pipeline import word_of
from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.declared import declared
from tidewaiter.sql.entities import Function

EXPECTED = ("allow", "hold", "deny", "unknown")
NOON = "2026-06-15T12:00:00"  # a Monday: when tests run that do not say when
PERSON = {"kind": str, "groups": list, "owner": str}
FUNCTION = {"language": str, "body": str, "volatility": str, "security_definer": bool}
TEST = {
    "name": str, "principal": str, "datasource": str, "sql": (str, list), "expect": str, "rule": str, "max_rows": int,
    "message": str, "at": str, "in_transaction": bool, "address": str, "application": str, "evidence": str,
    "search_path": list, "kind": str, "groups": list, "owner": str, "estimated_rows": int,
}  # fmt: skip
SECTIONS = {"datasource": str, "tables": dict, "functions": dict, "people": dict, "test": list}
VOLATILITY = {"immutable": "i", "stable": "s", "volatile": "v"}


@dataclass(frozen=True, slots=True)
class Trial:
    """One test: what is expected of each of `statements`, and in which context. `place` is file and line."""

    name: str
    place: str
    principal: Principal
    datasource: str
    statements: tuple[str, ...]
    expect: str
    context: Context
    search_path: tuple[str, ...]
    rule: str | None = None
    max_rows: int | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Trials:
    """A tests file. `catalog` has the tables and functions that it declares."""

    trials: tuple[Trial, ...]
    catalog: Catalog


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a test ended. `complaints` are what was not as expected, none when it passed."""

    trial: Trial
    complaints: tuple[str, ...] = ()
    told: tuple[dict[str, Any], ...] = field(default=())


def read_trials(file: str, text: str, datasources: Collection[str], zone: ZoneInfo) -> Trials:
    """The tests of a file. `zone` is that of its times. Raises ConfigError with every problem, each with its line."""
    document = Document(file, text)
    if document.problems:
        raise ConfigError(document.problems)
    reader = _Reader(document, datasources, zone)
    found = reader.read()
    if document.problems:
        raise ConfigError(document.problems)
    return found


def run_trial(trial: Trial, policies: Policies, catalog: Catalog, limit: int, source: Datasource) -> Outcome:
    """Decide a test's statements as the gateway would for `source`, and compare. `limit` is [limits] analyse_bytes."""
    complaints: list[str] = []
    told = []
    rules = {rule.id: rule for rule in policies.rules}
    for sql in trial.statements:
        facts = facts_of(sql, catalog, trial.search_path, limit)
        explanation = policies.explain(trial.principal, trial.datasource, facts, trial.context)
        verdict = explanation.verdict
        if source.mode != "observe":  # what policies say is tested there, though nothing is refused
            verdict, _ = masked(
                policies, trial.principal, source, catalog, sql, facts, trial.search_path, trial.context, verdict
            )
        is_unknown = bool(facts.unknown or facts.fault)
        wrong = list(_wrong(trial, verdict, is_unknown))
        if wrong:
            complaints += [f"{sql}: {what}" if len(trial.statements) > 1 else what for what in wrong]
            why = [change["why"] for change in changes(explanation, rules)] + list(facts.unknown)
            complaints += [f"  {reason}" for reason in why]
        told.append(verdict_told(verdict) | {"sql": sql, "facts": facts_told(facts)})
    return Outcome(trial, tuple(complaints), tuple(told))


def _wrong(trial: Trial, verdict: Verdict, is_unknown: bool) -> Iterable[str]:
    word = word_of(verdict)
    if trial.expect == "unknown":
        if not is_unknown:
            yield f"expected a statement that is not understood, got {word} of one that is"
    elif word != trial.expect:
        message = f": {verdict.message}" if word != "allow" and hasattr(verdict, "message") else ""
        yield f"expected {trial.expect}, got {word} by {', '.join(verdict.rules) or 'no rule'}{message}"
        return
    if trial.rule is not None and trial.rule not in verdict.rules:
        yield f"expected rule {trial.rule}, got {', '.join(verdict.rules) or 'none'}"
    rows = None if isinstance(verdict, Deny) else verdict.max_rows
    if trial.max_rows is not None and rows != trial.max_rows:
        yield f"expected at most {trial.max_rows} rows, got {'no limit' if rows is None else rows}"
    said = getattr(verdict, "message", "")
    if trial.message is not None and trial.message not in said:
        yield f"expected a message with {trial.message!r}, got {said!r}"


class _Reader:
    """Reads one file; problems are reported to its document."""

    def __init__(self, document: Document, datasources: Collection[str], zone: ZoneInfo) -> None:
        self._document = document
        self._datasources = datasources
        self._zone = zone
        self._people: dict[str, Principal] = {}

    def read(self) -> Trials:
        root = self._table((), self._document.root, SECTIONS)
        people = root.get("people", {})
        for name in sorted(people, key=lambda name: bool(isinstance(people[name], dict) and "owner" in people[name])):
            told = self._table(("people", name), people[name], PERSON)
            self._people[name] = self._principal(("people", name), name, told)
        tables = {}
        for written, columns in root.get("tables", {}).items():
            path = self._path(("tables", written), written)
            if path is not None and self._are_strings(("tables", written), columns):
                tables[path] = tuple(columns)
        functions = [self._function(written, told) for written, told in root.get("functions", {}).items()]
        catalog = declared(tables, [function for function in functions if function is not None])
        default = root.get("datasource")
        trials = [self._trial(number, told, default) for number, told in enumerate(root.get("test", []))]
        return Trials(tuple(trial for trial in trials if trial is not None), catalog)

    def _trial(self, number: int, written: object, default: str | None) -> Trial | None:
        place: Path = ("test", number)
        told = self._table(place, written, TEST)
        before = len(self._document.problems)
        datasource = told.get("datasource", default)
        if datasource not in self._datasources:
            self._report(
                place, f"datasource {datasource!r} is not configured{suggestion(str(datasource), self._datasources)}"
            )
        if told.get("expect") not in EXPECTED:
            self._report((*place, "expect"), f"must be one of {', '.join(EXPECTED)}")
        statements = told.get("sql", ())
        statements = (statements,) if isinstance(statements, str) else tuple(statements)
        if not statements:
            self._report(place, 'needs sql = "…", or a list of statements')
        principal = self._whom(place, told)
        context = self._context(place, told)
        if len(self._document.problems) > before or principal is None:
            return None
        return Trial(
            name=told.get("name") or statements[0],
            place=f"{self._document.file}:{self._document.line(place)}",
            principal=principal,
            datasource=str(datasource),
            statements=statements,
            expect=told["expect"],
            context=context,
            search_path=tuple(told.get("search_path", ("public",))),
            rule=told.get("rule"),
            max_rows=told.get("max_rows"),
            message=told.get("message"),
        )

    def _whom(self, place: Path, told: Mapping[str, Any]) -> Principal | None:
        name = told.get("principal")
        if "kind" in told or "groups" in told:
            return self._principal(place, name or "somebody", told)
        if name not in self._people:
            self._report(
                place, f"needs a principal of [people], or kind and groups{suggestion(str(name), self._people)}"
            )
            return None
        return self._people[name]

    def _principal(self, place: Path, name: str, told: Mapping[str, Any]) -> Principal:
        kind, owner = told.get("kind", "user"), told.get("owner")
        if kind not in tuple(Kind):
            self._report((*place, "kind"), f"must be one of {', '.join(Kind)}")
            kind = "user"
        if owner is not None and owner not in self._people:
            self._report((*place, "owner"), f"{owner!r} is not among [people]")
        return Principal(name, Kind(kind), frozenset(map(str, told.get("groups", ()))), self._people.get(owner or ""))

    def _context(self, place: Path, told: Mapping[str, Any]) -> Context:
        from ipaddress import ip_address

        try:
            at = datetime.fromisoformat(told.get("at", NOON))
        except ValueError:
            self._report((*place, "at"), "must be a time as 2026-06-15T12:00")
            at = datetime.fromisoformat(NOON)
        at = at if at.tzinfo is not None else at.replace(tzinfo=self._zone)
        try:
            ip_address(told.get("address", "127.0.0.1"))
        except ValueError:
            self._report((*place, "address"), "must be an IP address")
        if told.get("estimated_rows", 0) < 0:
            self._report((*place, "estimated_rows"), "must not be negative; leave it out for no estimate")
        return Context(
            client_address=told.get("address", "127.0.0.1"),
            application=told.get("application", ""),
            in_transaction=told.get("in_transaction", False),
            at_ns=int(at.timestamp()) * 10**9,
            evidence=told.get("evidence", "password"),
            estimated_rows=told.get("estimated_rows"),
        )

    def _function(self, written: str, fields: object) -> Function | None:
        place: Path = ("functions", written)
        path, told = self._path(place, written), self._table(place, fields, FUNCTION)
        volatility = told.get("volatility", "volatile")
        if volatility not in VOLATILITY:
            self._report((*place, "volatility"), f"must be one of {', '.join(VOLATILITY)}")
        if path is None or volatility not in VOLATILITY:
            return None
        return Function(
            *path, language=told.get("language", "plpgsql"), volatility=VOLATILITY[volatility],
            security_definer=told.get("security_definer", False), body=told.get("body", ""),
        )  # fmt: skip

    def _path(self, place: Path, written: str) -> tuple[str, str] | None:
        try:
            return split_relation(written)
        except ValueError as error:
            self._report(place, str(error))
            return None

    def _are_strings(self, place: Path, value: object) -> bool:
        if isinstance(value, list) and all(isinstance(one, str) for one in value):
            return True
        self._report(place, 'must be a list of names, as ["id", "email"]')
        return False

    def _table(self, place: Path, value: object, known: Mapping[str, Any]) -> dict[str, Any]:
        """The known keys of a table, as far as they are of the right type."""
        if not isinstance(value, dict):
            self._report(place, "must be a table")
            return {}
        kept = {}
        for key, one in value.items():
            if key not in known:
                self._report((*place, key), f"unknown key{suggestion(key, known)}")
            elif not isinstance(one, known[key]) or (isinstance(one, bool) and known[key] is int):
                self._report((*place, key), f"must be {_named(known[key])}")
            elif isinstance(one, list) and key != "test" and not all(isinstance(part, str) for part in one):
                self._report((*place, key), "must be a list of strings")
            else:
                kept[key] = one
        return kept

    def _report(self, place: Path, what: str) -> None:
        self._document.report(place, what)


def _named(types: type | Sequence[type]) -> str:
    words = {str: "a string", list: "a list", bool: "true or false", int: "a whole number", dict: "a table"}
    return " or ".join(words[one] for one in ((types,) if isinstance(types, type) else types))
