"""What a session reads of its own transaction's definitions, without a server."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson
from catalogtalk import SURROUNDED, whole_catalog

from tidewaiter.proxy.overlays import CHANGES, EXCERPTS, HOLDERS, KEYS, SESSION_SECTIONS, TEXTS, WHOLE, Overlay, Reader
from tidewaiter.proxy.probe import Question, Surroundings
from tidewaiter.sql.catalog_mirror import Keys, Mirror, system, whole
from tidewaiter.sql.catalog_reading import LISTS, answered

PG_CLASS = list(LISTS).index("pg_class")


def test_what_a_session_asks_prints_no_stored_tree() -> None:
    """Printing locks what is in the tree until the client's transaction ends; names and owners lock nothing."""
    assert {call for text in TEXTS for call in re.findall(r"pg_get_\w+", text)} == {"pg_get_userbyid"}


def test_a_rollback_to_a_savepoint_begins_anew() -> None:
    mirror = shared()
    overlay = Overlay(mirror, mirror)
    overlay.rolled_back()
    assert overlay.is_due
    assert overlay.base is None
    assert overlay.mirror is mirror, "what is known is known until it is read"


def shared() -> Mirror:
    return whole(*answered(whole_catalog("kept").decode(), SESSION_SECTIONS), system({}))


class Server:
    """Says, one after the other, what changed; tables with oids from 20,000 on."""

    def __init__(self, *changes: bytes, tables: Sequence[str] = ("kept",)) -> None:
        self.changes = list(changes)
        self.tables = tables
        self.asked: list[str] = []

    async def ask(self, questions: Sequence[Question]) -> list[bytes]:
        return [b"", *(self._said(question) for question in questions[1:-1]), b""]

    def _said(self, question: Question) -> bytes:
        text = question.text.decode()
        if text == WHOLE:
            self.asked.append("whole")
            return whole_catalog(*self.tables)
        if text == CHANGES:
            self.asked.append("changes")
            return self.changes.pop(0)
        if text in KEYS.values():
            self.asked.append("keys")
            return orjson.dumps([[0, []]])
        if text == HOLDERS:
            self.asked.append(f"holders of {question.values[0].decode()}")
            return orjson.dumps([[20_002, 20_007]])
        (name,) = (name for name, excerpt in EXCERPTS.items() if excerpt == text)
        self.asked.append(name)
        owners = {int(oid) for oid in question.values[0].strip(b"{}").split(b",")}
        rows = orjson.loads(whole_catalog(*self.tables))[1] if name == "relations" else []
        return orjson.dumps([None, [row for row in rows if row["o"] in owners]])

    def read(self, base: Mirror | None, known: Mirror | None) -> Mirror:
        reader = Reader(self.ask, Surroundings.read(SURROUNDED), "utf-8")
        return asyncio.run(reader.read(base, known))


def changed(*entries: list[Any], count: int | None = None, server: str = "then") -> bytes:
    """That these rows of pg_class were written."""
    (said, *_) = orjson.loads(whole_catalog())
    said[1] = server
    said[2 + PG_CLASS] = [len(entries) if count is None else count, list(entries)]
    return orjson.dumps([said])


FRESH = [20_001, False, "1259:(0,1):701", 20_002]


def test_without_anything_known_everything_is_read() -> None:
    server = Server()
    assert ("public", "kept") in server.read(None, None).catalog.relations
    assert server.asked == ["whole"]


def test_only_what_was_defined_is_read() -> None:
    server = Server(changed(FRESH), changed(FRESH), tables=("kept", "fresh"))
    mirror = server.read(None, shared())
    assert set(mirror.catalog.relations) == {("public", "kept"), ("public", "fresh")}
    assert server.asked == ["changes", "relations", "attached", "columns", "column_types", "changes"]
    again = Server(changed(FRESH))
    assert again.read(mirror, shared()).catalog is mirror.catalog
    assert again.asked == ["changes"]


def test_a_definition_of_others_in_between_has_everything_read_in_one() -> None:
    server = Server(changed(FRESH), changed(FRESH, [20_005, False, "1259:(0,2):702", 0]), tables=("kept", "fresh"))
    assert ("public", "fresh") in server.read(None, shared()).catalog.relations
    assert server.asked[-1] == "whole"


def test_what_is_gone_is_found_by_counting() -> None:
    known = replace(shared(), keys={**shared().keys, "pg_class": {20_000: (0,)}})
    server = Server(changed(count=0), changed(count=0), tables=())
    assert server.read(None, known).catalog.relations == {}
    assert server.asked[:2] == ["changes", "keys"]


def test_what_holds_values_of_a_changed_type_is_read_too() -> None:
    lists: dict[str, Keys] = {
        "pg_class": {20_001: (20_002,)},
        "pg_type": {20_002: (0,)},
        "checks of types": {20_009: (20_008,)},
    }
    known = replace(shared(), keys={**shared().keys, **lists})
    said = orjson.loads(changed(FRESH))
    for name in ("pg_type", "checks of types"):
        said[0][2 + list(LISTS).index(name)] = [1, []]
    server = Server(orjson.dumps(said), orjson.dumps(said), tables=("kept", "fresh"))
    server.read(None, known)
    assert server.asked[:3] == ["changes", "holders of {20002}", "relations"]
    assert "domain_calls" in server.asked


def test_another_server_is_read_whole() -> None:
    server = Server(changed(server="another"), tables=("other",))
    assert set(server.read(None, shared()).catalog.relations) == {("public", "other")}
    assert server.asked == ["changes", "whole"]
