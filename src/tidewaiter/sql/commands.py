"""Statements that are neither queries nor definitions: transactions, COPY, EXPLAIN, prepared statements, cursors,
maintenance, DO and CALL."""

from __future__ import annotations

from collections.abc import Iterator

from tidewaiter.model import EffectKind, Facts, Resource, ResourceType, SyntaxFault
from tidewaiter.sql.catalog import quoted
from tidewaiter.sql.expressions import walk
from tidewaiter.sql.levels import Level, Source
from tidewaiter.sql.locks import ACCESS_EXCLUSIVE, EXCLUSIVE, SHARE, SHARE_UPDATE_EXCLUSIVE, of_lock_table
from tidewaiter.sql.parse import Node
from tidewaiter.sql.reading import DATASOURCE, Handler, Reading, creation_schema, disturbs, strings
from tidewaiter.sql.settling import settle

_FALSE = frozenset({"false", "off", "0", "no"})

CONTROLS = {
    "TRANS_STMT_BEGIN": "begin",
    "TRANS_STMT_START": "begin",
    "TRANS_STMT_COMMIT": "commit",
    "TRANS_STMT_ROLLBACK": "rollback",
    "TRANS_STMT_SAVEPOINT": "savepoint",
    "TRANS_STMT_RELEASE": "release",
    "TRANS_STMT_ROLLBACK_TO": "rollback_to",
    "TRANS_STMT_PREPARE": "prepare_transaction",
    "TRANS_STMT_COMMIT_PREPARED": "commit_prepared",
    "TRANS_STMT_ROLLBACK_PREPARED": "rollback_prepared",
}
ENDS_FAILED = frozenset({"commit", "rollback", "rollback_to"})
"""What the server accepts in a failed transaction."""

_UNDOES = frozenset({"commit", "rollback", "rollback_to"})


def _transaction(reading: Reading, fields: Node, level: Level) -> None:
    control = CONTROLS.get(fields["kind"])
    if control is None:
        reading.unknown(f"transaction statement {fields['kind']}")
        return
    reading.control = control
    if control in _UNDOES and reading.path_changed:
        reading.path = None  # SET LOCAL ends, and SET is undone by ROLLBACK


# -- EXPLAIN --------------------------------------------------------------------------------------------------------


def _explain(reading: Reading, fields: Node, level: Level) -> None:
    """Plain EXPLAIN asks `explain` of what it would touch; with ANALYZE it is what it contains."""
    before = reading.explains
    reading.explains = not is_on(fields, "analyze")
    reading.statement(fields["query"], level)
    reading.explains = before


def is_on(fields: Node, option_name: str, field: str = "options") -> bool:
    """Whether an option of EXPLAIN, VACUUM or REINDEX is given and not switched off; in doubt it is on."""
    for option in fields.get(field, ()):
        if option["DefElem"]["defname"].lower() == option_name:
            argument = option["DefElem"].get("arg")
            if argument is None:
                return True
            kind, value = next(iter(argument.items()))
            said = value.get("sval", "") if kind == "String" else str(value.get("ival", value.get("boolval", 0)))
            if said.lower() not in _FALSE:
                return True
    return False


# -- COPY -----------------------------------------------------------------------------------------------------------


def _copy(reading: Reading, fields: Node, level: Level) -> None:
    if is_on(fields, "header"):
        reading.headed.append(reading.part)
    if fields.get("is_program") or "filename" in fields:
        reading.touch("system", DATASOURCE)  # programs and files of the server
    if "query" in fields:
        reading.statement(fields["query"], level)
        _copy_what_is_read(reading)
        return
    target = reading.reach("copy_in" if fields.get("is_from") else "copy_out", fields["relation"])
    columns = fields.get("attlist")
    if not columns:
        target.hit_star()
    for column in strings(columns or ()):
        target.hit(column)
    level.sources.append(target)
    walk(reading, fields.get("whereClause"), level)


def _copy_what_is_read(reading: Reading) -> None:
    for entry in list(reading.present):
        if entry.action == "select":
            copied = reading.touch("copy_out", entry.resource, entry.via)
            copied.columns.update(entry.columns)
            copied.star = copied.star or entry.star


# -- prepared statements and cursors --------------------------------------------------------------------------------


def _apart(reading: Reading, query: Node, level: Level) -> Facts:
    """The facts of a query that runs later; what it does to the session then, it does not do now."""

    def run() -> None:
        reading.statement(query, level)
        settle(reading)
        for entry in reading.present:
            entry.runs = entry.fires = False  # settled

    before = reading.ran_code
    facts = reading.aside(run)
    reading.ran_code = before
    return facts


def _prepare(reading: Reading, fields: Node, level: Level) -> None:
    walk(reading, fields.get("argtypes"), level)
    facts = _apart(reading, fields["query"], level)
    reading.effect(EffectKind.PREPARE, fields["name"], facts)
    reading.prepared[fields["name"]] = facts


def _execute(reading: Reading, fields: Node, level: Level) -> None:
    walk(reading, fields.get("params"), level)
    if not reading.is_settled:
        # It is analysed anew when names may mean something else: what it meant when it was prepared says nothing.
        reading.unknown("what a prepared statement means is not known after an earlier statement of this text")
    _bring(reading, reading.prepared.get(fields["name"]), f"prepared statement {quoted((fields['name'],))}")


def _bring(reading: Reading, facts: Facts | None, what: str) -> None:
    reading.session_bound = True
    if facts is None:
        reading.unknown(f"{what} is not known")
    else:
        reading.bring(facts)


def _deallocate(reading: Reading, fields: Node, level: Level) -> None:
    name = fields.get("name", "")
    reading.effect(EffectKind.DEALLOCATE, name)
    _forget(reading.prepared, name)


def _declare(reading: Reading, fields: Node, level: Level) -> None:
    facts = _apart(reading, fields["query"], level)
    for effect in facts.effects:
        reading.effect(effect.kind, effect.name, effect.facts, effect.relation)
        reading.ran_code = reading.ran_code or disturbs(effect)
    reading.effect(EffectKind.DECLARE, fields["portalname"], facts)
    reading.cursors[fields["portalname"]] = facts


def _fetch(reading: Reading, fields: Node, level: Level) -> None:
    if not fields.get("ismove"):
        reading.fetches.append((reading.part, fields["portalname"]))
    _bring(reading, reading.cursors.get(fields["portalname"]), f"cursor {quoted((fields['portalname'],))}")


def _close(reading: Reading, fields: Node, level: Level) -> None:
    name = fields.get("portalname", "")
    reading.effect(EffectKind.CLOSE, name)
    _forget(reading.cursors, name)


def _forget(known: dict[str, Facts], name: str) -> None:
    if name:
        known.pop(name, None)
    else:
        known.clear()


# -- channels and locks ---------------------------------------------------------------------------------------------


def _listen(reading: Reading, fields: Node, level: Level) -> None:
    reading.touch("listen", Resource(ResourceType.CHANNEL, (fields.get("conditionname", "*"),)))


def _notify(reading: Reading, fields: Node, level: Level) -> None:
    reading.touch("notify", Resource(ResourceType.CHANNEL, (fields["conditionname"],)))


def _lock(reading: Reading, fields: Node, level: Level) -> None:
    for node in fields["relations"]:
        reading.reach("lock", node["RangeVar"])
    for entry in reading.present:
        if entry.action == "lock":
            reading.lock_table((entry.resource.path[0], entry.resource.path[1]), of_lock_table(fields["mode"]))


# -- maintenance ----------------------------------------------------------------------------------------------------


def _on_relation(reading: Reading, action: str, var: Node | None, lock: str | None = None) -> Source | None:
    """Touch the relation itself, or the datasource where the statement names none. Views are not looked through."""
    if var is None:
        reading.touch(action, DATASOURCE)
        return None
    relations = reading.resolve(var)
    entries = tuple(reading.touch(action, reading.table((one.schema, one.name))) for one in relations)
    for one in relations:
        if lock is not None:
            reading.lock_table((one.schema, one.name), lock)
    return Source("", relations[0] if relations else None, entries)


def _vacuum(reading: Reading, fields: Node, level: Level) -> None:
    actions = ["vacuum"] if fields.get("is_vacuumcmd") else ["analyze"]
    if is_on(fields, "analyze"):
        actions.append("analyze")
    lock = ACCESS_EXCLUSIVE if is_on(fields, "full") else SHARE_UPDATE_EXCLUSIVE
    for action in dict.fromkeys(actions):
        relations: list[Node] = fields.get("rels") or [{"VacuumRelation": {}}]
        for one in (node["VacuumRelation"] for node in relations):
            source = _on_relation(reading, action, one.get("relation"), lock)
            _on_heirs(reading, action, source)
            for column in strings(one.get("va_cols", ())):
                if source is not None:
                    source.hit(column)


def _on_heirs(reading: Reading, action: str, source: Source | None) -> None:
    """ANALYZE samples the rows of inheritance children with their parent's."""
    relation = source.relation if source is not None and action == "analyze" else None
    for heir in reading.catalog.heirs.get((relation.schema, relation.name), ()) if relation is not None else ():
        reading.touch(action, reading.table(heir), (quoted((relation.schema, relation.name)),) if relation else ())
        reading.lock_table(heir, SHARE_UPDATE_EXCLUSIVE)


def _cluster(reading: Reading, fields: Node, level: Level) -> None:
    _on_relation(reading, "cluster", fields.get("relation"), ACCESS_EXCLUSIVE)


def _reindex(reading: Reading, fields: Node, level: Level) -> None:
    if fields["kind"] == "REINDEX_OBJECT_SCHEMA":
        reading.touch("reindex", Resource(ResourceType.SCHEMA, (fields["name"],)))
        return
    is_concurrent, is_index = is_on(fields, "concurrently", "params"), fields["kind"] == "REINDEX_OBJECT_INDEX"
    lock = SHARE_UPDATE_EXCLUSIVE if is_concurrent else ACCESS_EXCLUSIVE if is_index else SHARE
    source = _on_relation(reading, "reindex", fields.get("relation"), lock)
    if source is not None and source.relation is not None:
        path = (source.relation.schema, source.relation.name)
        table = reading.catalog.indexes.get(path)
        if table is not None:
            reading.touch("reindex", reading.table(table), (quoted(path),))
            reading.lock_table(table, SHARE_UPDATE_EXCLUSIVE if is_concurrent else SHARE)


def _refresh(reading: Reading, fields: Node, level: Level) -> None:
    """The view's query runs, as its owner: what it reads and calls is touched as if it were asked here."""
    lock = EXCLUSIVE if fields.get("concurrent") else ACCESS_EXCLUSIVE
    source = _on_relation(reading, "refresh", fields["relation"], lock)
    if source is not None and source.relation is not None:
        reading.look_through((source.relation.schema, source.relation.name))


def _truncate(reading: Reading, fields: Node, level: Level) -> None:
    """TRUNCATE empties partitions and inheritance children too, and with CASCADE whatever refers to the table."""
    catalog = reading.catalog
    for node in fields["relations"]:
        var = node["RangeVar"]
        for relation in reading.resolve(var):
            path = (relation.schema, relation.name)
            via = (quoted(path),)
            reading.touch("truncate", reading.table(path)).fires = True
            reading.lock_table(path, ACCESS_EXCLUSIVE)
            below = catalog.heirs.get(path, ()) if var.get("inh") else ()
            also = catalog.referrers.get(path, ()) if fields.get("behavior") == "DROP_CASCADE" else ()
            for other in (*below, *also):
                reading.touch("truncate", reading.table(other), via).fires = True
                reading.lock_table(other, ACCESS_EXCLUSIVE)


def _on_datasource(action: str) -> Handler:
    def handler(reading: Reading, fields: Node, level: Level) -> None:
        reading.touch(action, DATASOURCE)

    return handler


# -- code -----------------------------------------------------------------------------------------------------------


def _do(reading: Reading, fields: Node, level: Level) -> None:
    reading.touch("do", DATASOURCE).traits |= {"opaque"}
    reading.opaque()


def _call(reading: Reading, fields: Node, level: Level) -> None:
    call = fields["funccall"]
    names = tuple(strings(call["funcname"]))
    for path in _procedures(reading, names, call):
        reading.runs(path, action="call")
    walk(reading, call.get("args"), level)


def _procedures(reading: Reading, names: tuple[str, ...], call: Node) -> Iterator[tuple[str, str]]:
    name, schema = names[-1], names[-2] if len(names) > 1 else None
    found = reading.catalog.find_functions(name, schema, reading.path or ())
    if not found:
        position = call["location"] + 1 if "location" in call else None
        fault = SyntaxFault("42883", f"procedure {'.'.join(names)} does not exist", position)
        reading.unknown(f"procedure {'.'.join(names)} is not in the catalog", fault)
        yield (schema or creation_schema(reading), name)
    for function in found:
        yield function.path


HANDLERS: dict[str, Handler] = {
    "CallStmt": _call,
    "CheckPointStmt": _on_datasource("checkpoint"),
    "ClosePortalStmt": _close,
    "ClusterStmt": _cluster,
    "CopyStmt": _copy,
    "DeallocateStmt": _deallocate,
    "DeclareCursorStmt": _declare,
    "DoStmt": _do,
    "ExecuteStmt": _execute,
    "ExplainStmt": _explain,
    "FetchStmt": _fetch,
    "ListenStmt": _listen,
    "LoadStmt": _on_datasource("load"),
    "LockStmt": _lock,
    "NotifyStmt": _notify,
    "PrepareStmt": _prepare,
    "RefreshMatViewStmt": _refresh,
    "ReindexStmt": _reindex,
    "TransactionStmt": _transaction,
    "TruncateStmt": _truncate,
    "UnlistenStmt": _listen,
    "VacuumStmt": _vacuum,
}
