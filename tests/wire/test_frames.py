"""Frames are found whatever the chunking, rows leave in pieces, everything else whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.errors import ProtocolViolation
from tidewaiter.wire.frames import CONTINUATION, HOLD_BYTES, BackendFrames, FrontendFrames


def frame(kind: bytes, body: bytes) -> bytes:
    return kind + (len(body) + 4).to_bytes(4, "big") + body


bodies = st.binary(max_size=40)
backend = st.lists(st.tuples(st.sampled_from([b"D", b"d", b"C", b"Z", b"T", b"N"]), bodies), max_size=12)
frontend = st.lists(st.tuples(st.sampled_from([b"Q", b"P", b"B", b"E", b"d", b"S", b"c"]), bodies), max_size=12)


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    chunks, at = [], 0
    for size in sizes:
        chunks.append(data[at : at + size])
        at += size
    return [chunk for chunk in [*chunks, data[at:]] if chunk]


def backend_seen(chunks: list[bytes]) -> tuple[bytes, list[bytes]]:
    scanner, released, seen = BackendFrames(), b"", []
    for chunk in chunks:
        data, frames, end = scanner.feed(chunk)
        released += data[:end]
        seen += [data[start:stop] for _, start, stop in frames]
        assert scanner.position == len(released)
    return released, seen


def frontend_seen(chunks: list[bytes]) -> tuple[bytes, list[bytes]]:
    scanner, passed, seen = FrontendFrames(1 << 20), b"", []
    for chunk in chunks:
        data, pieces = scanner.feed(chunk)
        for kind, start, stop, _ in pieces:
            passed += data[start:stop]
            if kind not in (CONTINUATION, ord("d")):
                seen.append(data[start:stop])
    return passed, seen


@given(backend, st.lists(st.integers(1, 30), max_size=20))
def test_chunking_never_changes_what_a_server_said(messages: list[tuple[bytes, bytes]], sizes: list[int]) -> None:
    data = b"".join(frame(*message) for message in messages)
    released, seen = backend_seen(cut(data, sizes))
    assert released == data
    assert seen == [frame(*message) for message in messages if message[0] not in b"Dd"]


@given(frontend, st.lists(st.integers(1, 30), max_size=20))
def test_chunking_never_changes_what_a_client_said(messages: list[tuple[bytes, bytes]], sizes: list[int]) -> None:
    data = b"".join(frame(*message) for message in messages)
    passed, seen = frontend_seen(cut(data, sizes))
    assert passed == data
    assert seen == [frame(*message) for message in messages if message[0] != b"d"]


@given(st.binary(max_size=200), st.lists(st.integers(1, 20), max_size=10))
def test_any_bytes_give_frames_or_a_violation(data: bytes, sizes: list[int]) -> None:
    for feed in (BackendFrames().feed, FrontendFrames(1000).feed):
        try:
            for chunk in cut(data, sizes):
                feed(chunk)
        except ProtocolViolation:
            pass


def test_rows_leave_before_they_are_complete() -> None:
    scanner = BackendFrames()
    data, frames, end = scanner.feed(frame(b"D", b"x" * 100)[:50])
    assert (frames, end) == ([], 50)
    data, frames, end = scanner.feed(b"x" * 55 + frame(b"C", b"SELECT 1\0"))
    assert end == len(data)
    assert [data[a:b] for _, a, b in frames] == [frame(b"C", b"SELECT 1\0")]


def test_a_row_longer_than_several_chunks_passes_through() -> None:
    scanner = BackendFrames()
    message = frame(b"D", b"x" * 1000)
    assert [scanner.feed(chunk)[2] for chunk in cut(message, [300, 300, 300])] == [300, 300, 300, 105]


def test_completion_is_held_until_it_is_whole() -> None:
    scanner = BackendFrames()
    row, done = frame(b"D", b"r"), frame(b"C", b"SELECT 1\0")
    data, frames, end = scanner.feed(row + done[:-1])
    assert (data[:end], frames) == (row, [])
    data, frames, end = scanner.feed(done[-1:])
    assert data[:end] == done
    assert frames == [(ord("C"), 0, len(done))]


def test_an_endless_notice_streams_after_its_head() -> None:
    scanner = BackendFrames()
    head = b"N" + (HOLD_BYTES * 4).to_bytes(4, "big")
    data, frames, end = scanner.feed(head + b"x" * HOLD_BYTES)
    assert frames == [(ord("N"), 0, len(data))]
    assert end == len(data)
    _, frames, end = scanner.feed(b"y" * 100)
    assert (frames, end) == ([], 100)


@pytest.mark.parametrize("size", [0, 3, 0x40000000, 0xFFFFFFFF])
def test_impossible_lengths_are_violations(size: int) -> None:
    with pytest.raises(ProtocolViolation, match="impossible length"):
        BackendFrames().feed(b"C" + size.to_bytes(4, "big") + b"xx")
    with pytest.raises(ProtocolViolation, match="impossible length"):
        FrontendFrames(100).feed(b"Q" + size.to_bytes(4, "big") + b"xx")


def test_unknown_type_is_refused_at_its_first_byte() -> None:
    with pytest.raises(ProtocolViolation, match="0x70"):
        FrontendFrames(100).feed(b"p")


def test_long_names_are_refused_before_they_are_held() -> None:
    with pytest.raises(ProtocolViolation, match="longer than any"):
        FrontendFrames(100).feed(b"E" + (1 << 20).to_bytes(4, "big"))


def test_a_statement_over_the_bound_is_handed_out_as_head_and_rest() -> None:
    scanner = FrontendFrames(2 * HOLD_BYTES)
    size = 3 * HOLD_BYTES
    message = frame(b"Q", b"x" * size)
    data, pieces = scanner.feed(message[: HOLD_BYTES - 1])
    assert (data, pieces, scanner.held_bytes) == (b"", [], HOLD_BYTES - 1) or pieces == []
    data, pieces = scanner.feed(message[HOLD_BYTES - 1 : HOLD_BYTES + 10])
    assert pieces == [(ord("Q"), 0, HOLD_BYTES + 10, len(message) - HOLD_BYTES - 10)]
    data, pieces = scanner.feed(message[HOLD_BYTES + 10 :] + frame(b"S", b""))
    assert pieces[0] == (CONTINUATION, 0, len(message) - HOLD_BYTES - 10, 0)
    assert pieces[1][0] == ord("S")


def test_a_long_bind_streams_with_its_names_at_the_front() -> None:
    scanner = FrontendFrames(100)
    message = frame(b"B", b"\0\0" + b"x" * (2 * HOLD_BYTES))
    pieces = [piece for chunk in cut(message, [HOLD_BYTES, HOLD_BYTES]) for piece in scanner.feed(chunk)[1]]
    assert [piece[0] for piece in pieces] == [ord("B"), CONTINUATION, CONTINUATION]
    assert pieces[-1][3] == 0


def test_runs_of_copy_data_are_one_piece() -> None:
    data = frame(b"d", b"a") * 3 + frame(b"c", b"")
    _, pieces = FrontendFrames(100).feed(data)
    assert [piece[0] for piece in pieces] == [ord("d"), ord("c")]


def test_copy_data_streams_without_being_held() -> None:
    scanner = FrontendFrames(100)
    message = frame(b"d", b"x" * 1000)
    _, pieces = scanner.feed(message[:100])
    assert pieces == [(ord("d"), 0, 100, 905)]
    assert scanner.held_bytes == 0


@pytest.mark.parametrize("kind", [b"Q", b"P", b"F"])
@given(sizes=st.lists(st.integers(1, 400), max_size=5))
def test_a_statement_over_the_limit_is_one_however_it_comes(kind: bytes, sizes: list[int]) -> None:
    scanner, message = FrontendFrames(100), frame(kind, b"x" * 300)
    found = [
        (piece[0], piece[3], data[piece[1] : piece[2]])
        for chunk in cut(message + frame(b"S", b""), sizes)
        for data, pieces in [scanner.feed(chunk)]
        for piece in pieces
    ]
    assert found[0][0] == kind[0]
    assert found[0][1] == len(message) - len(found[0][2]) > 0
    assert len(found[0][2]) >= 100
    assert {one[0] for one in found[1:-1]} == {CONTINUATION}
    assert b"".join(one[2] for one in found[:-1]) == message
    assert found[-1] == (ord("S"), 0, frame(b"S", b""))


def test_of_a_statement_of_a_gigabyte_only_its_head_is_kept() -> None:
    size, chunk = (1 << 30) - 1, b"x" * (1 << 20)
    frames = FrontendFrames(32 << 20)
    kinds = [piece[0] for piece in frames.feed(b"Q" + size.to_bytes(4, "big"))[1]]
    for _ in range((size - 4) // len(chunk)):
        kinds += [piece[0] for piece in frames.feed(chunk)[1]]
        assert frames.held_bytes <= HOLD_BYTES
    data, pieces = frames.feed(b"x" * ((size - 4) % len(chunk)) + frame(b"S", b""))
    assert frames.is_between
    assert set(kinds) <= {ord("Q"), CONTINUATION}
    assert kinds.count(ord("Q")) == 1
    assert data[pieces[-1][1] : pieces[-1][2]] == frame(b"S", b"")
