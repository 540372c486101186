"""From what was appended to the bytes of a segment and the leaves of the tree: sealed, joined, framed, hashed.

Everything that is appended in one turn of the event loop is made ready together, in one call to C where that is built:
its caches are warm from the second entry on, and nothing in between becomes an object of Python.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from tidewaiter.ledger.entry import Part, frame, joined_in_python
from tidewaiter.ledger.seal import BodyKey
from tidewaiter.ledger.tree import leaf_hash

Pending = tuple[tuple[Part, ...], bytes, "BodyKey | _crypto.Cipher | None", bytes]
"""An entry without its end: its header in parts, up to its last member; then either a body that stays inline once
sealed, its key's `inline` and its nonce and salt; or a ciphertext that the header names already, or none, as b"", None,
b""."""


def finish_in_python(entries: list[Pending]) -> tuple[bytes, bytes]:
    """(frames, leaf hashes of the headers), each joined."""
    frames, leaves = [], []
    for parts, body, key, fresh in entries:
        member, ciphertext = b"", body
        if isinstance(key, BodyKey):
            member, ciphertext, _ = key.seal(body, fresh)
        header = joined_in_python((*parts, member, b"}"))
        frames.append(frame(header, ciphertext))
        leaves.append(leaf_hash(header))
    return b"".join(frames), b"".join(leaves)


finish: Callable[[list[Pending]], tuple[bytes, bytes]]
"""`finish_in_python`, in C where it can be had; then RuntimeError if libcrypto fails."""
try:
    import tidewaiter.ledger._crypto as _crypto

    finish = cast("Callable[[list[Pending]], tuple[bytes, bytes]]", _crypto.finish)
except ModuleNotFoundError:
    finish = finish_in_python
