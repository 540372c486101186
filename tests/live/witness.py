"""What a server says of a statement: its plan, the rows that it read and wrote, its locks, and what it refuses a role
that holds only the rights that facts name. Everything happens in transactions that are rolled back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from rawwire import COPY_DONE, Client, Message, query, rows_of

Path = tuple[str, str]

ROLE = "holds_what_facts_name"
LIMITS = "set local statement_timeout = '1s'; set local lock_timeout = '1s'; set local track_functions = 'all'"
CLIENT_LIMIT_S = 10.0

_COUNTERS = """
    select schemaname, relname, coalesce(seq_scan, 0) + coalesce(idx_scan, 0), n_tup_ins, n_tup_upd, n_tup_del
      from pg_catalog.pg_stat_xact_user_tables
     where coalesce(seq_scan, 0) + coalesce(idx_scan, 0) + n_tup_ins + n_tup_upd + n_tup_del > 0"""
_LOCKS = """
    select n.nspname, c.relname, c.relkind, l.mode
      from pg_catalog.pg_locks l
      join pg_catalog.pg_class c on c.oid = l.relation
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where l.pid = pg_catalog.pg_backend_pid() and l.locktype = 'relation' and l.granted and c.oid >= 16384
       and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())"""
_CALLS = "select schemaname, funcname, calls from pg_catalog.pg_stat_xact_user_functions where calls > 0"
_CALL_COLUMNS, _LOCK_COLUMNS = 3, 4
_UNDO = (
    "rollback; deallocate all; select pg_catalog.pg_advisory_unlock_all(); reset session authorization; reset all;"
    # What a transaction counts is added to what the last one counted until that is written away.
    "select pg_catalog.pg_stat_force_next_flush()"
)


@dataclass
class Account:
    """What happened. `error`: SQLSTATE and message of the first error, None without one."""

    error: tuple[str, str] | None = None
    context: str = ""
    reads: set[Path] = field(default_factory=set)
    writes: set[tuple[Path, str]] = field(default_factory=set)
    locks: list[tuple[Path, str, str]] = field(default_factory=list)
    calls: set[Path] = field(default_factory=set)
    """Functions that ran, but those in SQL that the planner put in place of their call."""
    plan: Any = None
    has_ended: bool = False
    """The statement ended the transaction that it was to be observed in."""


_Look = Callable[[Account, str], None]


class Witness:
    """One connection as superuser, made anew whenever a statement does not come back."""

    def __init__(self, address: tuple[str, int, str, str, str]) -> None:
        self._address = address
        self._client: Client | None = None
        self.hung = 0

    @property
    def client(self) -> Client:
        """The connection."""
        if self._client is None:
            self._client = Client.connect(*self._address)
            self._client.sock.settimeout(CLIENT_LIMIT_S)
        return self._client

    def close(self) -> None:
        """End the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def rows(self, sql: str) -> list[list[str | None]]:
        """Answer of one query."""
        return list(rows_of(self._ask(sql)))

    def observe(self, statement: str, setup: Sequence[str] = ()) -> Account | None:
        """Run a statement and undo it; say what it read, wrote and locked. `setup`: statements before it.

        None when it did not come back.
        """
        return self._bounded(lambda: self._observe(statement, setup, self._look))

    def plan(self, statement: str, setup: Sequence[str] = (), *, plans: bool = True) -> Account | None:
        """The same, with its plan instead of its effects; `plans` False: without either."""
        look = self._plan if plans else None
        return self._bounded(lambda: self._observe(statement, setup, None, look))

    def _bounded(self, run: Callable[[], Account]) -> Account | None:
        try:
            return run()
        except TimeoutError:
            self.hung += 1
            self.close()
            return None

    def _observe(
        self, statement: str, setup: Sequence[str], after: _Look | None, before: _Look | None = None
    ) -> Account:
        account = Account()
        begun = _errors(self._ask("; ".join(("begin", LIMITS, *setup, "savepoint before_it"))))
        if begun:
            account.error = ("setup", begun[0].fields["M"])
        else:
            if before is not None:
                before(account, statement)
            self._run(account, statement)
            if after is not None and not account.has_ended:
                after(account, statement)
        self._ask(_UNDO)
        return account

    def _run(self, account: Account, statement: str) -> None:
        answer = self._ask(statement)
        errors = _errors(answer)
        if errors:
            account.error = (errors[0].fields["C"], errors[0].fields["M"])
            account.context = errors[0].fields.get("W", "")
        account.has_ended = answer[-1].body == b"I"
        if errors and not account.has_ended:
            account.has_ended = bool(_errors(self._ask("rollback to before_it")))

    def _plan(self, account: Account, statement: str) -> None:
        answer = self._ask(f"explain (verbose, format json) {statement}")
        self._ask("rollback to before_it")
        rows = [] if _errors(answer) else list(rows_of(answer))
        account.plan = json.loads(rows[0][0] or "null") if len(rows) == 1 else None

    def _look(self, account: Account, _statement: str) -> None:
        # The statement may have changed the role or the path; the catalogs are named with their schema.
        for row in self.rows(f"set local role none; {_COUNTERS}; {_LOCKS}; {_CALLS}"):
            path = (str(row[0]), str(row[1]))
            if len(row) == _LOCK_COLUMNS:
                account.locks.append((path, str(row[2]), str(row[3])))
                continue
            if len(row) == _CALL_COLUMNS:
                account.calls.add(path)
                continue
            scans, *changes = (int(count or 0) for count in row[2:])
            if scans:
                account.reads.add(path)
            words = ("insert", "update", "delete")
            account.writes |= {(path, word) for count, word in zip(changes, words, strict=True) if count}

    def _ask(self, sql: str) -> list[Message]:
        """To ReadyForQuery; a COPY that wants rows gets none."""
        self.client.send(query(sql))
        found: list[Message] = []
        while not found or found[-1].type != b"Z":
            found.append(self.client.receive())
            if found[-1].type == b"G":
                self.client.send(COPY_DONE)
        return found


def _errors(messages: Sequence[Message]) -> list[Message]:
    return [one for one in messages if one.type == b"E"]


# -- plans ----------------------------------------------------------------------------------------------------------

_NAME = r'(?:"(?:[^"]|"")+"|[a-z_][\w$]*)'
_REFERENCE = re.compile(rf"(?<![\w\".])({_NAME})\.({_NAME}|\*)(?!\w*\()")
_TEXT = re.compile(r"E?'(?:[^']|'')*'")


def nodes(plan: Any) -> Iterator[dict[str, Any]]:
    """Every node of a plan, parents first."""
    stack = [one["Plan"] for one in plan if "Plan" in one]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(node.get("Plans", ()))


def planned_relations(plan: Any) -> set[Path]:
    """The relations of a plan."""
    found = {(node["Schema"], node["Relation Name"]) for node in nodes(plan) if "Relation Name" in node}
    for node in nodes(plan):
        found |= {(one["Schema"], one["Relation Name"]) for one in node.get("Target Tables", ())}
    return found


def planned_functions(plan: Any) -> set[Path]:
    """The functions that a plan scans."""
    return {(node["Schema"], node["Function Name"]) for node in nodes(plan) if "Function Name" in node}


def planned_columns(plan: Any) -> set[tuple[Path, str]]:
    """(relation, column) of every reference in a plan; "" for a whole row.

    What a node below the top puts out is left out: the executor hands on whole rows where that is cheaper.
    """
    known = {node["Alias"]: (node["Schema"], node["Relation Name"]) for node in nodes(plan) if "Relation Name" in node}
    found: set[tuple[Path, str]] = set()
    top = [one["Plan"] for one in plan if "Plan" in one]
    for node in nodes(plan):
        is_top = any(node is one for one in top)
        for key, value in node.items():
            if (key.endswith(("Cond", "Filter", "Key")) or (key == "Output" and is_top)) and value:
                for alias, column in _references(value):
                    if alias in known:
                        found.add((known[alias], column))
    return found


def _references(value: str | list[str]) -> Iterator[tuple[str, str]]:
    for text in [value] if isinstance(value, str) else value:
        for alias, column in _REFERENCE.findall(_TEXT.sub("''", text)):
            yield _plain(alias), "" if column == "*" else _plain(column)


def _plain(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
