"""Merkle tree arithmetic of RFC 6962 §2.1 (RFC 9162 §2.1) with SHA-256. Pure: hashes in, hashes out.

Sizes and indexes count entries from 0. A *stored hash* is the hash of a perfect subtree; the hashes of a growing tree
are kept in one append-only sequence of 32-byte values: each leaf, followed by every subtree that it completes. The
place of a subtree in that sequence is arithmetic (`stored_index`), so every proof costs O(log n) reads. The same order
is used by Go's checksum database (golang.org/x/mod/sumdb/tlog).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256

try:
    import tidewaiter.ledger._crypto as _crypto  # "from … import _crypto" would raise ImportError

    IS_NATIVE = True  # not Final: that would be compiled as it stands here
except ModuleNotFoundError:
    IS_NATIVE = False

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()

Reader = Callable[[int], bytes]
"""Stored hash by its place in the sequence."""


def leaf_hash(entry: bytes) -> bytes:
    """Hash of one entry's bytes."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of two neighbouring subtrees."""
    return sha256(b"\x01" + left + right).digest()


def stored_count(size: int) -> int:
    """How many hashes a tree of `size` entries has stored: size + size // 2 + size // 4 + …"""
    return 2 * size - size.bit_count()


def stored_index(level: int, n: int) -> int:
    """Place of the n-th perfect subtree of 2**level entries in the sequence of stored hashes."""
    return stored_count(((n + 1) << level) - 1) + level


class Tree:
    """The right edge of a growing tree: O(log n) memory, one append at a time."""

    __slots__ = ("_edge", "size")

    def __init__(self, size: int = 0, edge: Sequence[bytes] = ()) -> None:
        """`edge` holds the perfect subtrees of `size` entries from left to right, see `load`."""
        if len(edge) != size.bit_count():
            raise ValueError(f"a tree of {size} entries has {size.bit_count()} edge hashes, not {len(edge)}")
        self.size = size
        self._edge = list(edge)

    @classmethod
    def load(cls, size: int, read: Reader) -> Tree:
        """The tree of the first `size` entries, from its stored hashes."""
        return cls(size, [read(stored_index(level, n)) for level, n in _cover(0, size)])

    def extend(self, leaves: Iterable[bytes]) -> list[bytes]:
        """Append leaf hashes; return the hashes to store, in order."""
        edge, size, stored = self._edge, self.size, []
        for hash_ in leaves:
            stored.append(hash_)
            n = size
            while n & 1:
                hash_ = sha256(b"\x01" + edge.pop() + hash_).digest()
                stored.append(hash_)
                n >>= 1
            edge.append(hash_)
            size += 1
        self.size = size
        return stored

    def append(self, leaves: bytes) -> bytes:
        """Append joined leaf hashes; return the hashes to store, in order, joined."""
        if not IS_NATIVE:
            each = range(0, len(leaves), HASH_BYTES)
            return b"".join(self.extend(leaves[at : at + HASH_BYTES] for at in each))
        edge, stored = _crypto.extend(self.size, b"".join(self._edge), leaves)
        self._edge = [edge[at : at + HASH_BYTES] for at in range(0, len(edge), HASH_BYTES)]
        self.size += len(leaves) // HASH_BYTES
        return stored

    def root(self) -> bytes:
        """Merkle tree hash of all entries."""
        return _fold(self._edge)


def _fold(subtrees: Sequence[bytes]) -> bytes:
    """Root over perfect subtrees that get smaller from left to right."""
    if not subtrees:
        return EMPTY_ROOT
    root = subtrees[-1]
    for left in reversed(subtrees[:-1]):
        root = node_hash(left, root)
    return root


def _cover(low: int, high: int) -> Iterator[tuple[int, int]]:
    """(level, n) of the perfect subtrees of [low, high), where low is a multiple of a power of two >= high - low."""
    width = high - low
    for level in range(width.bit_length() - 1, -1, -1):
        if width >> level & 1:
            yield level, low >> level
            low += 1 << level


def _split(width: int) -> int:
    """Largest power of two smaller than width."""
    return 1 << ((width - 1).bit_length() - 1)


def subtree_root(low: int, high: int, read: Reader) -> bytes:
    """Merkle tree hash of entries [low, high), where low is a multiple of a power of two >= high - low."""
    return _fold([read(stored_index(level, n)) for level, n in _cover(low, high)])


def _descend(index: int, size: int) -> list[tuple[int, int, bool]]:
    """Siblings (low, high, is_left) met on the way from the root of `size` entries down to one entry."""
    low, high, siblings = 0, size, []
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            siblings.append((middle, high, False))
            high = middle
        else:
            siblings.append((low, middle, True))
            low = middle
    return siblings


def inclusion(index: int, size: int, read: Reader) -> list[bytes]:
    """Inclusion proof (RFC 6962 §2.1.1) of one entry in the tree of the first `size` entries."""
    if not 0 <= index < size:
        raise ValueError(f"entry {index} is not in a tree of {size} entries")
    return [subtree_root(low, high, read) for low, high, _ in reversed(_descend(index, size))]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """True if the proof shows that `leaf` is entry `index` of the tree. Take size and root from a signed checkpoint:
    a proof alone does not bind the size."""
    if not 0 <= index < size:
        return False
    siblings = _descend(index, size)
    if len(proof) != len(siblings) or any(len(hash_) != HASH_BYTES for hash_ in proof):
        return False
    for (_, _, is_left), hash_ in zip(reversed(siblings), proof, strict=True):
        leaf = node_hash(hash_, leaf) if is_left else node_hash(leaf, hash_)
    return leaf == root


def _descend_to_old(old: int, size: int) -> tuple[list[tuple[int, int, bool]], int]:
    """Siblings on the way from the root of `size` entries to the subtree that ends at `old`, and where it begins."""
    low, high, siblings = 0, size, []
    while high != old:
        middle = low + _split(high - low)
        if old <= middle:
            siblings.append((middle, high, False))
            high = middle
        else:
            siblings.append((low, middle, True))
            low = middle
    return siblings, low


def consistency(old: int, new: int, read: Reader) -> list[bytes]:
    """Consistency proof (RFC 6962 §2.1.2) that the tree of `old` entries is a prefix of the tree of `new` entries."""
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {new} entries does not extend one of {old}")
    if old in (0, new):
        return []
    siblings, low = _descend_to_old(old, new)
    shared = [(low, old)] if low else []
    return [subtree_root(*part, read) for part in shared + [(a, b) for a, b, _ in reversed(siblings)]]


def verify_consistency(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """True if the proof shows that the tree (new, new_root) extends the tree (old, old_root)."""
    if not 0 <= old <= new or any(len(hash_) != HASH_BYTES for hash_ in proof):
        return False
    if old == new:
        return not proof and old_root == new_root
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    siblings, low = _descend_to_old(old, new)
    if len(proof) != len(siblings) + (low > 0):
        return False
    before = after = proof[0] if low else old_root
    for (_, _, is_left), hash_ in zip(reversed(siblings), proof[1 if low else 0 :], strict=True):
        if is_left:
            before, after = node_hash(hash_, before), node_hash(hash_, after)
        else:
            after = node_hash(after, hash_)
    return before == old_root and after == new_root


def range_proof(low: int, high: int, size: int, read: Reader) -> list[bytes]:
    """Subtree hashes, left to right, that together with the leaves [low, high) give the root of `size` entries.

    With them a third party recomputes the root from a contiguous run of entries, which proves that none was left out.
    """
    if not 0 <= low < high <= size:
        raise ValueError(f"[{low}, {high}) is not a range of {size} entries")
    return [subtree_root(a, b, read) for a, b in _outside(0, size, low, high)]


def _outside(start: int, end: int, low: int, high: int) -> Iterator[tuple[int, int]]:
    """The largest subtrees of [start, end) that do not overlap [low, high), left to right."""
    if end <= low or start >= high:
        yield start, end
    elif not (low <= start and end <= high):
        middle = start + _split(end - start)
        yield from _outside(start, middle, low, high)
        yield from _outside(middle, end, low, high)


def range_root(low: int, leaves: Sequence[bytes], size: int, proof: Sequence[bytes]) -> bytes | None:
    """Root of the tree of `size` entries from a range's leaf hashes and `range_proof`; None if they do not fit."""
    high = low + len(leaves)
    if not 0 <= low < high <= size or any(len(hash_) != HASH_BYTES for hash_ in proof):
        return None
    given = iter(proof)

    def root(start: int, end: int) -> bytes:
        if end <= low or start >= high:
            return next(given)
        if low <= start and end <= high:
            part = Tree()
            part.extend(leaves[start - low : end - low])
            return part.root()
        middle = start + _split(end - start)
        left = root(start, middle)
        return node_hash(left, root(middle, end))

    if len(proof) != sum(1 for _ in _outside(0, size, low, high)):
        return None
    return root(0, size)
