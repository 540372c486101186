"""The nouns of the product: frozen values, no behaviour beyond look-ups, no imports from the package.

A statement's road is told in these words: `Facts` say what it is, a `Verdict` says what may become of it,
a `Receipt` says that the ledger has it. `docs/concepts.md` is the glossary.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal, NewType

Receipt = NewType("Receipt", int)
"""Entry number of what was recorded. Functions that forward traffic take one, so recording cannot be skipped."""


class Kind(StrEnum):
    """What sort of principal acts."""

    USER = "user"
    SERVICE = "service"
    AGENT = "agent"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who acts. An agent's `owner` is the user on whose behalf it acts.

    `version` grows with every change of the principal, its groups or its owner; verdict caches key on it.
    """

    name: str
    kind: Kind
    groups: frozenset[str] = frozenset()
    owner: Principal | None = None
    version: int = 0

    @property
    def on_behalf_of(self) -> str | None:
        """Name of the owner, or None for those who act for themselves."""
        return self.owner.name if self.owner else None


class ResourceType(StrEnum):
    """Cedar entity types that a question can be about."""

    DATASOURCE = "Datasource"
    SCHEMA = "Schema"
    TABLE = "Table"
    FUNCTION = "Function"
    SETTING = "Setting"
    ROLE = "Role"
    CHANNEL = "Channel"


@dataclass(frozen=True, slots=True)
class Resource:
    """What a question is about. `path` excludes the datasource: ("public", "customers"), ("work_mem",), or ()."""

    type: ResourceType
    path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Touch:
    """One thing that a statement does to one resource.

    `action` is a leaf of the policy vocabulary (select, update_all, drop, call, set …). `columns` are the known
    columns, empty when unknown or not applicable; `star` says that all columns are touched. `via` names the views
    through which a table was reached. `part` counts the statements of a multi-statement text from 0. `traits` are what
    the catalog knows of a function: "opaque" (its body is not understood), "security_definer", "volatile".
    """

    action: str
    resource: Resource
    columns: tuple[str, ...] = ()
    star: bool = False
    via: tuple[str, ...] = ()
    part: int = 0
    traits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Indirect:
    """What a write sets off beyond its own text: a trigger, a rule, or a foreign key's cascade.

    `kind` is "trigger", "rule" or "cascade"; `name` that of the trigger, rule or constraint. `action` is the leaf of
    the policy vocabulary that happens to `path` (schema, name): delete, update, insert, or function for a trigger's
    function. `cause` is the relation whose write sets it off.
    """

    kind: str
    name: str
    action: str
    path: tuple[str, str]
    cause: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Lock:
    """A table-level lock that a statement takes beyond those of plain reads and writes; `mode` as pg_locks shows it."""

    path: tuple[str, str]
    mode: str


class EffectKind(StrEnum):
    """What a successful statement changes in its session, for what later statements mean."""

    PREPARE = "prepare"  # name → facts of the prepared statement
    DEALLOCATE = "deallocate"  # name, or "" for all
    DECLARE = "declare"  # name → facts of the cursor's query
    CLOSE = "close"  # name, or "" for all
    DISCARD = "discard"  # DISCARD ALL/TEMP/PLANS: name says which
    SETTING = "setting"  # a setting changed; name is its name, "" when not known which
    CREATE = "create"  # relation → becomes known to this session before it is committed
    DEFINE = "define"  # the catalog changed; name is pg_temp where nothing but what is the session's own did
    ROLE = "role"  # SET ROLE, SET SESSION AUTHORIZATION


@dataclass(frozen=True, slots=True)
class Effect:
    """One change of session state; see EffectKind for what `name`, `facts` and `relation` hold."""

    kind: EffectKind
    name: str = ""
    facts: Facts | None = None
    relation: Relation | None = None


@dataclass(frozen=True, slots=True)
class Relation:
    """A table, view, sequence … as the catalog knows it. `kind` is pg_class.relkind (r, p, v, m, f, S, t, i, c)."""

    schema: str
    name: str
    kind: str
    columns: tuple[str, ...] = ()
    base: tuple[tuple[str, str], ...] = ()
    """For views and materialized views: the (schema, name) of every table reached, at any depth."""


@dataclass(frozen=True, slots=True)
class SyntaxFault:
    """What the server itself would say of a text that its grammar refuses, or whose names it does not know."""

    sqlstate: str
    message: str
    position: int | None = None  # 1-based, in characters


@dataclass(frozen=True, slots=True)
class Facts:
    """What a statement text is and touches. Not understanding is part of it: `unknown` lists reasons.

    `verbs` are leaf actions in order of first appearance. `control` is set when the text is transaction control only
    (begin, commit, rollback, savepoint, release, rollback_to, prepare_transaction, …). `ends_failed_transaction` is
    true for ROLLBACK and COMMIT, which are never refused. `has_copy_in`/`has_copy_out` announce the copy protocol.
    `has_where` is False when an UPDATE, DELETE or MERGE in the text has nothing that restricts it. `indirect` lists
    what writes set off, `locks` what DDL and LOCK take. `literals_matter` forbids sharing these facts between texts
    that differ only in constants.
    `session_bound` forbids caching: the facts came from this session's prepared statements or cursors. `fetches` has
    (part, cursor) of each FETCH; `headed` the parts that are a COPY whose first line is a header. `sets_password`
    says that a role of the database would get another password, or lose it.
    """

    verbs: tuple[str, ...] = ()
    touches: tuple[Touch, ...] = ()
    unknown: tuple[str, ...] = ()
    parts: int = 1
    control: str | None = None
    ends_failed_transaction: bool = False
    effects: tuple[Effect, ...] = ()
    literals_matter: bool = True
    session_bound: bool = False
    reads_only: bool = False
    fault: SyntaxFault | None = None
    has_where: bool = True
    indirect: tuple[Indirect, ...] = ()
    locks: tuple[Lock, ...] = ()
    fetches: tuple[tuple[int, str], ...] = ()
    headed: tuple[int, ...] = ()
    sets_password: bool = False


NOT_JUDGED = Facts(unknown=("not analysed",))


@dataclass(frozen=True, slots=True)
class Allow:
    """May run. `rules` are the policies that permitted it; `max_rows` the tightest row limit, None for none.

    `limited_by` is the policy that this limit is from.
    """

    rules: tuple[str, ...] = ()
    max_rows: int | None = None
    limited_by: str = ""


@dataclass(frozen=True, slots=True)
class Need:
    """What one hold rule asks for: approval by `quorum` different people who are each in one of `groups`."""

    groups: tuple[str, ...]
    quorum: int = 1

    def accepts(self, groups: Collection[str]) -> bool:
        """Whether somebody in these groups counts."""
        return any(group in groups for group in self.groups)

    def __str__(self) -> str:
        """As sentences say it: `dba or security`, `2 of dba`."""
        told = " or ".join(self.groups)
        return told if self.quorum == 1 else f"{self.quorum} of {told}"


@dataclass(frozen=True, slots=True)
class Hold:
    """Must wait for approval: each of `needs` must be met.

    `max_rows`, from policy `limited_by`, limits rows once it may run. `may_be_run`: every rule that holds it lets it
    be run and rolled back, to see what it would do.
    """

    rule: str
    needs: tuple[Need, ...]
    message: str
    wait_s: float = 120.0
    rules: tuple[str, ...] = ()
    max_rows: int | None = None
    limited_by: str = ""
    may_be_run: bool = False

    @property
    def approvers(self) -> tuple[str, ...]:
        """The groups that may approve, each once."""
        return tuple(dict.fromkeys(group for need in self.needs for group in need.groups))


@dataclass(frozen=True, slots=True)
class Deny:
    """Must not run. `message` names what and by which rule; `hint` says what to do next."""

    rule: str
    message: str
    sqlstate: str = "42501"
    hint: str = ""
    rules: tuple[str, ...] = ()


Verdict = Allow | Hold | Deny


@dataclass(frozen=True, slots=True)
class Context:
    """What a policy may look at besides principal and facts. `at_ns` is Unix time in nanoseconds.

    `evidence` says how the principal proved who it is: "password" for a credential's, "" where nobody logged in.
    `estimated_rows` is the database's estimate for the statement, None where there is none.
    """

    client_address: str = ""
    application: str = ""
    in_transaction: bool = False
    at_ns: int = 0
    evidence: str = ""
    estimated_rows: int | None = None


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that repr, logs and error messages do not show."""

    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Column:
    """A column with its type. `number` is attnum; `type` is what a cast names, with modifier and schema.

    `base` is the type below all domains (`int4`, `public.mood`), `kind` its pg_type.typtype; `is_constrained` says
    that a domain on the way refuses some of its values.
    """

    name: str
    number: int
    type: str
    type_oid: int
    base: str
    kind: str = "b"
    is_array: bool = False
    is_constrained: bool = False


Premise = Literal["", "utf8", "iso", "utc"]
"""What must hold of a session for a late mask to give what the server would: nothing, that the server counts texts in
characters of UTF-8, that it writes dates in ISO style, or that it does and that its days are those of UTC."""
PREMISES: Final[frozenset[Premise]] = frozenset(("", "utf8", "iso", "utc"))


@dataclass(frozen=True, slots=True)
class ColumnMask:
    """How one column is masked for somebody. `tag` is the classification that asks for it.

    `sql` is an expression of the column's exact type with `{}` where the column's name goes; a mask whose key must not
    be in a text is NULL there. `is_late`: the gateway masks the value itself where it is a plain output column and the
    session meets its `premise`. `trace` is a regular expression that whole masked values match, "" when they look like
    others: for refusing to write them back.
    """

    tag: str
    sql: str
    is_late: bool = False
    trace: str = ""
    premise: Premise = ""
