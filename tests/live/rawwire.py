"""A PostgreSQL client that shows every byte: fixed scripts go out, the server's answer comes back unparsed.

Written from the protocol chapter of the PostgreSQL manual and sharing no code with the product, so that a mistake
there cannot hide here.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import os
import socket
import ssl
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Self

PROTOCOL_3_0 = 196608
PROTOCOL_3_2 = 196610
SSL_REQUEST = struct.pack("!II", 8, 80877103)
CANCEL = 80877102
TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Message:
    type: bytes
    body: bytes

    @property
    def fields(self) -> dict[str, str]:
        """Fields of an ErrorResponse or NoticeResponse by their code."""
        parts = [part for part in self.body.split(b"\0") if part]
        return {chr(part[0]): part[1:].decode() for part in parts}


class Refused(Exception):
    """The server answered with an ErrorResponse where a login was expected."""

    def __init__(self, message: Message) -> None:
        super().__init__(message.fields["M"])
        self.sqlstate = message.fields["C"]
        self.fields = message.fields


def message(kind: bytes, body: bytes = b"") -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


def query(sql: str | bytes) -> bytes:
    return message(b"Q", _text(sql))


def parse(sql: str | bytes, name: str = "", types: Sequence[int] = ()) -> bytes:
    return message(b"P", _text(name) + _text(sql) + struct.pack(f"!H{len(types)}I", len(types), *types))


def bind(
    *values: bytes | None, portal: str = "", name: str = "", formats: Sequence[int] = (), results: Sequence[int] = ()
) -> bytes:
    body = _text(portal) + _text(name)
    body += struct.pack(f"!H{len(formats)}H", len(formats), *formats) + struct.pack("!H", len(values))
    for value in values:
        body += struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value
    return message(b"B", body + struct.pack(f"!H{len(results)}H", len(results), *results))


def describe(kind: bytes = b"P", name: str = "") -> bytes:
    return message(b"D", kind + _text(name))


def execute(portal: str = "", limit: int = 0) -> bytes:
    return message(b"E", _text(portal) + struct.pack("!i", limit))


def close(kind: bytes = b"S", name: str = "") -> bytes:
    return message(b"C", kind + _text(name))


def copy_data(data: bytes) -> bytes:
    return message(b"d", data)


def copy_fail(why: str) -> bytes:
    return message(b"f", _text(why))


SYNC = message(b"S")
FLUSH = message(b"H")
COPY_DONE = message(b"c")
TERMINATE = message(b"X")


def _text(value: str | bytes) -> bytes:
    return (value.encode() if isinstance(value, str) else value) + b"\0"


def rows_of(messages: Sequence[Message]) -> Iterator[list[str | None]]:
    """Text values of each DataRow. Raises Refused when there is an ErrorResponse among the messages."""
    for got in messages:
        if got.type == b"E":
            raise Refused(got)
        if got.type == b"D":
            yield list(_values(got.body))


def errors_of(messages: Sequence[Message]) -> list[str]:
    """SQLSTATE of each ErrorResponse."""
    return [got.fields["C"] for got in messages if got.type == b"E"]


def types_of(messages: Sequence[Message]) -> str:
    """The type letters in order: a picture of the conversation."""
    return "".join(got.type.decode() for got in messages)


def tags_of(messages: Sequence[Message]) -> list[str]:
    """Each CommandComplete tag."""
    return [got.body[:-1].decode() for got in messages if got.type == b"C"]


def _values(body: bytes) -> Iterator[str | None]:
    at = 2
    for _ in range(int.from_bytes(body[:2], "big")):
        (size,) = struct.unpack_from("!i", body, at)
        at += 4
        yield None if size < 0 else body[at : at + size].decode()
        at += max(size, 0)


@cache
def _salted(password: bytes, salt: str, iterations: int) -> bytes:
    """Kept, as the corpus logs in thousands of times with the same password."""
    return hashlib.pbkdf2_hmac("sha256", password, base64.b64decode(salt), iterations)


class Scram:
    """The client's side of SCRAM-SHA-256 without channel binding (RFC 5802, RFC 7677)."""

    def __init__(self, password: str) -> None:
        self.password = password.encode()
        self.bare = "n=,r=" + base64.b64encode(os.urandom(18)).decode()
        self.proof_of_server = b""

    def first(self) -> bytes:
        return ("n,," + self.bare).encode()

    def final(self, challenge: bytes) -> bytes:
        said = dict(part.split("=", 1) for part in challenge.decode().split(","))
        salted = _salted(self.password, said["s"], int(said["i"]))
        without_proof = f"c=biws,r={said['r']}"
        signed = f"{self.bare},{challenge.decode()},{without_proof}".encode()
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        signature = hmac.digest(hashlib.sha256(client_key).digest(), signed, "sha256")
        proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        self.proof_of_server = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), signed, "sha256")
        return f"{without_proof},p={base64.b64encode(proof).decode()}".encode()

    def check(self, final: bytes) -> None:
        assert final == b"v=" + base64.b64encode(self.proof_of_server), "the server does not know the password"


@dataclass
class Client:
    """One connection. `parameters` are what the server reported at login; `key` its BackendKeyData body.

    `greeting` is all that it said from AuthenticationOk to its first ReadyForQuery.
    """

    sock: socket.socket
    parameters: dict[str, str] = field(default_factory=dict)
    key: bytes = b""
    negotiated: bytes = b""
    greeting: list[Message] = field(default_factory=list)
    _buffer: bytearray = field(default_factory=bytearray, repr=False)

    @classmethod
    def connect(
        cls,
        host: str,
        port: int,
        user: str,
        password: str,
        database: str,
        *,
        options: Mapping[str, str] | None = None,
        protocol: int = PROTOCOL_3_0,
        tls: ssl.SSLContext | None = None,
    ) -> Self:
        """Log in with SCRAM-SHA-256. Raises Refused."""
        client = cls.reach(host, port, tls)
        try:
            client.startup({"user": user, "database": database, **(options or {})}, protocol)
            client._authenticate(password)
        except BaseException:
            client.sock.close()
            raise
        return client

    @classmethod
    def reach(cls, host: str, port: int, tls: ssl.SSLContext | None = None) -> Self:
        """A connection before the startup packet, in TLS when `tls` is given."""
        sock = socket.create_connection((host, port), timeout=TIMEOUT_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            sock.sendall(SSL_REQUEST)
            assert sock.recv(1) == b"S", "the server speaks no TLS"
            sock = tls.wrap_socket(sock, server_hostname=host)
        return cls(sock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.sock.sendall(TERMINATE)
        self.sock.close()

    def send(self, *parts: bytes) -> None:
        self.sock.sendall(b"".join(parts))

    def receive(self) -> Message:
        """The next message, whatever it is. Raises ConnectionError at the end of the stream."""
        header = self._take(5)
        return Message(header[:1], self._take(int.from_bytes(header[1:5], "big") - 4))

    def until(self, kinds: bytes = b"Z", count: int = 1) -> Iterator[Message]:
        """Messages up to and including the `count`th whose type is one of `kinds`."""
        while count:
            found = self.receive()
            count -= found.type in kinds
            yield found

    def ask(self, *parts: bytes) -> list[Message]:
        """Send, and read to ReadyForQuery."""
        self.send(*parts)
        return list(self.until())

    def rows(self, sql: str) -> list[list[str | None]]:
        """Run one simple query. Raises Refused with the first error."""
        return list(rows_of(self.ask(query(sql))))

    def ends(self) -> list[Message]:
        """Everything up to the end of the stream."""
        found = []
        try:
            while True:
                found.append(self.receive())
        except (ConnectionError, ssl.SSLError):
            return found

    def cancel(self, host: str, port: int) -> None:
        """Send a CancelRequest for this connection on another one and wait until it is closed."""
        with socket.create_connection((host, port), timeout=TIMEOUT_S) as other:
            other.sendall(struct.pack("!II", 8 + len(self.key), CANCEL) + self.key)
            assert other.recv(1) == b""

    def startup(self, options: Mapping[str, str], protocol: int = PROTOCOL_3_0) -> None:
        """Send the startup packet."""
        pairs = b"".join(_text(name) + _text(value) for name, value in options.items())
        body = struct.pack("!I", protocol) + pairs + b"\0"
        self.sock.sendall(struct.pack("!I", len(body) + 4) + body)

    def _authenticate(self, password: str) -> None:
        while (got := self.receive()).type != b"Z":
            if got.type == b"E":
                raise Refused(got)
            if got.type == b"R" and got.body[:4] != b"\0\0\0\0":
                self._scram_step(got, password)
                continue
            self.greeting.append(got)
            if got.type == b"S":
                name, value = got.body[:-1].split(b"\0")
                self.parameters[name.decode()] = value.decode()
            elif got.type == b"K":
                self.key = got.body
            elif got.type == b"v":
                self.negotiated = got.body

    def _scram_step(self, got: Message, password: str) -> None:
        """Answer AuthenticationSASL at once with the whole exchange (RFC 5802)."""
        assert got.body[:4] == struct.pack("!I", 10), f"SCRAM expected, not {got.body!r}"
        exchange = Scram(password)
        first = exchange.first()
        self.send(message(b"p", b"SCRAM-SHA-256\0" + struct.pack("!I", len(first)) + first))
        challenge = self.sasl(11)
        self.send(message(b"p", exchange.final(challenge)))
        exchange.check(self.sasl(12))

    def sasl(self, code: int) -> bytes:
        """The data of the next authentication message, which must be of this code. Raises Refused."""
        got = self.receive()
        if got.type == b"E":
            raise Refused(got)
        assert (got.type, got.body[:4]) == (b"R", struct.pack("!I", code)), got
        return got.body[4:]

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            more = self.sock.recv(max(65536, size - len(self._buffer)))
            if not more:
                raise ConnectionError("the server closed the connection")
            self._buffer += more
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data
