"""What a client sends: judged, recorded, forwarded or refused, message by message."""

from __future__ import annotations

from hashlib import sha256

import pytest
from playbook import (
    BOUND,
    DROP,
    PARSED,
    READ,
    READY,
    Play,
    bound,
    client,
    ended,
    ledger,
    ran,
    refused,
    rows,
    says,
    server,
)
from playstage import Stage, shop

from tidewaiter.policy import Policies
from tidewaiter.wire import postgres as pg

OPAQUE = """
@id("all") permit (principal, action, resource);
@id("opaque") forbid (principal, action == Action::"function", resource is Function) when { resource.opaque };
"""


# -- simple protocol --------------------------------------------------------------------------------
def test_an_allowed_query_goes_through_and_its_end_is_recorded() -> None:
    text = b"select name from customers"
    answer = rows(b"ada", b"bob") + READY
    (
        Play()
        >> client(pg.query(text))
        << server(pg.query(text))
        >> server(answer)
        << client(answer)
        << ledger(ran(text, rows=2, results=[["SELECT 2", 2]], rule="all"))
    ).holds()


def test_several_statements_in_one_text_are_one_execution() -> None:
    text = b"select 1; select name from customers"
    answer = rows(b"1") + rows(b"ada", b"bob") + READY
    (
        Play()
        >> client(pg.query(text))
        << server(pg.query(text))
        >> server(answer)
        << client(answer)
        << ledger(ran(text, rows=3, results=[["SELECT 1", 1], ["SELECT 2", 2]]))
    ).holds()


def test_an_empty_query_goes_through() -> None:
    answer = pg.empty_query_response() + READY
    (
        Play() >> client(pg.query(b"")) << server(pg.query(b"")) >> server(answer) << client(answer) << ledger(ran(b""))
    ).holds()


def test_text_that_is_not_in_the_clients_encoding_is_not_understood() -> None:
    text = b"select '\xff'"
    (Play() >> client(pg.query(text)) << ledger(refused(text, "understood")) << client(says("42501"), READY)).holds()


def test_a_function_call_is_judged_by_what_the_catalog_calls_it() -> None:
    call, unknown = pg.function_call(870, [], [b"X"], 0), pg.function_call(999_999, [], [], 0)  # 870 is lower(text)
    answer = b"V" + (9).to_bytes(4, "big") + (1).to_bytes(4, "big") + b"x" + READY
    (
        Play()
        >> client(call)
        << server(call)
        >> server(answer)
        << client(answer)
        << ledger(ran(b"", verbs=["function"]))
        >> client(unknown)
        << ledger(refused(b"", "understood", unknown=["function call by OID 999999"]))
        << client(says("42501"), READY)
    ).holds()


def oid_of(name: str) -> int:
    return next(oid for oid, path in shop().oids.items() if path == ("public", name))


def test_a_function_call_asks_for_what_the_function_does() -> None:
    call = pg.function_call(oid_of("forget_all"), [], [], 0)  # its body deletes customers
    (
        Play()
        >> client(call)
        << ledger(refused(b"", "customers-stay", verbs=["function", "delete_all"]))
        << client(says("42501"), READY)
    ).holds()


def test_a_function_call_of_what_cannot_be_looked_into_says_so() -> None:
    stage = Stage(Policies.parse({"test.cedar": OPAQUE}, ["shop"]))
    call = pg.function_call(oid_of("purge"), [], [], 0)
    (Play(stage) >> client(call) << ledger(refused(b"", "opaque")) << client(says("42501"), READY)).holds()


def test_a_function_call_that_fails_is_recorded_with_its_sqlstate() -> None:
    call = pg.function_call(870, [], [b"X"], 0)
    answer = pg.error_response("ERROR", "22000", "no") + READY
    (
        Play()
        >> client(call)
        << server(call)
        >> server(answer)
        << client(answer)
        << ledger(ran(b"", "error", sqlstate="22000"))
    ).holds()


# -- copy -------------------------------------------------------------------------------------------
def copy_response(kind: bytes) -> bytes:
    return kind + (7).to_bytes(4, "big") + b"\0\0\0"


def test_copy_data_passes_to_the_server_and_is_one_execution() -> None:
    text = b"copy customers from stdin"
    lines = pg.copy_data(b"1\tada\n") + pg.copy_data(b"2\tbob\n")
    (
        Play()
        >> client(pg.query(text))
        << server(pg.query(text))
        >> server(copy_response(b"G"))
        << client(copy_response(b"G"))
        >> client(lines, pg.copy_done())
        << server(lines, pg.copy_done())
        >> server(pg.command_complete("COPY 2"), READY)
        << client(pg.command_complete("COPY 2"), READY)
        << ledger(ran(text, rows=2, verbs=["copy_in"]))
    ).holds()


def test_a_copy_that_the_client_fails_is_an_error() -> None:
    text = b"copy customers from stdin"
    failure = pg.error_response("ERROR", "57014", "COPY from stdin failed: no more")
    (
        Play()
        >> client(pg.query(text))
        << server(pg.query(text))
        >> server(copy_response(b"G"))
        << client(copy_response(b"G"))
        >> client(pg.copy_fail(b"no more"))
        << server(pg.copy_fail(b"no more"))
        >> server(failure, READY)
        << client(failure, READY)
        << ledger(ran(text, "cancelled", sqlstate="57014"))
    ).holds()


def test_a_sync_that_is_read_as_part_of_copy_data_is_answered_once() -> None:
    text = b"copy customers from stdin"
    start = pg.parse(b"", text) + bound() + pg.execute(b"") + pg.sync()
    (
        Play()
        >> client(start)
        << server(start)
        >> server(PARSED, BOUND, copy_response(b"G"))
        << client(PARSED, BOUND, copy_response(b"G"))
        >> client(pg.copy_data(b"1\tada\n"), pg.copy_done(), pg.sync())
        << server(pg.copy_data(b"1\tada\n"), pg.copy_done(), pg.sync())
        >> server(pg.command_complete("COPY 1"), READY)
        << client(pg.command_complete("COPY 1"), READY)
        << ledger(ran(text, rows=1))
    ).holds()


def test_copy_out_is_one_execution() -> None:
    text = b"copy customers to stdout"
    answer = copy_response(b"H") + pg.copy_data(b"1\tada\n") + pg.copy_done() + pg.command_complete("COPY 1") + READY
    (
        Play()
        >> client(pg.query(text))
        << server(pg.query(text))
        >> server(answer)
        << client(answer)
        << ledger(ran(text, rows=1, verbs=["copy_out"]))
    ).holds()


# -- long messages ----------------------------------------------------------------------------------
LONG = b"select '" + b"x" * (3 << 20) + b"'"


def test_a_statement_of_ten_megabytes_is_recorded_whole_and_goes_through_or_not() -> None:
    huge = b"select '" + b"x" * 10_000_000 + b"'"
    (
        Play(Stage(statement_bytes=32 << 20, observe=True))
        >> client(pg.query(huge))
        << server(pg.query(huge))
        >> server(rows(b"x"), READY)
        << client(rows(b"x"), READY)
        << ledger(ran(huge, would_be="deny"))
    ).holds(("whole",))
    (
        Play(Stage(statement_bytes=32 << 20))
        >> client(pg.query(huge))
        << ledger(refused(huge, "understood", unknown=["longer than 1048576 bytes"]))
        << client(says("42501"), READY)
    ).holds(("whole",))


def test_a_long_bind_streams_and_is_recorded_by_its_digest() -> None:
    value = b"v" * (5 << 20)
    messages = pg.parse(b"", READ) + bound(value) + pg.execute(b"") + pg.sync()
    answer = PARSED + BOUND + pg.command_complete("SELECT 0") + READY
    digest = sha256(bound(value)[7:]).hexdigest()
    (
        Play()
        >> client(messages)
        << server(messages)
        >> server(answer)
        << client(answer)
        << ledger(ran(READ, binds_digest=digest, binds=None))
    ).holds(("whole", "with trailing bytes"))


def test_a_long_bind_in_a_skipped_pipeline_is_dropped_whole() -> None:
    value = b"v" * (5 << 20)
    (
        Play()
        >> client(pg.parse(b"", DROP), bound(value), pg.execute(b""), pg.sync())
        << ledger(refused(DROP))
        << client(says("42501"), READY)
    ).holds(("whole", "with trailing bytes"))


# -- what nobody may send ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    "message",
    [
        b"p\0\0\0\x05\0",
        b"Q\0\0\0\x03",
        b"Q\0\0\0\x06ab",
        b"S\0\0\0\x05\0",
        b"E\0\0\0\x04",
        b"D\0\0\0\x06Xa",
        b"B\0\0\0\x05\0",
        b"P\0\0\0\x06a\0",
        b"F\0\0\0\x05\0",
        b"C\0\x02\0\0",
        b"\xff",
    ],
)
def test_a_malformed_message_ends_the_session_and_nothing_of_it_is_forwarded(message: bytes) -> None:
    (
        Play()
        >> client(message)
        << client(says("08P01", severity="FATAL"))
        << server(pg.terminate())
        << ended("protocol violation")
    ).holds(("whole",))
