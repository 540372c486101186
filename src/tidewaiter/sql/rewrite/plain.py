"""Which masked columns a SELECT uses as plain output columns and nowhere else, and which only in its target list.

Both are claims about the tree's text alone, by names, and conservative: a name that is mentioned anywhere else counts
as a use of every column of that name. What a query computes from a column, orders, groups, joins or filters by, is
never plain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from tidewaiter.model import Relation
from tidewaiter.sql.levels import words
from tidewaiter.sql.parse import Node, below

_SIMPLE: Final = words(
    "targetList fromClause whereClause limitOption op sortClause limitCount limitOffset lockingClause"
)
_CLAUSES: Final = (
    "whereClause", "sortClause", "limitCount", "limitOffset", "groupClause", "havingClause", "distinctClause",
    "windowClause",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Source:
    """A relation in FROM: `var` are the RangeVar's fields, `name` what the query calls it."""

    var: Node
    relation: Relation
    name: str


@dataclass(frozen=True, slots=True)
class Output:
    """Output column `index` is column `column` of `source`, as it is."""

    index: int
    source: Source
    column: str


@dataclass(frozen=True, slots=True)
class Outputs:
    """`plain`: output columns that are columns as they are. `used`: names that something else mentions.

    None for `used`: anything may be used.
    """

    plain: tuple[Output, ...] = ()
    used: frozenset[str] | None = None

    def is_free(self, source: Source, column: str) -> bool:
        """Whether a column of a source is used in no other way than as a plain output."""
        return self.used is not None and column not in self.used and source.name not in self.used


def sources_of(select: Node, resolve: Callable[[Node], Relation | None]) -> list[Source] | None:
    """The relations of a FROM list that holds nothing but relations, joined at most; None for any other."""
    found: list[Source] = []
    stack: list[Node] = list(reversed(select.get("fromClause", ())))
    while stack:
        kind, fields = next(iter(stack.pop().items()))
        if kind == "JoinExpr" and not ({"usingClause", "alias", "join_using_alias"} & fields.keys()):
            if fields.get("isNatural"):
                return None
            stack.extend((fields["rarg"], fields["larg"]))
            continue
        relation = resolve(fields) if kind == "RangeVar" else None
        alias = fields.get("alias", {})
        if relation is None or "colnames" in alias:
            return None
        found.append(Source(fields, relation, alias.get("aliasname") or fields["relname"]))
    return found


def outputs_of(select: Node, resolve: Callable[[Node], Relation | None]) -> Outputs:
    """The plain outputs of a SELECT; none when it is more than a list of columns from joined relations."""
    if not select.keys() <= _SIMPLE or select.get("op", "SETOP_NONE") != "SETOP_NONE":
        return Outputs()
    sources = sources_of(select, resolve)
    if not sources:
        return Outputs()
    plain: list[Output] = []
    others: list[Any] = [select.get(clause) for clause in _CLAUSES]
    others += [item.get("JoinExpr") for item in select["fromClause"]]
    aliases: list[tuple[str, str]] = []
    index = 0
    for target in select.get("targetList", ()):
        found = _columns(target["ResTarget"], sources)
        if found is None:
            others.append(target)
            index += 1
            continue
        if any(not source.relation.columns for source, _ in found):
            return Outputs()
        plain.extend(Output(index + number, source, column) for number, (source, column) in enumerate(found))
        index += len(found)
        if "name" in target["ResTarget"]:
            aliases.append((target["ResTarget"]["name"], found[0][1]))
    used = used_names(others)
    if used is None:
        return Outputs()
    return _sorted(select, Outputs(tuple(plain), used), aliases)


def _columns(target: Node, sources: list[Source]) -> list[tuple[Source, str]] | None:
    """The columns that one target stands for, if it is a column or a star; None for anything else."""
    reference = target.get("val", {}).get("ColumnRef")
    if reference is None or "indirection" in target:
        return None
    *qualifier, last = reference["fields"]
    if len(qualifier) > 1:
        return None
    name = qualifier[0]["String"]["sval"] if qualifier else None
    among = [source for source in sources if name is None or source.name == name]
    if "A_Star" in last:
        return [(source, column) for source in among for column in source.relation.columns] or None
    owners = [source for source in among if last["String"]["sval"] in source.relation.columns]
    return [(owners[0], last["String"]["sval"])] if len(owners) == 1 else None


def _sorted(select: Node, outputs: Outputs, aliases: list[tuple[str, str]]) -> Outputs:
    """Count as used what ORDER BY names by position or by an output's name."""
    used = set(outputs.used or ())
    for item in select.get("sortClause", ()):
        node = item["SortBy"]["node"]
        if "A_Const" in node:
            at = node["A_Const"].get("ival", {}).get("ival", 0) - 1
            used.update(output.column for output in outputs.plain if output.index == at)
    used.update(column for alias, column in aliases if alias in used)
    return Outputs(outputs.plain, frozenset(used))


def used_names(value: Any) -> frozenset[str] | None:
    """Last parts of all column references below; None when a star is among them."""
    names: set[str] = set()
    for reference in references(value):
        last = reference["fields"][-1]
        if "A_Star" in last:
            return None
        names.add(last["String"].get("sval", ""))
    return frozenset(names)


def references(value: Any) -> Iterator[Node]:
    """The fields of every ColumnRef below."""
    return (one["ColumnRef"] for one in below(value) if "ColumnRef" in one)


def estimated_names(select: Node) -> frozenset[str] | None:
    """Names of columns whose statistics the planner may look at: all that stand outside a plain target list.

    None when it may be any column.
    """
    if select.get("op", "SETOP_NONE") != "SETOP_NONE" or not (
        {"withClause", "intoClause", "valuesLists"}.isdisjoint(select)
    ):
        return None
    clauses = [select.get(clause) for clause in _CLAUSES]
    clauses += [item for item in select.get("fromClause", ()) if "RangeVar" not in item]
    targets = select.get("targetList", [])
    names_outputs = "distinctClause" in select or any(
        _may_name_output(item, targets)
        for clause in ("sortClause", "groupClause", "distinctClause")
        for item in select.get(clause, ())
    )
    clauses += targets if names_outputs else list(_nested(targets))
    return used_names(clauses)


def _may_name_output(item: Node, targets: list[Node]) -> bool:
    node = item.get("SortBy", {}).get("node", item)
    if "A_Const" in node:
        return True
    reference = node.get("ColumnRef")
    if reference is None or len(reference["fields"]) > 1:
        return reference is None and "A_Const" in str(node)
    name = reference["fields"][0].get("String", {}).get("sval")
    return any(target["ResTarget"].get("name") == name for target in targets)


def _nested(value: Any) -> Iterator[Any]:
    """Subqueries and windows below a target list."""
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, list):
            stack.extend(one)
        elif isinstance(one, dict):
            for key, inner in one.items():
                if key in ("SubLink", "over", "JsonArrayQueryConstructor"):
                    yield inner
                else:
                    stack.append(inner)
