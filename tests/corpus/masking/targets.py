"""What the oracle speaks to: a session that takes statements and gives back every byte that a client would see.

`Raw` sends the client's text as it is, `Rewriting` what the masked-relation rewrite makes of it, with late masks and
scrubbing applied as a gateway would. A target that speaks to a gateway's port needs `Raw` alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from rawwire import Client, Message, bind, describe, execute, message, parse, query
from world import TAGS, World

from tidewaiter.masking.keys import tag_key
from tidewaiter.masking.late import late_mask
from tidewaiter.masking.plan import Field, Foreseen, MaskingError, MaskPlan, check_described
from tidewaiter.masking.scrub import body_of, scrub
from tidewaiter.model import EffectKind, Facts, Secret
from tidewaiter.proxy.met import Met
from tidewaiter.sql.facts import understand
from tidewaiter.sql.reading import Scope
from tidewaiter.sql.rewrite import Late, Refused, rewrite

SYNC = message(b"S")
KEY = Secret("the oracle's key")


@dataclass(frozen=True)
class Answer:
    """What a client saw of one step. `refused`: the rule, when nothing was sent to the server."""

    messages: tuple[Message, ...] = ()
    refused: str = ""
    reason: str = ""
    text: str = ""
    touches: bool = False


class Session(Protocol):
    """One connection of one client."""

    def step(self, text: str, *, extended: bool, binary: bool) -> Answer:
        """Run one statement text."""

    def close(self) -> None:
        """Hang up."""


class Redefined(Exception):
    """A gateway dropped an answer, as the world was tidied up while it began: to be run again, as its hint says."""


def conversation(client: Client, text: str, *, extended: bool = False, binary: bool = False) -> list[Message]:
    """Send a text by the simple or the extended protocol and read to ReadyForQuery; COPY data is taken as it comes.

    Raises Redefined, also where the session ended with that.
    """
    if extended:
        parts = parse(text) + bind(results=[1] if binary else [0]) + describe() + execute() + SYNC
        client.send(parts)
    else:
        client.send(query(text))
    found: list[Message] = []
    try:
        for got in client.until():
            found.append(got)
            if got.type == b"G":  # no case has data to copy in
                client.send(message(b"f", b"no data\0") + (SYNC if extended else b""))
    except ConnectionError as end:
        if _is_redefined(found):
            raise Redefined from end
        raise
    if _is_redefined(found):
        raise Redefined
    return found


def _is_redefined(found: list[Message]) -> bool:
    return any(one.type == b"E" and one.fields["C"] == "40001" for one in found)


@dataclass
class Raw:
    """The client's own text, and every byte of the answer."""

    client: Client

    def step(self, text: str, *, extended: bool, binary: bool) -> Answer:
        """Run it."""
        return Answer(tuple(conversation(self.client, text, extended=extended, binary=binary)), text=text)

    def close(self) -> None:
        """Hang up."""
        self.client.close()


def told(encoding: bytes) -> Met:
    """What a session meets whose server keeps texts in an encoding, and writes dates in ISO style."""
    met = Met()
    for name, value in ((b"server_encoding", encoding), (b"client_encoding", b"UTF8"), (b"DateStyle", b"ISO, MDY")):
        met.told(name, value)
    return met


@dataclass
class Rewriting:
    """What a gateway would do, without the gateway."""

    client: Client
    world: World
    scope: Scope = field(default_factory=Scope)
    made: int = 0
    met: Met = field(default_factory=lambda: told(b"UTF8"))

    def step(self, text: str, *, extended: bool, binary: bool) -> Answer:
        """Understand, rewrite, send, mask, scrub."""
        catalog = self.world.catalog
        facts = understand(text, catalog, self.scope)
        self.made += 1
        for effect in facts.effects:  # in one text as in the next
            self.met.changed(effect)
        nonce, met = f"tw{self.made:06x}q", self.met.now
        done = rewrite(text, facts, catalog, self.scope, self.world.labels, nonce, database="shop", met=met)
        if isinstance(done, Refused):
            return Answer(refused=done.rule, reason=done.reason)
        got = conversation(self.client, done.text, extended=extended, binary=binary)
        if not any(one.type == b"E" for one in got):
            self.scope = after(self.scope, facts)
        answer: list[Message] = []
        plan: MaskPlan | None = None
        part = 0
        try:
            for one in got:
                if one.type == b"T":
                    plan = self._plan(one, [late for late in done.late if late.part == part])
                if one.type == b"C":
                    part += 1
                if one.type == b"D" and plan is not None and plan.indexes:
                    row = message(b"D", one.body)
                    one = Message(b"D", plan.apply(row, 0, len(row))[5:])
                is_raw = done.is_raw or facts.session_bound
                if one.type in b"EN" and (done.touches or is_raw):
                    one = Message(one.type, body_of(scrub(one.fields, is_raw=is_raw)))
                answer.append(one)
        except MaskingError as error:
            return Answer(refused="assertion", reason=str(error), text=done.text)
        return Answer(tuple(answer), text=done.text, touches=done.touches)

    def _plan(self, description: Message, late: Sequence[Late]) -> MaskPlan:
        catalog = self.world.catalog
        oids = {path: oid for oid, path in catalog.relation_oids.items()}
        columns = {path: {column.name: column for column in found} for path, found in catalog.columns.items()}
        fields = list(described(description))
        masked = frozenset(
            (oids[path], columns[path][name].number)
            for path, masks in self.world.labels.masks.items()
            if path in columns
            for name in masks
            if name in columns[path]
        )
        foreseen = [Foreseen(one.index, oids[one.path], columns[one.path][one.column].number) for one in late]
        check_described(fields, foreseen, masked, frozenset(oid for oid, _ in masked))
        return MaskPlan(
            [
                (
                    one.index,
                    late_mask(
                        TAGS[one.mask.tag],
                        columns[one.path][one.column],
                        tag_key(KEY, one.mask.tag),
                        fields[one.index].is_binary,
                    ),
                )
                for one in late
            ]
        )

    def close(self) -> None:
        """Hang up."""
        self.client.close()


def described(description: Message) -> list[Field]:
    """The fields of a RowDescription."""
    body, at = description.body, 2
    found = []
    for _ in range(int.from_bytes(body[:2], "big")):
        at = body.index(b"\0", at) + 1
        oid = int.from_bytes(body[at : at + 4], "big")
        number = int.from_bytes(body[at + 4 : at + 6], "big", signed=True)
        type_oid = int.from_bytes(body[at + 6 : at + 10], "big")
        found.append(Field(oid, number, type_oid, body[at + 17] == 1))
        at += 18
    return found


def after(scope: Scope, facts: Facts) -> Scope:
    """What a session knows once a statement has run."""
    created, prepared, cursors = dict(scope.created), dict(scope.prepared), dict(scope.cursors)
    for effect in facts.effects:
        if effect.kind is EffectKind.CREATE and effect.relation is not None:
            created[effect.relation.schema, effect.relation.name] = effect.relation
        elif effect.kind is EffectKind.PREPARE and effect.facts is not None:
            prepared[effect.name] = effect.facts
        elif effect.kind is EffectKind.DECLARE and effect.facts is not None:
            cursors[effect.name] = effect.facts
    return replace(scope, created=created, prepared=prepared, cursors=cursors)
