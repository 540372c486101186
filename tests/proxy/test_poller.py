"""A poller does for a link what the event loop's transport does, which is its twin in all of this."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import socket
import struct
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from tidewaiter.proxy import poller as poller_module
from tidewaiter.proxy.link import WRITE_HIGH_BYTES, Link
from tidewaiter.proxy.poller import dismiss, poller_for

native = pytest.mark.skipif(poller_module._Poller is None, reason="not compiled")
both = pytest.mark.parametrize("how", ["loop", pytest.param("poller", marks=native)])
loops = pytest.mark.parametrize("make_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
Scene = Callable[["Stage"], Awaitable[None]]


class End(Link):
    """A link that notes what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.got = bytearray()
        self.told: list[str] = []
        self.react: Callable[[bytes], None] = lambda chunk: None

    def begin(self) -> None:
        self.attach(self._take, lambda: self.told.append("lost"))

    def _take(self, chunk: bytes) -> None:
        assert chunk
        self.got += chunk
        self.react(chunk)

    def pause_writing(self) -> None:
        self.told.append("pause")
        super().pause_writing()

    def resume_writing(self) -> None:
        self.told.append("resume")
        super().resume_writing()


class Stage:
    """An event loop, a poller where there is to be one, and connections whose far end is a socket of the test's."""

    def __init__(self, how: str) -> None:
        self.loop = asyncio.get_running_loop()
        self.poller = poller_for(self.loop, self.loop.call_soon) if how == "poller" else None

    async def connection(self, *, is_narrow: bool = False) -> tuple[End, socket.socket]:
        """A link and its peer, over TCP, or over what takes little at once."""
        if is_narrow:
            near, far = socket.socketpair()
            near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
        else:
            with socket.create_server(("127.0.0.1", 0)) as listener:
                far = socket.create_connection(listener.getsockname())
                near, _ = listener.accept()
        far.setblocking(False)
        near.setblocking(False)
        link = End()
        await self.loop.connect_accepted_socket(lambda: link, near)
        link.begin()
        if self.poller is not None:
            link.hasten(self.poller)
            assert type(link.transport).__name__ == "Stream"
        return link, far

    async def read(self, far: socket.socket, size: int) -> bytes:
        """So many bytes from the far end."""
        got = bytearray()
        while len(got) < size:
            more = await self.loop.sock_recv(far, size - len(got))
            assert more, "the end came too early"
            got += more
        return bytes(got)

    async def end(self, far: socket.socket) -> bytes:
        """What comes up to the end of the stream."""
        got = bytearray()
        while more := await self.loop.sock_recv(far, 1 << 20):
            got += more
        return bytes(got)


async def until(is_so: Callable[[], object]) -> None:
    """Let the loop go on until something is so; the test's own time limit is the deadline."""
    while not is_so():  # noqa: ASYNC110 - what it waits for is a state of sockets
        await asyncio.sleep(0.001)


def play(make_loop: Callable[[], asyncio.AbstractEventLoop], how: str, scene: Scene) -> None:
    """Play a scene on a loop of its own; nothing of it is left over."""
    problems: list[dict[str, Any]] = []

    async def whole() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: problems.append(context))
        stage = Stage(how)
        try:
            await scene(stage)
        finally:
            if stage.poller is not None:
                dismiss(stage.loop, stage.poller)

    loop = make_loop()
    try:
        loop.run_until_complete(whole())
    finally:
        loop.close()
    assert problems == []


@loops
@both
@pytest.mark.parametrize("is_whole", [True, False])
def test_bytes_come_and_go(make_loop: Any, how: str, is_whole: bool) -> None:
    async def scene(stage: Stage) -> None:
        link, far = await stage.connection()
        link.react = lambda chunk: link.write(chunk.upper())
        sent = b"select 1; " * 20
        for piece in [sent] if is_whole else [sent[at : at + 1] for at in range(len(sent))]:
            await stage.loop.sock_sendall(far, piece)
        assert await stage.read(far, len(sent)) == sent.upper()
        assert link.got == sent
        far.close()
        await until(lambda: link.is_lost)
        assert link.told == ["lost"]

    play(make_loop, how, scene)


@loops
@both
def test_what_a_turn_writes_to_several_leaves_in_order(make_loop: Any, how: str) -> None:
    async def scene(stage: Stage) -> None:
        (one, far_one), (two, far_two) = await stage.connection(), await stage.connection()

        def react(chunk: bytes) -> None:
            for number in range(40):
                one.write(b"%d," % number)
                two.write(b"%d;" % number)

        one.react = react
        await stage.loop.sock_sendall(far_one, b"x")
        for far, mark in ((far_one, ","), (far_two, ";")):
            wanted = "".join(f"{number}{mark}" for number in range(40)).encode()
            assert await stage.read(far, len(wanted)) == wanted
            far.close()
        await until(lambda: one.is_lost and two.is_lost)

    play(make_loop, how, scene)


@loops
@both
def test_a_slow_reader_is_told_of_and_loses_nothing(make_loop: Any, how: str) -> None:
    async def scene(stage: Stage) -> None:
        link, far = await stage.connection(is_narrow=True)
        whole = bytearray()
        for number in range(200):
            whole += (piece := bytes([number]) * 40_000)
            link.write(piece)
        assert link.told == ["pause"]
        assert await stage.read(far, len(whole)) == whole
        await until(lambda: link.told == ["pause", "resume"])
        far.close()
        await until(lambda: link.is_lost)

    play(make_loop, how, scene)


@loops
@both
def test_what_is_paused_is_not_read_until_it_is_resumed(make_loop: Any, how: str) -> None:
    async def scene(stage: Stage) -> None:
        link, far = await stage.connection()
        link.pause("busy")
        await stage.loop.sock_sendall(far, b"later")
        for _ in range(20):
            await asyncio.sleep(0)
        assert link.got == b""
        link.write(b"meanwhile")
        assert await stage.read(far, 9) == b"meanwhile"
        link.resume("busy")
        await until(lambda: link.got == b"later")
        far.close()
        await until(lambda: link.is_lost)

    play(make_loop, how, scene)


@loops
@both
def test_a_peer_that_hangs_up_is_noticed_once_reading_goes_on(make_loop: Any, how: str) -> None:
    async def scene(stage: Stage) -> None:
        link, far = await stage.connection()
        link.pause("busy")
        await asyncio.sleep(0)
        far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close with RST
        far.close()
        for _ in range(20):
            await asyncio.sleep(0)
        link.resume("busy")
        await until(lambda: link.is_lost)
        assert link.told == ["lost"]

    play(make_loop, how, scene)


@loops
@both
def test_closing_sends_what_waits_and_aborting_does_not(make_loop: Any, how: str) -> None:
    async def scene(stage: Stage) -> None:
        whole = b"x" * 3_000_000
        for is_closed in (True, False):
            link, far = await stage.connection(is_narrow=True)
            link.write(whole)
            link.close() if is_closed else link.abort()
            if is_closed:
                assert await stage.end(far) == whole
            else:
                with contextlib.suppress(ConnectionResetError):
                    assert len(await stage.end(far)) < len(whole)
            await until(lambda link=link: link.is_lost)  # type: ignore[misc]
            assert [told for told in link.told if told == "lost"] == ["lost"]
            far.close()

    play(make_loop, how, scene)


@loops
@both
def test_a_peer_that_closed_its_side_still_gets_what_was_written(make_loop: Any, how: str) -> None:
    async def scene(stage: Stage) -> None:
        link, far = await stage.connection(is_narrow=True)
        link.react = lambda chunk: link.write(b"y" * 2_000_000)
        await stage.loop.sock_sendall(far, b"last")
        far.shutdown(socket.SHUT_WR)
        assert await stage.end(far) == b"y" * 2_000_000
        await until(lambda: link.is_lost)
        far.close()

    play(make_loop, how, scene)


@loops
@both
@pytest.mark.parametrize("what", ["close", "abort"])
def test_a_callback_may_end_any_connection_of_the_turn(make_loop: Any, how: str, what: str) -> None:
    async def scene(stage: Stage) -> None:
        pairs = [await stage.connection() for _ in range(6)]

        def react(chunk: bytes) -> None:
            for link, _ in pairs:
                link.write(b"bye")
                getattr(link, what)()

        for link, far in pairs:
            link.react = react
            far.send(b"x")
        await until(lambda: all(link.is_lost for link, _ in pairs))
        assert sum(len(link.got) for link, _ in pairs) == 1
        for _, far in pairs:
            far.close()

    play(make_loop, how, scene)


@loops
@native
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_defect_of_one_ends_that_one(make_loop: Any) -> None:
    async def scene(stage: Stage) -> None:
        (one, far_one), (two, far_two) = await stage.connection(), await stage.connection()

        def fail(chunk: bytes) -> None:
            raise ZeroDivisionError

        one.react = fail
        two.react = two.write
        for far in (far_one, far_two):
            far.send(b"x")
        assert await stage.read(far_two, 1) == b"x"
        await until(lambda: one.is_lost)
        assert not two.is_lost
        two.abort()
        await until(lambda: two.is_lost)
        far_one.close()
        far_two.close()

    play(make_loop, "poller", scene)


class Stop(BaseException):
    pass


@loops
@native
def test_what_is_no_exception_leaves_the_turn_after_its_end(make_loop: Any) -> None:
    async def scene(stage: Stage) -> None:
        link, far = await stage.connection()
        other, far_other = await stage.connection()
        poller = stage.poller
        assert poller is not None
        stage.loop.remove_reader(poller.fileno())

        def stop(chunk: bytes) -> None:
            other.write(b"written before")
            raise Stop

        link.react = stop
        far.send(b"x")
        with pytest.raises(Stop):
            while True:
                poller.turn()
        assert await stage.read(far_other, 14) == b"written before"
        stage.loop.add_reader(poller.fileno(), poller.turn)
        other.abort()
        await until(lambda: link.is_lost and other.is_lost)
        far.close()
        far_other.close()

    play(make_loop, "poller", scene)


@loops
@native
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_soon_is_the_end_of_the_turn_after_what_was_written_left(make_loop: Any) -> None:
    async def scene(stage: Stage) -> None:
        poller = stage.poller
        assert poller is not None
        link, far = await stage.connection()
        order: list[str] = []

        def last() -> None:
            order.append(far.recv(9).decode())

        def fail() -> None:
            poller.soon(last)  # no turn any more: the loop's next
            raise ZeroDivisionError

        def react(chunk: bytes) -> None:
            poller.soon(fail)
            poller.soon(lambda: order.append("second"))
            link.write(b"written")
            order.append("first")

        link.react = react
        far.send(b"x")
        await until(lambda: len(order) == 3)
        assert order == ["first", "second", "written"]
        far.close()
        await until(lambda: link.is_lost)

    play(make_loop, "poller", scene)


@loops
@both
def test_nothing_is_kept_of_connections_that_ended(make_loop: Any, how: str) -> None:
    async def scene(stage: Stage) -> None:
        links: list[weakref.ref[End]] = []
        before = len(os.listdir("/proc/self/fd"))
        for number in range(120):
            link, far = await stage.connection()
            links.append(weakref.ref(link))
            link.react = link.write
            far.send(b"x" * 100)
            assert await stage.read(far, 100) == b"x" * 100
            if number % 3 == 0:
                link.close()
            elif number % 3 == 1:
                link.abort()
            far.close()
            await until(lambda link=link: link.is_lost)  # type: ignore[misc]
        del link
        for _ in range(5):
            await asyncio.sleep(0)
            gc.collect()
        assert sum(ref() is not None for ref in links) <= 1
        assert len(os.listdir("/proc/self/fd")) <= before + 2

    play(make_loop, how, scene)


@loops
@native
def test_all_that_was_to_be_called_soon_is_called_whatever_one_of_them_raises(make_loop: Any) -> None:
    async def scene(stage: Stage) -> None:
        poller = stage.poller
        assert poller is not None
        link, far = await stage.connection()
        called: list[int] = []

        def stop() -> None:
            raise Stop

        def react(chunk: bytes) -> None:
            poller.soon(stop)
            poller.soon(lambda: called.append(1))

        link.react = react
        stage.loop.remove_reader(poller.fileno())
        far.send(b"x")
        with pytest.raises(Stop):
            while True:
                poller.turn()
        assert called == [1]
        link.abort()
        await until(lambda: link.is_lost)
        far.close()

    play(make_loop, "poller", scene)


@loops
@both
def test_who_ends_both_directions_and_keeps_what_it_did_not_read_is_let_go(make_loop: Any, how: str) -> None:
    async def scene(stage: Stage) -> None:
        link, far = await stage.connection(is_narrow=True)
        link.write(b"x" * 3_000_000)
        link.pause("busy")
        far.shutdown(socket.SHUT_RDWR)
        await until(lambda: link.is_lost)
        assert link.told == ["pause", "lost"]
        far.close()

    play(make_loop, how, scene)


sizes = st.sampled_from([1, 100, 9000, 100_000, 700_000])
acts = st.lists(
    st.one_of(
        st.tuples(st.just("write"), sizes), st.tuples(st.just("send"), st.sampled_from([1, 100, 9000])),
        st.tuples(st.sampled_from(["pause", "resume", "read", "turn"]), st.just(0)),
    ),
    max_size=25,
)  # fmt: skip


@loops
@both
@given(acts=acts, last=st.sampled_from(["close", "far"]))
@settings(max_examples=25, deadline=None)
def test_every_byte_arrives_once_and_in_order(make_loop: Any, how: str, acts: Any, last: str) -> None:
    async def scene(stage: Stage) -> None:
        link, far = await stage.connection(is_narrow=True)
        written, sent, read = bytearray(), bytearray(), bytearray()
        for number, (act, size) in enumerate(acts):
            data = bytes([number % 256]) * size
            if act == "write":
                link.write(data)
                written += data
            elif act == "send":
                with contextlib.suppress(BlockingIOError):
                    sent += data[: far.send(data)]
            elif act == "read":
                with contextlib.suppress(BlockingIOError):
                    read += far.recv(200_000)
            elif act == "turn":
                await asyncio.sleep(0)
            else:
                getattr(link, act)("busy")
        link.resume("busy")
        await until(lambda: len(link.got) == len(sent))
        link.close() if last == "close" else far.shutdown(socket.SHUT_WR)
        read += await stage.end(far)
        await until(lambda: link.is_lost)
        assert (bytes(read), bytes(link.got)) == (bytes(written), bytes(sent))
        paused, resumed = link.told.count("pause"), link.told.count("resume")
        assert paused - resumed in (0, 1) and (paused == 0 or len(written) > WRITE_HIGH_BYTES)
        far.close()

    play(make_loop, how, scene)


@native
@pytest.mark.parametrize("given", [(1,), (-1, None, None, None, True, 1)])
def test_what_cannot_be_adopted_is_refused(given: tuple[Any, ...]) -> None:
    assert poller_module._Poller is not None
    poller = poller_module._Poller(lambda callback: None)
    with pytest.raises((TypeError, OSError)):
        poller.adopt(*given)
