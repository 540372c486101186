from __future__ import annotations

import gc
import threading
import time

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidewaiter.sql import treejson
from tidewaiter.sql.parse import tree_json
from tidewaiter.sql.treejson import TooDeep, collector_paused, loads, release

TEXTS = [
    "select 1 from t where id in (" + ", ".join(str(n) for n in range(30_000)) + ")",
    "insert into t values " + ", ".join(f"({n}, 'a{{[\\\"{n}', null, 1.5, true, -{n}, b'1')" for n in range(4_000)),
    "; ".join(f"select a.b{n}, f({n}) from s.t where x = 'y'" for n in range(3_000)),
    "select " + "'" + "x" * 400_000 + "', 1",
    "select " + ", ".join("(" * 50 + "a + 1" + ")" * 50 for _ in range(2_000)),
    "select " + " + ".join(f"a{n}" for n in range(400)) + ", '" + "}" * 300_000 + "'",
]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_a_tree_in_portions_is_the_tree_in_one(text: str) -> None:
    data = tree_json(text)
    assert isinstance(data, bytes)
    assert len(data) > treejson.WHOLE_BYTES
    assert loads(data) == orjson.loads(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=3), inner, max_size=5),
    max_leaves=40,
)


@settings(max_examples=200)
@given(st.lists(JSON, min_size=1) | st.dictionaries(st.text(max_size=3), JSON, min_size=1), st.integers(1, 60))
def test_portions_of_any_size_give_any_value(value: object, portion: int) -> None:
    whole, size = treejson.WHOLE_BYTES, treejson.PORTION_BYTES
    treejson.WHOLE_BYTES, treejson.PORTION_BYTES = 0, portion
    try:
        assert loads(orjson.dumps(value)) == value
    finally:
        treejson.WHOLE_BYTES, treejson.PORTION_BYTES = whole, size


def test_too_many_levels_are_refused() -> None:
    data = b"[" * 1_025 + b"1" + b"]" * 1_025 + b" " * treejson.WHOLE_BYTES
    with pytest.raises(TooDeep):
        loads(data)


def test_what_is_not_utf_8_is_refused() -> None:
    with pytest.raises(orjson.JSONDecodeError):
        loads(b"[" + b'"\xff",' * treejson.WHOLE_BYTES + b"1]")


def test_a_released_tree_is_empty() -> None:
    tree = {"a": [{"b": 1}, [2]]}
    release(tree)
    assert tree == {}


def test_the_collector_runs_again_when_the_last_pause_ends() -> None:
    assert gc.isenabled()
    with collector_paused():
        with collector_paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
    gc.disable()
    try:
        with collector_paused():
            pass
        assert not gc.isenabled(), "it was off before"
    finally:
        gc.enable()


def test_other_threads_go_on_while_a_large_tree_is_decoded_and_freed() -> None:
    data = tree_json(TEXTS[0])
    assert isinstance(data, bytes)
    gaps: list[float] = []
    done = threading.Event()

    def tick() -> None:
        before = time.monotonic()
        while not done.is_set():
            time.sleep(0.001)
            now = time.monotonic()
            gaps.append(now - before)
            before = now

    ticking = threading.Thread(target=tick)
    ticking.start()
    with collector_paused():
        tree = loads(data)
        release(tree)
    done.set()
    ticking.join()
    late = sorted(gaps)
    assert late[len(late) // 2] < 0.02, "half of the time it comes within 20 ms, even on a machine that is busy"
