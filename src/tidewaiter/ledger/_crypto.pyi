"""Hashing for the ledger in C (_crypto.c), there where it was built and libcrypto 3 is."""

def extend(size: int, edge: bytes, entries: list[bytes]) -> tuple[bytes, bytes]:
    """(new edge, hashes to store) of `Tree.append`. ValueError if `edge` is not that of a tree of `size` entries."""
