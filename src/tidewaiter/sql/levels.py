"""Which relation a column name means: the sources of one query level, and the levels around it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tidewaiter.model import Relation, Resource
from tidewaiter.sql.parse import Node


def words(text: str) -> frozenset[str]:
    """A set of names from a text that lists them."""
    return frozenset(text.split())


SYSTEM_COLUMNS = frozenset({"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"})


class Entry:
    """A touch under construction.

    `fires`: the write reaches this relation itself, so its triggers, rules and keys matter. `assigned`: the columns
    that an UPDATE sets, None when they are not known. `runs`: a function that is called, not only named; `is_planned`:
    by a statement that EXPLAIN only plans.
    """

    __slots__ = (
        "action", "assigned", "columns", "fires", "is_planned", "part", "resource", "runs", "star", "traits", "via",
    )  # fmt: skip

    def __init__(self, action: str, resource: Resource, via: tuple[str, ...], part: int) -> None:
        self.action, self.resource, self.via, self.part = action, resource, via, part
        self.columns: dict[str, None] = {}
        self.star = False
        self.traits: frozenset[str] = frozenset()
        self.fires = False
        self.runs = False
        self.is_planned = False
        self.assigned: frozenset[str] | None = frozenset()

    def absorb(self, other: Entry) -> None:
        """Note what another touch of the same resource says."""
        self.columns.update(other.columns)
        self.star = self.star or other.star
        self.traits |= other.traits
        self.fires = self.fires or other.fires
        self.runs = self.runs or other.runs
        known = self.assigned is not None and other.assigned is not None
        self.assigned = (self.assigned or frozenset()) | (other.assigned or frozenset()) if known else None


class Source:
    """One item of a FROM list. `entries` get the columns that are referenced through it.

    `relation` None: a subquery, CTE or function, whose columns are not known here. `parts`: the items that an aliased
    join hides. `within`: the items of a subquery, which FOR UPDATE locks with it.
    """

    __slots__ = ("entries", "name", "parts", "relation", "renames", "schema", "within")

    def __init__(
        self,
        name: str,
        relation: Relation | None = None,
        entries: tuple[Entry, ...] = (),
        parts: tuple[Source, ...] = (),
        schema: str | None = None,
    ) -> None:
        self.name, self.schema, self.relation, self.entries, self.parts = name, schema, relation, entries, parts
        self.renames: Mapping[str, str] | None = None
        self.within: tuple[Source, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether it may have columns that are not known here."""
        return any(part.is_open for part in self.parts) if self.parts else self.relation is None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of a relation; empty when they are not known."""
        return self.relation.columns if self.relation is not None else ()

    def rename(self, names: tuple[str, ...]) -> None:
        """Apply `AS alias (a, b, …)`: the first columns get these names."""
        if self.parts:
            self.hit_star()  # the names are positions in the joined columns: taken as all of them
        elif self.relation is not None:
            columns = self.relation.columns
            if len(names) > len(columns):
                self.hit_star()
            self.renames = {**dict(zip(names, columns, strict=False)), **{name: name for name in columns[len(names) :]}}

    def knows(self, column: str) -> bool:
        """Whether the column is certainly, or for a relation of unknown columns possibly, one of its own."""
        if self.parts:
            return any(part.knows(column) for part in self.parts)
        if self.relation is None:
            return False
        if self.renames is not None:
            return column in self.renames
        return column in self.relation.columns or not self.relation.columns

    def known_columns(self) -> tuple[str, ...] | None:
        """The names for which `knows` is true; None when that is every name."""
        if self.parts:
            of_parts = [part.known_columns() for part in self.parts]
            return None if None in of_parts else tuple({name: None for names in of_parts for name in names or ()})
        if self.relation is None:
            return ()
        if self.renames is not None:
            return tuple(self.renames)
        return self.relation.columns or None

    def hit(self, column: str) -> None:
        """Note that a column was referenced."""
        for part in self.parts:
            if part.knows(column):
                part.hit(column)
        if self.renames is not None:
            column = self.renames.get(column, column)
        if column not in SYSTEM_COLUMNS:
            for entry in self.entries:
                entry.columns[column] = None

    def assign(self, column: str) -> None:
        """Note that a column is given a value."""
        self.hit(column)
        if self.renames is not None:
            column = self.renames.get(column, column)
        for entry in self.entries:
            if entry.assigned is not None:
                entry.assigned |= {column}

    def hit_star(self) -> None:
        """Note that every column was referenced."""
        for part in self.parts:
            part.hit_star()
        for entry in self.entries:
            entry.star = True


@dataclass(frozen=True, slots=True)
class Hidden:
    """Names that WITH queries hide: the first `count` of `names`, and those of the levels around."""

    names: Mapping[str, int]
    count: int
    around: Hidden | None = None

    def __contains__(self, name: str) -> bool:
        hidden: Hidden | None = self
        while hidden is not None:
            if hidden.names.get(name, hidden.count) < hidden.count:
                return True
            hidden = hidden.around
        return False


NOTHING = Hidden({}, 0)

_FEW = 8
"""Sources that are looked through one by one."""

_MANY_NAMES = 100
"""Names that nothing explains, of one level with many sources; with more, every column of all of them counts."""


class _Index:
    """Which of many sources have a name or a column. Grows with them."""

    __slots__ = ("anything", "columns", "is_open", "names", "seen", "size", "unexplained")

    def __init__(self) -> None:
        self.size = 0
        self.names: dict[str, list[Source]] = {}
        self.columns: dict[str, list[Source]] = {}
        self.anything: list[Source] = []
        self.is_open = False
        self.seen: set[str] = set()
        self.unexplained: set[str] = set()

    def grow(self, sources: list[Source]) -> None:
        for source in sources[self.size :]:
            self.names.setdefault(source.name, []).append(source)
            columns = source.known_columns()
            if columns is None:
                self.anything.append(source)
            for column in columns or ():
                self.columns.setdefault(column, []).append(source)
            self.is_open = self.is_open or source.is_open
        self.size = len(sources)
        self.seen.clear()
        self.unexplained.clear()


@dataclass(slots=True)
class Level:
    """The names that are visible at one place. `ctes` are the WITH queries that hide tables of the same name."""

    sources: list[Source] = field(default_factory=list)
    outer: Level | None = None
    ctes: Hidden = NOTHING
    outputs: frozenset[str] = frozenset()
    """Names of output columns, which ORDER BY and GROUP BY may mean."""
    condition: Node | None = None
    """The WHERE clause that rows have passed, where there is a single relation."""
    _index: _Index | None = None

    def chain(self) -> Iterator[Level]:
        """This level and those around it, inside out."""
        level: Level | None = self
        while level is not None:
            yield level
            level = level.outer

    def below(self) -> Level:
        """A level for a subquery that sees this one's columns."""
        return Level(outer=self, ctes=self.ctes)

    def beside(self) -> Level:
        """A level for a subquery in FROM that does not see its neighbours."""
        return Level(outer=self.outer, ctes=self.ctes)

    def _indexed(self) -> _Index | None:
        """The index of many sources; None for few."""
        if len(self.sources) <= _FEW:
            return None
        index = self._index
        if index is None or index.size > len(self.sources):  # an alias hid a join's sides again
            index = self._index = _Index()
        if index.size < len(self.sources):
            index.grow(self.sources)
        return index

    def refer(self, column: str) -> None:
        """Note an unqualified name: a column, or a source's name for its whole row, or an output column.

        A name that nothing explains counts as a column of each relation here: the catalog may be behind.
        """
        is_open = False
        for level in self.chain():
            index = level._indexed()
            if index is not None and column in index.seen:
                return
            owners = level._owners(column, index)
            if owners:
                for source in owners:
                    source.hit(column)
                if index is not None:
                    index.seen.add(column)
                return
            is_open = is_open or (
                index.is_open if index is not None else any(source.is_open for source in level.sources)
            )
        if column in self.outputs:
            return
        named = self.named(column, None)
        if named is not None:
            named.hit_star()
        elif not is_open:
            self._hit_unexplained(column)

    def _owners(self, column: str, index: _Index | None) -> list[Source]:
        if index is None:
            return [source for source in self.sources if source.knows(column)]
        return [*index.columns.get(column, ()), *index.anything]

    def _hit_unexplained(self, column: str) -> None:
        index = self._indexed()
        if index is None:
            for source in self.sources:
                source.hit(column)
        elif column not in index.unexplained and len(index.unexplained) <= _MANY_NAMES:
            index.unexplained.add(column)
            for source in self.sources:
                if len(index.unexplained) > _MANY_NAMES:
                    source.hit_star()
                else:
                    source.hit(column)

    def has_column(self, name: str) -> bool:
        """Whether a source of this level or around it has the column."""
        return any(level._owners(name, level._indexed()) for level in self.chain())

    def named(self, name: str, schema: str | None) -> Source | None:
        """The innermost source of that name."""
        for level in self.chain():
            index = level._indexed()
            for source in level.sources if index is None else index.names.get(name, ()):
                if source.name == name and (schema is None or schema == source.schema):
                    return source
        return None

    def everything(self) -> None:
        """Note that all columns of all relations in sight were referenced: for references that nothing explains."""
        for level in self.chain():
            index = level._indexed()
            if index is not None and "" in index.seen:
                continue
            for source in level.sources:
                source.hit_star()
            if index is not None:
                index.seen.add("")
