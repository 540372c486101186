"""SELECT, INSERT, UPDATE, DELETE and MERGE: FROM lists, WITH, and the touches of what is read and written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from tidewaiter.sql.calls import read_call
from tidewaiter.sql.creation import create_from_query
from tidewaiter.sql.expressions import implied_operator, walk
from tidewaiter.sql.levels import Hidden, Level, Source
from tidewaiter.sql.parse import Node
from tidewaiter.sql.reading import Handler, Reading, strings
from tidewaiter.sql.restriction import Restriction

# -- WITH -----------------------------------------------------------------------------------------------------------


def open_with(reading: Reading, fields: Node, level: Level) -> None:
    """Read a statement's WITH list; its names hide tables in the level from now on."""
    clause = fields.get("withClause")
    if not clause:
        return
    queries = [node["CommonTableExpr"] for node in clause["ctes"]]
    names = {query["ctename"]: number for number, query in reversed(list(enumerate(queries)))}
    whole = Hidden(names, len(queries), level.ctes)
    for number, query in enumerate(queries):
        ctes = whole if clause.get("recursive") else Hidden(names, number, level.ctes)
        inner = Level(outer=level.outer, ctes=ctes)
        reading.statement(query["ctequery"], inner)
        cycle = query.get("cycle_clause", {})
        walk(reading, cycle.get("cycle_mark_value"), inner)
        walk(reading, cycle.get("cycle_mark_default"), inner)
    level.ctes = whole


# -- FROM -----------------------------------------------------------------------------------------------------------


def _from_relation(reading: Reading, fields: Node, level: Level) -> Source:
    name = fields["relname"]
    if name in level.ctes and "schemaname" not in fields:
        alias = fields.get("alias")
        return Source(alias["aliasname"] if alias else name)
    return reading.reach("select", fields)


def _from_query(reading: Reading, fields: Node, level: Level) -> Source:
    inner = level.below() if fields.get("lateral") else level.beside()
    reading.statement(fields["subquery"], inner)
    source = _named(fields, "")
    source.within = tuple(inner.sources)
    return source


def _from_function(reading: Reading, fields: Node, level: Level) -> Source:
    name = ""
    for node in fields["functions"]:
        items = node["List"]["items"]
        walk(reading, items[0], level)
        _column_types(reading, items[1:], level)
        call = items[0].get("FuncCall")
        name = name or (call["funcname"][-1]["String"]["sval"] if call else "")
    _column_types(reading, fields.get("coldeflist", ()), level)
    alias = fields.get("alias")
    return Source(alias["aliasname"] if alias else name)


def _column_types(reading: Reading, nodes: Iterable[Node], level: Level) -> None:
    """`AS (a integer, b mood)`: values of these types are made."""
    for node in nodes:
        for item in node["List"]["items"] if "List" in node else (node,):
            if "ColumnDef" in item:
                walk(reading, {"TypeName": item["ColumnDef"]["typeName"]}, level)


def _from_xml(reading: Reading, fields: Node, level: Level) -> Source:
    walk(reading, [fields["docexpr"], fields["rowexpr"], *fields.get("columns", ())], level)
    walk(reading, fields.get("namespaces"), level)
    return _named(fields, "xmltable")


def _from_json(reading: Reading, fields: Node, level: Level) -> Source:
    walk(reading, {"JsonValueExpr": fields["context_item"]}, level)
    walk(reading, [{"JsonTablePathSpec": fields["pathspec"]}] if "pathspec" in fields else [], level)
    walk(reading, [*fields.get("passing", ()), *fields.get("columns", ())], level)
    if "on_error" in fields:
        walk(reading, {"JsonBehavior": fields["on_error"]}, level)
    return _named(fields, "json_table")


def _named(fields: Node, name: str) -> Source:
    alias = fields.get("alias")
    return Source(alias["aliasname"] if alias else name)


def _from_sample(reading: Reading, fields: Node, level: Level) -> Source:
    source = from_item(reading, fields["relation"], level)
    method = list(strings(fields["method"]))
    if method[-1] not in ("bernoulli", "system"):
        read_call(reading, {"funcname": fields["method"]}, level)
    walk(reading, fields.get("args"), level)
    walk(reading, fields.get("repeatable"), level)
    return source


def _from_join(reading: Reading, fields: Node, level: Level) -> Source:
    """The sides of a join become visible as they are read; an alias hides them again behind its own name."""
    before = len(level.sources)
    left = _add(reading, fields["larg"], level)
    right = _add(reading, fields["rarg"], level)
    if fields.get("isNatural"):
        left.hit_star()
        right.hit_star()
    if fields.get("isNatural") or "usingClause" in fields:
        implied_operator(reading, "=")
    for column in strings(fields.get("usingClause", ())):
        for side in (left, right):
            if side.knows(column):
                side.hit(column)
    walk(reading, fields.get("quals"), level)
    joined = Source("", parts=(left, right))
    alias = fields.get("alias")
    if alias:
        del level.sources[before:]
        joined.name = alias["aliasname"]
        if "colnames" in alias:
            joined.rename(tuple(strings(alias["colnames"])))
        level.sources.append(joined)
    return joined


def _add(reading: Reading, node: Node, level: Level) -> Source:
    source = from_item(reading, node, level)
    if "JoinExpr" not in node:
        level.sources.append(source)
    return source


_FROM: Mapping[str, Callable[[Reading, Node, Level], Source]] = {
    "JoinExpr": _from_join,
    "JsonTable": _from_json,
    "RangeFunction": _from_function,
    "RangeSubselect": _from_query,
    "RangeTableFunc": _from_xml,
    "RangeTableSample": _from_sample,
    "RangeVar": _from_relation,
}


def from_item(reading: Reading, node: Node, level: Level) -> Source:
    """Read one item of a FROM list. A join adds its sides to the level itself; the caller adds anything else."""
    kind, fields = next(iter(node.items()))
    read = _FROM.get(kind)
    if read is None:
        reading.unknown(f"FROM item {kind}")
        return Source("")
    return read(reading, fields, level)


def from_list(reading: Reading, nodes: Iterable[Node], level: Level) -> None:
    """Read a FROM list into the level."""
    for node in nodes:
        _add(reading, node, level)


# -- SELECT ---------------------------------------------------------------------------------------------------------


def _select(reading: Reading, fields: Node, level: Level) -> None:
    """A SELECT, VALUES, TABLE or set operation. Arms are read without recursion: a thousand UNIONs need no stack."""
    arms = [(fields, level)]
    while arms:
        arm, own = arms.pop()
        open_with(reading, arm, own)
        if arm.get("op", "SETOP_NONE") == "SETOP_NONE":
            _simple_select(reading, arm, own)
        else:
            arms.append((arm["rarg"], own.beside()))
            arms.append((arm["larg"], own.beside()))
            _order(reading, arm, own.beside(), None)


_PLAIN_SELECT = frozenset({"targetList", "fromClause", "whereClause", "limitOption", "op", "withClause"})


def _simple_select(reading: Reading, fields: Node, level: Level) -> None:
    items = fields.get("fromClause", ())
    from_list(reading, items, level)
    level.condition = fields.get("whereClause") if len(items) == 1 and "RangeVar" in items[0] else None
    targets = fields.get("targetList", ())
    walk(reading, targets, level)
    walk(reading, fields.get("whereClause"), level)
    if not fields.keys() <= _PLAIN_SELECT:
        outputs = frozenset(target["ResTarget"].get("name", "") for target in targets)
        level.outputs = outputs
        for clause in ("groupClause", "havingClause", "windowClause", "distinctClause", "valuesLists"):
            walk(reading, fields.get(clause), level)
        _order(reading, fields, level, outputs)
        for clause in fields.get("lockingClause", ()):
            _lock(reading, clause["LockingClause"], level)
        if "intoClause" in fields:
            create_from_query(reading, fields["intoClause"], fields, level)


def _order(reading: Reading, fields: Node, level: Level, outputs: frozenset[str] | None) -> None:
    """ORDER BY and LIMIT. A bare name means an output column first; after a set operation it means nothing else."""
    for node in fields.get("sortClause", ()):
        reference = node["SortBy"]["node"].get("ColumnRef")
        if reference is not None and len(reference["fields"]) == 1:
            name = next(strings(reference["fields"]))
            if outputs is None or name in outputs:
                continue
        walk(reading, node, level)
    walk(reading, fields.get("limitOffset"), level)
    walk(reading, fields.get("limitCount"), level)


def _lock(reading: Reading, fields: Node, level: Level) -> None:
    """FOR UPDATE and its kin lock the named sources, or all; a subquery's tables with it."""
    names = {node["RangeVar"]["relname"] for node in fields.get("lockedRels", ())}
    reading.effort.spend(len(level.sources))
    stack = [source for source in level.sources if not names or source.name in names]
    while stack:
        source = stack.pop()
        reading.effort.spend(1)
        stack.extend((*source.within, *source.parts))
        if source.relation is not None:
            reading.lock(source.relation)


# -- writing --------------------------------------------------------------------------------------------------------


class _Returned(Source):
    """The target as RETURNING sees it: reading a column of it is a `select` of its own, made when that happens."""

    __slots__ = ("_reading", "_var")

    def __init__(self, name: str, target: Source, reading: Reading, var: Node) -> None:
        super().__init__(name, target.relation)
        self._reading, self._var = reading, var

    def hit(self, column: str) -> None:
        self._open()
        super().hit(column)

    def hit_star(self) -> None:
        self._open()
        super().hit_star()

    def _open(self) -> None:
        if not self.entries and self.relation is not None:
            self.entries = self._reading.reach("select", {**self._var, "inh": self._var.get("inh", False)}).entries


def _returning(reading: Reading, fields: Node, level: Level, target: Source, *, reads: bool) -> None:
    """RETURNING reads the target, unless the rows are those that an INSERT brought itself."""
    clause = fields.get("returningClause")
    if not clause:
        return
    names = {target.name, "old", "new"}
    names.update(node["ReturningOption"]["value"] for node in clause.get("options", ()))
    var = fields["relation"]
    seen = [_Returned(name, target, reading, var) if reads else Source(name, target.relation) for name in sorted(names)]
    sources = [*seen, *(source for source in level.sources if source is not target)]
    walk(reading, clause["exprs"], Level(sources, level.outer, level.ctes))


def _assign(targets: Iterable[Node], source: Source) -> None:
    for node in targets:
        source.assign(node["ResTarget"]["name"])


def _insert(reading: Reading, fields: Node, level: Level) -> None:
    open_with(reading, fields, level)
    target = reading.reach("insert", fields["relation"])
    columns = fields.get("cols")
    if columns:
        _assign(columns, target)
    else:
        target.hit_star()
    if "selectStmt" in fields:
        reading.statement(fields["selectStmt"], level.beside())
    updates = _on_conflict(reading, fields, level, target)
    _returning(reading, fields, level, target, reads=updates)


def _on_conflict(reading: Reading, fields: Node, level: Level, target: Source) -> bool:
    """ON CONFLICT; return whether it may update rows that were there before."""
    clause = fields.get("onConflictClause")
    if not clause:
        return False
    updates = bool(clause["action"] == "ONCONFLICT_UPDATE")
    changed = reading.reach("update", fields["relation"]) if updates else Source(target.name, target.relation)
    inner = Level([changed, Source("excluded")], level.outer, level.ctes)
    if "infer" in clause:
        walk(reading, {"InferClause": clause["infer"]}, inner)
    _assign(clause.get("targetList", ()), changed)
    walk(reading, clause.get("targetList"), inner)
    walk(reading, clause.get("whereClause"), inner)
    return updates


def _write(reading: Reading, fields: Node, level: Level, action: str, others: str) -> None:
    open_with(reading, fields, level)
    is_restricted = _is_restricted(reading, fields, fields.get("whereClause"), fields.get(others, ()))
    reading.has_where = reading.has_where and is_restricted
    target = reading.reach(action if is_restricted else action + "_all", fields["relation"])
    level.sources.append(target)
    from_list(reading, fields.get(others, ()), level)
    _assign(fields.get("targetList", ()), target)
    walk(reading, fields.get("targetList"), level)
    walk(reading, fields.get("whereClause"), level)
    _returning(reading, fields, level, target, reads=True)


def _is_restricted(reading: Reading, fields: Node, condition: Node | None, others: Iterable[Node]) -> bool:
    if not condition:
        return False
    var = fields["relation"]
    relations = reading.resolve(var)
    relation = relations[0] if relations else None
    alias = var.get("alias")
    twins = [
        other["alias"]["aliasname"]
        for node in others
        if (other := node.get("RangeVar"))
        and "alias" in other
        and relation in reading.look_up(other["relname"], other.get("schemaname"))
    ]
    names = [alias["aliasname"] if alias else var["relname"]]
    restriction = Restriction(reading.catalog, relation, names, twins, reading.effort)
    found = restriction.restricts(condition)
    reading.literals_matter = reading.literals_matter or restriction.literals_matter
    return found


def _update(reading: Reading, fields: Node, level: Level) -> None:
    _write(reading, fields, level, "update", "fromClause")


def _delete(reading: Reading, fields: Node, level: Level) -> None:
    _write(reading, fields, level, "delete", "usingClause")


# -- MERGE ----------------------------------------------------------------------------------------------------------

_MERGED = {"CMD_INSERT": "insert", "CMD_UPDATE": "update", "CMD_DELETE": "delete"}


def _merge(reading: Reading, fields: Node, level: Level) -> None:
    open_with(reading, fields, level)
    clauses = [node["MergeWhenClause"] for node in fields["mergeWhenClauses"]]
    merges_all = _merges_all(reading, fields, clauses)
    reading.has_where = reading.has_where and not merges_all
    target = reading.reach("merge_all" if merges_all else "merge", fields["relation"])
    level.sources.append(target)
    _add(reading, fields["sourceRelation"], level)
    walk(reading, fields.get("joinCondition"), level)
    for clause in clauses:
        walk(reading, clause.get("condition"), level)
        action = _MERGED.get(clause.get("commandType", ""))
        if action is not None:
            written = reading.reach(action, fields["relation"])
            targets = clause.get("targetList", ())
            if targets:
                _assign(targets, written)
            elif action == "insert":
                written.hit_star()
            walk(reading, targets, level)
            walk(reading, clause.get("values"), level)
    _returning(reading, fields, level, target, reads=True)


def _merges_all(reading: Reading, fields: Node, clauses: Iterable[Node]) -> bool:
    """Whether some branch updates or deletes with nothing that restricts which rows it reaches."""
    is_joined = _is_restricted(reading, fields, fields.get("joinCondition"), (fields["sourceRelation"],))
    for clause in clauses:
        if clause.get("commandType") in ("CMD_UPDATE", "CMD_DELETE"):
            reaches_unmatched = clause["matchKind"] == "MERGE_WHEN_NOT_MATCHED_BY_SOURCE"
            if (reaches_unmatched or not is_joined) and not _is_restricted(
                reading, fields, clause.get("condition"), ()
            ):
                return True
    return False


HANDLERS: dict[str, Handler] = {
    "DeleteStmt": _delete,
    "InsertStmt": _insert,
    "MergeStmt": _merge,
    "SelectStmt": _select,
    "UpdateStmt": _update,
}
