"""What a definition does to the rows that a table has already: writes all of them anew, reads them, indexes them. Pure.

Under the lock of the definition, this is how long others wait. Source: the notes on ALTER TABLE, CREATE INDEX,
CLUSTER, VACUUM and REFRESH MATERIALIZED VIEW at https://www.postgresql.org/docs/18/sql-altertable.html and beside it.
What depends on what only the server knows (whether two types are stored alike) is told as it is at worst.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tidewaiter.sql.parse import Node, Parsed, below, parse

REWRITE, SCAN, INDEX = "rewrites", "reads all of", "builds an index on"


@dataclass(frozen=True, slots=True)
class Work:
    """`kind` of work on the relation that the text calls `name`, because of `cause`."""

    kind: str
    name: tuple[str, ...]
    cause: str

    def __str__(self) -> str:
        return f"{self.kind} {'.'.join(self.name)}: {self.cause}"


def work_of(text: str) -> tuple[Work, ...]:
    """The work of every definition in a text, each once. None for texts that are not readable."""
    parsed = parse(text)
    if not isinstance(parsed, Parsed):
        return ()
    return tuple(dict.fromkeys(work for node in parsed.statements for work in _of(node)))


def _of(node: Node) -> Iterator[Work]:
    kind, fields = next(iter(node.items()))
    if kind == "AlterTableStmt" and fields["objtype"] in ("OBJECT_TABLE", "OBJECT_MATVIEW"):
        name = _name(fields["relation"])
        for command in fields["cmds"]:
            yield from _altered(command["AlterTableCmd"], name)
    elif kind == "IndexStmt":
        how = "without keeping writers out" if fields.get("concurrent") else "while nobody may write"
        yield Work(INDEX, _name(fields["relation"]), f"CREATE INDEX, {how}")
    elif kind == "ClusterStmt" and "relation" in fields:
        yield Work(REWRITE, _name(fields["relation"]), "CLUSTER")
    elif kind == "RefreshMatViewStmt":
        yield Work(REWRITE, _name(fields["relation"]), "REFRESH MATERIALIZED VIEW")
    elif kind == "VacuumStmt" and any(option["DefElem"]["defname"] == "full" for option in fields.get("options", ())):
        for item in fields.get("rels", ()):
            yield Work(REWRITE, _name(item["VacuumRelation"]["relation"]), "VACUUM FULL")
    elif kind == "ReindexStmt" and "relation" in fields:
        yield Work(INDEX, _name(fields["relation"]), "REINDEX")


_REWRITING = {
    "AT_AlterColumnType": "the type of column {} changes",
    "AT_SetLogged": "SET LOGGED",
    "AT_SetUnLogged": "SET UNLOGGED",
    "AT_SetTableSpace": "SET TABLESPACE",
    "AT_SetAccessMethod": "SET ACCESS METHOD",
    "AT_SetExpression": "the expression of column {} changes",
}
_READING = {
    "AT_SetNotNull": "SET NOT NULL of column {}",
    "AT_ValidateConstraint": "VALIDATE CONSTRAINT {}",
    "AT_AttachPartition": "ATTACH PARTITION",
}


def _altered(command: Node, name: tuple[str, ...]) -> Iterator[Work]:
    kind, column = command["subtype"], command.get("name", "")
    if kind in _REWRITING:
        yield Work(REWRITE, name, _REWRITING[kind].format(column))
    elif kind in _READING:
        yield Work(SCAN, name, _READING[kind].format(column))
    elif kind == "AT_AddColumn":
        yield from _added(command["def"]["ColumnDef"], name)
    elif kind == "AT_AddConstraint":
        yield from _constrained(command["def"]["Constraint"], name)


def _added(column: Node, name: tuple[str, ...]) -> Iterator[Work]:
    """A column whose values must be computed row by row. Constants and what is stable are kept as one value instead."""
    for item in column.get("constraints", ()):
        constraint = item["Constraint"]
        told = f"column {column['colname']}"
        if constraint["contype"] == "CONSTR_IDENTITY" or constraint.get("generated_kind") == "s":
            yield Work(REWRITE, name, f"{told} is computed for each row")
        elif constraint["contype"] == "CONSTR_DEFAULT" and _calls(constraint["raw_expr"]):
            yield Work(REWRITE, name, f"the default of {told} calls a function, which may give each row another value")
        else:
            yield from _constrained(constraint, name)
    if any(part["String"]["sval"] in ("serial", "bigserial", "smallserial") for part in column["typeName"]["names"]):
        yield Work(REWRITE, name, f"column {column['colname']} is computed for each row")


def _constrained(constraint: Node, name: tuple[str, ...]) -> Iterator[Work]:
    kind = constraint["contype"]
    told = constraint.get("conname") or kind.removeprefix("CONSTR_").lower()
    if kind in ("CONSTR_PRIMARY", "CONSTR_UNIQUE", "CONSTR_EXCLUSION") and "indexname" not in constraint:
        yield Work(INDEX, name, f"constraint {told}")
    elif kind in ("CONSTR_CHECK", "CONSTR_FOREIGN") and not constraint.get("skip_validation"):
        yield Work(SCAN, name, f"constraint {told} is checked; NOT VALID puts that off")


def _calls(expression: object) -> bool:
    """Whether any function is called; which of them are volatile, only the server knows."""
    return any("FuncCall" in one for one in below(expression))


def _name(var: Node) -> tuple[str, ...]:
    return (var["schemaname"], var["relname"]) if "schemaname" in var else (var["relname"],)
