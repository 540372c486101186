"""Statements that are no queries: COPY, EXPLAIN, PREPARE, cursors, settings, and definitions of one's own tables."""

from __future__ import annotations

from typing import Any, Final

from tidewaiter.sql.catalog import SYSTEM_SCHEMAS, quoted
from tidewaiter.sql.levels import words
from tidewaiter.sql.parse import Node
from tidewaiter.sql.reading import PG_TEMP, strings
from tidewaiter.sql.rewrite.guards import check_guarded
from tidewaiter.sql.rewrite.names import check_setting
from tidewaiter.sql.rewrite.relations import from_relation, into, look_ahead, new_relation
from tidewaiter.sql.rewrite.state import Ctes, Handler, Refusal, Rewriting, path_of, string
from tidewaiter.sql.rewrite.writes import target_of


def _leave(kind: str) -> Handler:
    def handle(rewriting: Rewriting, fields: Node, ctes: Ctes) -> None:
        rewriting.within(kind, fields, ctes)

    return handle


def _explain(rewriting: Rewriting, fields: Node, ctes: Ctes) -> None:
    before, rewriting.is_fenced = rewriting.is_fenced, True
    rewriting.within("ExplainStmt", fields, ctes)
    rewriting.is_fenced = before
    # Bytes of the log tell how long values are that were written.
    options = [one for one in fields.pop("options", ()) if one["DefElem"]["defname"] != "wal"]
    # What is written, or was prepared, is not fenced: estimates tell how long its values are.
    if rewriting.writes or "ExecuteStmt" in fields["query"]:
        options = [one for one in options if one["DefElem"]["defname"] != "costs"]
        costs = {"defname": "costs", "arg": string("off"), "defaction": "DEFELEM_UNSPEC"}
        options.append({"DefElem": costs})
    if options:
        fields["options"] = options


def _prepare(rewriting: Rewriting, fields: Node, ctes: Ctes) -> None:
    query = fields["query"].get("SelectStmt")
    if query is not None:
        look_ahead(rewriting, query)
    rewriting.within("PrepareStmt", fields, ctes)
    rewriting.made.add((fields["name"], False))


def _declare(rewriting: Rewriting, fields: Node, ctes: Ctes) -> None:
    query = fields["query"].get("SelectStmt")
    if query is not None:
        look_ahead(rewriting, query)
    rewriting.within("DeclareCursorStmt", fields, ctes)
    rewriting.made.add((fields["portalname"], True))


def _execute(rewriting: Rewriting, fields: Node, ctes: Ctes) -> None:
    rewriting.runs(fields["name"], is_cursor=False, is_shown=not rewriting.is_fenced)
    rewriting.within("ExecuteStmt", fields, ctes)


def _fetch(rewriting: Rewriting, fields: Node, ctes: Ctes) -> None:
    rewriting.runs(fields["portalname"], is_cursor=True, is_shown=not fields.get("ismove"))
    rewriting.within("FetchStmt", fields, ctes)


def _transaction(rewriting: Rewriting, fields: Node, ctes: Ctes) -> None:
    if "gid" in fields:
        raise Refusal("transaction", "two-phase commit is not open to principals who see masked data")
    rewriting.within("TransactionStmt", fields, ctes)


def _set(rewriting: Rewriting, fields: Node, ctes: Ctes) -> None:
    kind, name = fields["kind"], fields.get("name", "")
    if kind == "VAR_SET_MULTI":
        if not name.lower().startswith(("transaction", "session characteristics")) or "snapshot" in name.lower():
            raise Refusal("setting", f"SET {name} is not open to principals who see masked data")
    elif kind == "VAR_SET_VALUE":
        values = [str(next(iter(next(iter(node["A_Const"].values())).values()), "")) if "A_Const" in node else ""
                  for node in fields.get("args", ()) if "isnull" not in node.get("A_Const", {})]  # fmt: skip
        check_setting(name, values)
    elif kind not in ("VAR_RESET_ALL", "VAR_RESET", "VAR_SET_DEFAULT") or name.lower() in (
        "role", "session_authorization",
    ):  # fmt: skip
        raise Refusal("setting", f"SET {name} is not open to principals who see masked data")
    if name.lower() == "search_path" or kind == "VAR_RESET_ALL":
        rewriting.reading.path = None  # what names mean is known again from the next text on
    rewriting.within("VariableSetStmt", fields, ctes)


def _copy(rewriting: Rewriting, fields: Node, ctes: Ctes) -> None:
    if fields.get("is_program") or "filename" in fields:
        raise Refusal("copy", "COPY with programs or files of the server")
    if fields.get("is_from"):
        relation = target_of(rewriting, fields["relation"], frozenset({"insert"}))
        masks = rewriting.labels.masks.get(path_of(relation), {})
        columns = frozenset(strings(fields.get("attlist", ()))) or frozenset(relation.columns)
        check_guarded(rewriting, relation, {"insert": columns})
        if masks:
            rewriting.writes = True
            filled = sorted(masks.keys() & columns)
            if filled:
                reason = f"COPY into the masked column {filled[0]}: nobody looks whether its rows hold masked values"
                raise Refusal("copy-write-back", f"{reason}; use INSERT, or leave the column out")
    elif "relation" in fields and _copy_out(rewriting, fields):
        rewriting.within("CopyStmt", fields, ctes, frozenset({"query"}))
        return
    rewriting.within("CopyStmt", fields, ctes, frozenset({"relation"}))


def _copy_out(rewriting: Rewriting, fields: Node) -> bool:
    """`COPY t (a, b) TO` of a masked table or of a view over one becomes COPY of a query; say whether it was one."""
    var = fields["relation"]
    relation = rewriting.resolve(var)
    if path_of(relation) in rewriting.labels.inlined or path_of(relation) in rewriting.labels.closed:
        raise Refusal("copy", f"{relation.name} is not copied as it is: use COPY (SELECT …)")
    if not rewriting.labels.concerns(path_of(relation)):
        return False
    columns = list(strings(fields.get("attlist", ()))) or list(rewriting.columns(relation))
    var["inh"] = relation.kind == "p"  # COPY reads a table without its children
    rewriting.mentions = type(rewriting.mentions)(
        rewriting.mentions.names | set(columns), rewriting.mentions.last, rewriting.mentions.pairs, True
    )
    rewriting.unfenced.add(id(var))
    del fields["relation"]
    fields.pop("attlist", None)
    source = from_relation(rewriting, var, frozenset()) or {"RangeVar": var}
    listed = [{"ResTarget": {"val": {"ColumnRef": {"fields": [{"String": {"sval": column}}]}}}} for column in columns]
    select = {"targetList": listed, "fromClause": [source], "limitOption": "LIMIT_OPTION_DEFAULT", "op": "SETOP_NONE"}
    fields["query"] = {"SelectStmt": select}
    return True


def _create_as(rewriting: Rewriting, fields: Node, ctes: Ctes) -> None:
    if fields.get("objtype") != "OBJECT_TABLE":
        raise Refusal("definition", "materialized views are not open to principals who see masked data")
    query = fields["query"]
    if "ExecuteStmt" in query:
        raise Refusal("definition", "CREATE TABLE AS EXECUTE is not open to principals who see masked data")
    fields["query"] = rewriting.node(query, ctes)
    into(rewriting, fields["into"])


def _check_own(rewriting: Rewriting, var: Node) -> None:
    """Raises Refusal unless a definition is about a relation without anything masked."""
    path = path_of(rewriting.resolve(var))
    if path[0] in SYSTEM_SCHEMAS or rewriting.labels.concerns(path):
        raise Refusal("definition", f"{quoted(path)} is masked or belongs to the system")


def _create(rewriting: Rewriting, fields: Node, ctes: Ctes) -> None:
    for item in fields.get("inhRelations", ()):
        _check_own(rewriting, item["RangeVar"])
    rewriting.within("CreateStmt", fields, ctes, frozenset({"relation", "inhRelations"}))
    new_relation(rewriting, fields["relation"])


def _like(rewriting: Rewriting, fields: Node, ctes: Ctes) -> None:
    rewriting.resolve(fields["relation"])


def _constraint(rewriting: Rewriting, fields: Node, ctes: Ctes) -> None:
    """A foreign key asks whether a value exists in the table that it refers to."""
    if "pktable" in fields:
        relation = rewriting.resolve(fields["pktable"])
        path = path_of(relation)
        columns = set(strings(fields.get("pk_attrs", ()))) or set(rewriting.catalog.primary_keys.get(path, ()))
        if not columns.isdisjoint(rewriting.labels.masks.get(path, {})):
            raise Refusal("definition", f"a reference to {quoted(path)} would tell which masked values exist")
    rewriting.within("Constraint", fields, ctes, frozenset({"pktable"}))


_ALTERATIONS: Final = words(
    "AT_AddColumn AT_DropColumn AT_ColumnDefault AT_SetNotNull AT_DropNotNull AT_AddConstraint AT_DropConstraint "
    "AT_AlterColumnType"
)


def _alter(rewriting: Rewriting, fields: Node, ctes: Ctes) -> None:
    if fields.get("objtype") != "OBJECT_TABLE":
        raise Refusal("definition", "ALTER of anything but tables is not open to principals who see masked data")
    _check_own(rewriting, fields["relation"])
    for item in fields["cmds"]:
        command = item["AlterTableCmd"]
        if command["subtype"] not in _ALTERATIONS:
            raise Refusal("definition", f"{command['subtype']} is not open to principals who see masked data")
        rewriting.within("AlterTableCmd", command, ctes)


def _index(rewriting: Rewriting, fields: Node, ctes: Ctes) -> None:
    _check_own(rewriting, fields["relation"])
    rewriting.within("IndexStmt", fields, ctes, frozenset({"relation"}))


def _index_element(rewriting: Rewriting, fields: Node, ctes: Ctes) -> None:
    """A column or expression of an index, also where ON CONFLICT names one; an operator class calls functions."""
    _check_operator_class(rewriting, fields)
    rewriting.within("IndexElem", fields, ctes)


def _check_operator_class(rewriting: Rewriting, fields: Node) -> None:
    names = list(strings(fields.get("opclass", ())))
    if names and rewriting.catalog.operator_classes.get(names[-1]):
        raise Refusal("operator", f"operator class {'.'.join(names)} may read what it likes")


def _drop(rewriting: Rewriting, fields: Node, ctes: Ctes) -> None:
    if fields["removeType"] not in ("OBJECT_TABLE", "OBJECT_INDEX", "OBJECT_SEQUENCE"):
        raise Refusal("definition", "DROP of anything but tables, indexes and sequences")
    for item in fields["objects"]:
        names = list(strings(item["List"]["items"]))
        var: dict[str, Any] = {"relname": names[-1]}
        if len(names) > 1:
            var["schemaname"] = names[-2]
        if fields.get("missing_ok") and not rewriting.reading.look_up(names[-1], var.get("schemaname")):
            continue
        relation = rewriting.resolve(var)
        owner = rewriting.catalog.indexes.get(path_of(relation), path_of(relation))
        if owner[0] in SYSTEM_SCHEMAS or rewriting.labels.concerns(owner):
            raise Refusal("definition", f"{quoted(owner)} is masked or belongs to the system")
        item["List"]["items"] = [{"String": {"sval": part}} for part in path_of(relation)]
        rewriting.reading.created.pop(path_of(relation), None)


def _truncate(rewriting: Rewriting, fields: Node, ctes: Ctes) -> None:
    for item in fields["relations"]:
        _check_own(rewriting, item["RangeVar"])


def _lock(rewriting: Rewriting, fields: Node, ctes: Ctes) -> None:
    for item in fields["relations"]:
        rewriting.resolve(item["RangeVar"])


def _vacuum(rewriting: Rewriting, fields: Node, ctes: Ctes) -> None:
    """VACUUM and ANALYZE of tables of one's own, as after filling them; those of a whole database touch all."""
    if not fields.get("rels"):
        raise Refusal("definition", "VACUUM and ANALYZE of everything are not open to principals who see masked data")
    for item in fields["rels"]:
        _check_own(rewriting, item["VacuumRelation"]["relation"])


def _comment(rewriting: Rewriting, fields: Node, ctes: Ctes) -> None:
    if fields["objtype"] not in ("OBJECT_TABLE", "OBJECT_COLUMN"):
        raise Refusal("definition", "COMMENT is open for tables and columns alone to principals who see masked data")
    items = fields["object"]["List"]["items"]
    parts = list(strings(items))
    column = [parts.pop()] if fields["objtype"] == "OBJECT_COLUMN" else []
    if len(parts) not in (1, 2):
        raise Refusal("unknown-name", f"relation {'.'.join(parts)} is not known")
    var: Node = {"relname": parts[-1]} | ({"schemaname": parts[0]} if len(parts) > 1 else {})
    _check_own(rewriting, var)
    items[:] = [string(part) for part in (var["schemaname"], var["relname"], *column)]


_RENAMED: Final = words("OBJECT_TABLE OBJECT_COLUMN OBJECT_TABCONSTRAINT")


def _rename(rewriting: Rewriting, fields: Node, ctes: Ctes) -> None:
    is_table = fields["renameType"] == "OBJECT_TABLE" or fields.get("relationType") == "OBJECT_TABLE"
    if fields["renameType"] not in _RENAMED or not (is_table or fields["renameType"] == "OBJECT_TABCONSTRAINT"):
        raise Refusal("definition", "RENAME of anything but tables and their parts")
    _check_own(rewriting, fields["relation"])
    if fields["renameType"] == "OBJECT_TABLE":
        new_relation(rewriting, {**fields["relation"], "relname": fields["newname"]})


def _partition_element(rewriting: Rewriting, fields: Node, ctes: Ctes) -> None:
    _check_operator_class(rewriting, fields)
    rewriting.within("PartitionElem", fields, ctes)


def _sequence(rewriting: Rewriting, fields: Node, ctes: Ctes) -> None:
    rewriting.within("CreateSeqStmt", fields, ctes, frozenset({"sequence"}))
    new_relation(rewriting, fields["sequence"])


def _discard(rewriting: Rewriting, fields: Node, ctes: Ctes) -> None:
    if fields.get("target", "DISCARD_ALL") == "DISCARD_ALL":
        rewriting.reading.path = None
    for path in [path for path in rewriting.reading.created if path[0] == PG_TEMP]:
        rewriting.reading.dropped.add(path[1])


HANDLERS: dict[str, Handler] = {
    "AlterTableStmt": _alter,
    "ClosePortalStmt": _leave("ClosePortalStmt"),
    "Constraint": _constraint,
    "CommentStmt": _comment,
    "ConstraintsSetStmt": lambda rewriting, fields, ctes: None,
    "CopyStmt": _copy,
    "CreateSeqStmt": _sequence,
    "CreateStmt": _create,
    "CreateTableAsStmt": _create_as,
    "DeallocateStmt": _leave("DeallocateStmt"),
    "DeclareCursorStmt": _declare,
    "DiscardStmt": _discard,
    "DropStmt": _drop,
    "ExecuteStmt": _execute,
    "ExplainStmt": _explain,
    "FetchStmt": _fetch,
    "IndexElem": _index_element,
    "IndexStmt": _index,
    "LockStmt": _lock,
    "NotifyStmt": _leave("NotifyStmt"),
    "PartitionElem": _partition_element,
    "PrepareStmt": _prepare,
    "RenameStmt": _rename,
    "TableLikeClause": _like,
    "TransactionStmt": _transaction,
    "TruncateStmt": _truncate,
    "UnlistenStmt": lambda rewriting, fields, ctes: None,
    "VacuumStmt": _vacuum,
    "VariableSetStmt": _set,
    "VariableShowStmt": _leave("VariableShowStmt"),
}
