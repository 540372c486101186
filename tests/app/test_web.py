"""HTTP on a socket of ours: what is served, what is refused, and that nobody can keep others from being served."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pytest
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from tidewaiter.app import web
from tidewaiter.app.certificates import self_signed
from tidewaiter.app.web import Web, bound
from tidewaiter.config import TlsPair

T = TypeVar("T")
LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}
GET = b"GET / HTTP/1.1\r\nhost: here\r\n\r\n"
PROMPT_S = 0.3  # within which a request must have come, in the tests that wait for it to pass


class Pages:
    """An application whose pages wait for each other. `seen` are the bodies that came."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []
        self.goes_on = asyncio.Event()
        self.begun = asyncio.Event()
        self.gone = False
        self.app = Starlette(
            routes=[
                Route("/", self.hello),
                Route("/body", self.body, methods=["POST"]),
                Route("/slow", self.slow),
                Route("/stream", self.stream),
                Route("/defect", self.defect),
                Route("/long", self.long),
            ]
        )

    async def hello(self, request: Request) -> Response:
        return PlainTextResponse(f"{request.headers.get('host')} {request.client.host if request.client else ''}")

    async def body(self, request: Request) -> Response:
        self.begun.set()
        self.seen.append(await request.body())
        return PlainTextResponse("read")

    async def slow(self, request: Request) -> Response:
        self.begun.set()
        await self.goes_on.wait()
        return PlainTextResponse("done")

    async def stream(self, request: Request) -> Response:
        async def parts() -> object:
            yield b"begun "
            self.begun.set()
            await self.goes_on.wait()
            yield b"ended"

        return StreamingResponse(parts())  # type: ignore[arg-type]

    async def long(self, request: Request) -> Response:
        async def parts() -> object:
            self.begun.set()
            try:
                while not await request.is_disconnected():
                    yield b"x" * 65536
            finally:
                self.gone = True

        return StreamingResponse(parts())  # type: ignore[arg-type]

    async def defect(self, request: Request) -> Response:
        raise ZeroDivisionError("a defect")


class Visitor:
    """Opens connections to a server that runs. `pages` is what it serves, `web` it itself."""

    def __init__(self, address: tuple[str, int], pages: Pages, web: Web) -> None:
        self.address, self.pages, self.web = address, pages, web

    async def reach(self, tls: ssl.SSLContext | None = None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(*self.address, ssl=tls, server_hostname="localhost" if tls else None)

    async def ask(self, data: bytes, tls: ssl.SSLContext | None = None) -> bytes:
        """Everything that comes until the server closes."""
        reader, writer = await self.reach(tls)
        writer.write(data)
        try:
            return await reader.read()
        except ConnectionError:
            return b""
        finally:
            writer.close()


@pytest.fixture(params=LOOPS)
def served(request: pytest.FixtureRequest) -> Callable[..., object]:
    """Runs a server and a visit to it on each of the event loops; what the visit returned."""

    def run(visit: Callable[[Visitor], Awaitable[T]], **settings: object) -> T:
        async def go() -> T:
            pages, sock = Pages(), bound("127.0.0.1", 0)
            server = Web(pages.app, sock, **settings)  # type: ignore[arg-type]
            async with asyncio.timeout(60), asyncio.TaskGroup() as group:
                running = group.create_task(server.run_until_stopped())
                await server.accepts.wait()
                try:
                    return await visit(Visitor(sock.getsockname(), pages, server))
                finally:
                    pages.goes_on.set()
                    server.stop()
                    await running

        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            return runner.run(go())

    return run


Served = Callable[..., bytes]


def closing(data: bytes) -> bytes:
    """The request as the last of its connection."""
    return data.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n", 1)


def test_a_request_is_answered_and_says_nothing_of_the_server(served: Served) -> None:
    answer = served(lambda visitor: visitor.ask(closing(GET)))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"server:" not in head.lower()
    assert body == b"here 127.0.0.1"


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),  # no Host
        (b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: here\r\nx: a\0b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: here\r\nbroken header\r\n\r\n", 400),
        (b"\x16\x03\x01\0\x05hello\r\n\r\n", 400),
        (b"\0\0\0\x08\x04\xd2\x16\x2f\r\n\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\nhost: here\r\n\r\n", 400),
        (b"POST /body HTTP/1.1\r\nhost: here\r\ncontent-length: -1\r\n\r\n", 400),
        (b"POST /body HTTP/1.1\r\nhost: here\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx", 400),
        (b"POST /body HTTP/1.1\r\nhost: here\r\ntransfer-encoding: chunked\r\n\r\nnonsense\r\n", 400),
        (b"GET /" + b"x" * 700_000 + b" HTTP/1.1\r\nhost: here\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: here\r\nx: " + b"x" * 700_000 + b"\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: here\r\n" + b"x: y\r\n" * 100_000 + b"\r\n", 400),
        (closing(b"GET /nowhere HTTP/1.1\r\nhost: here\r\n\r\n"), 404),
        (closing(b"DELETE / HTTP/1.1\r\nhost: here\r\n\r\n"), 405),
        (closing(b"BREW / HTTP/1.1\r\nhost: here\r\n\r\n"), 405),
        (closing(b"GET /body HTTP/1.1\r\nhost: here\r\n\r\n"), 405),
        (closing(b"GET /../../etc/passwd HTTP/1.1\r\nhost: here\r\n\r\n"), 404),
    ],
    ids=lambda told: repr(told)[:40],
)
def test_what_is_no_request_of_ours_is_refused_and_the_next_one_served(
    served: Served, request_: bytes, status: int
) -> None:
    async def visit(visitor: Visitor) -> bytes:
        refused = await visitor.ask(request_)
        assert refused.startswith(b"HTTP/1.1 %d " % status) or (not refused and len(request_) > 70_000)
        return await visitor.ask(closing(GET))

    assert served(visit).startswith(b"HTTP/1.1 200 ")


def test_no_protocol_but_http_is_spoken(served: Served) -> None:
    upgrade = GET[:-2] + b"connection: upgrade, close\r\nupgrade: websocket\r\nsec-websocket-key: x\r\n\r\n"
    assert served(lambda visitor: visitor.ask(upgrade)).startswith(b"HTTP/1.1 200 ")


def test_a_defect_of_a_page_is_an_answer_without_its_reason(served: Served) -> None:
    async def visit(visitor: Visitor) -> bytes:
        refused = await visitor.ask(closing(GET.replace(b"/ ", b"/defect ")))
        assert refused.startswith(b"HTTP/1.1 500 ")
        assert b"ZeroDivision" not in refused
        return await visitor.ask(closing(GET))

    assert served(visit).startswith(b"HTTP/1.1 200 ")


def test_requests_that_come_together_are_answered_in_turn(served: Served) -> None:
    answer = served(lambda visitor: visitor.ask(GET + GET + closing(GET)))
    assert answer.count(b"HTTP/1.1 200 OK") == 3


def test_a_long_body_comes_whole(served: Served) -> None:
    body = bytes(range(256)) * 4096

    async def visit(visitor: Visitor) -> bytes:
        request = b"POST /body HTTP/1.1\r\nhost: here\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
        await visitor.ask(request + body)
        return visitor.pages.seen[0]

    assert served(visit) == body


# -- those who are slow ----------------------------------------------------------------------------------------------
POST = b"POST /body HTTP/1.1\r\nhost: here\r\ncontent-length: 1000\r\n\r\n"


@pytest.mark.parametrize("begin", [b"", b"GET / HT", GET[:-2], POST, POST + b"half", GET + b"GET / "], ids=repr)
@pytest.mark.parametrize("drips", [False, True])
def test_a_request_that_does_not_come_to_its_end_is_not_waited_for(served: Served, begin: bytes, drips: bool) -> None:
    """Slowloris: another byte now and then must not be enough to be waited for."""

    async def visit(visitor: Visitor) -> bytes:
        reader, writer = await visitor.reach()
        writer.write(begin)

        async def drip() -> None:
            while drips and not writer.is_closing():
                await asyncio.sleep(PROMPT_S / 10)
                writer.write(b"x")

        dripping = asyncio.ensure_future(drip())
        try:
            return await reader.read()
        except ConnectionError:
            return b""
        finally:
            dripping.cancel()
            writer.close()

    answered = served(visit, peer_s=PROMPT_S)
    assert answered.count(b"HTTP/1.1 200") == (begin[:4] == b"GET " and GET in begin)


def test_those_who_say_nothing_keep_nobody_out_for_long(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "CONNECTIONS", 4)

    async def visit(visitor: Visitor) -> bytes:
        idle = [await visitor.reach() for _ in range(4)]
        assert (await visitor.ask(closing(GET))).startswith(b"HTTP/1.1 503 ")
        for reader, writer in idle:
            assert await reader.read() == b""
            writer.close()
        return await visitor.ask(closing(GET))

    assert served(visit, peer_s=2.0).startswith(b"HTTP/1.1 200 ")


def test_an_answer_that_nobody_reads_is_not_kept_for_ever(served: Served) -> None:
    async def visit(visitor: Visitor) -> bytes:
        with socket.create_connection(visitor.address) as sock:
            sock.sendall(GET.replace(b"/ ", b"/long "))
            await visitor.pages.begun.wait()
            while not visitor.pages.gone:  # noqa: ASYNC110 - the server tells nobody
                await asyncio.sleep(0.01)
        return await visitor.ask(closing(GET))

    assert served(visit, peer_s=PROMPT_S).startswith(b"HTTP/1.1 200 ")


def test_an_answer_may_take_longer_than_its_request(served: Served) -> None:
    async def visit(visitor: Visitor) -> bytes:
        asking = asyncio.ensure_future(visitor.ask(closing(GET.replace(b"/ ", b"/stream "))))
        await visitor.pages.begun.wait()
        await asyncio.sleep(3 * PROMPT_S)
        visitor.pages.goes_on.set()
        return await asking

    answer = served(visit, peer_s=PROMPT_S)
    assert b"begun " in answer and b"ended" in answer


def test_a_visitor_that_goes_away_in_the_middle_of_its_body_is_no_defect(served: Served) -> None:
    async def visit(visitor: Visitor) -> bytes:
        _, writer = await visitor.reach()
        writer.write(POST + b"half")
        await visitor.pages.begun.wait()
        writer.transport.abort()
        return await visitor.ask(closing(GET))

    assert served(visit).startswith(b"HTTP/1.1 200 ")


# -- the end ---------------------------------------------------------------------------------------------------------
def test_when_it_stops_what_is_under_way_is_answered_and_nobody_else_let_in(served: Served) -> None:
    async def visit(visitor: Visitor) -> bytes:
        idle, writer = await visitor.reach()
        asking = asyncio.ensure_future(visitor.ask(GET.replace(b"/ ", b"/slow ")))
        await visitor.pages.begun.wait()
        visitor.web.stop()
        assert await idle.read() == b""
        writer.close()
        with pytest.raises(ConnectionRefusedError):
            await visitor.reach()
        visitor.pages.goes_on.set()
        return await asking

    assert served(visit).endswith(b"\r\n\r\ndone")


def test_an_answer_without_end_does_not_keep_it_from_stopping(served: Served) -> None:
    async def visit(visitor: Visitor) -> bytes:
        asking = asyncio.ensure_future(visitor.ask(GET.replace(b"/ ", b"/stream ")))
        await visitor.pages.begun.wait()
        visitor.web.stop()
        return await asking  # which ends after GRACE_S

    assert b"ended" not in served(visit)


# -- sockets and TLS -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_an_address_is_bound_once(host: str) -> None:
    with bound(host, 0) as sock:
        assert not sock.getblocking()
        with pytest.raises(OSError):
            bound(host, sock.getsockname()[1])


def test_an_address_that_is_not_ours_is_not_bound() -> None:
    with pytest.raises(OSError):
        bound("192.0.2.1", 0)


def test_with_a_certificate_only_tls_is_spoken(served: Served, tmp_path: Path) -> None:
    certificate, key = self_signed(["localhost"], datetime.now(UTC))
    (tmp_path / "c.crt").write_bytes(certificate)
    (tmp_path / "c.key").write_bytes(key)

    async def visit(visitor: Visitor) -> bytes:
        assert b"HTTP/1.1 200" not in await visitor.ask(closing(GET))
        return await visitor.ask(closing(GET), ssl.create_default_context(cafile=str(tmp_path / "c.crt")))

    pair = TlsPair(tmp_path / "c.crt", tmp_path / "c.key")
    assert served(visit, tls=pair).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(("proxies", "client"), [([], b"127.0.0.1"), (["127.0.0.0/8"], b"203.0.113.9")])
def test_who_a_proxy_speaks_for_is_believed_of_those_named(served: Served, proxies: list[str], client: bytes) -> None:
    forged = closing(GET[:-2] + b"x-forwarded-for: 203.0.113.9\r\n\r\n")
    assert served(lambda visitor: visitor.ask(forged), proxies=proxies).endswith(b"here " + client)


def test_the_socket_is_closed_when_serving_ends(served: Served) -> None:
    found: list[tuple[str, int]] = []

    async def visit(visitor: Visitor) -> bytes:
        found.append(visitor.address)
        return b""

    served(visit)
    with socket.socket() as sock:
        assert sock.connect_ex(found[0]) != 0
