"""RFC 6962 arithmetic against the RFC's own recursive definitions."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.ledger import tree
from tidewaiter.ledger.tree import Tree, leaf_hash, node_hash

MOST = 300
LEAVES = [leaf_hash(str(number).encode()) for number in range(MOST)]


def naive_root(leaves: list[bytes]) -> bytes:
    """RFC 6962 §2.1, word for word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


STORED = Tree().extend(LEAVES)
ROOTS = [naive_root(LEAVES[:size]) for size in range(MOST + 1)]


def read(at: int) -> bytes:
    return STORED[at]


def test_known_answers_of_the_certificate_transparency_test_vectors() -> None:
    assert tree.EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert node_hash(leaf_hash(b""), leaf_hash(b"\x00")).hex() == (
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
    )


def test_growing_tree_has_the_naive_root_at_every_size() -> None:
    growing = Tree()
    assert growing.root() == ROOTS[0]
    for size, leaf in enumerate(LEAVES, 1):
        growing.extend([leaf])
        assert (growing.size, growing.root()) == (size, ROOTS[size])


@given(sizes=st.lists(st.integers(0, 20), max_size=8))
def test_joined_hashes_are_appended_as_single_ones(sizes: list[int]) -> None:
    appended, hashed = Tree(), Tree()
    for size in sizes:
        leaves = LEAVES[:size]
        assert appended.append(b"".join(leaves)) == b"".join(hashed.extend(leaves))
        assert (appended.size, appended.root()) == (hashed.size, hashed.root())


def test_every_stored_hash_stands_where_its_index_says() -> None:
    assert len(STORED) == tree.stored_count(MOST)
    for level in range(MOST.bit_length()):
        for n in range(MOST >> level):
            assert read(tree.stored_index(level, n)) == naive_root(LEAVES[n << level : (n + 1) << level])


def test_tree_is_loaded_from_stored_hashes_at_every_size() -> None:
    for size in range(MOST + 1):
        loaded = Tree.load(size, read)
        assert loaded.root() == ROOTS[size]
        assert loaded.extend(LEAVES[size:]) == STORED[tree.stored_count(size) :]


def test_edge_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match="2 edge hashes, not 1"):
        Tree(3, [LEAVES[0]])


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 8, 9, 64, 65, 127, MOST])
def test_inclusion_of_every_entry_is_proved_with_few_hashes(size: int) -> None:
    for index in range(size):
        proof = tree.inclusion(index, size, read)
        assert len(proof) <= (size - 1).bit_length()
        assert tree.verify_inclusion(LEAVES[index], index, size, proof, ROOTS[size])


def test_inclusion_is_proved_for_all_sizes() -> None:
    for size in range(1, MOST + 1):
        index = size * 7 // 11
        assert tree.verify_inclusion(LEAVES[index], index, size, tree.inclusion(index, size, read), ROOTS[size])


def test_consistency_is_proved_for_all_pairs_of_sizes() -> None:
    for new in range(MOST + 1):
        for old in range(0, new + 1, 1 if new < 70 else 13):
            proof = tree.consistency(old, new, read)
            assert tree.verify_consistency(old, ROOTS[old], new, ROOTS[new], proof)


def test_range_proof_gives_the_root_for_all_ranges_of_small_trees() -> None:
    for size in range(1, 34):
        for low in range(size):
            for high in range(low + 1, size + 1):
                proof = tree.range_proof(low, high, size, read)
                assert tree.range_root(low, LEAVES[low:high], size, proof) == ROOTS[size]


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: tree.inclusion(3, 3, read), "not in a tree"),
        (lambda: tree.inclusion(-1, 3, read), "not in a tree"),
        (lambda: tree.consistency(4, 3, read), "does not extend"),
        (lambda: tree.range_proof(2, 2, 3, read), "not a range"),
        (lambda: tree.range_proof(0, 4, 3, read), "not a range"),
    ],
)
def test_impossible_proofs_are_refused(ask: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ask()  # type: ignore[operator]


sizes = st.integers(1, MOST)


@st.composite
def mutations(draw: st.DrawFn, proof: list[bytes]) -> list[bytes]:
    """A proof that differs from the given one."""
    changed = list(proof)
    kind = draw(st.sampled_from(["flip", "drop", "add", "swap", "short", "long"]))
    if kind == "add" or not changed:
        changed.insert(draw(st.integers(0, len(changed))), draw(st.binary(min_size=32, max_size=32)))
        return changed
    at = draw(st.integers(0, len(changed) - 1))
    if kind == "drop":
        del changed[at]
    elif kind == "short":
        changed[at] = changed[at][:-1]
    elif kind == "long":
        changed[at] += b"\0"
    elif kind == "swap" and len(set(changed)) > 1:
        changed = changed[1:] + changed[:1] if changed[1:] + changed[:1] != changed else changed[::-1]
    else:
        place, bit = draw(st.integers(0, 31)), draw(st.integers(0, 7))
        changed[at] = changed[at][:place] + bytes([changed[at][place] ^ 1 << bit]) + changed[at][place + 1 :]
    return changed


@given(st.data(), sizes)
def test_mutated_inclusion_proof_is_refused(data: st.DataObject, size: int) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = tree.inclusion(index, size, read)
    wrong = data.draw(mutations(proof).filter(lambda some: some != proof))
    assert not tree.verify_inclusion(LEAVES[index], index, size, wrong, ROOTS[size])
    other = data.draw(st.integers(0, MOST - 1).filter(lambda number: number != index))
    assert not tree.verify_inclusion(LEAVES[other], index, size, proof, ROOTS[size])
    assert not tree.verify_inclusion(LEAVES[index], other, size, proof, ROOTS[size])
    assert not tree.verify_inclusion(LEAVES[index], index, size, proof, ROOTS[size - 1])
    assert not tree.verify_inclusion(LEAVES[index], -1, size, proof, ROOTS[size])


@given(st.data(), sizes)
def test_mutated_consistency_proof_is_refused(data: st.DataObject, new: int) -> None:
    old = data.draw(st.integers(0, new))
    proof = tree.consistency(old, new, read)
    wrong = data.draw(mutations(proof).filter(lambda some: some != proof))
    assert not tree.verify_consistency(old, ROOTS[old], new, ROOTS[new], wrong)
    assert not tree.verify_consistency(old, ROOTS[old - 1], new, ROOTS[new], proof)
    assert not tree.verify_consistency(new + 1, ROOTS[old], new, ROOTS[new], proof)
    assert not tree.verify_consistency(-1, ROOTS[old], new, ROOTS[new], proof)
    if old:
        assert not tree.verify_consistency(old, ROOTS[old], new, ROOTS[new - 1], proof)


@given(st.data(), sizes)
def test_mutated_range_gives_another_root(data: st.DataObject, size: int) -> None:
    low = data.draw(st.integers(0, size - 1))
    high = data.draw(st.integers(low + 1, size))
    proof = tree.range_proof(low, high, size, read)
    wrong = data.draw(mutations(proof).filter(lambda some: some != proof))
    assert tree.range_root(low, LEAVES[low:high], size, wrong) != ROOTS[size]
    shorter = LEAVES[low : high - 1]
    assert tree.range_root(low, shorter, size, proof) != ROOTS[size]
    assert tree.range_root(low, [leaf_hash(b"no"), *LEAVES[low + 1 : high]], size, proof) != ROOTS[size]
