"""The gateway's own connections to a database: TLS as libpq's sslmode, login with its credential, cancel."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field

from tidewaiter.config import Datasource
from tidewaiter.errors import ProtocolViolation, UpstreamError
from tidewaiter.model import Secret
from tidewaiter.proxy.greeting import Greeting, LoginFailed
from tidewaiter.proxy.link import Link, PeerGone
from tidewaiter.wire import auth, postgres

CONNECT_S = 10.0  # a database that does not accept within this time counts as unreachable
SALTED_PASSWORDS = 64  # one per salt that the server has for our user: it has one, until the password changes


@dataclass(slots=True)
class Backend:
    """A connection that is logged in and idle. `secret` is the server's cancel key, which clients never see.

    `parameters` are the settings that it reported, `greeting` all that it said.
    """

    link: Link
    pid: int
    secret: bytes
    parameters: dict[bytes, bytes] = field(default_factory=dict)
    greeting: Greeting = field(default_factory=Greeting)


class Upstream:
    """One datasource's database: opens sessions, sends cancels."""

    def __init__(self, datasource: Datasource, password: Secret) -> None:
        self.datasource = datasource
        self._password = password
        self._tls = tls_context(datasource)
        self._salted: dict[tuple[bytes, int], bytes] = {}

    async def connect(self, parameters: Mapping[str, str]) -> Backend:
        """Open and log in a session with these startup parameters. Raises UpstreamError, LoginFailed by the server."""
        parameters = {**parameters, "user": self.datasource.user, "database": self.datasource.database}
        try:
            hello = postgres.startup_message(parameters)
        except ValueError as error:
            raise UpstreamError(f"datasource {self.datasource.name} cannot be given the parameters: {error}") from None
        try:
            async with asyncio.timeout(CONNECT_S):
                link = await self._open()
                try:
                    link.write(hello)
                    return await self._log_in(link)
                except BaseException:
                    link.abort()
                    raise
        except TimeoutError:
            raise UpstreamError(f"datasource {self.datasource.name} did not answer within {CONNECT_S:g} s") from None
        except PeerGone:
            raise UpstreamError(f"datasource {self.datasource.name} closed the connection during login") from None
        except (OSError, ssl.SSLError, ProtocolViolation) as error:
            raise UpstreamError(f"datasource {self.datasource.name} cannot be reached: {error}") from error

    async def cancel(self, pid: int, secret: bytes) -> None:
        """Ask the server to cancel what the session with this key runs. Like the server, says nothing of success."""
        with contextlib.suppress(OSError, TimeoutError, ssl.SSLError, UpstreamError, PeerGone):
            async with asyncio.timeout(CONNECT_S):
                link = await self._open()
                try:
                    link.write(postgres.cancel_request(pid, secret))
                    await link.read(1)  # the server closes when it has passed the signal on
                finally:
                    link.abort()

    async def _open(self) -> Link:
        """Connect, with TLS as the datasource demands."""
        loop = asyncio.get_running_loop()
        address = self.datasource.address
        sock = await _connect(address.host, address.port)
        try:
            context = self._tls
            if context is not None:
                await loop.sock_sendall(sock, postgres.ssl_request())
                answer = await loop.sock_recv(sock, 1)
                if not answer:
                    raise PeerGone
                if answer == b"N" and self.datasource.tls == "prefer":
                    context = None
                elif answer != b"S":
                    raise UpstreamError(f"datasource {self.datasource.name} refuses TLS, which tls demands")
            link = Link(address.host)
            await loop.create_connection(
                lambda: link, sock=sock, ssl=context, server_hostname=address.host if context else None
            )
        except BaseException:
            sock.close()
            raise
        return link

    async def _log_in(self, link: Link) -> Backend:
        scram: auth.ScramClient | None = None
        backend = Backend(link, 0, b"")
        while True:
            kind, body = await link.read_message()
            if kind == postgres.AUTHENTICATION:
                asked = postgres.parse_authentication(body)
                scram = self._authenticate(link, asked, scram)
                if not isinstance(asked, postgres.AuthenticationOk):
                    continue
            elif kind == postgres.NEGOTIATE_PROTOCOL_VERSION:  # the gateway asked for nothing that could be missing
                continue
            backend.greeting.take(kind, body)
            if kind == postgres.ERROR_RESPONSE:
                raise LoginFailed(self.datasource.name, backend.greeting)
            if kind == postgres.PARAMETER_STATUS:
                name, value = postgres.parse_parameter_status(body)
                backend.parameters[name] = value
            elif kind == postgres.BACKEND_KEY_DATA:
                backend.pid, backend.secret = postgres.parse_backend_key_data(body)
            elif kind == postgres.READY_FOR_QUERY:
                if scram is not None and not scram.is_verified:
                    raise UpstreamError(f"datasource {self.datasource.name} did not prove that it knows the password")
                return backend

    def _authenticate(
        self, link: Link, asked: postgres.Authentication, scram: auth.ScramClient | None
    ) -> auth.ScramClient | None:
        """Answer one authentication request; return the SCRAM exchange in progress."""
        user, password = self.datasource.user, self._password.value
        match asked:
            case postgres.AuthenticationOk():
                return scram
            case postgres.AuthenticationCleartextPassword():
                if not _is_encrypted(link):
                    raise UpstreamError(f"datasource {self.datasource.name} asks for a password in clear without TLS")
                link.write(postgres.password_message(password))
            case postgres.AuthenticationMD5Password(salt=salt):
                link.write(postgres.password_message(auth.md5_password(user, password, salt)))
            case postgres.AuthenticationSASL(mechanisms=mechanisms) if scram is None:
                scram = self._scram(link, mechanisms)
                if len(self._salted) > SALTED_PASSWORDS:
                    self._salted.clear()
                link.write(postgres.sasl_initial_response(scram.mechanism, scram.first()))
            case postgres.AuthenticationSASLContinue(data=data) if scram is not None:
                link.write(postgres.sasl_response(scram.final(data)))
            case postgres.AuthenticationSASLFinal(data=data) if scram is not None:
                scram.verify(data)
            case _:
                raise UpstreamError(f"datasource {self.datasource.name} asks for {type(asked).__name__}: not supported")
        return scram

    def _scram(self, link: Link, mechanisms: tuple[str, ...]) -> auth.ScramClient:
        tls = link.transport.get_extra_info("ssl_object") if link.transport is not None else None
        certificate = tls.getpeercert(True) if tls is not None else None
        return auth.ScramClient(
            self.datasource.user,
            self._password.value,
            secrets.token_urlsafe(18),
            channel_binding=auth.channel_binding_data(certificate) if certificate else None,
            offered=mechanisms,
            salted_passwords=self._salted,
        )


def _is_encrypted(link: Link) -> bool:
    return link.transport is not None and link.transport.get_extra_info("ssl_object") is not None


async def _connect(host: str, port: int) -> socket.socket:
    """A connected, non-blocking socket to the first address that accepts."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    refused: OSError | None = None
    for family, kind, protocol, _, address in found:
        sock = socket.socket(family, kind, protocol)
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            await loop.sock_connect(sock, address)
        except OSError as error:
            sock.close()
            refused = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise refused or OSError(f"{host} has no address")


def tls_context(datasource: Datasource) -> ssl.SSLContext | None:
    """The TLS settings that libpq's sslmode words mean; None for none. Raises UpstreamError for unusable files."""
    if datasource.tls == "disable":
        return None
    try:
        context = ssl.create_default_context(cafile=str(datasource.tls_root) if datasource.tls_root else None)
        context.set_alpn_protocols(["postgresql"])
        if datasource.tls_cert is not None:
            context.load_cert_chain(str(datasource.tls_cert), str(datasource.tls_key) if datasource.tls_key else None)
    except (OSError, ssl.SSLError) as error:
        raise UpstreamError(f"datasource {datasource.name}: TLS files cannot be used: {error}") from error
    if datasource.tls != "verify-full":
        context.check_hostname = False
    if datasource.tls == "prefer" or (datasource.tls == "require" and datasource.tls_root is None):
        context.verify_mode = ssl.CERT_NONE
    return context
