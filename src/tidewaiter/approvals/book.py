"""The book: requests in the control store, changed by compare-and-set, so that several gateways agree on each."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Row, and_, delete, or_, select, true, update

from tidewaiter.approvals.desk import Request, State
from tidewaiter.errors import NotFound
from tidewaiter.store import Store
from tidewaiter.store.tables import requests

LIVE = (State.OPEN, State.APPROVED)
"""States in which it may still run."""

UNSETTLED = (*LIVE, State.REVIEW)
"""States in which somebody still has to do something."""

ID_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # nothing that is mistaken for something else when read aloud
ID_CHARACTERS = 7  # 2**35 ids
KEEP_S = 90 * 86_400.0  # the ledger keeps what happened; the book is for what may still happen, and for looking back

Versioned = tuple[Request, int]
"""A request and the version that a change must find again."""

RandomText = Callable[[int], str]


@dataclass(frozen=True, slots=True)
class Readable:
    """Which requests somebody may see: all on datasources `of`, and those that `own`, or an agent of theirs, asked for.

    Only those on datasources `within`. None stands for all datasources.
    """

    of: frozenset[str] | None = None
    own: str = ""
    within: frozenset[str] | None = None

    @property
    def where(self) -> ColumnElement[bool]:
        """The same as a condition."""
        table = requests.c
        own = or_(table.principal == self.own, table.on_behalf_of == self.own)
        seen = true() if self.of is None else or_(table.datasource.in_(self.of), own)
        return seen if self.within is None else and_(seen, table.datasource.in_(self.within))


EVERYTHING = Readable()


class Book:
    """Requests by id. Every method is one transaction and may wait for the store: call it off the event loop.

    Every method raises StoreUnavailable.
    """

    def __init__(self, store: Store, random_text: RandomText) -> None:
        """`random_text` gives so many characters of ID_ALPHABET."""
        self._store = store
        self._random_text = random_text

    def stamp(self) -> int:
        """Differs from the last one when anything in the store was committed in between, here or elsewhere."""
        return self._store.stamp()

    def fresh_id(self) -> str:
        """An id that no request has: `AR-7K3F9QX`."""
        with self._store.reading() as connection:
            while True:
                id_ = f"AR-{self._random_text(ID_CHARACTERS)}"
                if connection.execute(select(requests.c.id).where(requests.c.id == id_)).first() is None:
                    return id_

    def find(self, id_: str) -> Versioned:
        """One request. Raises NotFound."""
        with self._store.reading() as connection:
            row = connection.execute(select(requests).where(requests.c.id == id_.upper())).first()
        if row is None:
            raise NotFound(f"there is no request {id_!r}")
        return _request(row), row.version

    def decided(self, ids: Collection[str]) -> list[Request]:
        """Those of some requests that are no longer open."""
        query = select(requests).where(requests.c.id.in_(ids), requests.c.state != State.OPEN)
        with self._store.reading() as connection:
            return [_request(row) for row in connection.execute(query)]

    def all(self, states: Collection[State] = tuple(State)) -> list[Request]:
        """Requests in these states, oldest first."""
        query = select(requests).where(requests.c.state.in_(states)).order_by(requests.c.created_s, requests.c.id)
        with self._store.reading() as connection:
            return [_request(row) for row in connection.execute(query)]

    def newest(
        self,
        count: int | None,
        before: str = "",
        readable: Readable = EVERYTHING,
        states: Collection[State] = tuple(State),
    ) -> list[Request]:
        """Requests in these states, newest first: at most so many, those older than request `before` if it is given.

        Raises NotFound.
        """
        table = requests.c
        query = select(requests).where(table.state.in_(states), readable.where)
        with self._store.reading() as connection:
            if before:
                this = select(table.created_s).where(table.id == before.upper(), readable.where)
                at_s = connection.scalar(this)
                if at_s is None:  # nor does anybody learn by asking that there is a request which they may not see
                    raise NotFound(f"there is no request {before!r}")
                query = query.where(
                    or_(table.created_s < at_s, and_(table.created_s == at_s, table.id > before.upper()))
                )
            found = connection.execute(query.order_by(table.created_s.desc(), table.id).limit(count))
            return [_request(row) for row in found]

    def changed(self, after: int) -> list[Versioned]:
        """Requests that changed after that version, in the order of their changes."""
        query = select(requests).where(requests.c.version > after).order_by(requests.c.version)
        with self._store.reading() as connection:
            return [(_request(row), row.version) for row in connection.execute(query)]

    def live(self, binding: str) -> Versioned | None:
        """The request in a LIVE state for this binding, approved ones before open ones; None when there is none."""
        query = select(requests).where(requests.c.binding == binding, requests.c.state.in_(LIVE))
        with self._store.reading() as connection:
            row = connection.execute(query.order_by(requests.c.state, requests.c.created_s)).first()
        return (_request(row), row.version) if row is not None else None

    def due(self, now_s: float) -> list[Versioned]:
        """Requests in a LIVE state whose time is up."""
        query = select(requests).where(requests.c.state.in_(LIVE), requests.c.expires_s <= now_s)
        with self._store.reading() as connection:
            return [(_request(row), row.version) for row in connection.execute(query)]

    def add(self, request: Request) -> bool:
        """Enter a new request; False when there is a live one for its binding already, which counts then."""
        same = select(requests.c.id).where(requests.c.binding == request.binding, requests.c.state.in_(LIVE))
        with self._store.changing() as change:
            if change.connection.execute(same).first() is not None:
                return False
            change.connection.execute(requests.insert().values(**_values(request), version=change.generation))
        return True

    def replace(self, request: Request, version: int) -> bool:
        """Write a changed request; False when it is not at `version` any more: somebody else changed it."""
        unchanged = update(requests).where(requests.c.id == request.id, requests.c.version == version)
        with self._store.changing() as change:
            written = change.connection.execute(unchanged.values(**_values(request), version=change.generation))
            return written.rowcount == 1

    def prune(self, now_s: float) -> int:
        """Forget what has been over for KEEP_S; how many."""
        over = requests.c.state.not_in(UNSETTLED) & (requests.c.expires_s < now_s - KEEP_S)
        with self._store.changing() as change:
            return change.connection.execute(delete(requests).where(over)).rowcount


# msgspec learns a dataclass at its first use, and crashes the process where another thread uses it meanwhile (0.22,
# `convert` to a class that is known by half): requests are learnt here, while the importing thread is alone.
msgspec.json.Decoder(Request)


def request_of(document: Any) -> Request:
    """A stored document as a request; in any thread."""
    return msgspec.convert(document, Request)


def _request(row: Row[Any]) -> Request:
    return request_of(row.document)


def _values(request: Request) -> dict[str, object]:
    return {
        "id": request.id,
        "state": request.state.value,
        "binding": request.binding,
        "principal": request.principal,
        "on_behalf_of": request.on_behalf_of,
        "datasource": request.datasource,
        "created_s": request.created_s,
        "expires_s": request.expires_s,
        "document": msgspec.to_builtins(request),
    }
