"""From what was appended to the bytes of a segment and the leaves of the tree: sealed, joined, framed, hashed.

Everything that is appended in one turn of the event loop is made ready together, in one call to C where that is built:
its caches are warm from the second entry on, and nothing in between becomes an object of Python.
"""

from __future__ import annotations

from typing import cast

from tidewaiter.ledger.entry import frame
from tidewaiter.ledger.seal import BodyKey
from tidewaiter.ledger.tree import leaf_hash

try:
    import tidewaiter.ledger._crypto as _crypto

    IS_NATIVE = True  # not Final: that would be compiled as it stands here
except ModuleNotFoundError:
    IS_NATIVE = False

Pending = tuple[str, bytes, bytes, "BodyKey | _crypto.Cipher | None", bytes]
"""An entry without its end: its header's begin `{"v":1,…`, its members without braces, then either a body to seal, its
key and its nonce and salt; or an inline ciphertext that the members name already, or none, as b"", None, b""."""


def pending(head: str, members: bytes, body: bytes, key: BodyKey | None, fresh: bytes) -> Pending:
    """What `finish` takes; the body must be short enough to stay inline once sealed."""
    return head, members, body, key.native if key is not None and IS_NATIVE else key, fresh


def finish(entries: list[Pending]) -> tuple[bytes, bytes]:
    """(frames, leaf hashes of the headers), each joined. RuntimeError if the C library fails."""
    if IS_NATIVE:
        return _crypto.finish(cast("list[tuple[str, bytes, bytes, _crypto.Cipher | None, bytes]]", entries))
    return finish_in_python(entries)


def finish_in_python(entries: list[Pending]) -> tuple[bytes, bytes]:
    """What `finish` is defined by."""
    frames, leaves = [], []
    for head, members, body, key, fresh in entries:
        told = [head.encode()]
        if members:
            told += (b",", members)
        ciphertext = body
        if isinstance(key, BodyKey):
            member, ciphertext, _ = key.seal(body, fresh)
            told.append(member)
        told.append(b"}")
        header = b"".join(told)
        frames.append(frame(header, ciphertext))
        leaves.append(leaf_hash(header))
    return b"".join(frames), b"".join(leaves)
