"""What is written in C gives the bytes that the same in Python gives."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tidewaiter
from tidewaiter.extensions import Build
from tidewaiter.ledger import tree
from tidewaiter.ledger.tree import Tree, leaf_hash

if tidewaiter.BUILD is not Build.COMPILED:
    pytest.skip("extensions are not used", allow_module_level=True)
_crypto = pytest.importorskip("tidewaiter.ledger._crypto", reason="libcrypto 3 is not there", exc_type=ImportError)


def edge(size: int) -> tuple[Tree, bytes]:
    """A tree of that many entries and its edge."""
    grown = Tree()
    stored = grown.extend(leaf_hash(b"%d" % number) for number in range(size))
    return grown, b"".join(Tree.load(size, stored.__getitem__)._edge)


def test_the_ledger_uses_it() -> None:
    assert tree.IS_NATIVE


@given(size=st.integers(0, 200), entries=st.lists(st.binary(max_size=200), max_size=40))
def test_tree_is_extended_as_in_python(size: int, entries: list[bytes]) -> None:
    grown, before = edge(size)
    after, stored = _crypto.extend(size, before, entries)
    assert stored == b"".join(grown.extend(map(leaf_hash, entries)))
    assert after == b"".join(grown._edge)


def test_without_libcrypto_it_is_done_in_python() -> None:
    told = (
        "import sys; sys.modules['tidewaiter.ledger._crypto'] = None\n"
        "from tidewaiter.ledger import tree\n"
        "print(tree.IS_NATIVE, tree.Tree().append([b'a', b'b', b'c']).hex())"
    )
    said = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["False", Tree().append([b"a", b"b", b"c"]).hex()]


def test_long_entries_and_many() -> None:
    entries = [bytes([number % 256]) * (number * 17) for number in range(1000)]
    assert Tree().append(entries) == b"".join(Tree().extend(map(leaf_hash, entries)))


def test_what_is_no_tree_is_refused() -> None:
    for size, before in ((1, b""), (0, bytes(32)), (3, bytes(63)), (1 << 62, bytes(32))):
        with pytest.raises(ValueError, match="edge"):
            _crypto.extend(size, before, [b"x"])
    with pytest.raises(OverflowError):
        _crypto.extend(-1, b"", [])
    wrong: list[tuple[object, ...]] = [(0, b""), (0, b"", [""]), (0, b"", ()), (0, "", []), ("0", b"", [])]
    for arguments in wrong:
        with pytest.raises(TypeError):
            _crypto.extend(*arguments)
