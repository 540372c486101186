"""What the catalog knows of things that run code or set off writes: functions, triggers, rules, foreign keys, casts."""

from __future__ import annotations

from dataclasses import dataclass, field

from tidewaiter.sql.extensions import is_reviewed

Path = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Function:
    """A function, procedure or aggregate outside the system schemas. `kind` and `volatility` as in pg_proc.

    `takes_row`: column notation (`t.f`, `(row(1, 2)).f`) may call it. The rest is known of functions in SQL:
    `parameters` (an unnamed one is ""), `body`, `settings` of its own ("search_path=hr"), `owner`.
    """

    schema: str
    name: str
    oid: int = 0
    kind: str = "f"
    language: str = "sql"
    volatility: str = "v"
    security_definer: bool = False
    extension: str = ""
    takes_row: bool = False
    parameters: tuple[str, ...] = ()
    body: str = ""
    settings: tuple[str, ...] = ()
    owner: str = ""

    @property
    def path(self) -> Path:
        """(schema, name)."""
        return (self.schema, self.name)

    @property
    def is_reviewed(self) -> bool:
        """Whether it came with an extension whose functions were reviewed as harmless."""
        return is_reviewed(self.extension, self.name, self.language, self.volatility)

    @property
    def is_opaque(self) -> bool:
        """Whether it may do anything, and nobody can look: code that is neither SQL nor reviewed.

        An aggregate is what it is made of, which the catalog lists apart.
        """
        return self.language != "sql" and self.kind not in "aw" and not self.is_reviewed


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger that is not disabled. `events`: insert, delete, update, truncate. `columns`: those of UPDATE OF.

    `is_repeat`: a partition's copy of a trigger of its parent. `is_instead`: INSTEAD OF, on a view. `text`: the trigger
    as the server prints it; `body`: its function's, empty unless that is in PL/pgSQL.
    """

    name: str
    function: Path
    events: frozenset[str]
    columns: tuple[str, ...] = ()
    is_repeat: bool = False
    is_instead: bool = False
    is_before: bool = False
    text: str = ""
    body: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rewrite rule that is not a view's own. `event`: insert, update or delete; `text` as the server prints it."""

    name: str
    event: str
    is_instead: bool
    text: str


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A reference of `table` to the relation that it is listed under. `on_delete` and `on_update` as in pg_constraint.

    `standing`: "own", or "parent" when it repeats, for a partition, a reference to the partitioned table.
    """

    name: str
    table: Path
    columns: tuple[str, ...]
    referenced: tuple[str, ...]
    on_delete: str
    on_update: str
    standing: str = "own"


@dataclass(frozen=True, slots=True)
class TableCall:
    """A function that a table's own expressions call.

    `kind`: default, generated, constraint, domain, policy, index, operator class (of an index, or what a range type in
    one brings), partition key or statistics.
    """

    kind: str
    name: str
    function: Path


@dataclass(frozen=True, slots=True)
class RowGuard:
    """What looks at `columns` of a table when its rows are written, and may refuse them.

    `kind`: unique (also an exclusion), check, references (a foreign key to `referenced` columns of the relation
    `other`), referenced (the other end of one), policy, partition (the key that says which partition has a row).
    """

    kind: str
    columns: frozenset[str]
    other: Path = ("", "")
    referenced: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Cast:
    """A cast by a function outside the system schemas. It needs a value of type `source` in the statement.

    `relations` are those that can bring one, None when anything can: the source is a system type. `holders` are those
    that hold the target type. `is_implicit`: no cast need be written for it to happen.
    """

    function: Path
    source: str
    relations: frozenset[Path] | None
    is_implicit: bool = False
    holders: frozenset[Path] = field(default=frozenset())
