"""The state of rewriting one text, and the walk over its tree: a closed world of node types.

Handlers of single node types (`relations`, `names`, `writes`, `utility`) are functions over a Rewriting. They edit the
tree in place, or return the node that takes the old one's place. What has no handler and is not listed is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import orjson

from tidewaiter.model import ColumnMask, Relation
from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.deparse import Tree, children
from tidewaiter.sql.expressions import FIELDS
from tidewaiter.sql.levels import SYSTEM_COLUMNS, words
from tidewaiter.sql.parse import Node, below
from tidewaiter.sql.reading import Reading, Scope

Path = tuple[str, str]
Ctes = frozenset[str]
Handler = Callable[["Rewriting", Node, Ctes], Node | None]

OPEN: Final = frozenset(FIELDS) | words(
    "Alias ColumnDef CTECycleClause CTESearchClause CommonTableExpr DefElem JoinExpr JsonTable MergeWhenClause "
    "OnConflictClause RangeFunction RangeSubselect RangeTableFunc ReturningClause ReturningOption SortBy SubLink "
    "CaseExpr TypeCast A_Expr A_Indirection JsonArrayQueryConstructor JsonReturning PartitionBoundSpec "
    "PartitionRangeDatum PartitionSpec RawStmt"
)
"""Node types that are followed as they are: those that `sql.expressions` reviewed, and parts of queries."""

_COLUMN_REF = re.compile(
    rb'"ColumnRef":\{"fields":\[((?:\{"String":\{(?:"sval":"(?:[^"\\]|\\.)*")?\}\}|\{"A_Star":\{\}\}|,)*)\]'
)
_TEXT = re.compile(rb'"sval":"((?:[^"\\]|\\.)*)"')
_WIDE = re.compile(rb'"A_Star"|"isNatural":true|"colnames"')


class Refusal(Exception):
    """The statement cannot be rewritten. `rule` is a short stable name, `reason` a sentence's end for the client."""

    def __init__(self, rule: str, reason: str) -> None:
        super().__init__(f"{rule}: {reason}")
        self.rule, self.reason = rule, reason


@dataclass(frozen=True, slots=True)
class Late:
    """An output column that the server sends raw and the gateway masks: `index` from 0, `part` of the text from 0."""

    part: int
    index: int
    path: Path
    column: str
    mask: ColumnMask


@dataclass(frozen=True, slots=True)
class Mentions:
    """Which names a text mentions, looked up in its tree's JSON at once. More than it reads; never less."""

    names: frozenset[str]
    last: frozenset[str]
    """Last parts of column references: columns, and aliases where a whole row is meant."""
    pairs: frozenset[tuple[str, str]]
    """The last two parts of qualified column references: `t.f` may call the function f on a whole row."""
    is_wide: bool
    """Whether every column of any relation may be read: a star, a natural join, renamed columns, a join with a name."""

    @classmethod
    def of(cls, tree: Tree) -> Mentions:
        """Those of a tree."""
        json = tree.json
        names = frozenset(map(_plain, _TEXT.findall(json)))
        last, pairs = set(), set()
        for reference in _COLUMN_REF.findall(json):
            texts = _TEXT.findall(reference)
            if texts:
                last.add(_plain(texts[-1]))
            if len(texts) > 1:
                pairs.add((_plain(texts[-2]), _plain(texts[-1])))
        is_wide = _WIDE.search(json) is not None or (b'"JoinExpr"' in json and _has_named_join(tree.statements))
        return cls(names, frozenset(last), frozenset(pairs), is_wide)


def _has_named_join(value: object) -> bool:
    """Whether a join has a name of its own, by which the rows of its relations can be read whole."""
    return any("alias" in one.get("JoinExpr", ()) for one in below(value))


def _plain(raw: bytes) -> str:
    if b"\\" in raw:
        text: str = orjson.loads(b'"' + raw + b'"')
        return text
    return raw.decode()


@dataclass(slots=True)
class Labels:
    """What is masked, with everything that it flows to. `inlined` views are read by their rewritten definition;
    `closed` relations hold derived masked data and cannot be read. `split` tables have partitions by what is masked:
    which of them has a row tells something of it. `texts` remembers masking subqueries."""

    masks: dict[Path, dict[str, ColumnMask]] = field(default_factory=dict)
    inlined: dict[Path, str] = field(default_factory=dict)
    closed: dict[Path, str] = field(default_factory=dict)
    split: set[Path] = field(default_factory=set)
    texts: dict[object, str] = field(default_factory=dict)
    columns: dict[Path, tuple[str, ...]] = field(default_factory=dict)

    def concerns(self, path: Path) -> bool:
        """Whether the relation holds anything masked."""
        return path in self.masks or path in self.inlined or path in self.closed


@dataclass(frozen=True, slots=True)
class Target:
    """The masked table that an INSERT, UPDATE or DELETE works on raw. `names`: what its row is called there."""

    path: Path
    masks: Mapping[str, ColumnMask]
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Named:
    """What a text runs that was named by another: in statement `part` by EXECUTE, or by FETCH or MOVE from a cursor.

    `is_shown`: its rows are the answer.
    """

    part: int
    name: str
    is_cursor: bool
    is_shown: bool


class Rewriting:
    """One text being rewritten. `nonce` begins the names that stand for masking subqueries until the text is made."""

    __slots__ = (
        "catalog",
        "database",
        "guards",
        "handlers",
        "is_fenced",
        "labels",
        "late",
        "made",
        "mentions",
        "named",
        "nonce",
        "part",
        "pinned",
        "raw",
        "reading",
        "reads_target",
        "target",
        "texts",
        "touches",
        "trusted",
        "unfenced",
        "whole",
        "writes",
    )  # fmt: skip

    def __init__(
        self,
        catalog: Catalog,
        scope: Scope,
        labels: Labels,
        tree: Tree,
        handlers: Mapping[str, Handler],
        nonce: str,
        database: str = "",
        trusted: frozenset[Path] = frozenset(),
    ) -> None:
        self.catalog, self.labels, self.handlers, self.nonce = catalog, labels, handlers, nonce
        self.database, self.trusted = database, trusted
        self.reading = Reading(catalog, scope, {})
        self.mentions = Mentions.of(tree)
        self.texts: list[tuple[str, str]] = []
        self.pinned: set[str] = set()
        """Names of functions and operators that were bound to pg_catalog."""
        self.part = 0
        self.touches = False
        """A masked relation is read through its mask."""
        self.writes = False
        """A masked relation is written, raw."""
        self.late: list[Late] = []
        self.raw: dict[int, frozenset[str]] = {}
        """Columns that a FROM item (by id of its fields) keeps raw, to be masked late."""
        self.unfenced: set[int] = set()
        self.is_fenced = False
        """EXPLAIN shows what the planner thinks: everything is fenced there."""
        self.target: Target | None = None
        self.reads_target = False
        self.guards: list[tuple[int, str, str]] = []
        self.named: list[Named] = []
        self.made: set[tuple[str, bool]] = set()
        """Names that the text itself has given so far, and whether to a cursor."""
        self.whole: frozenset[Path] = frozenset()
        """Relations of which the statement's facts, which are found independently, say that every column is read."""

    def node(self, node: Node, ctes: Ctes) -> Node:
        """Rewrite a node `{type: fields}`; return what takes its place."""
        for kind, fields in node.items():
            handler = self.handlers.get(kind)
            if handler is not None:
                return handler(self, fields, ctes) or node
            if kind not in OPEN:
                raise Refusal("closed-world", f"{kind} is not open to principals who see masked data")
            self.within(kind, fields, ctes)
        return node

    def within(self, kind: str, fields: Node, ctes: Ctes, without: frozenset[str] = frozenset()) -> None:
        """Rewrite everything below a node, in place; fields in `without` are left to the caller."""
        nodes = children()[kind]
        for name, value in fields.items():
            embedded = nodes.get(name)
            if embedded is None or name in without:
                continue
            if isinstance(value, list):
                if embedded:
                    for one in value:
                        self._embedded(embedded, one, ctes)
                else:
                    for place, one in enumerate(value):
                        value[place] = self.node(one, ctes)
            elif embedded:
                self._embedded(embedded, value, ctes)
            else:
                fields[name] = self.node(value, ctes)

    def _embedded(self, kind: str, fields: Node, ctes: Ctes) -> None:
        handler = self.handlers.get(kind)
        if handler is not None:
            if handler(self, fields, ctes) is not None:
                raise Refusal("closed-world", f"a {kind} of masked data in a place that cannot be rewritten")
        elif kind in OPEN:
            self.within(kind, fields, ctes)
        else:
            raise Refusal("closed-world", f"{kind} is not open to principals who see masked data")

    def runs(self, name: str, *, is_cursor: bool, is_shown: bool) -> None:
        """Note that what has a name runs, unless the text has made it itself: then it is rewritten with it."""
        if (name, is_cursor) not in self.made:
            self.named.append(Named(self.part, name, is_cursor, is_shown))

    def resolve(self, var: Node) -> Relation:
        """The relation that a RangeVar means; the RangeVar names its schema from now on."""
        database = var.pop("catalogname", None)
        if database is not None and database != self.database:
            raise Refusal("unknown-name", f"database {database} is not this one")
        found = self.reading.look_up(var["relname"], var.get("schemaname"))
        if len(found) != 1:
            what = "is not known" if not found else "may mean several relations here"
            raise Refusal("unknown-name", f"relation {var['relname']} {what}")
        var["schemaname"] = found[0].schema
        return found[0]

    def reads_all_of(self, name: str, relation: Relation) -> bool:
        """Whether the text may read every column of a relation that it calls by a name."""
        mentions = self.mentions
        if mentions.is_wide or name in mentions.last or path_of(relation) in self.whole:
            return True
        known = relation.columns
        return any(
            called == name and last not in known and last not in SYSTEM_COLUMNS for called, last in mentions.pairs
        )

    def placeholder(self, text: str) -> str:
        """A name to be replaced by a text once the statement is written."""
        name = f"{self.nonce}{len(self.texts)}z"
        self.texts.append((name, text))
        return name

    def columns(self, relation: Relation) -> tuple[str, ...]:
        """The columns of a relation. Raises Refusal when they are not known."""
        if not relation.columns:
            raise Refusal("unknown-name", f"the columns of {relation.name} are not known")
        return relation.columns


def path_of(relation: Relation) -> Path:
    """(schema, name)."""
    return (relation.schema, relation.name)


def string(text: str) -> Node:
    """A String node."""
    return {"String": {"sval": text}}
