"""A catalog from declarations: what PostgreSQL brings, and the tables and functions that are named. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import orjson

from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.entities import Function, Path

SYSTEM = files("tidewaiter") / "sql" / "system_catalog.json"
"""System relations, built-in functions and types of PostgreSQL 18, made by scripts/system_catalog.py.

It stands for a server's catalog where there is no server, and says what exists; what a built-in asks, whichever server
says that it exists, is in builtins.txt.
"""


def declared(tables: Mapping[Path, Sequence[str]], functions: Sequence[Function] = ()) -> Catalog:
    """The catalog of a database with these tables ((schema, name) → columns) and functions, and nothing else."""
    system = _system()
    relations = [[schema, name, "r", list(columns), [], False] for (schema, name), columns in tables.items()]
    named = {path[0] for path in tables} | {function.schema for function in functions}
    schemas = sorted({"pg_catalog", "information_schema", "public"} | named)
    return Catalog.from_rows(
        {
            **system,
            "relations": [*system["relations"], *relations],
            "schemas": [[schema] for schema in schemas],
            "functions": [_row(function) for function in functions],
        }
    )


def _row(one: Function) -> list[Any]:
    return [
        one.schema, one.name, one.oid, one.kind, one.language, one.volatility, one.security_definer, one.extension,
        one.takes_row, list(one.parameters), one.body, list(one.settings), one.owner,
    ]  # fmt: skip


@cache
def _system() -> Mapping[str, list[list[Any]]]:
    rows: dict[str, list[list[Any]]] = orjson.loads(SYSTEM.read_bytes())
    return rows
