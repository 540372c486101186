"""Expressions: every node below a statement that is not itself a statement or a FROM item.

An allow-list of node types with the fields that hold further nodes; `tests/sql/test_expressions.py` proves against the
grammar's own description that no field of a listed node is left out by mistake.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tidewaiter.sql.calls import read_call, read_notation
from tidewaiter.sql.effort import TooMuchWork
from tidewaiter.sql.levels import Level
from tidewaiter.sql.parse import Node
from tidewaiter.sql.reading import Reading, strings
from tidewaiter.sql.routines import LISTED

FIELDS: Mapping[str, str] = {
    "A_ArrayExpr": "elements",
    "A_Const": "",
    "A_Indices": "lidx uidx",
    "A_Star": "",
    "BitString": "",
    "BoolExpr": "args",
    "Boolean": "",
    "BooleanTest": "arg",
    "CaseWhen": "expr result",
    "CoalesceExpr": "args",
    "CollateClause": "arg",
    "CurrentOfExpr": "",
    "Float": "",
    "GroupingFunc": "args",
    "GroupingSet": "content",
    "InferClause": "indexElems whereClause",
    "Integer": "",
    "JsonAggConstructor": "output:JsonOutput agg_filter agg_order over:WindowDef",
    "JsonArgument": "val:JsonValueExpr",
    "JsonArrayAgg": "constructor:JsonAggConstructor arg:JsonValueExpr",
    "JsonArrayConstructor": "exprs output:JsonOutput",
    "JsonBehavior": "expr",
    "JsonFormat": "",
    "JsonFuncExpr": "context_item:JsonValueExpr pathspec passing output:JsonOutput "
    "on_empty:JsonBehavior on_error:JsonBehavior",
    "JsonIsPredicate": "expr",
    "JsonKeyValue": "key value:JsonValueExpr",
    "JsonObjectAgg": "constructor:JsonAggConstructor arg:JsonKeyValue",
    "JsonObjectConstructor": "exprs output:JsonOutput",
    "JsonOutput": "typeName:TypeName",
    "JsonParseExpr": "expr:JsonValueExpr output:JsonOutput",
    "JsonScalarExpr": "expr output:JsonOutput",
    "JsonSerializeExpr": "expr:JsonValueExpr output:JsonOutput",
    "JsonTableColumn": "typeName:TypeName pathspec:JsonTablePathSpec columns "
    "on_empty:JsonBehavior on_error:JsonBehavior",
    "JsonTablePathSpec": "string",
    "JsonValueExpr": "raw_expr formatted_expr",
    "List": "items",
    "MergeSupportFunc": "",
    "MinMaxExpr": "args",
    "MultiAssignRef": "source",
    "NamedArgExpr": "arg",
    "NullTest": "arg",
    "ParamRef": "",
    "RangeTableFuncCol": "typeName:TypeName colexpr coldefexpr",
    "ResTarget": "indirection val",
    "RowExpr": "args",
    "SQLValueFunction": "",
    "SetToDefault": "",
    "String": "",
    "WindowDef": "partitionClause orderClause startOffset endOffset",
    "XmlExpr": "named_args args",
    "XmlSerialize": "expr typeName:TypeName",
}
"""Node type → fields to follow; `field:Type` holds the fields of one node type directly."""

_CHILDREN: dict[str, tuple[tuple[str, str], ...]] = {
    kind: tuple((field.partition(":")[0], field.partition(":")[2]) for field in fields.split())
    for kind, fields in FIELDS.items()
}

_CASE = (("arg", ""), ("args", ""), ("defresult", ""))
_BUILT_IN = frozenset(name.removeprefix("operator ") for name in LISTED if name.startswith("operator "))

_Stack = list[Node]
_Special = Callable[[Reading, Node, Level, _Stack], None]


def walk(reading: Reading, value: Any, level: Level) -> None:
    """Read an expression, a list of them, or nothing. Iterative, so that long chains of operators need no stack."""
    if not value:
        return
    stack: _Stack = value[::-1] if isinstance(value, list) else [value]
    effort = reading.effort
    while stack:
        node = stack.pop()
        effort.left -= 1
        if effort.left < 0:
            raise TooMuchWork
        if not node:  # an empty place in a list
            continue
        kind, fields = next(iter(node.items()))
        special = SPECIAL.get(kind)
        if special is not None:
            special(reading, fields, level, stack)
            continue
        children = _CHILDREN.get(kind)
        if children is None:
            reading.unknown(f"expression {kind}")
        elif children:
            _push(fields, children, stack)


def _push(fields: Node, children: tuple[tuple[str, str], ...], stack: _Stack) -> None:
    for name, embedded in reversed(children):
        value = fields.get(name)
        if value:
            if isinstance(value, list):
                stack.extend(reversed(value))
            else:
                stack.append({embedded: value} if embedded else value)


def _column(reading: Reading, fields: Node, level: Level, stack: _Stack) -> None:
    parts = fields["fields"]
    last = parts[-1]
    if len(parts) == 1:
        if "String" in last:
            level.refer(last["String"]["sval"])
        else:
            reading.effort.spend(len(level.sources))
            for one in level.sources:
                one.hit_star()
        return
    names = list(strings(parts))
    source = level.named(names[-2], names[-3] if len(names) > 2 else None)
    if source is None:
        level.everything()
        read_notation(reading, names[-1], takes_row=True)
    elif "A_Star" in last or not source.knows(names[-1]):
        source.hit_star()
        read_notation(reading, names[-1], takes_row=True)
    else:
        source.hit(names[-1])


def _indirection(reading: Reading, fields: Node, level: Level, stack: _Stack) -> None:
    """`(expression).field[1].*`: a field of a whole row is one column of it, if the row is a source's."""
    argument, path = fields["arg"], fields["indirection"]
    field = path[0]["String"]["sval"] if "String" in path[0] else None
    for node in path:
        if "String" in node:
            read_notation(reading, node["String"]["sval"], takes_row=False)
        elif "A_Indices" in node:
            stack.append(node)
    if field is not None and "ColumnRef" in argument and len(argument["ColumnRef"]["fields"]) == 1:
        name = next(strings(argument["ColumnRef"]["fields"]))
        is_column = level.has_column(name)
        source = None if is_column else level.named(name, None)
        if source is not None and source.knows(field):
            source.hit(field)
            return
    stack.append(argument)


def _call(reading: Reading, fields: Node, level: Level, stack: _Stack) -> None:
    read_call(reading, fields, level)
    over = fields.get("over")
    if over:
        stack.append({"WindowDef": over})
    for name in ("agg_filter", "agg_order", "args"):
        value = fields.get(name)
        if value:
            stack.extend(reversed(value) if isinstance(value, list) else (value,))


def _operator(reading: Reading, fields: Node, level: Level, stack: _Stack) -> None:
    if reading.catalog.operators:
        _user_operator(reading, fields["name"])
        for hidden in _IN_FORM.get(fields["kind"], ()):
            implied_operator(reading, hidden)
    for side in ("rexpr", "lexpr"):
        value = fields.get(side)
        if value:
            stack.extend(reversed(value["List"]["items"]) if "List" in value else (value,))


_BETWEEN = ("<", "<=", ">", ">=")
_IN_FORM = {
    **dict.fromkeys(("AEXPR_BETWEEN", "AEXPR_NOT_BETWEEN", "AEXPR_BETWEEN_SYM", "AEXPR_NOT_BETWEEN_SYM"), _BETWEEN),
    "AEXPR_NULLIF": ("=",),
}
"""Operators that a form of expression calls without writing them."""


def _user_operator(reading: Reading, name: list[Node]) -> None:
    if len(name) > 1 and name[-2]["String"]["sval"] == "pg_catalog" and name[-1]["String"]["sval"] in _BUILT_IN:
        return  # OPERATOR(pg_catalog.=)
    implied_operator(reading, name[-1]["String"]["sval"])


def implied_operator(reading: Reading, name: str) -> None:
    """Note that an operator is used, written or not: one of that name outside pg_catalog may fit its operands."""
    for path in reading.catalog.operators.get(name, ()):
        reading.runs(path)


def _case(reading: Reading, fields: Node, level: Level, stack: _Stack) -> None:
    """`CASE x WHEN y` compares by `=`."""
    if "arg" in fields:
        implied_operator(reading, "=")
    _push(fields, _CASE, stack)


def _sort(reading: Reading, fields: Node, level: Level, stack: _Stack) -> None:
    if "useOp" in fields:
        _user_operator(reading, fields["useOp"])
    stack.append(fields["node"])


def _cast(reading: Reading, fields: Node, level: Level, stack: _Stack) -> None:
    """A cast may call a function of its own. A string is read by the type's input function instead."""
    argument, names = fields["arg"], fields["typeName"].get("names")
    stack.append(argument)
    if not names:
        return
    reading.check(names[-1]["String"]["sval"])
    if not reading.catalog.casts:
        return
    if not {"sval", "isnull"}.isdisjoint(argument.get("A_Const", ())):
        reading.types.add(names[-1]["String"]["sval"])
    else:
        reading.cast(names[-1]["String"]["sval"])


def _type_name(reading: Reading, fields: Node, level: Level, stack: _Stack) -> None:
    names = fields.get("names")
    if names:
        reading.check(names[-1]["String"]["sval"])


def _sublink(reading: Reading, fields: Node, level: Level, stack: _Stack) -> None:
    if "operName" in fields:
        _user_operator(reading, fields["operName"])
    elif "testexpr" in fields:  # `IN (SELECT …)`
        implied_operator(reading, "=")
    reading.statement(fields["subselect"], level.below())
    if "testexpr" in fields:
        stack.append(fields["testexpr"])


def _index_elem(reading: Reading, fields: Node, level: Level, stack: _Stack) -> None:
    note_operator_class(reading, fields)
    _push(fields, (("expr", ""), ("opclassopts", "")), stack)


def note_operator_class(reading: Reading, fields: Node) -> None:
    """`(column class)`: whoever puts values there, or looks for them, calls the functions of the class."""
    names = list(strings(fields.get("opclass", ())))
    for path in reading.catalog.operator_classes.get(names[-1], ()) if names else ():
        reading.runs(path)


def _json_query(reading: Reading, fields: Node, level: Level, stack: _Stack) -> None:
    reading.statement(fields["query"], level.below())
    if "output" in fields:
        stack.append({"JsonOutput": fields["output"]})


SPECIAL: Mapping[str, _Special] = {
    "A_Expr": _operator,
    "A_Indirection": _indirection,
    "CaseExpr": _case,
    "ColumnRef": _column,
    "FuncCall": _call,
    "IndexElem": _index_elem,
    "JsonArrayQueryConstructor": _json_query,
    "SortBy": _sort,
    "SubLink": _sublink,
    "TypeCast": _cast,
    "TypeName": _type_name,
}
"""Node types with a meaning of their own."""
