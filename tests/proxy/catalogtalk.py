"""A question of the gateway's own for the catalog, within a session, and what a server answers to it."""

from __future__ import annotations

import orjson
from playbook import Side, messages_of, probe_answer, server

from tidewaiter.proxy.overlays import SESSION_SECTIONS, WHOLE
from tidewaiter.proxy.probe import SURROUNDINGS, Probe, Surroundings, catalog_questions
from tidewaiter.sql.catalog_reading import LISTS

SURROUNDED = (b"UTF8", b"read committed", b"public", b"0", b"0", b"on", b"2", b"8")


def asked_surroundings() -> Side:
    """The server gets the gateway's question for the settings around a question for the catalog."""
    return server(*messages_of(Probe.message(SURROUNDINGS, with_sync=True)))


def asked_catalog() -> Side:
    """The server gets the gateway's question for the catalog."""
    return server(
        *messages_of(Probe.message(catalog_questions(Surroundings.read(SURROUNDED), [(WHOLE, "")]), with_sync=True))
    )


def catalog_answer(*tables: str) -> bytes:
    """The answer to the question for the catalog: these tables in schema public, each with a column id."""
    return probe_answer((b"",), (whole_catalog(*tables),), (b"",))


def whole_catalog(*tables: str) -> bytes:
    """What a server says of its whole catalog that has these tables in schema public, each with a column id."""
    relations = [
        {"o": at, "s": [at], "a": "public", "b": name, "c": "r", "d": ["id"], "e": [], "f": False}
        for at, name in enumerate(tables, 20_000)
    ]
    lists = [[0, []] for _ in (*LISTS, "pg_attribute", "pg_depend")]
    sections = [relations if name == "relations" else [] for name in SESSION_SECTIONS]
    return orjson.dumps([["700", "then", *lists], *sections])
