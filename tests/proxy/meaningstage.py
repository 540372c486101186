"""What a session stands on whose meaning is followed: a catalog that counts its readings, a server that is asked."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from catalogtalk import whole_catalog
from playstage import ADA, PATH, Shelf, policies, shop

from tidewaiter.model import Context, Effect, EffectKind, Relation
from tidewaiter.proxy.footing import Footing, Judges
from tidewaiter.proxy.names import Names
from tidewaiter.proxy.overlays import WHOLE
from tidewaiter.proxy.probe import SURROUNDINGS, Question
from tidewaiter.proxy.standing import Standing
from tidewaiter.sql.catalog import Catalog

DEFINES = [Effect(EffectKind.DEFINE)]
NOTES = Relation("public", "new_notes", "r", ("id",))
CREATES = [Effect(EffectKind.CREATE, "new_notes", None, NOTES), *DEFINES]


class Watch(Shelf):
    """Counts readings; has no mirror, so that a session reads everything."""

    def __init__(self, catalog: Catalog) -> None:
        super().__init__(catalog)
        self.caught_up = 0

    async def catch_up(self) -> Catalog:
        self.caught_up += 1
        return self.current


class Server:
    """Answers the gateway's own questions."""

    def __init__(self, *tables: str, isolation: bytes = b"read committed", encoding: bytes = b"UTF8") -> None:
        self.asked: list[tuple[Question, ...]] = []
        self.tables = tables
        self._surroundings = [encoding, isolation, b'"$user", public', b"5s", b"0", b"on"]

    async def ask(self, questions: Sequence[Question]) -> list[bytes]:
        self.asked.append(tuple(questions))
        if tuple(questions) == SURROUNDINGS:
            return self._surroundings
        return [b"", *(self._said(question) for question in questions[1:-1]), b""]

    def _said(self, question: Question) -> bytes:
        """What changed: the server is another one, so that everything is read."""
        said = whole_catalog(*self.tables)
        if question.text == WHOLE.encode():
            return said
        first, *_ = orjson.loads(said)
        return orjson.dumps([[first[0], "another", *first[2:]]])


def standing(watch: Watch | None = None, *, observe: bool = False) -> Standing:
    footing = Footing(
        "shop", observe, False, watch or Watch(shop()), policies, Judges(), Context("127.0.0.1", "test"), lambda: 0
    )
    found = Standing(ADA, footing, Names())
    found.set_path(PATH)
    return found
