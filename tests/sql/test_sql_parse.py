from __future__ import annotations

import subprocess
import sys
import threading

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.model import SyntaxFault
from tidewaiter.sql import parse as parser
from tidewaiter.sql.parse import LOOP_BYTES, MAX_BYTES, Parsed, Unreadable, below, fingerprint, needs_thread, parse


def test_text_becomes_one_node_per_statement() -> None:
    parsed = parse("select 1;; delete from t")
    assert isinstance(parsed, Parsed)
    assert [next(iter(node)) for node in parsed.statements] == ["SelectStmt", "DeleteStmt"]


@pytest.mark.parametrize("text", ["", "  ", ";", "-- nothing", "/* nothing */"])
def test_empty_text_has_no_statements(text: str) -> None:
    assert parse(text) == Parsed(())


@pytest.mark.parametrize(
    ("text", "message", "position"),
    [
        ("selec 1", 'syntax error at or near "selec"', 1),
        ("select", None, None),
        ("select * from", "syntax error at end of input", 14),
        ("select 'é', 'x", 'unterminated quoted string at or near "\'x"', 13),
        ("select 1 1", 'syntax error at or near "1"', 10),
    ],
)
def test_syntax_error_is_worded_as_the_server_words_it(text: str, message: str | None, position: int | None) -> None:
    expected = SyntaxFault("42601", message, position) if message else Parsed
    found = parse(text)
    assert found == expected or (message is None and isinstance(found, Parsed))


def test_nul_byte_is_refused_because_c_would_stop_there() -> None:
    assert parse(b"select 1\0; drop table t") == Unreadable("contains a NUL byte")
    assert fingerprint("select 1\0") is None


def test_text_over_the_limit_is_refused() -> None:
    assert parse(b" " * (MAX_BYTES + 1)) == Unreadable(f"longer than {MAX_BYTES} bytes")


@pytest.mark.parametrize("text", [b"select '\xff'", "select '\udcff'"])
def test_what_is_not_utf_8_is_refused(text: str | bytes) -> None:
    assert parse(text) == Unreadable("not valid UTF-8")


def test_nesting_beyond_the_json_reader_is_a_value() -> None:
    assert parse("select " + "+".join(["1"] * 600)) == Unreadable("nested too deeply")
    assert isinstance(parse("select " + "+".join(["1"] * 400)), Parsed)


def test_long_lists_are_not_deep() -> None:
    text = "select * from t where id in (" + ",".join(map(str, range(30_000))) + ")"
    assert isinstance(parse(text), Parsed)
    assert isinstance(parse("select " + " or ".join(["a = 1"] * 5_000)), Parsed)


def test_a_tree_that_would_fill_the_memory_is_a_value() -> None:
    assert parse("select 1 in (" + ",".join(["1"] * 400_000) + ")") == Unreadable("too many parts to analyse")
    ids = ",".join(str(1_000_000 + number) for number in range(100_000))
    assert isinstance(parse(f"select * from t where id in ({ids})"), Parsed)


def test_long_texts_need_a_thread_and_short_ones_do_not() -> None:
    assert not needs_thread("select 1")
    assert not needs_thread("x" * LOOP_BYTES)
    assert needs_thread("x" * (LOOP_BYTES + 1))
    assert needs_thread(b"x" * (LOOP_BYTES + 1))
    assert needs_thread("é" * (LOOP_BYTES // 2 + 1))


def test_thread_leaves_the_default_stack_size_as_it_was() -> None:
    before = threading.stack_size()
    assert isinstance(parse("select " + "1, " * 5_000 + "1"), Parsed)
    assert threading.stack_size() == before


def test_no_thread_for_the_large_stack_is_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert parse("select " + "1, " * 5_000 + "1") == Unreadable("no thread for a long text: can't start new thread")


def test_a_small_thread_parses_in_the_large_stack_too() -> None:
    found: list[object] = []
    text = "select " + "+".join(["1"] * 400)
    thread = threading.Thread(target=lambda: found.append(parse(text)))
    thread.start()
    thread.join()
    assert isinstance(found[0], Parsed)


def test_a_thread_without_an_answer_is_unreadable() -> None:
    assert isinstance(parser._DeepThread(lambda _: b"", b"").answer, Unreadable)


def test_fingerprint_ignores_constants() -> None:
    assert fingerprint("select a from t where b = 1") == fingerprint("SELECT a FROM t WHERE b = 2")
    assert fingerprint("selec") is None


HOSTILE = """
import sys
from tidewaiter.sql.parse import Parsed, parse, fingerprint
texts = [
    "select " + "+".join(["1"] * 50_000),
    "select " + "+".join(["1"] * 520_000),
    "select " + "(" * 10_000 + "1" + ")" * 10_000,
    "select " + "(select " * 10_000 + "1" + ")" * 10_000,
    "select * from " + "(select * from " * 5_000 + "t" + ") a" * 5_000,
    " union ".join(["select 1"] * 1_000),
    "select 1" + "::a" * 200_000,
    "select " + "- " * 100_000 + "1",
    "select " + "not " * 100_000 + "a",
    "select a" + " isnull" * 100_000,
    "select " + "case when a then b else " * 5_000 + "c" + " end" * 5_000,
    "select " + "f(" * 50_000 + ")" * 50_000,
    "select from a" + " cross join a" * 50_000,
    "select array" + "[" * 100_000 + "]" * 100_000,
    "(" * 500_000,
]
for text in texts:
    print(type(parse(text)).__name__, bool(fingerprint(text)))
"""


def test_no_depth_kills_the_process() -> None:
    done = subprocess.run([sys.executable, "-c", HOSTILE], capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr[-500:]
    assert len(done.stdout.splitlines()) == 15
    assert "Parsed" not in done.stdout.splitlines()[0]


@given(st.text())
def test_any_text_gives_a_value(text: str) -> None:
    assert isinstance(parse(text), Parsed | SyntaxFault | Unreadable)


@given(st.binary())
def test_any_bytes_give_a_value(text: bytes) -> None:
    assert isinstance(parse(text), Parsed | SyntaxFault | Unreadable)


def test_tree_is_plain_json() -> None:
    parsed = parse("select a from t where b = 'x'")
    assert isinstance(parsed, Parsed)
    assert orjson.loads(orjson.dumps(parsed.statements[0])) == parsed.statements[0]


def test_every_object_in_a_tree_is_found() -> None:
    tree = {"A": {"b": [{"C": {}}, [{"D": {"e": "f"}}], 1]}}
    found = list(below(tree))
    assert len(found) == 6 and found[0] is tree
    assert {key for one in found for key in one} == {"A", "b", "C", "D", "e"}
    assert list(below([])) == list(below("text")) == []
