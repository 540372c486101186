"""One end of a session on real sockets: what is read during login, who waits for whom, who notices an end."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop
from playstage import Wire

from tidewaiter.errors import ProtocolViolation
from tidewaiter.proxy import link as module
from tidewaiter.proxy.link import LOGIN_BYTES, WRITE_HIGH_BYTES, Link, PeerGone

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}
BUFFER_BYTES = 64 << 10  # of the kernel, each way
LONG = bytes(range(256)) * (4 << 12)  # 4 MB: more than all buffers on its way hold
STILL = 100  # rounds of the loop without progress: whoever could read would have, in each of them


@pytest.fixture(params=LOOPS)
def played(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, None]], None]:
    """Runs a conversation on each of the event loops."""

    def play(conversation: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            runner.run(_within_a_minute(conversation))

    return play


async def _within_a_minute(conversation: Coroutine[Any, Any, None]) -> None:
    async with asyncio.timeout(60):
        await conversation


async def connected() -> tuple[socket.socket, Link]:
    """A peer's socket, and the link at the other end of it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        peer = socket.socket()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
        peer.connect(listener.getsockname())
        sock, _ = listener.accept()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
    peer.setblocking(False)
    sock.setblocking(False)
    link = Link("127.0.0.1")
    await asyncio.get_running_loop().connect_accepted_socket(lambda: link, sock)
    return peer, link


async def until_still(peer: socket.socket, data: bytes) -> int:
    """Send until the other end has not taken anything for a while; how much it took, all of it included."""
    sent, still = 0, 0
    while sent < len(data) and still < STILL:
        try:
            sent += peer.send(data[sent : sent + BUFFER_BYTES])
            still = 0
        except BlockingIOError:
            still += 1
        await asyncio.sleep(0)
    return sent


async def read_all(peer: socket.socket) -> bytes:
    """What comes until the other end closes."""
    data = bytearray()
    while more := await asyncio.get_running_loop().sock_recv(peer, 1 << 16):
        data += more
    return bytes(data)


def nothing(*_: object) -> None:
    """Who does not listen."""


# -- login -----------------------------------------------------------------------------------------------------------
def test_a_message_is_read_however_it_drips_and_nothing_behind_it(played: Callable[..., None]) -> None:
    async def conversation() -> None:
        peer, link = await connected()
        with peer:
            reading = asyncio.ensure_future(link.read_message())
            for byte in b"p\0\0\0\x09hello":
                peer.send(bytes([byte]))
                await asyncio.sleep(0)
            assert await reading == (ord("p"), b"hello")
            peer.send(b"behind")
            assert await link.read(2) == b"be"
            assert await link.read(4) == b"hind"
            link.abort()

    played(conversation())


def test_what_was_sent_before_a_hang_up_is_read_first(played: Callable[..., None]) -> None:
    async def conversation() -> None:
        peer, link = await connected()
        with peer:
            peer.send(b"p\0\0\0\x09hello" + b"X\0\0")
        assert await link.read_message() == (ord("p"), b"hello")
        with pytest.raises(PeerGone):
            await link.read_message()
        assert link.is_lost

    played(conversation())


@pytest.mark.parametrize("reset", [False, True])
def test_who_waits_for_the_rest_of_a_message_notices_a_hang_up(played: Callable[..., None], reset: bool) -> None:
    async def conversation() -> None:
        peer, link = await connected()
        peer.send(b"p\0\0\1\0half")
        reading = asyncio.ensure_future(link.read_message())
        for _ in range(STILL):
            await asyncio.sleep(0)
        assert not reading.done()
        if reset:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        peer.close()
        with pytest.raises(PeerGone):
            await reading

    played(conversation())


@pytest.mark.parametrize("size", [0, 3, LOGIN_BYTES + 1, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_length_that_no_login_has_is_refused_before_its_body_comes(played: Callable[..., None], size: int) -> None:
    async def conversation() -> None:
        peer, link = await connected()
        with peer:
            peer.send(b"p" + size.to_bytes(4, "big"))
            with pytest.raises(ProtocolViolation, match=f"{size} bytes during login"):
                await link.read_message()
            link.abort()

    played(conversation())


def test_the_longest_message_of_a_login_is_read_while_more_waits_behind_it(played: Callable[..., None]) -> None:
    async def conversation() -> None:
        peer, link = await connected()
        body = LONG[: LOGIN_BYTES - 4]
        with peer:
            sending = asyncio.ensure_future(until_still(peer, (b"p" + LOGIN_BYTES.to_bytes(4, "big") + body) * 3))
            for _ in range(3):
                assert await link.read_message() == (ord("p"), body)
            await sending
            link.abort()

    played(conversation())


def test_who_sends_much_before_it_may_waits_and_loses_nothing(played: Callable[..., None]) -> None:
    async def conversation() -> None:
        peer, link = await connected()
        got = bytearray()
        ended = asyncio.Event()
        with peer:
            sent = await until_still(peer, LONG)
            assert sent < len(LONG), "a stranger may fill the memory"
            assert await link.read(5) == LONG[:5]
            link.attach(got.extend, ended.set)
            sent += await until_still(peer, LONG[sent:])
            assert sent == len(LONG)
        await ended.wait()
        assert got == LONG[5:]

    played(conversation())


def test_what_came_before_a_hang_up_is_handed_over_and_then_the_hang_up(played: Callable[..., None]) -> None:
    async def conversation() -> None:
        peer, link = await connected()
        with peer:
            peer.send(b"last words")
        with pytest.raises(PeerGone):
            await link.read(100)
        heard: list[bytes] = []
        link.attach(heard.append, lambda: heard.append(b"gone"))
        assert heard == [b"last words", b"gone"]

    played(conversation())


# -- afterwards ------------------------------------------------------------------------------------------------------
async def relay() -> tuple[socket.socket, socket.socket, Link, Link]:
    """A producer's and a consumer's socket, and the links between them, as a session joins them."""
    producer, left = await connected()
    consumer, right = await connected()
    left.peer, right.peer = right, left
    left.attach(lambda data: right.write(data), right.close)
    right.attach(lambda data: left.write(data), nothing)
    return producer, consumer, left, right


def test_who_reads_slowly_slows_its_sender_down_and_gets_every_byte(played: Callable[..., None]) -> None:
    async def conversation() -> None:
        producer, consumer, _, _ = await relay()
        with producer, consumer:
            sent = await until_still(producer, LONG)
            assert sent < len(LONG), "the relay takes what nobody reads"
            reading = asyncio.ensure_future(read_all(consumer))
            await asyncio.get_running_loop().sock_sendall(producer, LONG[sent:])
            producer.shutdown(socket.SHUT_WR)
            assert await reading == LONG

    played(conversation())


def test_a_reader_that_goes_away_lets_its_sender_be_heard_again(played: Callable[..., None]) -> None:
    """Else nobody would notice that the sender goes away too."""

    async def conversation() -> None:
        producer, consumer, left, right = await relay()
        with producer:
            sent = await until_still(producer, LONG)
            assert sent < len(LONG)
            consumer.close()
            assert sent + await until_still(producer, LONG[sent:]) == len(LONG)
            assert right.is_lost
            assert not left.is_lost
            right.write(b"to nobody")
            left.abort()

    played(conversation())


def test_closing_sends_what_was_written_and_aborting_does_not_wait_for_it(played: Callable[..., None]) -> None:
    async def conversation() -> None:
        peer, link = await connected()
        with peer:
            link.write(LONG)
            link.close()
            assert await read_all(peer) == LONG
        stuck, link = await connected()
        with stuck:
            gone = asyncio.Event()
            link.attach(nothing, gone.set)
            link.write(LONG)
            link.abort()
            await gone.wait()  # although nobody reads

    played(conversation())


def test_a_peer_that_does_not_read_what_is_left_is_not_waited_for(
    played: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LINGER_S", 0.1)

    async def conversation() -> None:
        peer, link = await connected()
        with peer:
            gone = asyncio.Event()
            link.attach(nothing, gone.set)
            link.write(LONG)
            link.close()
            link.close()
            await gone.wait()

    played(conversation())


def test_reading_goes_on_when_every_reason_to_pause_is_gone() -> None:
    """The transport asserts that it is not paused or resumed twice, which real ones do not bear."""
    wire = Wire(nothing)
    link = wire.link
    link.resume("peer")
    link.pause("peer")
    link.pause("busy")
    link.pause("busy")
    link.resume("peer")
    assert not wire.reads
    link.resume("busy")
    link.resume("busy")
    assert wire.reads


def test_nothing_is_asked_of_a_transport_that_is_gone() -> None:
    wire = Wire(nothing)
    other = Wire(nothing)
    wire.link.peer = other.link
    wire.link.pause_writing()
    reads = [other.reads]
    wire.link.pause("busy")
    wire.lose()
    assert [*reads, other.reads] == [False, True]
    wire.link.resume("busy")
    wire.link.pause("busy")
    wire.link.write(b"nobody hears this")
    assert (wire.reads, wire.got) == (False, b"")
    Link().close()
    Link().abort()
    Link().write(b"nobody yet")


# -- past the event loop's transport ---------------------------------------------------------------------------------
class Adopts:
    """A poller that notes what it is given, and takes it over or not."""

    def __init__(self, *, fails: bool = False) -> None:
        self.given: list[tuple[object, ...]] = []
        self.fails = fails

    def adopt(self, *given: object) -> Any:
        self.given.append(given)
        if self.fails:
            raise OSError(errno.ENOSPC, "what epoll may watch is limited")
        return Stub()


class Stub:
    """A transport in some state; nobody is behind it."""

    def __init__(
        self, *, tls: object = None, unsent: int = 0, is_closing: bool = False, has_socket: bool = True
    ) -> None:
        self.told: list[str] = []
        self.is_closing, self.get_write_buffer_size = lambda: is_closing, lambda: unsent
        self.named = {"ssl_object": tls, "socket": self if has_socket else None}
        self.get_extra_info = self.named.get
        self.fileno = lambda: 7
        self.pause_reading = lambda: self.told.append("pause")
        self.resume_reading = lambda: self.told.append("resume")
        self.write = lambda data: self.told.append("write")


def linked(transport: Stub) -> Link:
    link = Link()
    link.transport = transport  # type: ignore[assignment]
    return link


def behind(link: Link) -> object:
    return link.transport


@pytest.mark.parametrize(
    "state",
    [{"tls": object()}, {"unsent": 1}, {"is_closing": True}, {"has_socket": False}],
    ids=lambda state: next(iter(state)),
)
def test_who_is_encrypted_or_unsent_or_ends_stays_with_the_loop(state: dict[str, Any]) -> None:
    transport, poller = Stub(**state), Adopts()
    link = linked(transport)
    link.hasten(poller)  # type: ignore[arg-type]
    assert (behind(link), poller.given, transport.told) == (transport, [], [])


def test_who_is_lost_is_not_adopted() -> None:
    transport, poller = Stub(), Adopts()
    link = linked(transport)
    link.connection_lost(None)
    link.hasten(poller)  # type: ignore[arg-type]
    assert (behind(link), poller.given, transport.told) == (transport, [], [])


@pytest.mark.parametrize("is_paused", [False, True])
def test_who_is_adopted_reads_only_if_it_did(is_paused: bool) -> None:
    transport, poller = Stub(), Adopts()
    link = linked(transport)
    if is_paused:
        link.pause("busy")
    link.hasten(poller)  # type: ignore[arg-type]
    assert poller.given == [(7, transport, link, link.data_received, not is_paused, WRITE_HIGH_BYTES)]
    assert transport.told == ["pause"]
    stream = behind(link)
    assert isinstance(stream, Stub)
    link.write(b"to the new one")
    assert (transport.told, stream.told) == (["pause"], ["write"])


@pytest.mark.parametrize("is_paused", [False, True])
def test_what_cannot_be_watched_stays_with_the_loop_and_as_it_was(is_paused: bool) -> None:
    transport, poller = Stub(), Adopts(fails=True)
    link = linked(transport)
    if is_paused:
        link.pause("busy")
    link.hasten(poller)  # type: ignore[arg-type]
    assert behind(link) is transport
    assert transport.told == (["pause"] if is_paused else ["pause", "resume"])


def test_what_cannot_be_watched_is_heard_as_before(played: Callable[..., None]) -> None:
    async def conversation() -> None:
        peer, link = await connected()
        with peer:
            gone = asyncio.Event()
            link.attach(link.write, gone.set)
            link.hasten(Adopts(fails=True))  # type: ignore[arg-type]
            await asyncio.get_running_loop().sock_sendall(peer, b"heard")
            peer.shutdown(socket.SHUT_WR)
            assert await read_all(peer) == b"heard"
            await gone.wait()

    played(conversation())
