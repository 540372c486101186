"""Compares facts with what a server says of the same statement; whatever the server touched unnamed is a finding.

What is let pass is let pass with a comment that says why; what cannot be compared is counted with the reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from claims import Claims, Path, claims, grants
from witness import ROLE, Account, Witness, planned_columns, planned_functions, planned_relations

from tidewaiter.model import Facts, ResourceType, Touch
from tidewaiter.sql.catalog import SYSTEM_SCHEMAS, Catalog, quoted
from tidewaiter.sql.levels import SYSTEM_COLUMNS
from tidewaiter.sql.locks import MODES, ROW_EXCLUSIVE

_PLANNED = frozenset(
    {"select", "insert", "update", "update_all", "delete", "delete_all", "merge", "merge_all", "lock", "function"}
)
_OBJECTS = tuple(
    f"permission denied for {noun} "
    for noun in ("table", "view", "materialized view", "sequence", "function", "procedure")
)
SCHEMAS = ("public", "hr", "shadow")
_OWNERS_ONLY = {"grant_right", "revoke_right"}
_RUNTIME = ("21", "22", "23", "27", "P0")  # classes of errors that come after all rights were checked


@dataclass
class Comparison:
    """Figures and findings over many statements. `errors`: what the server said of statements, for the curious."""

    catalog: Catalog
    signatures: dict[int, str]
    compared: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)

    seen: int = 0
    unseen: int = 0

    def told(self) -> str:
        """All figures, for a report or a failure."""
        parts = [
            f"{self.seen} statements compared, {self.unseen} not",
            *(f"  {what}: {count}" for what, count in self.compared.most_common()),
            *(f"  skipped, {why}: {count}" for why, count in self.skipped.most_common()),
        ]
        return "\n".join(parts)

    def statement(
        self,
        witness: Witness,
        name: str,
        sql: str,
        facts: Facts,
        setup: Sequence[str] = (),
        whole: Collection[Path] = (),
    ) -> None:
        """Compare one statement; `setup`: what the session did before.

        `whole`: relations of whose rows a single column is taken, `(t).c`: the server wants the right to every column,
        facts name the one.
        """
        why_not = _unfit(facts)
        if why_not:
            self._skip(why_not)
            return
        allowed = claims(facts, self.catalog)
        account = witness.observe(sql, setup)
        if account is None or account.has_ended or (account.error and account.error[0] == "setup"):
            self._skip(_unseen(account))
            return
        self.seen += 1
        if account.error is not None:
            self.errors[f"{account.error[0]} {account.error[1]}"] += 1
        found = [*self._effects(account, allowed, facts)]
        self.compared["effects" if account.error is None else "effects up to an error"] += 1
        found += self._as_role(witness, sql, facts, [*setup, *self._given(facts, whole)], allowed)
        self.findings += [f"{name}: {one}: {sql}" for one in dict.fromkeys(found)]

    def _skip(self, why: str) -> None:
        self.skipped[why] += 1
        self.unseen += 1

    def _effects(self, account: Account, allowed: Claims, facts: Facts) -> Iterator[str]:
        for path in sorted(account.reads):
            if path in self.catalog.relations and path not in allowed.touched:
                yield f"reads {quoted(path)}"
        for path, word in sorted(account.writes):
            if path in self.catalog.relations and word not in allowed.writes(path):
                yield f"{word}s {quoted(path)}"
        for path in sorted(account.calls - allowed.functions):
            if path[0] in SCHEMAS:
                yield f"calls {quoted(path)}"
        # The body of a new function is looked at, not run: the server opens what it names, as facts of a call will say.
        defines = any(one.action == "create" and one.resource.type is ResourceType.FUNCTION for one in facts.touches)
        weakest = MODES.index(ROW_EXCLUSIVE) if defines else -1
        for path, kind, mode in account.locks:
            if MODES.index(mode) > weakest:
                yield from self._lock(path, kind, mode, allowed)

    def _lock(self, path: tuple[str, str], kind: str, mode: str, allowed: Claims) -> Iterator[str]:
        if path not in self.catalog.relations:
            return
        if kind in "iI":
            table = self.catalog.indexes.get(path, path)
            if path not in allowed.touched and table not in allowed.touched:
                yield f"locks index {quoted(path)} {mode}"
        elif path not in allowed.touched:
            yield f"locks {quoted(path)} {mode}"
        elif MODES.index(mode) > allowed.modes[path]:
            yield f"locks {quoted(path)} {mode}, not {MODES[allowed.modes[path]]}"

    def _given(self, facts: Facts, whole: Collection[Path]) -> Iterator[str]:
        yield from grants(facts, self.catalog, self.signatures, ROLE)
        yield from (f"grant select on {quoted(path)} to {ROLE}" for path in sorted(whole))
        yield f"set local role {ROLE}"

    def _as_role(
        self, witness: Witness, sql: str, facts: Facts, setup: Sequence[str], allowed: Claims
    ) -> Iterator[str]:
        """The same as a role with the rights that facts name."""
        if any("create temp" in one for one in setup):
            self.skipped["as a role: a temporary table of the superuser's"] += 1
            return
        account = witness.plan(sql, setup, plans=facts.parts == 1 and _PLANNED.issuperset(facts.verbs))
        if account is None:
            self.skipped["as a role: did not come back"] += 1
            return
        if account.plan is not None:
            self.compared["plans"] += 1
            yield from self._plan(account, allowed, facts)
        yield from self._rights(account, facts)

    def _rights(self, account: Account, facts: Facts) -> Iterator[str]:
        sqlstate, said = account.error or ("", "")
        if sqlstate.startswith(_RUNTIME) or not sqlstate:
            self.compared["rights"] += 1
        elif sqlstate == "setup":
            yield f"cannot be granted: {said}"
        elif sqlstate != "42501":
            self.skipped[f"as a role: {sqlstate}"] += 1
        elif "PL/pgSQL function" in account.context:
            self.skipped["as a role: refused within code that facts call opaque"] += 1
        elif said.startswith(_OBJECTS) and not _OWNERS_ONLY & set(facts.verbs):
            yield f"needs a right that facts do not name: {said}"
        else:
            self.skipped["as a role: needs ownership"] += 1

    def _plan(self, account: Account, allowed: Claims, facts: Facts) -> Iterator[str]:
        for path in sorted(planned_relations(account.plan)):
            # Dependencies of the system's own views are not recorded, and what they read is theirs to show.
            if path[0] not in SYSTEM_SCHEMAS and path in self.catalog.relations and path not in allowed.touched:
                yield f"plans {quoted(path)}"
        for path in sorted(planned_functions(account.plan)):
            if path[0] not in SYSTEM_SCHEMAS and path not in allowed.functions:
                yield f"plans a call of {quoted(path)}"
        for path, column in sorted(planned_columns(account.plan)):
            if path not in self.catalog.relations or self._has_policy(path):
                continue  # by which columns a policy decides about rows is not told
            # MERGE finds out by the whole row whether there was one.
            # A name that is no column of the relation is one that the text gave it, `t(a, b)`.
            is_column = not column or column in self.catalog.relations[path].columns
            is_known = path in allowed.touched and column not in SYSTEM_COLUMNS and is_column
            is_asked = column or not any(verb.startswith("merge") for verb in facts.verbs)
            if is_known and is_asked and not allowed.has_column(path, column):
                yield f"plans {quoted((*path, column or '*'))}"

    def _has_policy(self, path: Path) -> bool:
        calls = self.catalog.table_calls.get(path, ())
        return path in self.catalog.policy_reads or any(call.kind == "policy" for call in calls)


def _unfit(facts: Facts) -> str:
    """Why a statement is not sent at all."""
    if facts.unknown:
        return "not understood"
    if facts.control is not None or facts.ends_failed_transaction:
        return "transaction control"
    if {"system", "signal"} & set(facts.verbs):
        return "acts on the server as a whole"
    if any(_asks_for_everything(touch) for touch in facts.touches):
        return "asked for as code that nobody looks into, or as all of the database"
    return ""


def _asks_for_everything(touch: Touch) -> bool:
    if touch.action == "do" or (touch.action in ("analyze", "vacuum") and not touch.resource.path):
        return True
    return touch.resource.type is ResourceType.FUNCTION and touch.resource.path[0] in SYSTEM_SCHEMAS


def _unseen(account: Account | None) -> str:
    if account is None:
        return "did not come back"
    return "ended its transaction" if account.has_ended else f"setup failed: {(account.error or ('', ''))[1]}"
