"""What is written in C gives the bytes that the same in Python gives."""

from __future__ import annotations

import gc
import os
import resource
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tidewaiter
from tidewaiter.extensions import Build
from tidewaiter.ledger import batch, seal, tree
from tidewaiter.ledger.batch import Pending, finish, finish_in_python, pending
from tidewaiter.ledger.entry import decode, read_frame
from tidewaiter.ledger.seal import BodyKey, DataKey
from tidewaiter.ledger.tree import Tree, leaf_hash

if tidewaiter.BUILD is not Build.COMPILED:
    pytest.skip("extensions are not used", allow_module_level=True)
_crypto = pytest.importorskip("tidewaiter.ledger._crypto", reason="libcrypto 3 is not there", exc_type=ImportError)

DATA_KEY = DataKey("2026-11-26-1", bytes(range(32)))
KEY = BodyKey(DATA_KEY)
HEAD = '{"v":1,"seq":7,"t_ns":8,"kind":"x"'
FRESH = bytes(range(44))
BODY = b"\x01S\x00\x00\x00\x08select 1"


def edge(size: int) -> tuple[Tree, bytes]:
    """A tree of that many entries and its edge."""
    grown = Tree()
    stored = grown.extend(leaf_hash(b"%d" % number) for number in range(size))
    return grown, b"".join(Tree.load(size, stored.__getitem__)._edge)


def test_the_ledger_uses_it() -> None:
    assert tree.IS_NATIVE and seal.IS_NATIVE and batch.IS_NATIVE


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


bodies = st.one_of(st.none(), st.binary(max_size=400), st.integers(0, 65_476).map(lambda size: b"x" * size))
entries = st.tuples(st.text(max_size=40), st.binary(max_size=300), bodies, st.binary(min_size=44, max_size=44))


@given(told=st.lists(entries, max_size=8))
def test_entries_are_sealed_framed_and_hashed_as_in_python(told: list[tuple[str, bytes, bytes | None, bytes]]) -> None:
    in_c: list[Pending] = []
    in_python: list[Pending] = []
    for head, members, body, fresh in told:
        text = head.encode("utf-8", "replace").decode()
        if body is None:
            in_c.append(pending(text, members, fresh[:20], None, b""))
            in_python.append((text, members, fresh[:20], None, b""))
        else:
            in_c.append(pending(text, members, body, KEY, fresh))
            in_python.append((text, members, body, KEY, fresh))
    assert finish(in_c) == finish_in_python(in_python)


def test_what_was_sealed_in_c_is_opened_in_python() -> None:
    frames, leaves = finish([pending(HEAD, b'"a":1', BODY, KEY, FRESH), pending(HEAD, b"", b"", None, b"")])
    header, ciphertext, after = read_frame(frames, 0)
    entry = decode(header)
    assert entry.fields == {"a": 1} and entry.body is not None
    assert DATA_KEY.open(entry.body, ciphertext) == BODY
    assert read_frame(frames, after) == (HEAD.encode() + b"}", b"", len(frames))
    assert leaves == leaf_hash(header) + leaf_hash(HEAD.encode() + b"}")


def test_what_is_no_entry_is_refused() -> None:
    wrong: list[object] = [
        None, (HEAD, b"", b"", None), (HEAD.encode(), b"", b"", None, b""), (HEAD, "", b"", None, b""),
        (HEAD, b"", None, None, b""), (HEAD, b"", b"", KEY, FRESH), (HEAD, b"", b"", KEY.native, FRESH[1:]),
        (HEAD, b"", b"", KEY.native, None),
    ]  # fmt: skip
    for entry in wrong:
        with pytest.raises(TypeError):
            _crypto.finish([pending(HEAD, b"", BODY, KEY, FRESH), entry])
    with pytest.raises(TypeError):
        _crypto.finish(())
    with pytest.raises(ValueError, match="too long"):
        _crypto.finish([(HEAD, bytes(65_536), b"", None, b"")])
    with pytest.raises(UnicodeEncodeError):
        _crypto.finish([("\ud800", b"", b"", None, b"")])


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
            key = BodyKey(DATA_KEY)
            batch_ = [pending(HEAD, b'"a":1', BODY * 20, key, os.urandom(44)) for _ in range(20)]
            _, leaves = finish(batch_)
            Tree().append(leaves)
            with pytest.raises(TypeError):
                finish([*batch_, None])  # type: ignore[list-item]

    work(300)
    gc.collect()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    work(2000)  # 16 MB of frames twice, 2,000 ciphers
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 4096  # KiB


def test_without_libcrypto_it_is_done_in_python() -> None:
    told = (
        "import sys; sys.modules['tidewaiter.ledger._crypto'] = None\n"
        "from tidewaiter.ledger import batch, seal, tree\n"
        f"key = seal.BodyKey(seal.DataKey({DATA_KEY.id!r}, bytes(range(32))))\n"
        f"frames, leaves = batch.finish([batch.pending({HEAD!r}, b'', {BODY!r}, key, {FRESH!r})])\n"
        "print(tree.IS_NATIVE, (frames + leaves + tree.Tree().append(leaves * 3)).hex())"
    )
    said = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout
    frames, leaves = finish([pending(HEAD, b"", BODY, KEY, FRESH)])
    assert said.split() == ["False", (frames + leaves + Tree().append(leaves * 3)).hex()]
