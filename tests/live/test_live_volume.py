"""Whatever the size of a result, the gateway's memory stays small, and one slow client is nobody else's problem."""

from __future__ import annotations

import time

from rawwire import Client, copy_data, errors_of, message, query
from rig import PATIENCE, Deployment, eventually

EXTRA_BYTES = 64 << 20
MEGABYTE = 1 << 20


def drain(client: Client, size: int) -> int:
    """Read at least `size` bytes without keeping them; returns how many came."""
    seen, buffer = 0, bytearray(1 << 18)
    while seen < size:
        got = client.sock.recv_into(buffer)
        assert got, "the gateway closed the connection"
        seen += got
    return seen


def drained_to_ready(client: Client) -> int:
    """Read until ReadyForQuery ends the stream; returns the number of bytes."""
    seen, tail, buffer = 0, b"", bytearray(1 << 18)
    while not tail.endswith(b"Z\0\0\0\5I"):
        got = client.sock.recv_into(buffer)
        assert got, "the gateway closed the connection"
        seen += got
        tail = (tail + bytes(buffer[max(0, got - 8) : got]))[-8:]
    return seen


def test_one_gigabyte_of_rows_streams_through(gateway18: Deployment) -> None:
    with gateway18.raw("alice") as client:
        client.rows("select 1")
        base = gateway18.resident_bytes()
        gateway18.forget_peak()
        client.send(query("select repeat('x', 10000) from generate_series(1, 105000)"))
        assert drained_to_ready(client) > 1000 * MEGABYTE
        assert gateway18.peak_bytes() - base < EXTRA_BYTES
        assert client.rows("select 1") == [["1"]]


def test_two_hundred_megabytes_in_one_value_stream_through(gateway18: Deployment) -> None:
    with gateway18.raw("alice") as client:
        client.rows("select 1")
        base = gateway18.resident_bytes()
        gateway18.forget_peak()
        client.send(query("select repeat('x', 200 * 1024 * 1024)"))
        assert drained_to_ready(client) > 200 * MEGABYTE
        assert gateway18.peak_bytes() - base < EXTRA_BYTES
        assert client.rows("select 1") == [["1"]]


def test_two_hundred_megabytes_of_copy_in_stream_through(gateway18: Deployment) -> None:
    chunk = copy_data(b"".join(b"%d\tsome text that is copied\n" % number for number in range(2000)))
    with gateway18.raw("dora") as client:
        client.ask(query("create temp table sink (n int, t text)"))
        base = gateway18.resident_bytes()
        gateway18.forget_peak()
        client.send(query("copy sink from stdin"))
        list(client.until(b"G"))
        for _ in range(200 * MEGABYTE // len(chunk) // 4):
            client.send(chunk)
        client.send(message(b"c"))
        list(client.until())
        assert gateway18.peak_bytes() - base < EXTRA_BYTES


def test_slow_client_slows_its_own_upstream_and_nobody_else(gateway18: Deployment) -> None:
    with gateway18.raw("alice") as slow, gateway18.raw("alice") as quick:
        quick.rows("select 1")
        base = gateway18.resident_bytes()
        gateway18.forget_peak()
        slow.send(query("select repeat('x', 10000) from generate_series(1, 60000)"))
        began = time.monotonic()
        for number in range(200):
            assert quick.rows(f"select {number}") == [[str(number)]]
        assert time.monotonic() - began < 5 * PATIENCE
        assert gateway18.peak_bytes() - base < EXTRA_BYTES
        stuck = "state = 'active' and wait_event = 'ClientWrite' and query like '%repeat(''x'', 10000)%'"
        eventually(lambda: len(gateway18.backends(stuck)) == 1)
        drained_to_ready(slow)


def test_first_row_of_a_long_stream_comes_at_once(gateway18: Deployment) -> None:
    """Rows are wider than the 8 KiB that the server collects before it sends."""
    with gateway18.raw("alice") as client:
        client.rows("select 1")
        client.send(query("select repeat('x', 9000), pg_sleep(n / 9 * 600) from generate_series(1, 9) n"))
        list(client.until(b"D"))
        assert gateway18.backends("state = 'active' and query like '%pg_sleep(n / 9 * 600)%'")
        client.cancel("127.0.0.1", gateway18.port)
        assert errors_of(list(client.until())) == ["57014"]


def test_hang_up_in_the_middle_of_a_result_ends_the_backend(gateway18: Deployment) -> None:
    client = gateway18.raw("alice")
    client.send(query("select repeat('hang up', 2000) from generate_series(1, 1000000)"))
    drain(client, MEGABYTE)
    client.sock.close()
    eventually(lambda: not gateway18.backends("query like '%hang up%'"), 15)
