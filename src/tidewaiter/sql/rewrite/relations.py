"""Relations in FROM: masked ones become subqueries that mask, views over masked data their rewritten definition."""

from __future__ import annotations

import copy
from typing import Final

from tidewaiter.model import ColumnMask, Premise, Relation
from tidewaiter.sql.catalog import SYSTEM_SCHEMAS, identifier, quoted
from tidewaiter.sql.deparse import Tree, read_tree
from tidewaiter.sql.levels import SYSTEM_COLUMNS, words
from tidewaiter.sql.parse import Node
from tidewaiter.sql.rewrite.grouping import repair_grouping
from tidewaiter.sql.rewrite.plain import estimated_names, outputs_of, sources_of
from tidewaiter.sql.rewrite.state import Ctes, Handler, Late, Path, Refusal, Rewriting, path_of

HIDDEN_CATALOGS: Final = words(
    "pg_statistic pg_statistic_ext_data pg_stats_ext_exprs pg_largeobject pg_authid pg_shadow pg_user_mapping "
    "pg_hba_file_rules pg_ident_file_mappings pg_file_settings pg_config "
    "pg_prepared_xacts pg_stat_replication pg_stat_wal_receiver "
    "pg_backend_memory_contexts pg_shmem_allocations pg_shmem_allocations_numa pg_aios pg_stat_subscription"
)
"""Relations of pg_catalog that hold data, other sessions' texts or the server's inside."""


def mask_text(mask: ColumnMask, reference: str) -> str:
    """The SQL form of a mask over a column reference."""
    return mask.sql.replace("{}", reference)


def masks_of(rewriting: Rewriting, relation: Relation, name: str) -> dict[str, ColumnMask]:
    """The masks of a relation that this text can notice; empty when it may be read as it is."""
    masks = rewriting.labels.masks.get(path_of(relation))
    if not masks:
        return {}
    if path_of(relation) in rewriting.labels.split:
        return masks
    if rewriting.mentions.names.isdisjoint(masks) and not rewriting.reads_all_of(name, relation):
        return {}
    return masks


def from_relation(rewriting: Rewriting, var: Node, ctes: Ctes) -> Node | None:
    """A RangeVar that is read. None: it stays, with its schema."""
    if "schemaname" not in var and var["relname"] in ctes:
        return None
    relation = rewriting.resolve(var)
    path = path_of(relation)
    if path[0] == "pg_catalog" and path[1] in HIDDEN_CATALOGS:
        raise Refusal("hidden-catalog", f"pg_catalog.{path[1]} is not open to principals who see masked data")
    reason = rewriting.labels.closed.get(path)
    if reason is not None:
        raise Refusal("closed-view", f"{quoted(path)} holds data derived from masked columns ({reason})")
    is_view = relation.kind in ("v", "m") and path[0] not in SYSTEM_SCHEMAS
    if is_view and path not in rewriting.catalog.view_definitions:
        raise Refusal("closed-view", f"what {quoted(path)} is made of is not known yet")
    alias = var.get("alias") or {"aliasname": var["relname"]}
    inlined = rewriting.labels.inlined.get(path)
    if inlined is not None:
        rewriting.touches = True
        return _stand_in(rewriting, f"({inlined})", alias)
    masks = masks_of(rewriting, relation, alias["aliasname"])
    if not masks:
        return None
    rewriting.touches = rewriting.touches or path[0] != "pg_catalog"
    raw = rewriting.raw.get(id(var), frozenset())
    noticed = (
        rewriting.mentions.names & masks.keys() if not rewriting.reads_all_of(alias["aliasname"], relation) else masks
    )
    if raw.issuperset(noticed) and path not in rewriting.labels.split:
        return None  # every masked column that it reads is masked by the gateway
    is_fenced = rewriting.is_fenced or id(var) not in rewriting.unfenced
    return _stand_in(rewriting, _masking(rewriting, relation, alias["aliasname"], var, raw, is_fenced), alias)


def _stand_in(rewriting: Rewriting, text: str, alias: Node) -> Node:
    name = rewriting.placeholder(text)
    return {"RangeVar": {"relname": name, "inh": True, "relpersistence": "p", "alias": alias}}


def _masking(
    rewriting: Rewriting, relation: Relation, name: str, var: Node, raw: frozenset[str], is_fenced: bool
) -> str:
    """The subquery for a masked relation: only columns that the text can notice."""
    path = path_of(relation)
    names = rewriting.mentions.names
    is_whole = rewriting.reads_all_of(name, relation)
    columns = tuple(column for column in rewriting.columns(relation) if is_whole or column in names)
    system = tuple(sorted(SYSTEM_COLUMNS & names))
    key = (path, columns, system, raw, is_fenced, bool(var.get("inh")))
    text = rewriting.labels.texts.get(key)
    if text is None:
        masks = rewriting.labels.masks[path]
        listed = [
            f"{mask_text(masks[column], identifier(column))} AS {identifier(column)}"
            if column in masks and column not in raw
            else identifier(column)
            for column in columns
        ]
        only = "" if var.get("inh") else "ONLY "
        fence = _order(rewriting, path) + (" OFFSET 0" if is_fenced else "")
        places = [f"{mask_text(masks[one], one)} AS {one}" if one in masks else one for one in system]
        selected = ", ".join([*listed, *places])
        text = f"(SELECT {selected} FROM {only}{identifier(path[0])}.{identifier(path[1])}{fence})"  # noqa: S608 - names from the catalog, quoted
        if not isinstance(read_tree(text[1:-1]), Tree):
            raise Refusal("mask", f"a mask of {quoted(path)} is not valid SQL")
        rewriting.labels.texts[key] = text
    return text


_SORTED: Final = words("int2 int4 int8 numeric float4 float8 text varchar bpchar date timestamp timestamptz uuid bool")


def _order(rewriting: Rewriting, path: Path) -> str:
    """The order of rows whose own order, partition by partition, tells what is masked; as it is for all others."""
    if path not in rewriting.labels.split:
        return ""
    masks, columns = rewriting.labels.masks[path], rewriting.catalog.columns.get(path, ())
    open_ = [one.name for one in columns if one.name not in masks and one.base in _SORTED and not one.is_array]
    key = [name for name in rewriting.catalog.primary_keys.get(path, ()) if name in open_]
    return f" ORDER BY {', '.join(identifier(one) for one in key or open_)}" if key or open_ else ""


def _sampled(rewriting: Rewriting, fields: Node, ctes: Ctes) -> Node | None:
    """TABLESAMPLE works on tables only, so it moves into the masking subquery."""
    rewriting.within("RangeTableSample", fields, ctes, frozenset({"relation"}))
    var = fields["relation"]["RangeVar"]
    if len(fields["method"]) != 1 or fields["method"][0]["String"]["sval"] not in ("system", "bernoulli"):
        raise Refusal("function", "sampling methods other than SYSTEM and BERNOULLI are not open here")
    taken = from_relation(rewriting, var, ctes)
    if taken is None:
        return None
    _, text = rewriting.texts.pop()
    tree = read_tree(text[1:-1])
    if not isinstance(tree, Tree):
        raise Refusal("mask", "a masking subquery is not valid SQL")
    query = copy.deepcopy(tree.statements[0]["stmt"])
    inside = query["SelectStmt"]["fromClause"]
    if len(inside) != 1 or "RangeVar" not in inside[0]:
        raise Refusal("sample", "a view cannot be sampled")
    inside[0] = {"RangeTableSample": {**fields, "relation": inside[0]}}
    return {"RangeSubselect": {"subquery": query, "alias": taken["RangeVar"]["alias"]}}


def with_clause(rewriting: Rewriting, fields: Node, ctes: Ctes) -> Ctes:
    """Rewrite the WITH list of a statement; return the names that hide relations in the rest of it."""
    clause = fields.get("withClause")
    if not clause:
        return ctes
    queries = [item["CommonTableExpr"] for item in clause["ctes"]]
    if clause.get("recursive"):
        ctes = ctes | {query["ctename"] for query in queries}
    for query in queries:
        rewriting.within("CommonTableExpr", query, ctes)
        ctes = ctes | {query["ctename"]}
    return ctes


_APART: Final = frozenset({"withClause", "intoClause"})


def _select(rewriting: Rewriting, fields: Node, ctes: Ctes) -> None:
    inner = with_clause(rewriting, fields, ctes)
    if "groupClause" in fields:
        repair_grouping(rewriting, fields, inner)
    rewriting.within("SelectStmt", fields, inner, _APART)
    if "intoClause" in fields:
        into(rewriting, fields["intoClause"])


def into(rewriting: Rewriting, fields: Node) -> None:
    """The new table of SELECT INTO and CREATE TABLE AS: it holds what the rewritten query gives."""
    if not fields.keys() <= {"rel", "onCommit", "colNames", "skipData"}:
        raise Refusal("definition", "options of CREATE TABLE AS are not open to principals who see masked data")
    new_relation(rewriting, fields["rel"])


def new_relation(rewriting: Rewriting, var: Node) -> None:
    """Bind the name of a relation that is being made, and let it mean that one from here on."""
    schema = var.get("schemaname")
    if schema is None and var.get("relpersistence") != "t":
        named = [one for one in rewriting.reading.path or () if one != "pg_catalog" and not one.startswith("pg_temp")]
        if not named:
            raise Refusal("unknown-name", "no schema is selected to create in")
        schema = var["schemaname"] = named[0]
    if schema in ("pg_catalog", "information_schema"):
        raise Refusal("definition", "nothing is created in system schemas")
    made = schema if schema is not None and not schema.startswith("pg_temp") else "pg_temp"
    path = (made, var["relname"])
    if rewriting.labels.concerns(path):
        raise Refusal("definition", f"{quoted(path)} is masked")
    rewriting.reading.created[path] = Relation(made, var["relname"], "r")


def look_ahead(rewriting: Rewriting, select: Node, met: frozenset[Premise] = frozenset()) -> None:
    """Decide, before a statement's SELECT is rewritten, what its FROM items keep raw and which need no fence.

    `met`: premises of late masks that hold where its rows are read. Without any, nothing is kept raw.
    """
    if "withClause" in select:
        return

    def resolve(var: Node) -> Relation | None:
        found = rewriting.reading.look_up(var["relname"], var.get("schemaname"))
        return found[0] if len(found) == 1 else None

    sources = sources_of(select, resolve)
    if not sources:
        return
    masked = rewriting.labels.masks
    if not any(path_of(source.relation) in masked for source in sources):
        return
    if met:
        _keep_raw(rewriting, select, met)
    estimated = estimated_names(select)
    if estimated is None:
        return
    for source in sources:
        masks = masked.get(path_of(source.relation), {})
        if estimated.isdisjoint(masks) and source.name not in estimated:
            rewriting.unfenced.add(id(source.var))


def _keep_raw(rewriting: Rewriting, select: Node, met: frozenset[Premise]) -> None:
    def resolve(var: Node) -> Relation | None:
        found = rewriting.reading.look_up(var["relname"], var.get("schemaname"))
        return found[0] if len(found) == 1 and found[0].columns else None

    outputs = outputs_of(select, resolve)
    for output in outputs.plain:
        path: Path = path_of(output.source.relation)
        mask = rewriting.labels.masks.get(path, {}).get(output.column)
        if mask is None or not mask.is_late or mask.premise not in met:
            continue
        if outputs.is_free(output.source, output.column):
            rewriting.late.append(Late(rewriting.part, output.index, path, output.column, mask))
            before = rewriting.raw.get(id(output.source.var), frozenset())
            rewriting.raw[id(output.source.var)] = before | {output.column}


HANDLERS: dict[str, Handler] = {
    "LockingClause": lambda rewriting, fields, ctes: None,
    "RangeTableSample": _sampled,
    "RangeVar": from_relation,
    "SelectStmt": _select,
}
