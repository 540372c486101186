"""Entry format v1: the bytes that the ledger keeps of one event. Pure.

**Header**: one UTF-8 JSON object of at most 16 KiB, `{"v":1,"seq":7,"t_ns":…,"kind":"…",…}`. The log hashes exactly
these bytes; nobody re-serialises them. `seq` is the entry's number from 0, `t_ns` Unix time in nanoseconds, never less
than the entry before; `t_src` is the raw clock where it was behind. No object in it names a member twice.

**Body**: what may have to be forgotten one day, encrypted, kept beside the header. The header's member
`"body":{"dek":id,"ct":…,"commit":…,"n":…}` holds the id of the data key, SHA-256 of the ciphertext, the salted
commitment SHA-256(salt || plaintext) and the plaintext's length, and `"at":"blob"` if the ciphertext is a file of its
own, named by its digest, because it is longer than 64 KiB. Ciphertext = nonce (12) || AES-256-GCM(salt (32) ||
plaintext) || tag (16), see seal.py. Plaintext = version byte 1, then sections, each a letter, a length (u32, network
order) and bytes, in this order, each at most once:

    S  statement text, as the client sent it
    B  parameters, as in PostgreSQL's Bind message from the number of parameter format codes to the last value
    T  type OIDs of the parameters, u32 each, network order
    M  all members of a header that would have passed 16 KiB, a JSON object

An entry with an M section is *spilled*: its header keeps `{"count":n}` in place of each member named in
`"spilled":{"members":[…],"sha256":…}`, where the digest is of the M section's bytes.

**Frame** in a segment file: `length u32 | header length u16 | check u16 | crc32 u32 | header | ciphertext`, network
order. `length` counts what follows the 12 bytes; `check` = both halves of length, header length and 0x7457 XORed, so
that an unfinished frame is told from a damaged one; the CRC is of header and ciphertext.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from struct import Struct
from typing import Any, NamedTuple, NoReturn
from zlib import crc32

import orjson

VERSION = 1
MAX_HEADER_BYTES = 16 << 10  # far below the 65,535 bytes of a tlog-tiles entry; what is longer is spilled, never cut
MAX_INLINE_BYTES = 64 << 10  # a longer ciphertext would make segments slow to scan; it becomes a blob
MAX_FRAME_BYTES = MAX_HEADER_BYTES + MAX_INLINE_BYTES  # a frame that claims more is damaged
SEAL_OVERHEAD_BYTES = 12 + 32 + 16
PREFIX = Struct(">IHHI")
_CHECK = 0x7457
_RESERVED = frozenset({"v", "seq", "t_ns", "t_src", "kind", "body", "spilled"})
_DIGEST = re.compile(r"[0-9a-f]{64}")
_DEK_ID = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}-[1-9][0-9]{0,8}")
_MAX_INT = 1 << 63

Part = bytes | str | int
"""A piece of text to be joined with others: bytes as they are, str in UTF-8, int in decimal."""


def joined_in_python(parts: Sequence[Part]) -> bytes:
    """One text out of parts."""
    return b"".join([part if isinstance(part, bytes) else str(part).encode() for part in parts])


# --- headers -----------------------------------------------------------------------------------------------------


def members(fields: Mapping[str, object]) -> bytes:
    """JSON members of a header, without braces: `"a":1,"b":"x"`. Empty for no fields.

    Raises ValueError for reserved names and for values that JSON cannot hold.
    """
    clash = _RESERVED.intersection(fields)
    if clash:
        raise ValueError(f"reserved member names: {', '.join(sorted(clash))}")
    try:
        return orjson.dumps(dict(fields))[1:-1]
    except orjson.JSONEncodeError as error:
        raise ValueError(f"not expressible as JSON: {error}") from error


class BodyRef(NamedTuple):
    """What a header says of its body. `size` is the plaintext's length in bytes."""

    dek: str
    ciphertext_sha256: str
    commitment: str
    size: int
    is_blob: bool

    @property
    def ciphertext_bytes(self) -> int:
        return self.size + SEAL_OVERHEAD_BYTES


class Entry(NamedTuple):
    """A decoded header. `fields` are its members without v, seq, t_ns, t_src, kind, body and spilled."""

    seq: int
    t_ns: int
    kind: str
    fields: dict[str, Any]
    body: BodyRef | None
    spilled: tuple[str, ...] = ()
    spill_sha256: str = ""
    t_src: int | None = None


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a JSON object names a member twice")
    return found


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def strict_json(raw: bytes) -> Any:
    """The value of one JSON text. ValueError for anything loose: members named twice, NaN, bad UTF-8, more bytes."""
    value = orjson.loads(raw)  # JSONDecodeError is a ValueError
    try:
        if orjson.dumps(value) == raw:  # the usual spelling cannot hold a duplicate
            return value
        return json.loads(raw, object_pairs_hook=_pairs, parse_constant=_constant)
    except (orjson.JSONEncodeError, RecursionError):
        raise ValueError("nested too deeply") from None


def _take(fields: dict[str, Any], name: str, type_: type) -> Any:
    value: Any = fields.pop(name, None)
    if type(value) is not type_ or (type(value) is int and not 0 <= value < _MAX_INT):
        raise ValueError(f"member {name!r} is missing or not what it must be")
    return value


def decode(header: bytes) -> Entry:
    """Read a header strictly. ValueError says what is wrong with it."""
    if len(header) > MAX_HEADER_BYTES:
        raise ValueError(f"a header has at most {MAX_HEADER_BYTES} bytes")
    fields = strict_json(header)
    if type(fields) is not dict:
        raise ValueError("a header is a JSON object")
    if _take(fields, "v", int) != VERSION:
        raise ValueError("unknown entry version")
    seq, t_ns, kind = _take(fields, "seq", int), _take(fields, "t_ns", int), _take(fields, "kind", str)
    t_src = _take(fields, "t_src", int) if "t_src" in fields else None
    body = _body_ref(_take(fields, "body", dict)) if "body" in fields else None
    if "spilled" not in fields:
        return Entry(seq, t_ns, kind, fields, body, (), "", t_src)
    spilled, digest = _spill_ref(_take(fields, "spilled", dict))
    if body is None:
        raise ValueError("spilled members without a body")
    return Entry(seq, t_ns, kind, fields, body, spilled, digest, t_src)


def _body_ref(told: dict[str, Any]) -> BodyRef:
    dek, digest, commitment = _take(told, "dek", str), _take(told, "ct", str), _take(told, "commit", str)
    size = _take(told, "n", int)
    is_blob = told.get("at") == "blob"
    if is_blob:
        del told["at"]
    if told or not (_DIGEST.fullmatch(digest) and _DIGEST.fullmatch(commitment) and _DEK_ID.fullmatch(dek)):
        raise ValueError("member 'body' is not what it must be")
    if is_blob != (size + SEAL_OVERHEAD_BYTES > MAX_INLINE_BYTES):
        raise ValueError("member 'body' is kept in the wrong place for its length")
    return BodyRef(dek, digest, commitment, size, is_blob)


def _spill_ref(told: dict[str, Any]) -> tuple[tuple[str, ...], str]:
    names, digest = _take(told, "members", list), _take(told, "sha256", str)
    if told or not names or any(type(name) is not str for name in names) or not _DIGEST.fullmatch(digest):
        raise ValueError("member 'spilled' is not what it must be")
    return tuple(names), digest


# --- bodies ------------------------------------------------------------------------------------------------------


class Body(NamedTuple):
    """A body's plaintext. Empty parts are left out of the encoding; an empty statement text is kept."""

    sql: bytes
    binds: bytes = b""
    types: tuple[int, ...] = ()
    members: bytes = b""

    def encode(self) -> bytes:
        sql, binds, types, told = self
        raw = encode_body(sql, binds, types)
        return b"".join((raw, b"M", len(told).to_bytes(4, "big"), told)) if told else raw

    @classmethod
    def decode(cls, raw: bytes) -> Body:
        """Read strictly. ValueError says what is wrong."""
        found: dict[bytes, bytes] = {}
        rest = b"SBTM"
        for letter, value in _sections(raw):
            _, known, rest = rest.partition(letter)
            if not known:
                raise ValueError("a body has the sections S, B, T and M, in this order")
            found[letter] = value
        oids = found.get(b"T", b"")
        if len(oids) % 4:
            raise ValueError("type OIDs have four bytes each")
        types = Struct(f">{len(oids) // 4}I").unpack(oids)
        return cls(found.get(b"S", b""), found.get(b"B", b""), types, found.get(b"M", b""))


def encode_body_in_python(sql: bytes, binds: bytes, types: tuple[int, ...]) -> bytes:
    """`Body(sql, binds, types).encode()` without making one, as every statement needs it."""
    parts = [b"\x01S", len(sql).to_bytes(4, "big"), sql]
    if binds:
        parts += (b"B", len(binds).to_bytes(4, "big"), binds)
    if types:
        parts += (b"T", (4 * len(types)).to_bytes(4, "big"))
        for oid in types:
            parts.append(oid.to_bytes(4, "big"))
    return b"".join(parts)


joined: Callable[[Sequence[Part]], bytes]
"""`joined_in_python`, in C where it can be had: several times faster than to format text and encode it."""
encode_body: Callable[[bytes, bytes, tuple[int, ...]], bytes]
"""`encode_body_in_python`, in C where it can be had."""
try:
    import tidewaiter.ledger._crypto as _crypto

    joined, encode_body = _crypto.joined, _crypto.encode_body
except ModuleNotFoundError:
    joined, encode_body = joined_in_python, encode_body_in_python


def parameters(binds: bytes) -> list[tuple[int, bytes | None]]:
    """(format, value) of each parameter in a B section: 0 text, 1 binary; None is SQL NULL. ValueError if cut short.

    Source: https://www.postgresql.org/docs/current/protocol-message-formats.html (Bind)
    """
    at = 0

    def take(size: int) -> bytes:
        nonlocal at
        if at + size > len(binds):
            raise ValueError("parameters are cut short")
        at += size
        return binds[at - size : at]

    def short() -> int:
        return int.from_bytes(take(2), "big")

    formats = [short() for _ in range(short())]
    values: list[bytes | None] = []
    for _ in range(short()):
        length = int.from_bytes(take(4), "big", signed=True)
        values.append(None if length < 0 else take(length))
    if len(formats) < 2:
        formats = (formats or [0]) * len(values)
    return list(zip(formats, values, strict=True))


def parameter_texts(binds: bytes) -> list[str | None]:
    """Parameter values as text, binary ones as PostgreSQL writes bytea: \\x…; none where the bytes are cut short."""
    try:
        told = parameters(binds)
    except ValueError:
        return []
    return [
        None if value is None else "\\x" + value.hex() if format_ else value.decode("utf-8", "replace")
        for format_, value in told
    ]


def _sections(raw: bytes) -> Iterator[tuple[bytes, bytes]]:
    if raw[:1] != b"\x01":
        raise ValueError("unknown body version")
    at = 1
    while at < len(raw):
        size = int.from_bytes(raw[at + 1 : at + 5], "big")
        value = raw[at + 5 : at + 5 + size]
        if at + 5 + size > len(raw):
            raise ValueError("a body's section is cut short")
        yield raw[at : at + 1], value
        at += 5 + size


# --- spilling ----------------------------------------------------------------------------------------------------


class Spilled(NamedTuple):
    """Members that fit: `short` for the header (with its "spilled" member), `full` for the body's M section."""

    short: bytes
    full: bytes


def spill(told: bytes, room_bytes: int) -> Spilled:
    """Make members fit into `room_bytes` by moving the longest into the body, whole. ValueError if they cannot fit."""
    full = b"{" + told + b"}"
    fields = strict_json(full)
    clash = _RESERVED.intersection(fields)
    if clash:
        raise ValueError(f"reserved member names: {', '.join(sorted(clash))}")
    digest, names = sha256(full).hexdigest(), []
    by_length = sorted(fields, key=lambda name: len(_dumps(fields[name])), reverse=True)
    for name in by_length:
        value = fields[name]
        fields[name] = {"count": len(value) if isinstance(value, str | list | dict) else 1}
        names.append(name)
        short = _dumps(fields | {"spilled": {"members": names, "sha256": digest}})[1:-1]
        if len(short) <= room_bytes:
            return Spilled(short, full)
    raise ValueError(f"{len(fields)} members do not fit into a header even without their values")


def _dumps(value: object) -> bytes:
    """JSON of a parsed value; unlike orjson also of integers beyond 64 bits, which JSON may hold."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def restore(entry: Entry, body: Body) -> dict[str, Any]:
    """The entry's whole members, with spilled ones put back. ValueError if the body is not the one it names."""
    if not entry.spilled:
        return entry.fields
    if sha256(body.members).hexdigest() != entry.spill_sha256:
        raise ValueError("the body does not hold the members that the header names")
    full = strict_json(body.members)
    if type(full) is not dict or any(name not in full for name in entry.spilled):
        raise ValueError("the body's members are not an object with the names that were spilled")
    return full


# --- frames ------------------------------------------------------------------------------------------------------


class Unfinished(ValueError):
    """The bytes end before the frame does: it was still being written, or its end was cut off."""


def frame(header: bytes, ciphertext: bytes = b"") -> bytes:
    """A header and its inline ciphertext as they stand in a segment file."""
    rest = header + ciphertext
    length, head = len(rest), len(header)
    check = (length & 0xFFFF) ^ (length >> 16) ^ head ^ _CHECK
    return PREFIX.pack(length, head, check, crc32(rest)) + rest


def read_frame(segment: bytes, at: int) -> tuple[bytes, bytes, int]:
    """(header, ciphertext, where the next frame begins). Raises Unfinished, or ValueError for damage."""
    start = at + PREFIX.size
    if start > len(segment):
        raise Unfinished(f"an unfinished frame of {len(segment) - at} bytes")
    length, head, check, crc = PREFIX.unpack_from(segment, at)
    if check != (length & 0xFFFF) ^ (length >> 16) ^ head ^ _CHECK or not 0 < head <= length <= MAX_FRAME_BYTES:
        raise ValueError("a frame's length is damaged")
    end = start + length
    if end > len(segment):
        raise Unfinished(f"an unfinished frame of {len(segment) - at} bytes")
    header, ciphertext = segment[start : start + head], segment[start + head : end]
    if crc32(ciphertext, crc32(header)) != crc:
        raise ValueError("a frame's checksum does not fit its bytes")
    return header, ciphertext, end
