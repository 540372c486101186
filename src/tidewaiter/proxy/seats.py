"""The live sessions of a gateway: what is shown of them, who may stay, how they are ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tidewaiter.config import Datasource
from tidewaiter.identity import Directory
from tidewaiter.model import Principal
from tidewaiter.proxy import refusal
from tidewaiter.proxy.session import Session
from tidewaiter.proxy.upstream import Backend, Upstream


@dataclass(slots=True)
class Seat:
    """One live session and what the console shows of it. `client_key` is the cancel key that the client was given.

    `role` is the upstream role that it was opened with, None for the login's own.
    """

    session: Session
    principal: str
    on_behalf_of: str | None
    credential: str
    datasource: str
    client_address: str
    application: str
    tls: str
    began_s: float
    backend: Backend
    client_key: bytes
    upstream: Upstream
    role: str | None

    def end(self, sqlstate: str, message: str) -> bool:
        """End the session now, with an error for its client; whether it had not ended yet."""
        if self.session.ended is not None:
            return False
        self.session.end(message, refusal.good_bye(sqlstate, message))
        return True


class Seats:
    """Sessions by their ids and by their cancel keys. `datasource` finds one's configuration by its name."""

    def __init__(self, directory: Directory, datasource: Callable[[str], Datasource]) -> None:
        self._directory = directory
        self._datasource = datasource
        self._taken: dict[str, Seat] = {}
        self._cancel_keys: dict[tuple[int, bytes], Seat] = {}

    def __len__(self) -> int:
        return len(self._taken)

    def __iter__(self) -> Iterator[Seat]:
        return iter(list(self._taken.values()))

    def take(self, seat: Seat) -> None:
        """A session begins. Whoever was revoked while the login went on was not among those that revoking ends."""
        self._taken[seat.session.id] = seat
        self._cancel_keys[seat.backend.pid, seat.client_key] = seat
        if not self._directory.may_continue(seat.principal, seat.credential):
            seat.end("57P01", "terminating connection: the credential was revoked")

    def leave(self, seat: Seat) -> None:
        """A session has ended."""
        del self._taken[seat.session.id]
        del self._cancel_keys[seat.backend.pid, seat.client_key]

    def of_cancel_key(self, pid: int, secret: bytes) -> Seat | None:
        """The session whose client was given a cancel key."""
        return self._cancel_keys.get((pid, secret))

    def sessions(self) -> list[dict[str, object]]:
        """What is known of every live session, oldest first."""
        return [_described(seat) for seat in self._taken.values()]

    def session(self, identifier: str) -> dict[str, object] | None:
        """What is known of one live session."""
        seat = self._taken.get(identifier)
        return _described(seat) if seat is not None else None

    def kill(self, identifier: str, reason: str) -> bool:
        """End a session now; whether there was one."""
        seat = self._taken.get(identifier)
        return seat is not None and seat.end("57P01", f"terminating connection: {reason}")

    def kill_credential(self, credential: str, reason: str) -> int:
        """End every session that logged in with a credential; how many."""
        found = [seat for seat in self if seat.credential == credential]
        return sum(seat.end("57P01", f"terminating connection: {reason}") for seat in found)

    def kill_principal(self, name: str, reason: str) -> int:
        """End every session of a principal and of its agents; how many."""
        found = [seat for seat in self if name in (seat.principal, seat.on_behalf_of)]
        return sum(seat.end("57P01", f"terminating connection: {reason}") for seat in found)

    def principals_changed(self) -> None:
        """Groups or owners changed: live sessions are judged as who they are now; those who may no longer are ended."""
        for seat in self:
            principal = self._directory.principal(seat.principal)
            if principal is None:
                seat.end("57P01", "terminating connection: the principal is disabled")
            elif seat.role not in roles_of(principal, self._datasource(seat.datasource)):
                seat.end("57P01", f"terminating connection: {principal.name} no longer has this session's role")
            else:
                seat.session.standing.principal = principal


def role_of(principal: Principal, datasource: Datasource) -> str | None:
    """The upstream role of the first configured group that the principal is in; None for the user's own."""
    return roles_of(principal, datasource)[0]


def roles_of(principal: Principal, datasource: Datasource) -> Sequence[str | None]:
    """The upstream roles that a session of the principal may have."""
    return [role for group, role in datasource.roles.items() if group in principal.groups] or [None]


def _described(seat: Seat) -> dict[str, object]:
    session = seat.session
    return {
        "id": session.id,
        "principal": seat.principal,
        "on_behalf_of": seat.on_behalf_of,
        "credential": seat.credential,
        "datasource": seat.datasource,
        "client_address": seat.client_address,
        "application": seat.application,
        "tls": seat.tls,
        "began_at": seat.began_s,
        "backend_pid": seat.backend.pid,
        "statements": session.trail.statements,
        "rows": session.trail.rows,
        "state": "running" if session.is_running else "idle" if session.is_idle else "in transaction",
    }
