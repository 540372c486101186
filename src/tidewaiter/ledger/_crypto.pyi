"""Hashing and sealing for the ledger in C (_crypto.c), there where it was built and libcrypto 3 is."""

from collections.abc import Callable, Sequence
from typing import final

from tidewaiter.ledger.seal import BodyKey

@final
class Cipher:
    """AES-256-GCM under one key, and what stands in the header's member between the digests. See `seal.BodyKey`."""

    def __new__(
        cls, key: bytes, aad: bytes, before_ct: bytes, before_commit: bytes, before_size: bytes, /
    ) -> Cipher: ...

def extend(size: int, edge: bytes, leaves: bytes, /) -> tuple[bytes, bytes]:
    """(new edge, hashes to store) of `Tree.append`. ValueError if `edge` is not that of a tree of `size` entries."""

def joined(parts: Sequence[bytes | str | int], /) -> bytes:
    """`entry.joined_in_python` for a tuple or a list; OverflowError for integers beyond 64 bits."""

def encode_body(sql: bytes, binds: bytes, types: tuple[int, ...], /) -> bytes:
    """`entry.encode_body_in_python`."""

@final
class Batch:
    """`batch.InPython`. `add` raises RuntimeError if libcrypto fails, and TypeError for a key that is no Cipher."""

    size: int
    t_ns: int
    def __new__(cls, clock_ns: Callable[[], int] | None = None, /) -> Batch: ...
    @property
    def is_spent(self) -> bool: ...
    def reset(self, size: int, t_ns: int, /) -> None: ...
    def grant(self, key: BodyKey | Cipher, until_ns: int, fresh: bytes, /) -> None: ...
    def withdraw(self) -> None: ...
    def add(
        self,
        seq: int,
        t_ns: int,
        kind: str,
        late: bytes,
        members: bytes,
        member: bytes,
        body: bytes,
        key: BodyKey | Cipher | None,
        fresh: bytes,
        /,
    ) -> int: ...
    def take(self) -> tuple[bytes, bytes]: ...
