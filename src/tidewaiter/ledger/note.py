"""Signed notes and checkpoints: the C2SP text formats signed-note v1 and tlog-checkpoint v1, Ed25519 only. Pure.

A checkpoint is a statement "the log named ORIGIN had SIZE entries and this root". As text:

    tidewaiter.example/main          origin
    1042                             size, decimal
    qINS1GRFWQ4JDOQzjiRLOxgqHj9...   root, base64
                                     empty line
    — tidewaiter.example/main Zm9v…  one line per signature: name, base64(key id || signature)

Keys are written as in golang.org/x/mod/sumdb/note: `name+key id+base64(algorithm byte || public key)` for verifiers and
`PRIVATE+KEY+name+key id+base64(algorithm byte || seed)` for signers. All parsing is strict: one text has one reading.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_ED25519 = b"\x01"
_KEY_BYTES = 32
_KEY_ID_BYTES = 4
_MAX_NOTE_BYTES = 64 << 10  # a checkpoint with a hundred signatures is 15 KiB
_SIGNATURE = re.compile(r"— (\S+) (\S+)")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


def _decode64(text: str) -> bytes:
    """Standard base64 in its one canonical spelling. ValueError otherwise."""
    try:
        value = b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"not base64: {error}") from None
    if b64encode(value).decode() != text:
        raise ValueError("not canonical base64")
    return value


def _check_name(name: str) -> None:
    if not name or "+" in name or any(char.isspace() or not char.isprintable() for char in name):
        raise ValueError(f"{name!r} cannot name a key: it must be printable, without spaces and plus signs")


def key_id(name: str, public: bytes) -> bytes:
    """The 4 bytes that tell keys of one name apart (signed-note v1)."""
    return sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:_KEY_ID_BYTES]


def _key_text(name: str, identity: bytes, key: bytes) -> str:
    return f"{name}+{identity.hex()}+{b64encode(_ED25519 + key).decode()}"


def _parse_key(text: str) -> tuple[str, str, bytes]:
    """(name, key id in hex, 32 key bytes). ValueError says what is wrong."""
    parts = text.split("+", 2)
    if len(parts) != 3:
        raise ValueError("a key has the form name+id+base64")
    name, identity, encoded = parts
    _check_name(name)
    raw = _decode64(encoded)
    if raw[:1] != _ED25519 or len(raw) != 1 + _KEY_BYTES:
        raise ValueError("only Ed25519 keys are supported")
    return name, identity, raw[1:]


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key that checkpoints are checked with. `str()` is its vkey text, as given to `--key`."""

    name: str
    public: bytes

    @classmethod
    def parse(cls, text: str) -> Verifier:
        """From vkey text. ValueError says what is wrong."""
        name, identity, public = _parse_key(text)
        if identity != key_id(name, public).hex():
            raise ValueError("the key's id does not belong to its name and bytes")
        return cls(name, public)

    def __str__(self) -> str:
        return _key_text(self.name, self.key_id, self.public)

    @property
    def key_id(self) -> bytes:
        return key_id(self.name, self.public)

    def has_signed(self, text: bytes, signature: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key that signs checkpoints."""

    name: str
    _seed: bytes = field(repr=False)

    @classmethod
    def make(cls, name: str, seed: bytes) -> Signer:
        """From 32 random bytes. ValueError if the name or the length will not do."""
        _check_name(name)
        if len(seed) != _KEY_BYTES:
            raise ValueError("an Ed25519 seed has 32 bytes")
        return cls(name, seed)

    @classmethod
    def parse(cls, text: str) -> Signer:
        """From signer text. ValueError says what is wrong and does not show the key."""
        prefix = "PRIVATE+KEY+"
        if not text.startswith(prefix):
            raise ValueError("a signer key begins with PRIVATE+KEY+")
        name, identity, seed = _parse_key(text.removeprefix(prefix))
        signer = cls(name, seed)
        if identity != signer.verifier.key_id.hex():
            raise ValueError("the key's id does not belong to its name and bytes")
        return signer

    def secret_text(self) -> str:
        """What `parse` reads. Secret."""
        return "PRIVATE+KEY+" + _key_text(self.name, self.verifier.key_id, self._seed)

    @property
    def verifier(self) -> Verifier:
        return Verifier(self.name, self._private().public_key().public_bytes_raw())

    def _private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self._seed)

    def sign(self, text: bytes) -> bytes:
        """The whole note: text, empty line, one signature line."""
        signature = b64encode(self.verifier.key_id + self._private().sign(text)).decode()
        return text + f"\n— {self.name} {signature}\n".encode()


@dataclass(frozen=True, slots=True)
class Note:
    """A parsed note. `signatures` are (name, key id, signature) as they stand, not yet checked."""

    text: bytes
    signatures: tuple[tuple[str, bytes, bytes], ...]

    @classmethod
    def parse(cls, raw: bytes) -> Note:
        """From the bytes of exactly one note. ValueError says what is wrong."""
        if len(raw) > _MAX_NOTE_BYTES:
            raise ValueError(f"a note has at most {_MAX_NOTE_BYTES} bytes")
        content = raw.decode("utf-8")  # UnicodeDecodeError is a ValueError
        if any(char < " " and char != "\n" for char in content):
            raise ValueError("a note has no control characters")
        text, gap, block = content.rpartition("\n\n")
        if not gap or not block.endswith("\n"):
            raise ValueError("a note is text, an empty line, and signature lines")
        return cls((text + "\n").encode(), tuple(map(_parse_signature, block[:-1].split("\n"))))

    def is_signed_by(self, verifier: Verifier) -> bool:
        """True if one of the signatures is a good one of this key. Others are ignored, as signed-note v1 asks."""
        wanted = (verifier.name, verifier.key_id)
        return any(
            (name, identity) == wanted and verifier.has_signed(self.text, signature)
            for name, identity, signature in self.signatures
        )


def _parse_signature(line: str) -> tuple[str, bytes, bytes]:
    match = _SIGNATURE.fullmatch(line)
    if not match:
        raise ValueError("a signature line is '— name base64'")
    _check_name(match[1])
    raw = _decode64(match[2])
    if len(raw) <= _KEY_ID_BYTES:
        raise ValueError("a signature has a key id and bytes")
    return match[1], raw[:_KEY_ID_BYTES], raw[_KEY_ID_BYTES:]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What is signed: the log named `origin` had `size` entries and this 32-byte `root`."""

    origin: str
    size: int
    root: bytes

    def text(self) -> bytes:
        """Note text, to be signed."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n".encode()

    @classmethod
    def parse(cls, text: bytes) -> Checkpoint:
        """From note text. Extension lines are refused: we never write any. ValueError says what is wrong."""
        lines = text.decode("utf-8").split("\n")
        if len(lines) != 4 or lines[3]:
            raise ValueError("a checkpoint has three lines: origin, size, root")
        origin, size, root = lines[:3]
        if not origin:
            raise ValueError("a checkpoint names its origin")
        if not _SIZE.fullmatch(size):
            raise ValueError("a checkpoint's size is a plain decimal number")
        value = _decode64(root)
        if len(value) != _KEY_BYTES:
            raise ValueError("a checkpoint's root has 32 bytes")
        return cls(origin, int(size), value)


def split_notes(raw: bytes) -> tuple[list[bytes], bytes]:
    """Notes that stand one after another, an empty line after each, and what is left after the last whole one."""
    pieces = raw.split(b"\n\n")
    whole = (len(pieces) - 1) // 2 * 2
    notes = [b"%b\n\n%b\n" % (pieces[at], pieces[at + 1]) for at in range(0, whole, 2)]
    return notes, b"\n\n".join(pieces[whole:])


def is_unfinished(rest: bytes) -> bool:
    """True if this can be the beginning of a checkpoint's note whose writing was interrupted."""
    text, gap, signature = rest.partition(b"\n\n")
    if not gap:
        return True
    try:
        Checkpoint.parse(text + b"\n")
        if signature.endswith(b"\n"):
            Note.parse(rest)
    except ValueError:
        return False
    return b"\n" not in signature[:-1]
