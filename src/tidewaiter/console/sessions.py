"""Who is signed in: sessions of people at the console, in memory, bounded, and over by themselves.

A browser keeps a session's key in a cookie; here only the key's digest is kept. Sessions do not outlive the server.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

IDLE_S = 1800.0  # without a page that somebody asked for
LIFE_S = 8 * 3600.0  # a working day; never longer than the credential that opened it
SESSIONS = 1000  # of all; each takes 1 KB
SESSIONS_OF_ONE = 8  # of one principal: browsers, not robots


@dataclass(slots=True, eq=False)
class Session:
    """One person at one browser. `id` is for entries and tells nothing of the key. `token` goes into each form.

    `origin` is the address at which it began, the only one where it counts. No `datasources` means all. `said` waits to
    be shown on the next page.
    """

    id: str
    principal: str
    credential: str
    datasources: frozenset[str]
    origin: str
    source: str
    token: str = field(repr=False)
    ends_s: float
    seen_s: float
    said: str = ""


class Sessions:
    """Sessions by their keys. `random_key` gives text that nobody guesses. Not thread-safe."""

    def __init__(self, random_key: Callable[[], str] = lambda: secrets.token_urlsafe(32)) -> None:
        self._random_key = random_key
        self._sessions: dict[str, Session] = {}

    def begin(
        self,
        principal: str,
        credential: str,
        datasources: frozenset[str],
        origin: str,
        source: str,
        expires_s: float,
        now_s: float,
    ) -> tuple[str, Session]:
        """A new session and its key, which exists in the result and nowhere else. The credential ends at `expires_s`.

        Where there are too many, the one that was used least recently ends.
        """
        self._forget_ended(now_s)
        own = [key for key, one in self._sessions.items() if one.principal == principal]
        if len(own) >= SESSIONS_OF_ONE:
            self._forget_oldest(own)
        if len(self._sessions) >= SESSIONS:
            self._forget_oldest(list(self._sessions))
        key = self._random_key()
        session = Session(
            id=_digest("session " + key)[:12],
            principal=principal,
            credential=credential,
            datasources=datasources,
            origin=origin,
            source=source,
            token=self._random_key(),
            ends_s=min(now_s + LIFE_S, expires_s),
            seen_s=now_s,
        )
        self._sessions[_digest(key)] = session
        return key, session

    def find(self, key: str, origin: str, now_s: float, *, is_active: bool = True) -> Session | None:
        """The live session of a key at an address. `is_active`: somebody did something, so it stays for longer."""
        session = self._sessions.get(_digest(key))
        if session is None or session.origin != origin:
            return None
        if not _is_live(session, now_s):
            self.end(session)
            return None
        if is_active:
            session.seen_s = now_s
        return session

    def end(self, session: Session) -> None:
        """End a session now; harmless where it is over."""
        self._sessions = {key: one for key, one in self._sessions.items() if one is not session}

    def __len__(self) -> int:
        return len(self._sessions)

    def _forget_ended(self, now_s: float) -> None:
        self._sessions = {key: one for key, one in self._sessions.items() if _is_live(one, now_s)}

    def _forget_oldest(self, keys: list[str]) -> None:
        del self._sessions[min(keys, key=lambda key: self._sessions[key].seen_s)]


def _is_live(session: Session, now_s: float) -> bool:
    return now_s < session.ends_s and now_s < session.seen_s + IDLE_S


def _digest(text: str) -> str:
    # A look-up by digest takes no longer for a key that begins right, and whoever reads this memory has no keys.
    return sha256(text.encode("utf-8", "replace")).hexdigest()
