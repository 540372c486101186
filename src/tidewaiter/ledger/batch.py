"""From what is appended to the bytes of a segment and the leaves of the tree: sealed, framed, hashed.

Each entry is made ready as it is appended, in one call to C where that is built, and nothing in between becomes an
object of Python. What was appended in one turn of the event loop is written together.
"""

from __future__ import annotations

from collections.abc import Callable

from tidewaiter.ledger.entry import frame
from tidewaiter.ledger.seal import BodyKey
from tidewaiter.ledger.tree import leaf_hash

LAST = (1 << 63) - 1
"""The largest number that a header can say: an entry never has it, as none could come next."""


class InPython:
    """Entries on their way to the disk; `size` and `t_ns` are the number that comes next and the time of the last."""

    is_spent = False

    def __init__(self, clock_ns: Callable[[], int] | None = None, /) -> None:
        self.size = self.t_ns = 0
        self._frames: list[bytes] = []
        self._leaves: list[bytes] = []
        self._bytes = 0

    def add(
        self,
        seq: int,
        t_ns: int,
        kind: str,
        late: bytes,
        members: bytes,
        member: bytes,
        body: bytes,
        key: BodyKey | _crypto.Cipher | None,
        fresh: bytes,
        /,
    ) -> int:
        """Add an entry; return the bytes that wait. What raises leaves the batch as it was.

        `late` and `member` are members after a comma, `members` are without one; each may be empty. `body` stays inline
        once it is sealed with `key`, under `fresh`, nonce and salt; without a key it is a ciphertext that `member`
        names already, or empty.
        """
        if seq == LAST:
            raise OverflowError("no number comes after this entry's")
        if isinstance(key, BodyKey):
            member, body, _ = key.seal(body, fresh)
        head = b'{"v":1,"seq":%d,"t_ns":%d,"kind":"%b"' % (seq, t_ns, kind.encode())
        header = b"".join((head, late, b"," if members else b"", members, member, b"}"))
        framed = frame(header, body)
        self._leaves.append(leaf_hash(header))
        self._frames.append(framed)
        self._bytes += len(framed)
        self.size, self.t_ns = seq + 1, t_ns
        return self._bytes

    def reset(self, size: int, t_ns: int, /) -> None:
        """Begin anew behind so many entries: nothing waits, and nothing is granted."""
        self.take()
        self.size, self.t_ns = size, t_ns

    def grant(self, key: BodyKey | _crypto.Cipher, until_ns: int, fresh: bytes, /) -> None:
        """Let the session's lane, which is written in C, append entries itself, sealed with this key until then, each
        under the next piece of `fresh`. Its time is `clock_ns`, None for the system's. Here it never does."""

    def withdraw(self) -> None:
        """Take that back: the log does not take entries now."""

    def take(self) -> tuple[bytes, bytes]:
        """(frames, leaf hashes of the headers) of what was added, each joined; nothing waits then."""
        taken = b"".join(self._frames), b"".join(self._leaves)
        self._frames.clear()
        self._leaves.clear()
        self._bytes = 0
        return taken


Batch: type[InPython] | type[_crypto.Batch]
"""`InPython`, in C where it can be had; then `add` raises RuntimeError if libcrypto fails, and `is_spent` where nothing
is granted, or no more randomness is left of what was."""
try:
    import tidewaiter.ledger._crypto as _crypto

    Batch = _crypto.Batch
except ModuleNotFoundError:
    Batch = InPython
