"""Function calls: which functions a call can mean, and what calling them asks."""

from __future__ import annotations

from collections.abc import Sequence

from tidewaiter.model import Resource, ResourceType, SyntaxFault
from tidewaiter.sql.catalog import SYSTEM_SCHEMAS, Function
from tidewaiter.sql.levels import Level
from tidewaiter.sql.parse import Node
from tidewaiter.sql.reading import DATASOURCE, Reading, strings
from tidewaiter.sql.routines import BY_CONSTANT, action_of
from tidewaiter.sql.settings import change_setting


def read_call(reading: Reading, fields: Node, level: Level) -> None:
    """Note what a FuncCall asks for; its arguments are read by the caller."""
    names = fields["funcname"]
    name = names[-1]["String"]["sval"]
    schema = names[-2]["String"]["sval"] if len(names) > 1 else None
    catalog = reading.catalog
    is_builtin = name in catalog.builtins and (schema is None or schema in SYSTEM_SCHEMAS)
    found = _users(reading, name, schema) if name in catalog.functions else ()
    if is_builtin:
        # An extension's overload of a built-in name was installed with the extension; a stranger's is a trap.
        found = tuple(one for one in found if not one.extension)
        _read_builtin(reading, name, fields, level)
    for function in found:
        reading.runs(function.path)
    arguments = fields.get("args", [])
    if len(arguments) == 1 and name in catalog.casts:
        reading.cast(name)  # `text(row)` is `row::text`
    if len(arguments) == 1:
        reading.check(name)
    if not found and not is_builtin:
        _read_unfound(reading, name, schema, fields, level)


def _users(reading: Reading, name: str, schema: str | None) -> tuple[Function, ...]:
    if reading.is_shaken or (schema is None and reading.path is None):
        reading.unknown("what names mean is not known after an earlier statement of this text")
        return reading.catalog.functions[name]
    return reading.catalog.find_functions(name, schema, reading.path or ())


def _read_builtin(reading: Reading, name: str, fields: Node, level: Level) -> None:
    if name in BY_CONSTANT:
        reading.literals_matter = True
        _read_by_constant(reading, name, fields.get("args", []), level)
        return
    _read_builtin_action(reading, name)


def _read_builtin_action(reading: Reading, name: str, action: str | None = None) -> None:
    action = action or action_of(name, reading.catalog.builtins[name])
    if action == "function":
        reading.runs(("pg_catalog", name))
    elif action is not None:
        reading.touch(action, DATASOURCE)


def read_notation(reading: Reading, name: str, *, takes_row: bool) -> None:
    """Note the functions that column notation may call: `t.f` of a row (`takes_row`), `(expression).f` of anything.

    Built-ins count too: `('/etc/passwd'::text).pg_read_file` is a call.
    """
    catalog = reading.catalog
    if name in catalog.builtins:
        _read_builtin_action(reading, name, "function" if name in BY_CONSTANT else None)
    if takes_row:
        found = catalog.row_functions.get(name, ())
    else:
        found = _users(reading, name, None) if name in catalog.functions else ()
    for function in found:
        reading.runs(function.path)


def _read_unfound(reading: Reading, name: str, schema: str | None, fields: Node, level: Level) -> None:
    """Neither built-in nor in the catalog: a cast in function notation, a column in function notation, or not known."""
    arguments = fields.get("args", [])
    is_cast_or_column = len(arguments) == 1 and (
        name in reading.catalog.types or _is_column_of(arguments[0], name, level)
    )
    if schema is None and is_cast_or_column:
        return
    shown = f"{schema}.{name}" if schema else name
    position = fields["location"] + 1 if "location" in fields else None
    # The server adds the argument types, which only it knows.
    fault = SyntaxFault("42883", f"function {shown} does not exist", position)
    reading.unknown(f"function {shown} is not in the catalog", fault)


def _is_column_of(argument: Node, name: str, level: Level) -> bool:
    """`ssn(customers)` is `customers.ssn`. The whole row is counted by the caller, who reads the argument."""
    reference = argument.get("ColumnRef")
    if reference is None:
        return False
    source = level.named(list(strings(reference["fields"]))[-1], None)
    return source is not None and source.knows(name)


def constant(arguments: Sequence[Node], index: int) -> str | None:
    """The text of a constant argument, casts looked through; None for anything else, NULL and named arguments too."""
    if index >= len(arguments):
        return None
    node = arguments[index]
    while "TypeCast" in node:
        node = node["TypeCast"]["arg"]
    value = node.get("A_Const")
    if value is None or "sval" not in value:
        return None
    text: str = value["sval"].get("sval", "")
    return text


def _pinned(reading: Reading, arguments: Sequence[Node], level: Level) -> str | None:
    """The value of a first argument that is a column which WHERE holds to a constant, as pg_dump writes it:
    `select set_config(name, …) from pg_settings where name = 'x'`."""
    relation = level.sources[0].relation if level.sources else None
    if relation is None or relation.schema not in SYSTEM_SCHEMAS:
        return None  # elsewhere a collation of its own may call different names equal
    reference = arguments[0].get("ColumnRef") if arguments else None
    comparison = (level.condition or {}).get("A_Expr")
    if not reference or not comparison or "=" in reading.catalog.operators:
        return None
    is_equality = comparison["kind"] == "AEXPR_OP" and list(strings(comparison["name"])) == ["="]
    column = comparison.get("lexpr", {}).get("ColumnRef", {}).get("fields")
    if not is_equality or column != reference["fields"] or len(column) != 1:
        return None
    return constant([comparison["rexpr"]], 0)


def _read_by_constant(reading: Reading, name: str, arguments: Sequence[Node], level: Level) -> None:
    first = constant(arguments, 0) or _pinned(reading, arguments, level)
    if name == "set_config":
        change_setting(reading, first, constant(arguments, 1))
        if first is None:
            reading.unknown("set_config of a setting that is not named by a constant")
    elif name == "pg_notify":
        if first is None:
            reading.unknown("pg_notify on a channel that is not named by a constant")
        else:
            reading.touch("notify", Resource(ResourceType.CHANNEL, (first,)))
    else:
        _read_sequence(reading, name, first)


def _read_sequence(reading: Reading, name: str, text: str | None) -> None:
    """nextval and setval change the sequence. Its name is read as regclass reads it: dots and double quotes."""
    path = _identifier(text) if text is not None else None
    if path is None or len(path) > 2:
        reading.touch("function", Resource(ResourceType.FUNCTION, ("pg_catalog", name)))
        return
    var: Node = {"relname": path[-1]}
    if len(path) == 2:
        var["schemaname"] = path[0]
    reading.reach("update", var)


def _identifier(text: str) -> list[str] | None:
    """Parts of a possibly quoted, possibly qualified name; None when it is not one."""
    parts: list[str] = []
    rest = text.strip()
    while rest:
        if rest.startswith('"'):
            end = rest.find('"', 1)
            part, rest = rest[1:end], rest[end + 1 :]
            if end < 2 or rest.startswith('"'):
                return None
        else:
            part, dot, rest = rest.partition(".")
            part, rest = part.strip().lower(), dot + rest
        if not part:
            return None
        parts.append(part)
        if rest:
            if not rest.startswith("."):
                return None
            rest = rest[1:] or "."
    return parts or None
