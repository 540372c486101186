"""What a server says while the gateway logs in, as the client gets it: the server's words, in its order. Pure.

Before its first ReadyForQuery a server reports settings, gives the key for cancels, warns, and runs what is to run at
login: event triggers, libraries. These may say anything. Where the client sees something masked, nobody knows what they
have read: there, notices and notifications stay here, and of an error its SQLSTATE alone goes on.
"""

from __future__ import annotations

from typing import Final

from tidewaiter.errors import ProtocolViolation, UpstreamError
from tidewaiter.masking.scrub import REPORTED
from tidewaiter.proxy import refusal
from tidewaiter.wire import postgres
from tidewaiter.wire.frames import HEADER
from tidewaiter.wire.postgres_parts import frame

GREETING_BYTES: Final = 1 << 20  # of all that is said: what a trigger says at each login is some lines
WITHHELD: Final = "the database refused the login; what it says is withheld, because you see data masked"

_SAID: Final = frozenset((
    postgres.AUTHENTICATION, postgres.PARAMETER_STATUS, postgres.BACKEND_KEY_DATA, postgres.NOTICE_RESPONSE,
    postgres.NOTIFICATION_RESPONSE, postgres.ERROR_RESPONSE, postgres.READY_FOR_QUERY,
))  # fmt: skip
_ANY_TEXT: Final = (postgres.NOTICE_RESPONSE, postgres.NOTIFICATION_RESPONSE)
_OF_OUR_LOGIN: Final = ("28", "3D")
"""Classes of what is wrong with the gateway's own credential and database, which its client has not named."""


class Greeting:
    """All that came from AuthenticationOk on, as (type, body), to ReadyForQuery or the error that ended the login."""

    __slots__ = ("_room", "messages")

    def __init__(self) -> None:
        self.messages: list[tuple[int, bytes]] = []
        self._room = GREETING_BYTES

    def take(self, kind: int, body: bytes) -> None:
        """Add the next message. Raises ProtocolViolation for one that does not belong here, or for too much."""
        self._room -= HEADER + len(body)
        if kind not in _SAID:
            raise ProtocolViolation(f"message {chr(kind)!r} during login")
        if self._room < 0:
            raise ProtocolViolation(f"more than {GREETING_BYTES} bytes are said during login")
        if kind == postgres.READY_FOR_QUERY and not self.is_let_in:
            raise ProtocolViolation("the server is ready without having let anybody in")
        self.messages.append((kind, body))

    @property
    def is_let_in(self) -> bool:
        """Whether the server has accepted the login, from where on code of the database's may run."""
        return self._has(postgres.AUTHENTICATION)

    @property
    def is_started(self) -> bool:
        """Whether the server has given the key for cancels: then it has accepted the startup packet, too."""
        return self._has(postgres.BACKEND_KEY_DATA)

    def _has(self, kind: int) -> bool:
        return any(kind == found for found, _ in self.messages)

    def relayed(self, client_key: bytes, *, is_veiled: bool) -> bytes:
        """What the client gets, with `client_key` for the server's own key. `is_veiled`: it sees something masked."""
        return b"".join(self._relayed(kind, body, client_key, is_veiled) for kind, body in self.messages)

    def _relayed(self, kind: int, body: bytes, client_key: bytes, is_veiled: bool) -> bytes:
        if kind == postgres.BACKEND_KEY_DATA:
            if not client_key:
                return b""
            return postgres.backend_key_data(postgres.parse_backend_key_data(body)[0], client_key)
        if is_veiled and (kind in _ANY_TEXT or (kind == postgres.PARAMETER_STATUS and not _is_known(body))):
            return b""
        return frame(kind, body)


def _is_known(status: bytes) -> bool:
    return status.partition(b"\0")[0] in REPORTED


class LoginFailed(UpstreamError):
    """The server ended the gateway's login with an error, the last message of `greeting`."""

    def __init__(self, datasource: str, greeting: Greeting) -> None:
        _, body = greeting.messages[-1]
        said = postgres.parse_error_fields(body).get("M", "").encode("utf-8", "replace").decode()
        super().__init__(f"datasource {datasource} refused the login: {said}")
        self.greeting = greeting
        self.sqlstate = postgres.sqlstate_of(body)

    @property
    def is_of_our_login(self) -> bool:
        """Whether it is the gateway that is not let in, and not the client: told as any trouble of a datasource."""
        return self.sqlstate.startswith(_OF_OUR_LOGIN) and not self.greeting.is_started

    def farewell(self, *, is_veiled: bool) -> bytes:
        """What the client is told, who has proved to the gateway who it is."""
        greeting = self.greeting
        if is_veiled and greeting.is_let_in:
            return refusal.good_bye(self.fault.sqlstate if self.is_of_our_login else self.sqlstate, WITHHELD)
        if self.is_of_our_login:
            return refusal.good_bye(self.fault.sqlstate, str(self), self.fault.remedy)
        return greeting.relayed(b"", is_veiled=is_veiled)
