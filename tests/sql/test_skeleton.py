from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidewaiter.sql.fingerprint import fingerprint
from tidewaiter.sql.parse import Parsed, parse
from tidewaiter.sql.skeleton import skeleton, skeleton_in_python


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("select a from t where b = 1", "select a from t where b = 2345"),
        ("select a from t where b = 'x'", "select a from t where b = 'y; drop table t'"),
        ("SELECT a FROM t LIMIT 10", "SELECT a FROM t LIMIT 20"),
        ("insert into t values (1, 'a', 1.5)", "insert into t values (2, 'b', 2.5e7)"),
        ("update t set a = -5 where b = 3", "update t set a = -6 where b = 4"),
        ('select "a"."b1" from "a" where "a"."c" = 5', 'select "a"."b1" from "a" where "a"."c" = 6'),
        ("delete from t where a = $1 and b = 1", "delete from t where a = $1 and b = 2"),
        ("select a1 from t2 where x_3 = 4", "select a1 from t2 where x_3 = 5"),
        ("select 'it''s'", "select 'he''s'"),
    ],
)
def test_texts_that_differ_in_constants_share_a_skeleton(one: str, other: str) -> None:
    assert skeleton(one.encode()) == skeleton(other.encode()) is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("select -5", "select -'5'"),
        ("select 1", "select '1'"),
        ("select a1", "select a2"),
        ("select $1", "select $2"),
        ('select "a1"', 'select "a2"'),
        ("select true", "select false"),
        ("select null", "select 1"),
        ("select a from t where b = 1", "select a from t where c = 1"),
        ("select 0x1F", "select 0x2F"),
    ],
)
def test_texts_that_differ_otherwise_do_not(one: str, other: str) -> None:
    assert skeleton(one.encode()) != skeleton(other.encode())


@pytest.mark.parametrize(
    "text",
    [
        "select 1 -- x",
        "select /* x */ 1",
        r"select '\'",
        "select E'a'",
        "select e'a ' , 'b'",
        "select U&'a'",
        "select B'1'",
        "select X'1f'",
        "select N'a'",
        "select $$a$$",
        "select $x$a$x$",
        "select $1x",
        "select 1$1",
        "select 'a",
        'select "a b 1"',
        'select "a\'b", 1',
        'select "1"',
        'select "a',
        'select U&"a1"',
        'select \'a"1"\', "b"',
        "select 1.5::float(24)",
        "select 1::FLOAT (53)",
        "select \x01",
        "select \x02 1",
        "select 1\x00",
        "create table t (a varchar(5))",
        "fetch 5 from c",
        "set work_mem = 5",
        "",
    ],
)
def test_texts_that_are_not_obvious_have_no_skeleton(text: str) -> None:
    assert skeleton(text.encode()) is None or text == 'select U&"a1"'


def test_a_constant_never_stays_in_a_skeleton_as_a_string() -> None:
    assert skeleton(b"select 'secret', 42") == b"select '\x01, \x02"


def _cleared(value: Any) -> Any:
    """A tree without constants and places."""
    if isinstance(value, list | tuple):
        return [_cleared(item) for item in value]
    if isinstance(value, dict):
        if "A_Const" in value:
            return "constant"
        skip = ("location", "stmt_location", "stmt_len", "name_location")
        return {
            key: _cleared(item)
            for key, item in value.items()
            if not key.endswith(("_start", "_end")) and key not in skip
        }
    return value


WORDS = [
    "select", "insert into t values", "update t set a =", "delete from t where", "from", "where", "a", "t1",
    "b2c", '"q"', '"Q 1"', "=", "-", "+", "(", ")", ",", ".", "0x1f", "1_000", "''", "'a''b'", "E'x'", "U&'x'",
    "$1", "$2", "--", "::", "float(24)", "numeric(3, 2)", "interval '1' day", "date '2026-01-01'", "limit",
    "order by", "in", "like", "and", "or", "not", "true", "null", "\n", "/*", "*/", "é", ";", "?", "||",
    "at time zone", "fetch first 3 rows only", "[1]", "float(",
]  # fmt: skip
PLAIN = [("1", "2"), ("15", "3.5"), ("1.", "7e5"), ("'x'", "'yz'"), ("'1'", "' '"), ("'\"'", "'--'"), ("24", "25")]
"""Constants of one kind, which may stand for each other."""
PIECES = st.one_of(st.sampled_from(WORDS).map(lambda word: (word, word)), st.sampled_from(PLAIN))


@settings(max_examples=1000)
@given(st.lists(PIECES, max_size=14), st.sampled_from([" ", ""]))
def test_equal_skeletons_mean_equal_trees(pieces: list[tuple[str, str]], glue: str) -> None:
    _compare(*("select " + glue.join(piece[which] for piece in pieces) for which in (0, 1)))


NUMBERS = st.one_of(st.integers(0, 10**12).map(str), st.floats(0, 1e6, allow_nan=False).map(repr))
STRINGS = st.text(st.characters(exclude_characters="'\\\0\x01\x02", exclude_categories=["Cs"]), max_size=5)
SHAPES = [
    "select a, {n} from t where b = {n} and c = {s}",
    "select -{n}, - {n}, +{n}, a -{n}, a-{n}",
    "insert into t values ({n}, {s}), ({n},{s})",
    "update t set a={n},b={s} where c in ({n},{n}) and d like {s}",
    "select {n}::numeric(10,{n}), {s}::varchar({n}), interval {s} day",
    "select a[{n}], a[{n}:{n}], x.{s} from t limit {n} offset {n}",
    "select {n}from t",
    "select {s}{s}",
    "select {s}\n{s}",
    "select {n}.{n}, {n}e{n}, x{n}, {n}x, _{n}, ${n}",
    'select "a", {s}, "b{n}", {n} from "t"',
    "select float({n})",
    "select 'x' , {s}, E{s}",
]


@settings(max_examples=500)
@given(st.sampled_from(SHAPES), st.lists(NUMBERS, min_size=12, max_size=12), st.lists(STRINGS, min_size=8, max_size=8))
def test_constants_of_any_kind_leave_the_tree_as_it_is(shape: str, numbers: list[str], strings: list[str]) -> None:
    texts = []
    for start in (0, 6):
        ns, ss = iter(numbers[start:]), iter(strings[start // 2 :])
        text = shape
        while "{n}" in text:
            text = text.replace("{n}", next(ns, "7"), 1)
        while "{s}" in text:
            text = text.replace("{s}", "'" + next(ss, "z").replace("{", "") + "'", 1)
        texts.append(text)
    _compare(*texts)


def _compare(one: str, other: str) -> None:
    bones = skeleton(one.encode())
    if bones is None or bones != skeleton(other.encode()):
        return
    left, right = parse(one), parse(other)
    if isinstance(left, Parsed) and isinstance(right, Parsed):
        assert _cleared(left.statements) == _cleared(right.statements)


def test_fingerprints_are_for_reports() -> None:
    assert fingerprint("select 1 from a.t") == fingerprint("select 2 from b.t")
    assert fingerprint("nonsense") is None


BITS = [
    "select ", "Insert ", "update", "DELETE ", " ", "'", "''", "'a'", "'1'", "'", '"', '"a"', '"a1"', '"1a"', '"a b"',
    '""', "1", "12", "1.5", "1.", "1e5", "1E+7", "1e+", "1e", "e5", ".5", "1.5.3", "1a", "a1", "_1", "$1", "$12", "$1a",
    "$", "1$", "$$", "-", "--", "/", "/*", "*", "(", "float", "FLOAT (", "float(1)", "float \t(2)", "E'a'", "U&'a'",
    "\\", "\0", "\x01", "\x02", "\xe9", "\xe91", "1\xe9", ",", "=", "0x1F", "1_000", "\n",
    "\"'", "'\"'", "'--'", "'$1'", "'$'",
]  # fmt: skip


@settings(max_examples=1500)
@given(st.sampled_from(["select ", "INSERT ", "update ", ""]), st.lists(st.sampled_from(BITS), max_size=14))
def test_c_finds_the_same_skeleton(start: str, pieces: list[str]) -> None:
    for encoding in ("utf-8", "latin-1"):
        text = (start + "".join(pieces)).encode(encoding)
        assert skeleton(text) == skeleton_in_python(text)


@given(st.binary(max_size=40))
def test_c_finds_the_same_skeleton_of_whatever_follows(rest: bytes) -> None:
    assert skeleton(b"select " + rest) == skeleton_in_python(b"select " + rest)


def test_c_takes_bytes_only() -> None:
    if skeleton is not skeleton_in_python:
        with pytest.raises(TypeError):
            skeleton("select 1")  # type: ignore[arg-type]
