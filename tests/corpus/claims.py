"""What facts say that a server may do: the relations it may read and write, the columns, the functions, the locks.

Beyond the facts themselves only what follows from the catalog: partitions of a relation, the look-ups by which foreign
keys are checked, and what the functions in PL/pgSQL of schema.sql are known to do (`DOES`; to the product they are
opaque, and a policy decides about calling them at all).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tidewaiter.model import Facts, Relation, ResourceType
from tidewaiter.sql.catalog import Catalog, quoted
from tidewaiter.sql.facts import Scope, understand
from tidewaiter.sql.levels import SYSTEM_COLUMNS
from tidewaiter.sql.locks import ACCESS_SHARE, MODES, ROW_EXCLUSIVE, ROW_SHARE

Path = tuple[str, str]

DOES: Mapping[Path, str] = {
    ("public", "purge"): "delete from customers",
    ("public", "close_day"): "delete from orders",
    ("public", "note_shop"): "insert into audit_trail values (1, 'x')",
}
"""Functions whose bodies the product does not read, and a statement that touches the same."""

WRITES: Mapping[str, str] = {
    "insert": "insert", "copy_in": "insert", "refresh": "insert", "update": "update", "update_all": "update",
    "delete": "delete", "delete_all": "delete",
}  # fmt: skip
"""Actions that write rows; a MERGE's branches are touches of their own."""

_MODE = {"lock": ROW_SHARE, "merge": ROW_EXCLUSIVE, "merge_all": ROW_EXCLUSIVE, "explain": ROW_EXCLUSIVE}


@dataclass
class Claims:
    """What may be touched. `columns`: None for all of them; `modes`: numbers of locks.MODES."""

    touched: dict[Path, set[str]] = field(default_factory=dict)
    columns: dict[Path, set[str] | None] = field(default_factory=dict)
    modes: dict[Path, int] = field(default_factory=dict)
    functions: set[Path] = field(default_factory=set)

    def add(self, path: Path, action: str, mode: str, columns: tuple[str, ...] | None = ()) -> None:
        """Note that an action may happen to a relation."""
        self.touched.setdefault(path, set()).add(action)
        self.modes[path] = max(self.modes.get(path, 0), MODES.index(mode))
        known = self.columns.setdefault(path, set())
        if known is not None:
            self.columns[path] = None if columns is None else known | set(columns)

    def writes(self, path: Path) -> set[str]:
        """insert, update, delete: what may happen to its rows."""
        return {WRITES[action] for action in self.touched.get(path, ()) if action in WRITES}

    def has_column(self, path: Path, column: str) -> bool:
        """Whether a column is among those touched; "" stands for a whole row."""
        known = self.columns.get(path, set())
        return known is None or column in known


def claims(facts: Facts, catalog: Catalog) -> Claims:
    """What a server may do according to facts."""
    found = Claims()
    _own(found, facts)
    for path in sorted(found.functions & DOES.keys()):
        more = claims(understand(DOES[path], catalog, Scope()), catalog)
        found.functions |= more.functions
        for touched, actions in more.touched.items():
            for action in actions:
                found.add(touched, action, MODES[more.modes[touched]], None)
    for path, actions in list(found.touched.items()):
        for checked in _checked(catalog, path, actions):
            found.add(checked, "key", ROW_SHARE, None)
    for path in [path for path, actions in found.touched.items() if "explain" in actions]:
        for _, read in catalog.policy_reads.get(path, ()):  # planned, and not read
            found.add(read, "explain", ACCESS_SHARE, None)
    for path in list(found.touched):
        for partition in _below(catalog, path):
            for action in found.touched[path]:
                columns = found.columns[path]
                found.add(partition, action, MODES[found.modes[path]], None if columns is None else tuple(columns))
    return found


def _own(found: Claims, facts: Facts) -> None:
    for touch in facts.touches:
        path = touch.resource.path
        if touch.resource.type is ResourceType.TABLE:
            mode = _MODE.get(touch.action, ROW_EXCLUSIVE if touch.action in WRITES else ACCESS_SHARE)
            found.add((path[0], path[1]), touch.action, mode, None if touch.star else touch.columns)
        elif touch.resource.type is ResourceType.FUNCTION:
            found.functions.add((path[0], path[1]))
    for one in facts.indirect:
        if one.action in ("function", "call"):
            found.functions.add(one.path)
        else:
            found.add(one.path, one.action, ROW_EXCLUSIVE if one.action in WRITES else ACCESS_SHARE, None)
    for lock in facts.locks:
        found.add(lock.path, "locked", lock.mode)


def _checked(catalog: Catalog, path: Path, actions: set[str]) -> Iterator[Path]:
    """What the server looks into to see that foreign keys hold after a write."""
    if not actions & WRITES.keys():
        return
    yield from (key.table for key in catalog.keys.get(path, ()))
    yield from (referenced for referenced, keys in catalog.keys.items() if any(key.table == path for key in keys))


def _below(catalog: Catalog, path: Path) -> Iterator[Path]:
    """Partitions, at any depth."""
    relation = catalog.relations.get(path)
    if relation is not None and relation.kind == "p":
        for partition in catalog.partitions.get(path, ()):
            yield partition
            yield from _below(catalog, partition)


def grants(facts: Facts, catalog: Catalog, signatures: Mapping[int, str], role: str) -> list[str]:
    """GRANT statements that give a role exactly what facts name: what is missing, the server will refuse.

    `signatures`: oid of a function → its name with argument types.
    """
    wanted = claims(facts, catalog)
    found = [one for path, actions in wanted.touched.items() for one in _table_grants(wanted, catalog, path, actions)]
    found += [f"execute on routine {signatures[oid]}" for oid, path in catalog.oids.items() if path in wanted.functions]
    return [f"grant {one} to {role}" for one in found]


def _table_grants(wanted: Claims, catalog: Catalog, path: Path, actions: set[str]) -> Iterator[str]:
    relation = catalog.relations.get(path)
    if relation is None or relation.kind in "iIct":
        return
    of = _listed(wanted.columns[path], relation)
    target = f"{quoted((path[0],))}.{quoted((path[1],))}"
    if relation.kind == "S":
        yield f"select, update, usage on sequence {target}"
        return
    for right in sorted({right for action in actions for right in _RIGHTS.get(action, "").split()}):
        yield f"{right}{of if right in ('select', 'insert', 'update') else ''} on {target}"
    if actions & {"insert", "copy_in"}:
        yield f"select on {target}"  # RETURNING and ON CONFLICT look at the rows that the statement itself brings


def _listed(columns: set[str] | None, relation: Relation) -> str:
    """The columns to grant. Facts do not list those of the system, which only tables have."""
    if columns is None:
        return ""
    listed = [name for name in relation.columns if name in columns]
    # A statement that names no column needs the right to one, whichever.
    listed = [*(listed or relation.columns[-1:]), *(sorted(SYSTEM_COLUMNS) if relation.kind in "rpm" else ())]
    return f" ({', '.join(quoted((name,)) for name in listed)})"


_RIGHTS = {
    "select": "select", "copy_out": "select", "insert": "insert", "copy_in": "insert", "update": "update select",
    "update_all": "update select", "merge": "select", "merge_all": "select", "delete": "delete select",
    "delete_all": "delete select", "explain": "select insert update delete", "truncate": "truncate",
    "lock": "select update delete truncate", "vacuum": "maintain", "analyze": "maintain",
    "alter": "trigger references", "cluster": "maintain", "reindex": "maintain", "refresh": "maintain",
}  # fmt: skip
"""Rights that an action needs."""
