"""Names of resources: as entity ids, as Cedar writes them, and as sentences say them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from tidewaiter.model import Resource, ResourceType

TRAITS = ("opaque", "security_definer", "volatile")
"""What the catalog knows of a function; each is a boolean attribute of Function."""
COLUMN = "Column"
TAG = "Tag"
EVERY = "*"
"""Stands for the columns of a table that no policy and no tag names, where a statement takes all of them."""

# Parts of an id after the datasource.
PARTS = {
    ResourceType.DATASOURCE.value: 0,
    ResourceType.SCHEMA.value: 1,
    ResourceType.TABLE.value: 2,
    ResourceType.FUNCTION.value: 2,
    ResourceType.SETTING.value: 1,
    ResourceType.ROLE.value: 1,
    ResourceType.CHANNEL.value: 1,
    COLUMN: 3,
}
PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
PART = re.compile(r'"(?:[^"]|"")+"|[^".]+')

# Keywords that quote_identifier() of PostgreSQL 18 quotes: all but the unreserved ones of kwlist.h.
KEYWORDS = frozenset(
    """
    all analyse analyze and any array as asc asymmetric authorization between bigint binary bit boolean both case
    cast char character check coalesce collate collation column concurrently constraint create cross
    current_catalog current_date current_role current_schema current_time current_timestamp current_user dec
    decimal default deferrable desc distinct do else end except exists extract false fetch float for foreign
    freeze from full grant greatest group grouping having ilike in initially inner inout int integer intersect
    interval into is isnull join json json_array json_arrayagg json_exists json_object json_objectagg json_query
    json_scalar json_serialize json_table json_value lateral leading least left like limit localtime
    localtimestamp merge_action national natural nchar none normalize not notnull null nullif numeric offset on
    only or order out outer overlaps overlay placing position precision primary real references returning right
    row select session_user setof similar smallint some substring symmetric system_user table tablesample then
    time timestamp to trailing treat trim true union unique user using values varchar variadic verbose when where
    window with xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot
    xmlserialize xmltable
    """.split()  # noqa: SIM905 - a list of 164 strings is no easier to read
)


@dataclass(frozen=True, slots=True)
class Target:
    """What one question is about: a resource, or a `column` of a table.

    `traits` are what is known of a function; `tag` is the only Tag that the column is seen in, None for all it has.
    """

    resource: Resource
    column: str | None = None
    traits: tuple[str, ...] = ()
    tag: str | None = None

    @property
    def type(self) -> str:
        """The Cedar entity type."""
        return self.resource.type.value if self.column is None else COLUMN

    @property
    def path(self) -> tuple[str, ...]:
        """The parts after the datasource."""
        return self.resource.path if self.column is None else (*self.resource.path, self.column)

    def id(self, datasource: str) -> str:
        """The entity id. Raises ValueError when the path has not as many parts as the type needs."""
        return entity_id(self.type, datasource, self.path)

    def __str__(self) -> str:
        """As sentences say it: `table public.customers`."""
        if self.column == EVERY:
            return f"every column of {'.'.join(map(quote_ident, self.resource.path))}"
        return f"{self.type.lower()} {'.'.join(map(quote_ident, self.path))}"


def quote_ident(name: str) -> str:
    """Quote a name as PostgreSQL's quote_ident() does."""
    if PLAIN.fullmatch(name) and name not in KEYWORDS:
        return name
    return '"' + name.replace('"', '""') + '"'


def entity_id(type_: str, datasource: str, path: tuple[str, ...]) -> str:
    """The id of a resource: the datasource, then the parts. Raises ValueError for a wrong number of parts."""
    if len(path) != PARTS[type_]:
        raise ValueError(f"a {type_} has {PARTS[type_]} parts, not {len(path)}: {path!r}")
    return ".".join((datasource, *map(quote_ident, path)))


def read_id(type_: str, written: str) -> tuple[str, tuple[str, ...]]:
    """The datasource and parts of an id in a policy.

    Raises ValueError unless it is written exactly as questions are asked: any other spelling would never match.
    """
    datasource, dot, rest = written.partition(".")
    parts = []
    while dot:
        match = PART.match(rest)
        if match is None or rest[match.end() : match.end() + 1] not in ("", "."):
            raise ValueError(f"must be {_form(type_)}")
        part, dot, rest = match[0], rest[match.end() : match.end() + 1], rest[match.end() + 1 :]
        parts.append(part[1:-1].replace('""', '"') if part.startswith('"') else part)
    if not datasource or len(parts) != PARTS[type_]:
        raise ValueError(f"must be {_form(type_)}")
    expected = entity_id(type_, datasource, tuple(parts))
    if expected != written:
        raise ValueError(f"must be written {cedar(type_, expected)}")
    return datasource, tuple(parts)


def cedar(type_: str, id_: str) -> str:
    """An entity as policies write it: `Table::"shop.public.customers"`."""
    return f"{type_}::{json.dumps(id_, ensure_ascii=False)}"


def _form(type_: str) -> str:
    words = {
        ResourceType.DATASOURCE.value: "",
        ResourceType.TABLE.value: ".SCHEMA.TABLE",
        ResourceType.FUNCTION.value: ".SCHEMA.FUNCTION",
        COLUMN: ".SCHEMA.TABLE.COLUMN",
    }
    return cedar(type_, "DATASOURCE" + words.get(type_, f".{type_.upper()}"))
