"""A catalog from declarations: what PostgreSQL brings, and the tables and functions that are named. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final

import orjson

from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.entities import Function, Path

SYSTEM = files("tidewaiter") / "sql" / "system_catalog.json"
"""System relations, built-in functions and types of PostgreSQL 18, made by scripts/system_catalog.py.

It stands for a server's catalog where there is no server, and says what exists; what a built-in asks, whichever server
says that it exists, is in builtins.txt.
"""


TYPES: Final[Mapping[str, tuple[int, str]]] = {
    "bigint": (20, "int8"), "boolean": (16, "bool"), "bytea": (17, "bytea"), "date": (1082, "date"),
    "double precision": (701, "float8"), "inet": (869, "inet"), "integer": (23, "int4"), "json": (114, "json"),
    "jsonb": (3802, "jsonb"), "numeric": (1700, "numeric"), "real": (700, "float4"), "smallint": (21, "int2"),
    "text": (25, "text"), "timestamp with time zone": (1184, "timestamptz"),
    "timestamp without time zone": (1114, "timestamp"), "uuid": (2950, "uuid"),
}  # fmt: skip
"""Types that a column may be declared with: oid and pg_type.typname. Masks ask for them."""
_WRITTEN: Final = (
    {typname: name for name, (_, typname) in TYPES.items()} | {"int": "integer"} | {one: one for one in TYPES}
)
FIRST_OID: Final = 16384


def declared(tables: Mapping[Path, Sequence[str]], functions: Sequence[Function] = ()) -> Catalog:
    """The catalog of a database with these tables ((schema, name) → columns) and functions, and nothing else.

    A column is a name, or a name and a type of TYPES after a blank; without one it is text.
    """
    system = _system()
    columns = {path: [_column(written) for written in named] for path, named in tables.items()}
    relations = [[schema, name, "r", [one for one, _ in found], [], False] for (schema, name), found in columns.items()]
    named = {path[0] for path in tables} | {function.schema for function in functions}
    schemas = sorted({"pg_catalog", "information_schema", "public"} | named)
    return Catalog.from_rows(
        {
            **system,
            "relations": [*system["relations"], *relations],
            "schemas": [[schema] for schema in schemas],
            "functions": [_row(function) for function in functions],
            "columns": [
                [
                    *path,
                    FIRST_OID + number,
                    [at + 1 for at in range(len(found))],
                    [_said(name) for _, name in found],
                    [TYPES[name][0] for _, name in found],
                ]
                for number, (path, found) in enumerate(columns.items())
            ],
            "column_types": [[oid, typname, "b", False, False] for oid, typname in TYPES.values()],
        }
    )


def _column(written: str) -> tuple[str, str]:
    """(name, type) of a column as it is declared."""
    name, _, type_ = written.partition(" ")
    known = _WRITTEN.get(type_.strip().lower())
    return (name, known) if known is not None else (written, "text")


def _said(type_: str) -> str:
    """A type as the server's catalog would say it: with its schema, where the grammar has no words for it."""
    is_grammar = TYPES[type_][1] != type_ or type_ == "numeric"
    return type_ if is_grammar else f"pg_catalog.{type_}"


def _row(one: Function) -> list[Any]:
    return [
        one.schema, one.name, one.oid, one.kind, one.language, one.volatility, one.security_definer, one.extension,
        one.takes_row, list(one.parameters), one.body, list(one.settings), one.owner,
    ]  # fmt: skip


@cache
def _system() -> Mapping[str, list[list[Any]]]:
    rows: dict[str, list[list[Any]]] = orjson.loads(SYSTEM.read_bytes())
    return rows
