"""What issue trackers have in common: one issue per request, commands in its comments, the outcome as a comment.

Who said what is read from the tracker with our own token. A webhook only says that it is time to look, so a forged one
gains nothing. The text that approvers saw is compared with the one that was written, since others may edit it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from typing import ClassVar

from tidewaiter.approvals.desk import Request, Word
from tidewaiter.approvals.presentation import sight_of
from tidewaiter.channels.commands import command_of
from tidewaiter.channels.contract import EXPLAIN, Answer, Call, Channel, Decision, Desk, Notice, Outcome, Undelivered
from tidewaiter.channels.http import Http

LABEL = "tidewaiter"
MENTIONS = 50  # in one text: GitHub tells no more
CHANGED = "the text of this issue was changed: what it shows may not be what would run; decide elsewhere"


@dataclass(frozen=True, slots=True)
class Reference:
    """An issue: its key, the digest of its text as the tracker gave it back, and what was said of the request last.

    `sight` is the `sight_of` the request that the issue shows.
    """

    kind: str
    key: str
    digest: str
    said: str
    sight: str = ""

    @classmethod
    def parse(cls, written: str, kind: str) -> Reference | None:
        """Read what `written` wrote; None for what a channel of another kind wrote under the same name."""
        try:
            found = cls(**json.loads(written))
        except (ValueError, TypeError):
            return None
        return found if found.kind == kind else None

    def written(self) -> str:
        """For the outbox."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class Said:
    """A decision on an issue. `id` is its own; `problem` says why not to trust it, empty where it can be."""

    id: str
    word: Word
    note: str
    account: str
    name: str
    place: str
    problem: str = ""


Announced = Sequence[tuple[Reference, Request]]


class Tracker(Channel):
    """A channel to an issue tracker. `webhook_secret` empty: no webhooks are taken, the tracker is asked only."""

    vendor: ClassVar[str]
    signature: ClassVar[str]
    """The header of webhooks with `sha256=` and an HMAC of their body."""

    def __init__(self, name: str, kind: str, http: Http, webhook_secret: str, poll_s: float) -> None:
        super().__init__(name, kind)
        self._http = http
        self._webhook_secret = webhook_secret
        self._poll_s = poll_s
        self._hinted = asyncio.Event()
        self._names: dict[str, str] = {}

    # -- what each tracker does in its own way -------------------------------------------------------------------------
    @abstractmethod
    async def _open(self, notice: Notice, call: str) -> str:
        """Make the issue, or find the one that an earlier attempt made, ending with `call` as it is; its key."""

    @abstractmethod
    async def _text(self, key: str) -> object:
        """The text of an issue as it is now."""

    @abstractmethod
    async def _tell(self, key: str, notice: Notice, call: str) -> None:
        """Say in the issue what has become of the request, ending with `call` as it is."""

    @abstractmethod
    async def _name(self, account: str) -> str:
        """What mentions an account in a text. Raises Undelivered with `is_lasting` where there is none (any more)."""

    @abstractmethod
    async def _comment(self, key: str, body: str) -> None:
        """Comment, in the tracker's markup."""

    @abstractmethod
    def _plain(self, text: str) -> str:
        """Markup that shows a text as it is."""

    @abstractmethod
    async def _look(self, announced: Announced, desk: Desk) -> None:
        """Act on what was said since the last time."""

    # -- telling -----------------------------------------------------------------------------------------------------
    async def announce(self, notice: Notice) -> str:
        """Open an issue; after a failed attempt the one that may have been opened is looked for first."""
        key = await self._open(notice, await self._call(notice))
        digest = _digest(await self._text(key))
        return Reference(self.kind, key, digest, _state(notice), sight_of(notice.request)).written()

    async def update(self, reference: str, notice: Notice) -> str:
        """Comment what has happened, if anything."""
        known = Reference.parse(reference, self.kind)
        if known is None:
            return await self.announce(notice)
        after = replace(known, said=_state(notice), sight=sight_of(notice.request))
        if after == known:
            return reference
        await self._tell(known.key, notice, await self._call(notice))
        return after.written()

    async def _call(self, notice: Notice) -> str:
        """Mentions of the members who are to be told individually, which the tracker tells them of."""
        for account in [one.account(self.realm) for one in notice.members]:
            if account and account not in self._names:
                try:
                    self._names[account] = await self._name(account)
                except Undelivered as error:
                    if not error.is_lasting:
                        raise
                    self._names[account] = ""
        called = [name for one in notice.members if (name := self._names.get(one.account(self.realm)))]
        roll = self.roll(notice)
        return "\n\n".join(part for part in (" ".join(called[:MENTIONS]), self._plain(roll) if roll else "") if part)

    def unreached(self, notice: Notice) -> tuple[str, ...]:
        """Members whom no mention reaches."""
        called = [one.name for one in notice.members if self._names.get(one.account(self.realm))][:MENTIONS]
        return tuple(one.name for one in notice.members if one.name not in called)

    async def close(self) -> None:
        """Let go of connections."""
        await self._http.close()

    # -- hearing -----------------------------------------------------------------------------------------------------
    async def listen(self, desk: Desk) -> None:
        """Look every `poll_s`, and when a webhook says so, while there is something to decide."""
        while True:
            parsed = [(Reference.parse(reference, self.kind), request) for request, reference in await desk.announced()]
            await self._look([(known, request) for known, request in parsed if known is not None], desk)
            try:
                async with asyncio.timeout(self._poll_s):
                    await self._hinted.wait()
            except TimeoutError:
                continue
            self._hinted.clear()

    async def receive(self, call: Call, desk: Desk) -> Answer:
        """Take a webhook as a hint to look."""
        if not self._webhook_secret:
            return Answer(404)
        expected = "sha256=" + hmac.digest(self._webhook_secret.encode(), call.body, "sha256").hex()
        given = call.headers.get(self.signature, "")
        if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace")):
            desk.reject(f"a webhook was refused: {self.vendor} did not sign it", call.source)
            return Answer(401)
        self._hinted.set()
        return Answer(202)

    async def _act(self, said: Said, known: Reference, request: Request, desk: Desk) -> None:
        """Have a decision counted, once, and tell whoever made it if it does not count."""
        if await desk.was_seen(said.id):
            return
        problem = await self._problem(said, known)
        if problem:
            who = f"{self.vendor} user {said.name} ({said.account})"
            outcome = await desk.refuse(request.id, problem, who, said.place)
        elif said.word.needs_note and not said.note:
            outcome = Outcome(False, EXPLAIN)
        else:
            told = Decision(request.id, said.word, self.realm, said.account, said.note, said.place, seen=known.sight)
            outcome = await desk.decide(told)
        await desk.mark(said.id)
        if not outcome.counts:
            with contextlib.suppress(Undelivered):  # a courtesy; what happened is recorded
                await self._comment(known.key, self._plain(outcome.said))

    async def _problem(self, said: Said, known: Reference) -> str:
        """Why a decision cannot be trusted, empty when it can."""
        if said.problem or said.word is not Word.APPROVE:
            return said.problem
        try:
            text = await self._text(known.key)
        except Undelivered as error:
            if not error.is_lasting:
                raise
            return f"the issue cannot be read: {error}"
        return CHANGED if _digest(text) != known.digest else ""


def commented(
    comment: str, body: str, request: str, account: str, name: str, issue: str, *, is_edited: bool, problem: str = ""
) -> Said | None:
    """What a comment says of the request that its issue is about, None where it begins with no command.

    `problem` is what speaks against its author.
    """
    command = command_of(body)
    if command is None:
        return None
    if is_edited:
        problem = "the comment was edited, perhaps by somebody else: write a new one"
    if not problem and command.request not in ("", request):
        problem = f"the comment is about {command.request}, and this issue is about {request}"
    place = f"comment {comment} on {issue} by {name}"
    return Said(f"comment {comment}", command.word, command.note, account, name, place, problem)


def _state(notice: Notice) -> str:
    return f"{notice.request.state}/{len(notice.request.votes)}"


def _digest(text: object) -> str:
    return sha256(str(text or "").encode("utf-8", "replace")).hexdigest()
