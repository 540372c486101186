"""A SELECT that shows a few of the rows that a statement would change, before and after, with masks in it. Pure.

It is made from the statement's own tree: the same relations, the same WHERE. A tagged column is shown through its
mask's SQL form, or not at all; a new value is shown only where nothing masked can have gone into it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tidewaiter.model import Column, ColumnMask, Relation
from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.deparse import DeparseError, Tree, read_tree, select_text
from tidewaiter.sql.entities import Path
from tidewaiter.sql.parse import Node, below

MOST_ROWS = 3
MOST_COLUMNS = 12  # the primary key and what changes come first
MOST_CHARACTERS = 120  # of one value
MOST_BYTES = 4096  # of a text that is taken apart here, beside the event loop's work

_TARGET = "tidewaiter_sample"
_PLACE: Node = {"ResTarget": {"val": {"ColumnRef": {"fields": [{"String": {"sval": _TARGET}}]}}}}
_SELECT: Node = {"limitOption": "LIMIT_OPTION_DEFAULT", "op": "SETOP_NONE"}
_WRITING = frozenset({"InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "CurrentOfExpr", "IntoClause"})

Masks = Mapping[Path, Mapping[str, ColumnMask]]
"""Per relation, the mask of each column that is not shown as it is."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One question: `text` gives rows of `before`, then `after` columns. `hidden` ones come as NULL, and say nothing.

    `plain` are columns that no tag protects. A column without a type (of what is not a table) is never in it.
    """

    path: Path
    text: str
    before: tuple[str, ...]
    after: tuple[str, ...] = ()
    hidden: frozenset[str] = frozenset()
    hidden_after: frozenset[str] = frozenset()
    plain: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Choice:
    """Columns of one table for a sample."""

    path: Path
    columns: Sequence[Column]
    masks: Mapping[str, ColumnMask]
    prefix: str = ""
    items: list[str] = field(default_factory=list)
    hidden: set[str] = field(default_factory=set)

    def show(self) -> None:
        """Fill `items` with the expression of each column."""
        for column in self.columns:
            reference = self.prefix + _always_quoted(column.name)
            mask = self.masks.get(column.name)
            if mask is None:
                self.items.append(_text_of(reference))
            elif "{}" not in mask.sql:
                self.hidden.add(column.name)
                self.items.append("NULL")
            else:
                self.items.append(_text_of(mask.sql.replace("{}", reference)))


def samples(
    text: str,
    catalog: Catalog,
    search_path: Sequence[str],
    masks: Masks,
    *,
    shows_untagged: bool = True,
    shows_new: bool = True,
) -> tuple[Sample, ...]:
    """The samples of one statement that is understood; none where there is nothing to show, or it cannot be shown.

    Not `shows_untagged`: a column without a tag is hidden too. Not `shows_new`: new values are hidden, because they
    come from functions that may read anything.
    """
    tree = read_tree(text) if len(text) <= MOST_BYTES else None
    if not isinstance(tree, Tree) or len(tree.statements) != 1:
        return ()
    kind, fields = next(iter(tree.statements[0]["stmt"].items()))
    making = _Making(catalog, search_path, masks, shows_untagged, shows_new)
    try:
        return tuple(making.of(kind, fields))
    except (DeparseError, RecursionError, KeyError):  # a form that is not written here: nothing is shown of it
        return ()


class _Making:
    def __init__(
        self, catalog: Catalog, search_path: Sequence[str], masks: Masks, shows_untagged: bool, shows_new: bool
    ) -> None:
        self._catalog = catalog
        self._search_path = search_path
        self._masks = masks
        self._shows_untagged = shows_untagged
        self._shows_new = shows_new

    def of(self, kind: str, fields: Node) -> Iterator[Sample]:
        if kind == "DeleteStmt":
            yield from self._of_write(fields, fields.get("usingClause", []), [])
        elif kind == "UpdateStmt":
            yield from self._of_write(fields, fields.get("fromClause", []), fields["targetList"])
        elif kind == "TruncateStmt":
            for node in fields["relations"]:
                yield from self._of_whole(node["RangeVar"])
        if kind == "DropStmt" and fields["removeType"] == "OBJECT_TABLE":
            for item in fields["objects"]:
                names = [part["String"]["sval"] for part in item["List"]["items"]][-2:]
                schema = {"schemaname": names[0]} if len(names) > 1 else {}
                yield from self._of_whole({**schema, "relname": names[-1]})

    def _relation(self, var: Node) -> Relation | None:
        found = self._catalog.find(var["relname"], var.get("schemaname"), self._search_path)
        return found if found is not None and found.kind in "rp" else None

    def _masked(self, path: Path) -> Mapping[str, ColumnMask]:
        masks = self._masks.get(path, {})
        if self._shows_untagged:
            return masks
        untagged = {column.name: ColumnMask("", "NULL") for column in self._catalog.columns.get(path, ())}
        return {**untagged, **masks}

    def _chosen(self, path: Path, assigned: Collection[str]) -> list[Column]:
        first = (*self._catalog.primary_keys.get(path, ()), *assigned)
        columns = self._catalog.columns.get(path, ())
        order = {name: at for at, name in enumerate(dict.fromkeys(first))}
        return sorted(columns, key=lambda one: order.get(one.name, len(order) + one.number))[:MOST_COLUMNS]

    def _of_whole(self, var: Node) -> Iterator[Sample]:
        relation = self._relation(var)
        if relation is None:
            return
        path = (relation.schema, relation.name)
        choice = _Choice(path, self._chosen(path, ()), self._masked(path))
        choice.show()
        if choice.items:
            text = f"SELECT {', '.join(choice.items)} FROM {_whole_name(path)} LIMIT {MOST_ROWS}"  # noqa: S608 - quoted
            yield self._sample(choice, text)

    def _of_write(self, fields: Node, others: Sequence[Node], targets: Sequence[Node]) -> Iterator[Sample]:
        var = fields["relation"]
        relation = self._relation(var)
        if relation is None or any(
            name in _WRITING
            for part in (others, fields.get("whereClause"), fields.get("withClause"), targets)
            for name in _names(part)
        ):
            return
        path = (relation.schema, relation.name)
        columns = {column.name: column for column in self._catalog.columns.get(path, ())}
        assigned = [node["ResTarget"] for node in targets]
        simple = [
            one for one in assigned if "indirection" not in one and _is_value(one["val"]) and one["name"] in columns
        ]
        alias = var.get("alias", {}).get("aliasname") or var["relname"]
        choice = _Choice(
            path, self._chosen(path, [one["name"] for one in simple]), self._masked(path), _always_quoted(alias) + "."
        )
        choice.show()
        hidden_after: set[str] = set()
        after = [self._after(one, columns[one["name"]], alias, path, hidden_after) for one in simple]
        select = {**_SELECT, "targetList": [_PLACE], "fromClause": [{"RangeVar": var}, *others]}
        select |= {name: fields[name] for name in ("whereClause", "withClause") if name in fields}
        text = select_text({"SelectStmt": select})
        if text.count(_TARGET) != 1 or not choice.items:
            return
        text = text.replace(_TARGET, ", ".join((*choice.items, *after))) + f" LIMIT {MOST_ROWS}"
        yield self._sample(choice, text, tuple(one["name"] for one in simple), hidden_after)

    def _after(self, target: Node, column: Column, alias: str, path: Path, hidden: set[str]) -> str:
        """The new value; one that must not be seen is computed all the same, so that parameters keep their numbers."""
        select = {**_SELECT, "targetList": [{"ResTarget": {"val": target["val"]}}]}
        written = select_text({"SelectStmt": select})
        value = f"({written.removeprefix('SELECT ')})::{column.type}"
        plain = {one.name for one in self._catalog.columns[path]} - self._masked(path).keys()
        if self._shows_new and column.name in plain and _sees_only(target["val"], alias, plain):
            return _text_of(value)
        hidden.add(column.name)
        return f"CASE WHEN ({value}) IS NULL THEN NULL::pg_catalog.text END"

    def _sample(
        self, choice: _Choice, text: str, after: tuple[str, ...] = (), hidden_after: Collection[str] = ()
    ) -> Sample:
        names = tuple(column.name for column in choice.columns)
        plain = frozenset(names) - choice.masks.keys()
        return Sample(choice.path, text, names, after, frozenset(choice.hidden), frozenset(hidden_after), plain)


def _sees_only(value: Node, alias: str, names: Collection[str]) -> bool:
    """Whether an expression reads nothing but these columns of the target, by names that can mean nothing else."""
    for kind, fields in _nodes(value):
        if kind in ("SubLink", "A_Indirection"):
            return False
        if kind != "ColumnRef":
            continue
        parts = [part.get("String", {}).get("sval") for part in fields["fields"]]
        is_qualified = len(parts) == 2 and parts[0] == alias
        is_bare = len(parts) == 1 and parts[0] != alias  # a bare alias is the whole row
        if not (is_qualified or is_bare) or parts[-1] not in names:
            return False
    return True


def _is_value(node: Node) -> bool:
    return not {"SetToDefault", "MultiAssignRef"}.intersection(node)


def _nodes(tree: object) -> Iterator[tuple[str, Node]]:
    """Every (node type, fields) in a tree."""
    for one in below(tree):
        for name, value in one.items():
            if name[:1].isupper() and isinstance(value, dict):
                yield name, value


def _names(tree: object) -> Iterator[str]:
    return (name for name, _ in _nodes(tree))


def _always_quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _whole_name(path: Path) -> str:
    return ".".join(map(_always_quoted, path))


def _text_of(expression: str) -> str:
    return f"pg_catalog.left(({expression})::pg_catalog.text, {MOST_CHARACTERS})"
