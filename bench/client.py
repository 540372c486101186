"""A blocking PostgreSQL client with next to no cost of its own, so that what is measured is not the client.

It logs in (SCRAM-SHA-256 or no password), sends simple queries and counts the bytes of the answer without decoding
rows. The slow part of SCRAM (PBKDF2) is remembered per salt, so a login rate shows the server's side. Protocol:
PostgreSQL documentation, "Frontend/Backend Protocol"; SCRAM: RFC 5802 and 7677.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import secrets
import socket
import struct
from dataclasses import dataclass
from time import perf_counter

READ_BYTES = 256 << 10
TIMEOUT_S = 60.0
IDLE = b"Z\x00\x00\x00\x05I"  # ReadyForQuery, not in a transaction: the end of every answer here


class ServerError(Exception):
    """The server answered with ErrorResponse."""


@dataclass(frozen=True, slots=True)
class Login:
    """Where and as whom to connect."""

    host: str
    port: int
    user: str
    password: str
    database: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Seconds until the first byte of the first row and until the end, and the bytes of the whole answer."""

    first_row_s: float
    total_s: float
    size_bytes: int


@functools.lru_cache(maxsize=256)
def salted_password(password: str, salt: bytes, iterations: int) -> bytes:
    """SaltedPassword of RFC 5802."""
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)


def _message(kind: bytes, payload: bytes) -> bytes:
    return kind + struct.pack("!i", len(payload) + 4) + payload


class Client:
    """One logged-in connection without TLS. Raises ServerError when the login or a query is refused."""

    def __init__(self, login: Login) -> None:
        self._socket = socket.create_connection((login.host, login.port), timeout=TIMEOUT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""
        fields = ("user", login.user, "database", login.database)
        startup = struct.pack("!i", 3 << 16) + b"".join(field.encode() + b"\0" for field in fields) + b"\0"
        self._socket.sendall(_message(b"", startup))
        self._login(login)

    def close(self) -> None:
        """Say goodbye and close."""
        self._socket.sendall(_message(b"X", b""))
        self._socket.close()

    def query(self, text: str) -> Answer:
        """Send one simple query and read its whole answer."""
        return self._ask(_message(b"Q", text.encode() + b"\0"))

    def query_binary(self, text: str) -> Answer:
        """Send one extended query that wants all values in binary format, and read its whole answer."""
        return self._ask(_message(b"P", b"\0" + text.encode() + b"\0\0\0") + _BINARY)

    def _ask(self, asked: bytes) -> Answer:
        started = perf_counter()
        self._socket.sendall(asked)
        head = self._read_some(b"")
        while (first_row := _first_row(head)) is None:
            head = self._read_some(head)
        first_row_s = perf_counter() - started
        size, tail = len(head), head[-len(IDLE) :]
        while tail != IDLE:
            chunk = self._socket.recv(READ_BYTES)
            if not chunk:
                raise ServerError("the server closed the connection")
            size += len(chunk)
            tail = (tail + chunk)[-len(IDLE) :]
        if first_row < 0:
            raise ServerError(head.decode(errors="replace"))
        return Answer(first_row_s, perf_counter() - started, size)

    def _read_some(self, head: bytes) -> bytes:
        chunk = self._socket.recv(READ_BYTES)
        if not chunk:
            raise ServerError(head.decode(errors="replace") or "the server closed the connection")
        return head + chunk

    def _receive(self) -> tuple[bytes, bytes]:
        """Read one message: (type, payload)."""
        data = self._rest
        while len(data) < 5 or len(data) < 1 + struct.unpack_from("!i", data, 1)[0]:
            data = self._read_some(data)
        end = 1 + struct.unpack_from("!i", data, 1)[0]
        self._rest = data[end:]
        return data[:1], data[5:end]

    def _login(self, login: Login) -> None:
        exchange: _Scram | None = None
        while True:
            kind, payload = self._receive()
            if kind == b"E":
                raise ServerError(payload.decode(errors="replace"))
            if kind == b"Z":
                return
            if kind != b"R":
                continue
            (code,) = struct.unpack_from("!i", payload)
            if code == 10:
                exchange = _Scram(login.password)
                initial = exchange.first()
                body = b"SCRAM-SHA-256\0" + struct.pack("!i", len(initial)) + initial
                self._socket.sendall(_message(b"p", body))
            elif code == 11 and exchange is not None:
                self._socket.sendall(_message(b"p", exchange.final(payload[4:])))
            elif code not in (0, 12):
                raise ServerError(f"authentication method {code} is not supported by this client")


_BINARY = b"".join(
    (
        _message(b"B", b"\0\0\0\0\0\0\0\1\0\1"),
        _message(b"D", b"P\0"),
        _message(b"E", b"\0\0\0\0\0"),
        _message(b"S", b""),
    )
)  # bind without parameters, all results in binary; describe; execute; sync


class _Scram:
    """The client's half of SCRAM-SHA-256 without channel binding."""

    def __init__(self, password: str) -> None:
        self._password = password
        self._bare = f"n=,r={secrets.token_urlsafe(18)}"

    def first(self) -> bytes:
        return f"n,,{self._bare}".encode()

    def final(self, server_first: bytes) -> bytes:
        fields = dict(part.split("=", 1) for part in server_first.decode().split(","))
        salted = salted_password(self._password, base64.b64decode(fields["s"]), int(fields["i"]))
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        without_proof = f"c=biws,r={fields['r']}"
        signed = f"{self._bare},{server_first.decode()},{without_proof}".encode()
        signature = hmac.digest(hashlib.sha256(client_key).digest(), signed, "sha256")
        proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        return f"{without_proof},p={base64.b64encode(proof).decode()}".encode()


def _first_row(data: bytes) -> int | None:
    """Position of the first DataRow, -1 when the answer ends without one, None when more must be read."""
    position = 0
    while len(data) - position >= 5:
        kind = data[position : position + 1]
        if kind == b"D":
            return position
        if kind == b"Z":
            return -1
        position += 1 + struct.unpack_from("!i", data, position + 1)[0]
    return None
