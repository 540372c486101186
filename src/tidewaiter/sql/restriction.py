"""Whether a WHERE clause restricts which rows of the target an UPDATE, DELETE or MERGE reaches. Static and cautious.

Undecidable in general: what is certainly, or as good as certainly, every row counts as not restricting (true, 1=1,
c=c, c IS NOT NULL on a NOT NULL column, LIKE '%', conditions without a column of the target, the target joined with
itself). What depends on the data (id > 0) counts as restricting; row limits and estimates see to those.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tidewaiter.model import Relation
from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.effort import Effort
from tidewaiter.sql.parse import Node

_PLACES = frozenset({"location", "rexpr_list_start", "rexpr_list_end", "list_start", "list_end"})
SHAPE_PER_STEP = 2  # an element of a shape takes half of a step's time
_EVERYTHING = re.compile(r"%*\Z")
_EVERY_REGEX = frozenset({"", ".*", "^", "$", "^.*$", "^.*", ".*$", "()", "(.*)"})
_OPAQUE = frozenset({"CaseExpr", "CoalesceExpr", "MinMaxExpr"})
"""Conditions that may hide a constant in their arms."""

_REGEX_OPERATORS = frozenset({"~", "~*"})
_COMPLEMENTS = {"=": "<>", "<>": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_NEGATIVE = frozenset({"<>", "!~~", "!~~*", "!~"})


class Restriction:
    """Judges conditions on one target. `literals_matter` becomes true when a constant decided.

    `names`: what the condition calls the target. `twins`: other names in the statement for the same relation.
    """

    def __init__(
        self,
        catalog: Catalog,
        relation: Relation | None,
        names: Iterable[str],
        twins: Iterable[str] = (),
        effort: Effort | None = None,
    ) -> None:
        self._effort = effort or Effort(0)
        self._catalog = catalog
        self._relation = relation
        self._names = frozenset(names)
        self._twins = frozenset(twins)
        self.literals_matter = False

    def restricts(self, condition: Node | None) -> bool:
        """Whether the condition can keep rows of the target out, going by its form."""
        if not condition:
            return False
        kind, fields = next(iter(condition.items()))
        if kind == "BoolExpr":
            return self._boolean(fields)
        if kind == "CurrentOfExpr":
            return True
        if kind in _OPAQUE or not self._refers(condition):
            return False
        judge = {
            "A_Expr": self._comparison,
            "BooleanTest": self._truth,
            "NullTest": self._null_test,
            "SubLink": self._sublink,
            "TypeCast": self._cast,
        }.get(kind)
        return judge(fields) if judge else True

    def _cast(self, fields: Node) -> bool:
        return self.restricts(fields["arg"])

    def _null_test(self, fields: Node) -> bool:
        return fields["nulltesttype"] == "IS_NULL" or self._is_nullable(fields["arg"])

    def _boolean(self, fields: Node) -> bool:
        arguments = fields["args"]
        if fields["boolop"] == "AND_EXPR":
            return any([self.restricts(argument) for argument in arguments])
        if fields["boolop"] == "NOT_EXPR":
            return self._negated(arguments[0])
        self.literals_matter = True
        return not self._has_complements(arguments) and all([self.restricts(argument) for argument in arguments])

    def _negated(self, condition: Node) -> bool:
        kind, fields = next(iter(condition.items()))
        if kind == "BoolExpr":
            arguments = fields["args"]
            if fields["boolop"] == "NOT_EXPR":
                return self.restricts(arguments[0])
            found = [self._negated(argument) for argument in arguments]
            return all(found) if fields["boolop"] == "AND_EXPR" else any(found)
        if not self._refers(condition):
            return False
        if kind == "NullTest":
            return fields["nulltesttype"] != "IS_NULL" or self._is_nullable(fields["arg"])
        return not (kind == "A_Expr" and self._are_equal(fields.get("lexpr"), fields.get("rexpr")))

    def _truth(self, fields: Node) -> bool:
        test = fields["booltesttype"]
        if test in ("IS_TRUE", "IS_NOT_FALSE"):
            return self.restricts(fields["arg"])
        if test in ("IS_FALSE", "IS_NOT_TRUE"):
            return self._negated(fields["arg"])
        return bool(test == "IS_UNKNOWN")

    def _is_nullable(self, argument: Node) -> bool:
        """Whether `argument IS NOT NULL` can be false: a column without NOT NULL."""
        reference = argument.get("ColumnRef")
        if reference is None or self._relation is None:
            return False
        name = _names(reference)[-1]
        path = (self._relation.schema, self._relation.name)
        return name in self._relation.columns and name not in self._catalog.required.get(path, ())

    def _comparison(self, fields: Node) -> bool:
        left, right = fields.get("lexpr"), fields.get("rexpr")
        kind, operator = fields["kind"], fields["name"][-1]["String"]["sval"]
        if self._are_equal(left, right):
            return False
        if kind in ("AEXPR_LIKE", "AEXPR_ILIKE", "AEXPR_SIMILAR") or operator in _REGEX_OPERATORS:
            self.literals_matter = True
            return operator in _NEGATIVE or not _matches_everything(right, operator)
        if kind == "AEXPR_OP_ANY" and right and "SubLink" in right:
            return self._sublink(right["SubLink"])  # = ANY (ARRAY(SELECT …)) is IN (SELECT …)
        if kind in ("AEXPR_IN", "AEXPR_BETWEEN", "AEXPR_BETWEEN_SYM", "AEXPR_OP_ANY") and operator not in _NEGATIVE:
            return not any(self._are_equal(left, item) for item in _items(right))
        return not (self._is_own_column_twice(left, right) or self._is_self_join(left, right))

    def _is_own_column_twice(self, left: Node | None, right: Node | None) -> bool:
        """`t.id = id` where nothing else has the name."""
        if self._twins or not left or not right or "ColumnRef" not in left or "ColumnRef" not in right:
            return False
        one, other = _names(left["ColumnRef"]), _names(right["ColumnRef"])
        return one[-1] == other[-1] and {*one[-2:-1], *other[-2:-1]} <= self._names

    def _are_equal(self, one: Node | None, other: Node | None) -> bool:
        """Whether two expressions are the same but for their places in the text."""
        if not one or not other or one.keys() != other.keys():
            return not one and not other
        return self._shape(one) == self._shape(other)

    def _shape(self, node: Node) -> tuple[object, ...]:
        """An expression without its places in the text: equal shapes are equal expressions."""
        shape: list[object] = []
        stack: list[object] = [node]
        while stack:
            value = stack.pop()
            if isinstance(value, dict):
                members = [(inner, key) for key, inner in value.items() if key not in _PLACES]
                shape.append(len(members))
                for member in members:
                    stack.extend(member)
            elif isinstance(value, list):
                shape.append(("list", len(value)))
                stack.extend(value)
            else:
                shape.append(value)
        self._effort.spend(len(shape) // SHAPE_PER_STEP)
        return tuple(shape)

    def _has_complements(self, arguments: list[Node]) -> bool:
        """`x OR NOT x` in its plain forms: IS NULL with IS NOT NULL, = with <>, < with >=."""
        seen: set[tuple[object, ...]] = set()
        for argument in arguments:
            form, word, opposite = self._form(argument)
            if (form, opposite) in seen:
                return True
            seen.add((form, word))
        return False

    def _form(self, condition: Node) -> tuple[tuple[object, ...], str, str]:
        """What a condition is about, what it says of it, and what its complement would say."""
        kind, fields = next(iter(condition.items()))
        if kind == "BoolExpr" and fields["boolop"] == "NOT_EXPR":
            form, word, opposite = self._form(fields["args"][0])
            return form, opposite, word
        if kind == "NullTest":
            is_null = fields["nulltesttype"] == "IS_NULL"
            words = ("null", "not null") if is_null else ("not null", "null")
            return (self._shape(fields["arg"]), *words)
        if kind == "A_Expr" and fields["kind"] == "AEXPR_OP" and "lexpr" in fields:
            name = fields["name"][-1]["String"]["sval"]
            if name in _COMPLEMENTS:
                return (self._shape({"lexpr": fields["lexpr"], "rexpr": fields["rexpr"]}), name, _COMPLEMENTS[name])
        return (self._shape(condition), "is", "not")

    def _is_self_join(self, left: Node | None, right: Node | None) -> bool:
        """`t.id = twin.id` where both are the same relation."""
        if not self._twins or not left or not right or "ColumnRef" not in left or "ColumnRef" not in right:
            return False
        one, other = _names(left["ColumnRef"]), _names(right["ColumnRef"])
        if one[-1] != other[-1]:
            return False
        owners = {one[-2] if len(one) > 1 else "", other[-2] if len(other) > 1 else ""}
        return bool(owners & self._twins) and bool(owners & (self._names | {""}))

    def _sublink(self, fields: Node) -> bool:
        query = fields["subselect"].get("SelectStmt")
        if query is None or query.get("op", "SETOP_NONE") != "SETOP_NONE" or "limitCount" in query:
            return True
        same = [var for var in _relations(query) if self._is_target(var)]
        if not same:
            return True
        names = {_alias(var) for var in same}
        inner = Restriction(self._catalog, self._relation, names, self._names, self._effort)
        found = inner.restricts(query.get("whereClause"))
        self.literals_matter = self.literals_matter or inner.literals_matter
        return found

    def _is_target(self, var: Node) -> bool:
        relation = self._relation
        if relation is None:
            return True
        return bool(var["relname"] == relation.name and var.get("schemaname", relation.schema) == relation.schema)

    def _refers(self, condition: Node) -> bool:
        """Whether a column of the target occurs, in correlated subqueries too."""
        stack: list[tuple[object, frozenset[str], frozenset[str] | None]] = [(condition, frozenset(), frozenset())]
        while stack:
            value, hidden, own = stack.pop()
            self._effort.spend(1)
            if isinstance(value, list):
                stack.extend((item, hidden, own) for item in value)
            elif isinstance(value, dict):
                reference = value.get("ColumnRef")
                if reference is not None:
                    if self._is_own(_names(reference), hidden, own):
                        return True
                    continue
                query = value.get("SelectStmt")
                if query is not None:
                    hidden, own = self._inside(query, hidden, own)
                stack.extend((item, hidden, own) for item in value.values())
        return False

    def _is_own(self, names: list[str], hidden: frozenset[str], own: frozenset[str] | None) -> bool:
        """`hidden`: names that subqueries gave away; `own`: their columns, None when not known."""
        if len(names) > 1:
            return names[-2] in self._names - hidden
        if own is None or names[0] in own:
            return False
        columns = self._relation.columns if self._relation else ()
        return not columns or names[0] in columns or names[0] in self._names

    def _inside(
        self, query: Node, hidden: frozenset[str], own: frozenset[str] | None
    ) -> tuple[frozenset[str], frozenset[str] | None]:
        columns: set[str] | None = None if own is None else set(own)
        for item in query.get("fromClause", ()):
            for var in _variables(item):
                if var is None or columns is None:
                    columns = None
                    continue
                hidden = hidden | {_alias(var)}
                found = self._columns_of(var)
                columns = columns.union(found) if found else None
        return hidden, frozenset(columns) if columns is not None else None

    def _columns_of(self, var: Node) -> tuple[str, ...]:
        if self._is_target(var) and self._relation:
            return self._relation.columns
        named = self._catalog.by_name.get(var["relname"], ())
        return tuple(column for one in named for column in one.columns)


def _names(reference: Node) -> list[str]:
    return [node["String"].get("sval", "") if "String" in node else "*" for node in reference["fields"]]


def _alias(var: Node) -> str:
    alias = var.get("alias")
    return str(alias["aliasname"] if alias else var["relname"])


def _items(node: Node | None) -> list[Node]:
    if node and "List" in node:
        items: list[Node] = node["List"]["items"]
        return items
    if node and "A_ArrayExpr" in node:
        elements: list[Node] = node["A_ArrayExpr"].get("elements", [])
        return elements
    return []


def _relations(query: Node) -> Iterator[Node]:
    for item in query.get("fromClause", ()):
        for var in _variables(item):
            if var is not None:
                yield var


def _variables(item: Node) -> Iterator[Node | None]:
    """The RangeVars of a FROM item; None for anything else in it."""
    stack = [item]
    while stack:
        node = stack.pop()
        if "RangeVar" in node:
            yield node["RangeVar"]
        elif "JoinExpr" in node:
            stack.extend((node["JoinExpr"]["rarg"], node["JoinExpr"]["larg"]))
        else:
            yield None


def _matches_everything(pattern: Node | None, operator: str) -> bool:
    node = pattern or {}
    while "TypeCast" in node:
        node = node["TypeCast"]["arg"]
    if "FuncCall" in node:  # SIMILAR TO x is ~ similar_to_escape(x)
        node = (node["FuncCall"].get("args") or [{}])[0]
    constant = node.get("A_Const")
    if constant is None or "sval" not in constant:
        return False
    text = constant["sval"].get("sval", "")
    return (
        text in _EVERY_REGEX
        if operator in _REGEX_OPERATORS and "FuncCall" not in (pattern or {})
        else (text != "" and _EVERYTHING.match(text) is not None)
    )
