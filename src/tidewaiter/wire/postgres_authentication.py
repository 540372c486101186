"""Messages of the login dialogue, in both directions; `auth.py` has the arithmetic that they carry.

Parsers take the body and raise ProtocolViolation, and nothing else, on bytes that do not have the message's layout.
https://www.postgresql.org/docs/current/protocol-message-formats.html and sasl-authentication.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tidewaiter.errors import ProtocolViolation
from tidewaiter.wire.postgres_parts import INT32, Buffer, frame, only_text, string, text_end

AUTHENTICATION: Final = 0x52  # R
PASSWORD: Final = 0x70  # p: PasswordMessage, SASLInitialResponse, SASLResponse, GSSResponse

_OK: Final = 0
_CLEARTEXT: Final = 3
_MD5: Final = 5
_SASL: Final = 10
_SASL_CONTINUE: Final = 11
_SASL_FINAL: Final = 12

_UNSUPPORTED: Final = {2: "KerberosV5", 6: "SCMCredential", 7: "GSSAPI", 8: "GSSAPI", 9: "SSPI"}


@dataclass(frozen=True, slots=True)
class AuthenticationOk:
    """The client is logged in."""


@dataclass(frozen=True, slots=True)
class AuthenticationCleartextPassword:
    """The server wants the password as it is."""


@dataclass(frozen=True, slots=True)
class AuthenticationMD5Password:
    """The server wants `auth.md5_password` with this salt of 4 bytes."""

    salt: bytes


@dataclass(frozen=True, slots=True)
class AuthenticationSASL:
    """The server offers these SASL mechanisms, the one it likes best first."""

    mechanisms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AuthenticationSASLContinue:
    """The server's next SASL message."""

    data: bytes


@dataclass(frozen=True, slots=True)
class AuthenticationSASLFinal:
    """The server's last SASL message."""

    data: bytes


@dataclass(frozen=True, slots=True)
class AuthenticationUnsupported:
    """A method that is not spoken here. `code` is the protocol's number, `method` its name or ""."""

    code: int
    method: str


Authentication = (
    AuthenticationOk
    | AuthenticationCleartextPassword
    | AuthenticationMD5Password
    | AuthenticationSASL
    | AuthenticationSASLContinue
    | AuthenticationSASLFinal
    | AuthenticationUnsupported
)


def parse_authentication(body: Buffer) -> Authentication:
    """Any Authentication message. Raises ProtocolViolation."""
    body = bytes(body)
    if len(body) < 4:
        raise ProtocolViolation("Authentication: too short")
    code: int = INT32.unpack_from(body, 0)[0]
    rest = body[4:]
    if code == _SASL:
        return AuthenticationSASL(_mechanisms(rest))
    if code == _SASL_CONTINUE:
        return AuthenticationSASLContinue(rest)
    if code == _SASL_FINAL:
        return AuthenticationSASLFinal(rest)
    if code in (_OK, _CLEARTEXT, _MD5):
        return _without_sasl(code, rest)
    return AuthenticationUnsupported(code, _UNSUPPORTED.get(code, ""))


def _without_sasl(code: int, rest: bytes) -> Authentication:
    if len(rest) != (4 if code == _MD5 else 0):
        raise ProtocolViolation(f"Authentication: wrong length for code {code}")
    if code == _MD5:
        return AuthenticationMD5Password(rest)
    return AuthenticationOk() if code == _OK else AuthenticationCleartextPassword()


def _mechanisms(rest: bytes) -> tuple[str, ...]:
    """Strings up to the empty one that ends the list and the message."""
    if len(rest) < 3 or rest[-2:] != b"\0\0" or not rest.isascii():
        raise ProtocolViolation("AuthenticationSASL: expected a list of mechanism names")
    names = rest[:-2].split(b"\0")
    if not all(names):
        raise ProtocolViolation("AuthenticationSASL: a mechanism has no name")
    return tuple([name.decode("ascii") for name in names])


def parse_password_message(body: Buffer) -> bytes:
    """PasswordMessage: the password or its hash. Raises ProtocolViolation."""
    return only_text(body, "PasswordMessage")


def parse_sasl_initial_response(body: Buffer) -> tuple[str, bytes | None]:
    """SASLInitialResponse: (mechanism, first message; None when the client sent none). Raises ProtocolViolation."""
    body = bytes(body)
    end = text_end(body, 0, "SASLInitialResponse")
    mechanism = body[:end]
    if not mechanism or not mechanism.isascii():
        raise ProtocolViolation("SASLInitialResponse: no usable mechanism name")
    if len(body) < end + 5:
        raise ProtocolViolation("SASLInitialResponse: ends where the length of the response is expected")
    length: int = INT32.unpack_from(body, end + 1)[0]
    if len(body) - end - 5 != max(length, 0) or length < -1:
        raise ProtocolViolation(f"SASLInitialResponse: a response of {length} bytes does not fit")
    return mechanism.decode("ascii"), None if length < 0 else body[end + 5 :]


def parse_sasl_response(body: Buffer) -> bytes:
    """SASLResponse: the body is the SASL message, whatever it is."""
    return bytes(body)


def authentication_ok() -> bytes:
    """AuthenticationOk."""
    return frame(AUTHENTICATION, INT32.pack(_OK))


def authentication_cleartext_password() -> bytes:
    """AuthenticationCleartextPassword."""
    return frame(AUTHENTICATION, INT32.pack(_CLEARTEXT))


def authentication_md5_password(salt: bytes) -> bytes:
    """AuthenticationMD5Password. Raises ValueError unless the salt has 4 bytes."""
    if len(salt) != 4:
        raise ValueError("an MD5 salt has 4 bytes")
    return frame(AUTHENTICATION, INT32.pack(_MD5) + salt)


def authentication_sasl(mechanisms: Sequence[str]) -> bytes:
    """AuthenticationSASL: the mechanisms offered, best first."""
    return frame(AUTHENTICATION, INT32.pack(_SASL) + b"".join([string(m.encode("ascii")) for m in mechanisms]) + b"\0")


def authentication_sasl_continue(data: bytes) -> bytes:
    """AuthenticationSASLContinue."""
    return frame(AUTHENTICATION, INT32.pack(_SASL_CONTINUE) + data)


def authentication_sasl_final(data: bytes) -> bytes:
    """AuthenticationSASLFinal."""
    return frame(AUTHENTICATION, INT32.pack(_SASL_FINAL) + data)


def password_message(password: str) -> bytes:
    """PasswordMessage with a password or its hash. Raises ValueError on a NUL."""
    return frame(PASSWORD, string(password.encode("utf-8", "surrogateescape")))


def sasl_initial_response(mechanism: str, data: bytes | None) -> bytes:
    """SASLInitialResponse; None sends no first message, which differs from an empty one."""
    response = INT32.pack(-1) if data is None else INT32.pack(len(data)) + data
    return frame(PASSWORD, string(mechanism.encode("ascii")) + response)


def sasl_response(data: bytes) -> bytes:
    """SASLResponse."""
    return frame(PASSWORD, data)
