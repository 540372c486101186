"""What each channel is to be told, in the control store: it survives restarts, and several gateways share the work.

A delivery is the difference between the version of a request that a channel is to know and the one that it knows. So
nothing has to be written when a request changes, a channel that was away for long learns the present state at once,
and an update never overtakes its announcement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, Update, delete, func, select, update

from tidewaiter.approvals.book import UNSETTLED, request_of
from tidewaiter.approvals.desk import Request
from tidewaiter.store import Store
from tidewaiter.store.tables import channel_marks, deliveries, meta, received, requests

PROBLEM_CHARACTERS = 500
KEEP_RECEIVED_S = 90 * 86_400.0  # as long as a request is kept: a message about it is remembered as long as it is


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one channel knows of one request. `since_s` is when it first fell behind what it is to know.

    `member` is who is told individually, empty for the channel's own place.
    """

    request: str
    channel: str
    member: str
    wanted: int
    told: int
    reference: str
    attempts: int
    since_s: float
    next_at_s: float
    told_at_s: float | None
    problem: str
    given_up: bool

    @property
    def state(self) -> str:
        """told, waiting or given up."""
        return "given up" if self.given_up else "told" if self.told >= self.wanted else "waiting"


@dataclass(frozen=True, slots=True)
class Tally:
    """How many deliveries of a channel are in which state, since when the oldest one waits, and the last problem."""

    told: int
    waiting: int
    given_up: int
    waiting_since_s: float | None
    problem: str


class Outbox:
    """Deliveries by request and channel. Every method is one transaction: call it off the event loop.

    Every method raises StoreUnavailable.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def check_s(self) -> float:
        """How often, at most, asking `stamp` makes sense."""
        return self._store.check_s

    def stamp(self) -> int:
        """Differs from the last one when anything in the store was committed in between."""
        return self._store.stamp()

    def note(
        self,
        channel: str,
        is_wanted: Callable[[Request], bool],
        now_s: float,
        members: Callable[[Request], Iterable[str]] = lambda request: (),
    ) -> int:
        """Note which requests have changed since the last time; how many. `members` are to be told individually.

        A new channel starts with the requests in which something may still happen; older ones are not its business.
        """
        with self._store.changing() as change:
            connection = change.connection
            seen = connection.scalar(select(channel_marks.c.seen).where(channel_marks.c.channel == channel))
            newest = connection.execute(select(meta.c.generation)).scalar_one()
            if seen is None:
                changed = requests.c.state.in_(UNSETTLED)
                connection.execute(channel_marks.insert().values(channel=channel, seen=newest))
            else:
                changed = requests.c.version > seen
            rows = connection.execute(select(requests).where(changed).order_by(requests.c.version)).all()
            found = [(row, request_of(row.document)) for row in rows]
            wanted = [(row, request) for row, request in found if is_wanted(request)]
            for row, request in wanted:
                told = connection.scalars(
                    select(deliveries.c.member).where(deliveries.c.request == row.id, _of(deliveries, channel))
                )
                for member in dict.fromkeys(("", *told, *members(request))):
                    _want(connection, channel, member, row, now_s)
            if seen is not None and rows:
                connection.execute(
                    update(channel_marks).where(_of(channel_marks, channel)).values(seen=rows[-1].version)
                )
            return len(wanted)

    def is_behind(self, channel: str) -> bool:
        """Whether `note` would find anything: a question without a lock."""
        with self._store.reading() as connection:
            seen = connection.scalar(select(channel_marks.c.seen).where(_of(channel_marks, channel)))
            newest = connection.scalar(select(func.max(requests.c.version)))
            return seen is None or (newest or 0) > seen

    def claim(self, channel: str, now_s: float, until_s: float) -> tuple[Delivery, Request] | None:
        """Take the delivery that is due first, for this process alone until `until_s`."""
        due = (*_waiting(channel), deliveries.c.next_at_s <= now_s)
        with self._store.changing() as change:
            connection = change.connection
            row = connection.execute(select(deliveries).where(*due).order_by(deliveries.c.next_at_s).limit(1)).first()
            if row is None:
                return None
            taken = _delivery(row)
            connection.execute(_one(taken).values(next_at_s=until_s, attempts=taken.attempts + 1))
            found = connection.execute(select(requests).where(requests.c.id == taken.request)).first()
            if found is None:  # pruned: nobody can be told anything of it any more
                connection.execute(delete(deliveries).where(_same(taken)))
                return None
            # What is told is the request as it is now, which may be newer than what was noted.
            connection.execute(_one(taken).values(wanted=found.version))
        request = request_of(found.document)
        return replace(taken, wanted=found.version, attempts=taken.attempts + 1), request

    def next_at_s(self, channel: str) -> float | None:
        """When the next delivery is due; None while nothing waits."""
        with self._store.reading() as connection:
            found: float | None = connection.scalar(select(func.min(deliveries.c.next_at_s)).where(*_waiting(channel)))
            return found

    def told(self, delivery: Delivery, reference: str, now_s: float) -> None:
        """The channel knows the version that was claimed. If there is a newer one meanwhile, that is due now."""
        values = {"told": delivery.wanted, "reference": reference, "told_at_s": now_s, "problem": ""}
        with self._store.changing() as change:
            change.connection.execute(_one(delivery).values(**values, attempts=0, next_at_s=now_s, since_s=now_s))

    def failed(self, delivery: Delivery, problem: str, next_at_s: float) -> None:
        """It did not arrive, and is tried again at `next_at_s`."""
        with self._store.changing() as change:
            change.connection.execute(_one(delivery).values(problem=problem[:PROBLEM_CHARACTERS], next_at_s=next_at_s))

    def give_up(self, delivery: Delivery, problem: str) -> None:
        """It is not tried again, unless the request changes."""
        with self._store.changing() as change:
            change.connection.execute(_one(delivery).values(problem=problem[:PROBLEM_CHARACTERS], given_up=True))

    # -- looking -----------------------------------------------------------------------------------------------------
    def of_request(self, request: str) -> list[Delivery]:
        """What each channel knows of a request, by channel and member."""
        order = deliveries.c.channel, deliveries.c.member
        query = select(deliveries).where(deliveries.c.request == request).order_by(*order)
        with self._store.reading() as connection:
            return [_delivery(row) for row in connection.execute(query)]

    def announced(self, channel: str, since_s: float) -> list[tuple[Request, str]]:
        """Requests that the channel announced, with its references: live ones, and those over since `since_s`."""
        query = (
            select(requests.c.document, deliveries.c.reference)
            .join(deliveries, deliveries.c.request == requests.c.id)
            .where(
                deliveries.c.channel == channel,
                deliveries.c.member == "",
                deliveries.c.reference != "",
                requests.c.state.in_(UNSETTLED) | (requests.c.expires_s > since_s),
            )
            .order_by(requests.c.created_s)
        )
        with self._store.reading() as connection:
            return [(request_of(row.document), row.reference) for row in connection.execute(query)]

    def tally(self, channel: str) -> Tally:
        """How the channel stands."""
        with self._store.reading() as connection:
            rows = [_delivery(row) for row in connection.execute(select(deliveries).where(_of(deliveries, channel)))]
        by_state = {state: [row for row in rows if row.state == state] for state in ("told", "waiting", "given up")}
        troubled = [row for row in rows if row.problem]
        return Tally(
            len(by_state["told"]),
            len(by_state["waiting"]),
            len(by_state["given up"]),
            min((row.since_s for row in by_state["waiting"]), default=None),
            max(troubled, key=lambda row: row.next_at_s).problem if troubled else "",
        )

    # -- what came in --------------------------------------------------------------------------------------------------
    def was_seen(self, channel: str, message: str) -> bool:
        """Whether this message came through this channel before, whichever gateway it reached."""
        with self._store.reading() as connection:
            return connection.execute(select(received.c.at_s).where(*_message(channel, message))).first() is not None

    def mark(self, channel: str, message: str, now_s: float) -> None:
        """It was dealt with."""
        with self._store.changing() as change:
            if change.connection.execute(select(received.c.at_s).where(*_message(channel, message))).first() is None:
                values = {"channel": channel, "message": _digest(message), "at_s": now_s}
                change.connection.execute(received.insert().values(**values))

    def prune(self, now_s: float) -> None:
        """Forget deliveries of requests that were forgotten, and messages that were received long ago."""
        with self._store.changing() as change:
            gone = deliveries.c.request.not_in(select(requests.c.id))
            change.connection.execute(delete(deliveries).where(gone))
            change.connection.execute(delete(received).where(received.c.at_s < now_s - KEEP_RECEIVED_S))


def _want(connection: Connection, channel: str, member: str, row: Row[Any], now_s: float) -> None:
    """A changed request: the channel is to know it. What was given up is tried again."""
    one = deliveries.c.request == row.id, deliveries.c.channel == channel, deliveries.c.member == member
    found = connection.execute(select(deliveries).where(*one)).first()
    if found is None:
        fresh = Delivery(row.id, channel, member, row.version, 0, "", 0, now_s, now_s, None, "", False)
        connection.execute(deliveries.insert().values(**{key: getattr(fresh, key) for key in Delivery.__slots__}))
        return
    was_told = found.told >= found.wanted
    since_s = now_s if was_told else found.since_s
    next_at_s = now_s if was_told or found.given_up else found.next_at_s
    connection.execute(
        update(deliveries).where(*one).values(wanted=row.version, since_s=since_s, next_at_s=next_at_s, given_up=False)
    )


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(*(getattr(row, key) for key in Delivery.__slots__))


def _of(table: Table, channel: str) -> ColumnElement[bool]:
    return table.c.channel == channel


def _same(delivery: Delivery) -> ColumnElement[bool]:
    of_request = (deliveries.c.request == delivery.request) & (deliveries.c.channel == delivery.channel)
    return of_request & (deliveries.c.member == delivery.member)


def _one(delivery: Delivery) -> Update:
    return update(deliveries).where(_same(delivery))


def _message(channel: str, message: str) -> tuple[ColumnElement[bool], ...]:
    return received.c.channel == channel, received.c.message == _digest(message)


def _digest(message: str) -> str:
    return sha256(message.encode("utf-8", "replace")).hexdigest()


def _waiting(channel: str) -> tuple[ColumnElement[bool], ...]:
    behind = deliveries.c.told < deliveries.c.wanted
    return _of(deliveries, channel), behind, deliveries.c.given_up.is_(False)
