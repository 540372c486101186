"""What is written in C gives the bytes that the same in Python gives."""

from __future__ import annotations

import gc
import os
import resource
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tidewaiter
from tidewaiter.extensions import Build
from tidewaiter.ledger import batch, entry, seal, tree
from tidewaiter.ledger.batch import InPython
from tidewaiter.ledger.entry import Part, decode, encode_body_in_python, joined_in_python, read_frame
from tidewaiter.ledger.seal import BodyKey, DataKey
from tidewaiter.ledger.tree import Tree, leaf_hash

if tidewaiter.BUILD is not Build.COMPILED:
    pytest.skip("extensions are not used", allow_module_level=True)
_crypto = pytest.importorskip("tidewaiter.ledger._crypto", reason="libcrypto 3 is not there", exc_type=ImportError)

DATA_KEY = DataKey("2026-11-26-1", bytes(range(32)))
KEY = BodyKey(DATA_KEY)
FRESH = bytes(range(44))
BODY = b"\x01S\x00\x00\x00\x08select 1"


def edge(size: int) -> tuple[Tree, bytes]:
    """A tree of that many entries and its edge."""
    grown = Tree()
    stored = grown.extend(leaf_hash(b"%d" % number) for number in range(size))
    return grown, b"".join(Tree.load(size, stored.__getitem__)._edge)


def test_the_ledger_uses_it() -> None:
    assert tree.IS_NATIVE and seal.IS_NATIVE
    assert batch.Batch is _crypto.Batch
    assert entry.joined is _crypto.joined and entry.encode_body is _crypto.encode_body


@settings(deadline=None)
@given(size=st.integers(0, 200), more=st.integers(0, 70))
def test_tree_is_extended_as_in_python(size: int, more: int) -> None:
    grown, before = edge(size)
    leaves = [leaf_hash(bytes(number)) for number in range(more)]
    after, stored = _crypto.extend(size, before, b"".join(leaves))
    assert stored == b"".join(grown.extend(leaves))
    assert after == b"".join(grown._edge)


def test_what_is_no_tree_is_refused() -> None:
    for size, before, leaves in ((1, b"", b""), (0, bytes(32), b""), (3, bytes(63), b""), (1 << 62, bytes(32), b"")):
        with pytest.raises(ValueError, match="edge"):
            _crypto.extend(size, before, leaves)
    with pytest.raises(ValueError, match="whole"):
        _crypto.extend(0, b"", bytes(33))
    with pytest.raises(OverflowError):
        _crypto.extend(-1, b"", b"")
    wrong: list[tuple[object, ...]] = [(0, b""), (0, b"", ""), (0, b"", []), (0, "", b""), ("0", b"", b"")]
    for arguments in wrong:
        with pytest.raises(TypeError):
            _crypto.extend(*arguments)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
parts = st.lists(st.one_of(texts, st.binary(max_size=300), st.integers(-(1 << 63), (1 << 63) - 1)), max_size=8)
bodies = st.one_of(st.none(), st.binary(max_size=400), st.integers(0, 65_476).map(lambda size: b"x" * size))
told = st.binary(max_size=300)
numbers = st.integers(0, (1 << 63) - 1)
entries = st.tuples(numbers, numbers, texts, told, told, told, bodies, st.binary(min_size=44, max_size=44))


@settings(deadline=None)
@given(told=parts)
def test_parts_are_joined_as_in_python(told: list[Part]) -> None:
    assert _crypto.joined(told) == _crypto.joined(tuple(told)) == joined_in_python(told)


@settings(deadline=None)
@given(
    sql=st.binary(max_size=99), binds=st.binary(max_size=99), types=st.lists(st.integers(0, (1 << 32) - 1), max_size=9)
)
def test_bodies_are_encoded_as_in_python(sql: bytes, binds: bytes, types: list[int]) -> None:
    assert _crypto.encode_body(sql, binds, tuple(types)) == encode_body_in_python(sql, binds, tuple(types))


def test_what_is_no_body_is_refused() -> None:
    wrong: list[tuple[object, ...]] = [(b"", b""), ("", b"", ()), (b"", None, ()), (b"", b"", []), (b"", b"", ("x",))]
    for arguments in wrong:
        with pytest.raises(TypeError):
            _crypto.encode_body(*arguments)
    for oid in (-1, 1 << 32, 1 << 70):
        with pytest.raises(OverflowError):
            _crypto.encode_body(b"", b"", (oid,))


def test_what_is_no_part_is_refused() -> None:
    wrong: list[object] = [None, 1.5, True, bytearray(b"x"), (b"x",)]
    for part in wrong:
        with pytest.raises(TypeError):
            _crypto.joined([b"before", part])
    for told in (b"x", {b"x"}, None):
        with pytest.raises(TypeError):
            _crypto.joined(told)
    for number in (1 << 63, -(1 << 63) - 1):
        with pytest.raises(OverflowError):
            _crypto.joined([number])
    with pytest.raises(UnicodeEncodeError):
        _crypto.joined(["\ud800"])


@settings(deadline=None)
@given(told=st.lists(entries, max_size=8), takes=st.sets(st.integers(0, 7)))
def test_entries_are_sealed_framed_and_hashed_as_in_python(
    told: list[tuple[int, int, str, bytes, bytes, bytes, bytes | None, bytes]], takes: set[int]
) -> None:
    in_c, in_python = _crypto.Batch(), InPython()
    for at, (seq, t_ns, kind, late, members, member, body, fresh) in enumerate(told):
        if body is None:
            given = (seq, t_ns, kind, late, members, member, fresh[:20])
            assert in_c.add(*given, None, b"") == in_python.add(*given, None, b"")
        else:
            given = (seq, t_ns, kind, late, members, b"", body)
            assert in_c.add(*given, KEY.inline, fresh) == in_python.add(*given, KEY, fresh)
        if at in takes:
            assert in_c.take() == in_python.take()
    assert in_c.take() == in_python.take()


def batch_of_one(body: bytes = BODY, key: Any = KEY.inline, fresh: bytes = FRESH) -> Any:
    batch = _crypto.Batch()
    batch.add(0, 1, "x", b"", b'"a":1', b"", body, key, fresh)
    return batch


def test_what_was_sealed_in_c_is_opened_in_python() -> None:
    batch = batch_of_one()
    batch.add(1, 1, "x", b"", b"", b"", b"", None, b"")
    frames, leaves = batch.take()
    header, ciphertext, after = read_frame(frames, 0)
    found = decode(header)
    assert found.fields == {"a": 1} and found.body is not None
    assert DATA_KEY.open(found.body, ciphertext) == BODY
    last = b'{"v":1,"seq":1,"t_ns":1,"kind":"x"}'
    assert read_frame(frames, after) == (last, b"", len(frames))
    assert leaves == leaf_hash(header) + leaf_hash(last)


def test_what_is_no_entry_is_refused() -> None:
    right: list[Any] = [1, 1, "x", b"", b"", b"", b"", None, b""]
    batch = batch_of_one()
    alone = batch_of_one().take()
    for at, wrong in enumerate(["1", None, b"x", "", None, bytearray(), "body", KEY, None]):
        with pytest.raises(TypeError):
            batch.add(*right[:at], wrong, *right[at + 1 :])
    for key, fresh in ((KEY, FRESH), (KEY.inline, FRESH[1:]), (KEY.inline, b"")):
        with pytest.raises(TypeError):
            batch.add(*right[:7], key, fresh)
    for few in (right[:8], [*right, b""], []):
        with pytest.raises(TypeError):
            batch.add(*few)
    with pytest.raises(ValueError, match="too long"):
        batch.add(1, 1, "x", b"", bytes(65_536), b"", b"", None, b"")
    for number in (1 << 63, -(1 << 63) - 1):
        with pytest.raises(OverflowError):
            batch.add(number, *right[1:])
        with pytest.raises(OverflowError):
            batch.add(1, number, *right[2:])
    with pytest.raises(UnicodeEncodeError):
        batch.add(1, 1, "\ud800", *right[3:])
    with pytest.raises(TypeError):
        batch.take(None)
    assert batch.take() == alone, "what is refused leaves the batch as it was"


def test_what_is_no_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        _crypto.Cipher(bytes(31), b"", b"", b"", b"")
    with pytest.raises(TypeError):
        _crypto.Cipher(bytes(32), b"", b"", b"")
    with pytest.raises(TypeError):
        _crypto.Cipher(bytes(32), b"", b"", b"", before_size=b"")


def test_nothing_is_kept() -> None:
    def work(times: int) -> None:
        for _ in range(times):
            key, batch = BodyKey(DATA_KEY), _crypto.Batch()
            for seq in range(20):
                batch.add(seq, 1, "x", b"", b'"a":1', b"", BODY * 20, key.inline, os.urandom(44))
            Tree().append(batch.take()[1])
            batch.add(20, 1, "x", b"", b"", b"", BODY * 20_000, None, b"")
            with pytest.raises(TypeError):
                batch.add(None)

    work(300)
    gc.collect()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    work(2000)  # 16 MB of frames twice, 2,000 ciphers
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 4096  # KiB


def test_without_libcrypto_it_is_done_in_python() -> None:
    told = (
        "import sys; sys.modules['tidewaiter.ledger._crypto'] = None\n"
        "from tidewaiter.ledger import batch, entry, seal, tree\n"
        f"key = seal.BodyKey(seal.DataKey({DATA_KEY.id!r}, bytes(range(32))))\n"
        "made = batch.Batch()\n"
        f"made.add(0, 1, 'x', b'', b'\"a\":1', b'', {BODY!r}, key.inline, {FRESH!r})\n"
        "frames, leaves = made.take()\n"
        "print(tree.IS_NATIVE or entry.joined is not entry.joined_in_python)\n"
        "print((frames + leaves + tree.Tree().append(leaves * 3)).hex())"
    )
    said = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout
    frames, leaves = batch_of_one().take()
    assert said.split() == ["False", (frames + leaves + Tree().append(leaves * 3)).hex()]
