"""What a channel is: it announces a request and gets a reference, updates what it said, and brings decisions.

A decision names an account elsewhere; whose it is, whether that principal may decide, and what follows is found out
behind `Desk`, in the same way for every channel.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tidewaiter.approvals.desk import Request, Word
from tidewaiter.approvals.presentation import Presentation
from tidewaiter.identity.accounts import Realm


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody of a group that is asked, with the accounts by which channels may reach them."""

    name: str
    accounts: tuple[tuple[Realm, str], ...] = ()

    def account(self, realm: Realm) -> str:
        """The first account there, empty where none is known."""
        return next((account for found, account in self.accounts if found is realm), "")


@dataclass(frozen=True, slots=True)
class Notice:
    """What a channel is to tell of a request: as it is at `version`, which grows with every change.

    `link` leads to the whole of it, empty where no address is configured. `attempt` counts from 1: a later one may
    follow one that arrived, but whose answer did not. `members` are those to be told individually that the glass was
    broken; `to` is the one of them whom this is for, None where it is for the channel's own place.
    """

    request: Request
    version: int
    shown: Presentation
    link: str
    attempt: int = 1
    members: tuple[Member, ...] = ()
    to: Member | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody said of a request through a channel. `place` is where exactly, for the entry.

    `speaks_for` are the groups that the sender is trusted to speak for, None when people speak for themselves. `seen`
    is the `sight_of` what they were shown, empty where that is not known: an approval counts for nothing else.
    """

    request: str
    word: Word
    realm: Realm
    account: str
    note: str
    place: str
    speaks_for: frozenset[str] | None = None
    seen: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a decision: whether it counts, and a sentence for whoever made it."""

    counts: bool
    said: str


@dataclass(frozen=True, slots=True)
class Call:
    """An HTTP POST to a channel's address. Names of headers are in lower case. `source` is the peer's address."""

    headers: Mapping[str, str]
    body: bytes
    source: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The HTTP answer to a call; the body is JSON or empty."""

    status: int
    body: bytes = b""


EXPLAIN = "say why, too: whoever asked reads it"
"""What somebody is told who denied without a reason, or closed a review without a finding."""


class Undelivered(Exception):
    """A message did not arrive; it is tried again. The text has no secret in it.

    `after_s` is how long the other side wants to be left alone. `is_lasting` says that trying soon will not help: a
    wrong token, a missing right, a place that is gone.
    """

    def __init__(self, message: str, *, after_s: float = 0.0, is_lasting: bool = False) -> None:
        super().__init__(message)
        self.after_s = after_s
        self.is_lasting = is_lasting


class Unreachable(Undelivered):
    """There is nobody there: trying again does not help."""


class Desk(Protocol):
    """Where a channel's decisions go. Raises StoreUnavailable, LedgerUnavailable: then nothing was decided."""

    async def decide(self, decision: Decision) -> Outcome:
        """Count a decision, or refuse and record it."""

    async def refuse(self, request: str, reason: str, who: str, place: str) -> Outcome:
        """Record that somebody tried to decide who cannot be told apart or trusted; `reason` is a sentence."""

    def reject(self, reason: str, source: str) -> None:
        """Count a message that is forged, replayed or no message: it is recorded at most once a second and source."""

    async def was_seen(self, message: str) -> bool:
        """Whether this message of this channel was marked as seen, by whichever gateway."""

    async def mark(self, message: str) -> None:
        """It was dealt with. A crash before this lets it come once more, which the desk bears: votes repeat in vain."""

    async def announced(self) -> Sequence[tuple[Request, str]]:
        """Requests that this channel announced, with its references: those that can be decided, and those that could
        be an hour ago, so that who comes too late is told so."""


class Channel(ABC):
    """One configured channel. Methods that talk to the vendor raise Undelivered.

    `tells_late` channels are told of a request even when it was over before they could be reached. `tells_members`
    channels take messages to members; the others name or mention them in their own place. `realm` is where the accounts
    of the people there are.
    """

    tells_late = False
    tells_members = False
    realm = Realm.EMAIL

    def __init__(self, name: str, kind: str) -> None:
        self.name = name
        self.kind = kind

    @abstractmethod
    async def announce(self, notice: Notice) -> str:
        """Tell of a request for the first time; the reference that `update` is given later."""

    @abstractmethod
    async def update(self, reference: str, notice: Notice) -> str:
        """Bring what was said up to date; the reference from now on."""

    @abstractmethod
    async def probe(self) -> str:
        """Find out whether the channel would work, and say as what it is known there."""

    def unreached(self, notice: Notice) -> tuple[str, ...]:
        """Members whom this channel cannot tell individually, as no account of theirs is known."""
        return tuple(member.name for member in notice.members if not member.account(self.realm))

    def roll(self, notice: Notice) -> str:
        """A line that names the members who cannot be told individually; empty where there is none."""
        missed = self.unreached(notice)
        return f"not told individually, no account known: {', '.join(missed)}" if missed else ""

    async def listen(self, desk: Desk) -> None:  # noqa: B027 - not every channel has something to listen to
        """Bring decisions until cancelled. Returns at once where they come by `receive`, or not at all."""

    async def receive(self, call: Call, desk: Desk) -> Answer:
        """Take an HTTP call."""
        return Answer(404)

    async def close(self) -> None:  # noqa: B027 - not every channel holds something
        """Let go of connections."""
