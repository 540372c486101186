"""Body encryption: AES-256-GCM under data keys that can be destroyed one by one.

A data key (DEK) encrypts the bodies of one UTC day and one run of the writer. It is stored wrapped by the
key-encryption key (KEK) that lives in the deployment's `keys/`. Destroying the wrapped keys of a day makes its bodies
unreadable, and the log still verifies. Formats, all public:

    sealed body   nonce (12 random bytes) || AES-256-GCM(DEK, nonce, salt (32 random bytes) || plaintext,
                  "tidewaiter body v1")
    commitment    SHA-256(salt || plaintext); GCM does not commit to a key, and an unsalted digest could be guessed
    wrapped DEK   one text line: "tidewaiter-dek-v1 <id> <KEK id, hex> <base64 of nonce || AES-256-GCM(KEK, nonce, DEK,
                  "tidewaiter dek v1 <id>")> <SHA-256 of what stands before, hex>"
    DEK id        UTC day and a number from 1: "2026-11-22-1"

A DEK belongs to the run that made it, so nonces need not be remembered over restarts; it is replaced after 2**31
bodies, below the 2**32 that NIST SP 800-38D §8.3 allows for random nonces.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tidewaiter.ledger.entry import MAX_INLINE_BYTES, BodyRef

try:
    import tidewaiter.ledger._crypto as _crypto

    IS_NATIVE = True  # not Final: that would be compiled as it stands here
except ModuleNotFoundError:
    IS_NATIVE = False

KEY_BYTES = 32
_NONCE_BYTES: Final = 12
_SALT_BYTES: Final = 32
_BODY_AAD = b"tidewaiter body v1"
_BEFORE_COMMIT = '","commit":"'
_BEFORE_SIZE = '","n":'
_DEK_AAD = b"tidewaiter dek v1 "
_DEK_WORD = "tidewaiter-dek-v1"
_BODIES_PER_DEK = 1 << 31
_FRESH_BYTES: Final = _NONCE_BYTES + _SALT_BYTES
_POOL_BYTES: Final = _FRESH_BYTES * 93  # nonces and salts of 93 bodies: one 4 KiB read of randomness
_DAY_NS: Final = 86_400 * 10**9

RandomBytes = Callable[[int], bytes]


class Unreadable(ValueError):
    """A body that cannot be decrypted: its key was shredded, or bytes are not what was sealed."""


@dataclass(frozen=True, slots=True)
class Kek:
    """The key-encryption key of a deployment."""

    _key: bytes = field(repr=False)

    @property
    def id(self) -> str:
        """Public name of the key: 8 bytes in hex."""
        return sha256(b"tidewaiter kek v1 " + self._key).hexdigest()[:16]

    def secret_bytes(self) -> bytes:
        return self._key

    def wrap(self, dek: DataKey, nonce: bytes) -> str:
        """The line that stores a data key. `nonce` is 12 random bytes."""
        wrapped = nonce + AESGCM(self._key).encrypt(nonce, dek.secret_bytes(), _DEK_AAD + dek.id.encode())
        line = f"{_DEK_WORD} {dek.id} {self.id} {b64encode(wrapped).decode()}"
        return f"{line} {sha256(line.encode()).hexdigest()}\n"

    def unwrap(self, line: str) -> DataKey:
        """The data key of a stored line. Unreadable if it was wrapped by another KEK or its bytes changed."""
        id_, kek_id, wrapped = _parse_wrapped(line)
        if kek_id != self.id:
            raise Unreadable(f"data key {id_} was wrapped by key {kek_id}, not by {self.id}")
        try:
            key = AESGCM(self._key).decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], _DEK_AAD + id_.encode())
        except InvalidTag:
            raise Unreadable(f"data key {id_} is damaged") from None
        return DataKey(id_, key)


def _parse_wrapped(line: str) -> tuple[str, str, bytes]:
    """(DEK id, KEK id, wrapped key) of a stored line. Unreadable if a byte of it changed."""
    told, _, digest = line.rpartition(" ")
    parts = told.split(" ")
    if len(parts) != 4 or parts[0] != _DEK_WORD or sha256(told.encode()).hexdigest() + "\n" != digest:
        raise Unreadable("a stored data key is damaged")
    return parts[1], parts[2], b64decode(parts[3])


@dataclass(frozen=True, slots=True)
class DataKey:
    """A data key with its id."""

    id: str
    _key: bytes = field(repr=False)

    def secret_bytes(self) -> bytes:
        return self._key

    def open(self, ref: BodyRef, ciphertext: bytes) -> bytes:
        """Plaintext of a sealed body, checked against the header's commitment. Unreadable if anything does not fit."""
        if sha256(ciphertext).hexdigest() != ref.ciphertext_sha256:
            raise Unreadable("the ciphertext is not the one that the header names")
        try:
            salted = AESGCM(self._key).decrypt(ciphertext[:_NONCE_BYTES], ciphertext[_NONCE_BYTES:], _BODY_AAD)
        except InvalidTag:
            raise Unreadable(f"the ciphertext was not sealed with data key {self.id}") from None
        if sha256(salted).hexdigest() != ref.commitment or len(salted) != ref.size + _SALT_BYTES:
            raise Unreadable("the plaintext is not the one that the header commits to")
        return salted[_SALT_BYTES:]


Sealed = tuple[bytes, bytes, str]
"""A body made ready: the header's "body" member after a comma, the ciphertext, and the blob's name or ""."""


class BodyKey:
    """Seals bodies with one data key. `inline` is what a batch takes: the same in C, where it can be had."""

    __slots__ = ("_before_ct", "_cipher", "inline")

    def __init__(self, key: DataKey) -> None:
        self._cipher = AESGCM(key.secret_bytes())
        self._before_ct = f',"body":{{"dek":"{key.id}","ct":"'
        self.inline: BodyKey | _crypto.Cipher = self
        if IS_NATIVE:
            before = (self._before_ct.encode(), _BEFORE_COMMIT.encode(), _BEFORE_SIZE.encode())
            self.inline = _crypto.Cipher(key.secret_bytes(), _BODY_AAD, *before)

    def seal(self, plaintext: bytes, fresh: bytes) -> Sealed:
        """Seal a body; `fresh` is nonce and salt, random and never used before."""
        nonce = fresh[:_NONCE_BYTES]
        salted = fresh[_NONCE_BYTES:] + plaintext
        ciphertext = nonce + self._cipher.encrypt(nonce, salted, _BODY_AAD)
        digest, commitment = sha256(ciphertext).hexdigest(), sha256(salted).hexdigest()
        is_blob = len(ciphertext) > MAX_INLINE_BYTES
        told = f"{self._before_ct}{digest}{_BEFORE_COMMIT}{commitment}{_BEFORE_SIZE}{len(plaintext)}"
        member = told + (',"at":"blob"}' if is_blob else "}")
        return member.encode(), ciphertext, digest if is_blob else ""


class Sealer:
    """Gives the key that is due and fresh randomness for each body. For one thread; `prepare` may run in another.

    `new_key(day)` makes and durably stores a data key for a day "YYYY-MM-DD"; whatever it raises, `key` raises.
    """

    __slots__ = ("_from_ns", "_key", "_left", "_new_key", "_pool", "_pool_at", "_prepared", "_random", "_until_ns")

    def __init__(self, new_key: Callable[[str], DataKey], random_bytes: RandomBytes) -> None:
        self._new_key = new_key
        self._random = random_bytes
        self._pool = b""
        self._pool_at = 0
        self._from_ns = self._until_ns = 0  # the day that _key is for: none yet
        self._left = 0
        self._prepared: dict[int, BodyKey] = {}  # by day: made ahead of its first body

    def prepare(self, now_ns: int, ahead_ns: int) -> None:
        """Make the key of today and, when it begins within `ahead_ns`, of tomorrow, where there is none."""
        today = now_ns // _DAY_NS
        for day in list(self._prepared):
            if day < today:
                self._prepared.pop(day, None)
        for day in (today, (now_ns + ahead_ns) // _DAY_NS):
            if self._from_ns != day * _DAY_NS and day not in self._prepared:
                self._prepared[day] = self._make(day)

    def _make(self, day: int) -> BodyKey:
        return BodyKey(self._new_key(datetime.fromtimestamp(day * 86_400, UTC).strftime("%Y-%m-%d")))

    def _renew(self, t_ns: int) -> None:
        day = t_ns // _DAY_NS
        prepared = self._prepared.pop(day, None)
        self._key = self._make(day) if prepared is None else prepared
        self._from_ns, self._until_ns, self._left = day * _DAY_NS, (day + 1) * _DAY_NS, _BODIES_PER_DEK

    def key(self, t_ns: int) -> BodyKey:
        """The key for one body of an entry of this time."""
        if not self._from_ns <= t_ns < self._until_ns or not self._left:
            self._renew(t_ns)
        self._left -= 1
        return self._key

    def fresh(self) -> bytes:
        """Nonce and salt for one body."""
        at = self._pool_at
        if at >= len(self._pool):
            self._pool, at = self._random(_POOL_BYTES), 0
        self._pool_at = at + _FRESH_BYTES
        return self._pool[at : at + _FRESH_BYTES]

    def lend(self, t_ns: int) -> tuple[BodyKey | _crypto.Cipher, int, bytes]:
        """The key for entries of this time, until when it is that, and fresh randomness for some bodies, which nobody
        else gets."""
        key, fresh = self.key(t_ns), self._random(_POOL_BYTES)
        count = min(_POOL_BYTES // _FRESH_BYTES, self._left)
        self._left -= count
        return key.inline, self._until_ns, fresh[: count * _FRESH_BYTES]

    def seal(self, plaintext: bytes, t_ns: int) -> Sealed:
        """Seal a body that belongs to an entry of this time."""
        return self.key(t_ns).seal(plaintext, self.fresh())
