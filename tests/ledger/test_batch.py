"""Entries of one turn become frames and leaves."""

from __future__ import annotations

from tidewaiter.ledger.batch import Pending, finish
from tidewaiter.ledger.entry import decode, frame, read_frame
from tidewaiter.ledger.seal import BodyKey, DataKey
from tidewaiter.ledger.tree import leaf_hash

HEAD = '{"v":1,"seq":0,"t_ns":1,"kind":"x"'
DATA_KEY = DataKey("2026-11-26-1", bytes(32))


def test_nothing_becomes_nothing() -> None:
    assert finish([]) == (b"", b"")


def test_headers_are_joined_framed_and_hashed() -> None:
    plain: Pending = ((HEAD,), b"", None, b"")
    told: Pending = ((HEAD, b',"a":1'), b"sealed already", None, b"")
    frames, leaves = finish([plain, told])
    headers = [HEAD.encode() + b"}", HEAD.encode() + b',"a":1}']
    assert frames == frame(headers[0]) + frame(headers[1], b"sealed already")
    assert leaves == leaf_hash(headers[0]) + leaf_hash(headers[1])


def test_bodies_are_sealed_as_by_themselves() -> None:
    key, fresh = BodyKey(DATA_KEY), bytes(range(44))
    frames, _ = finish([((HEAD, b',"a":1'), b"secret", key.inline, fresh)])
    header, ciphertext, _ = read_frame(frames, 0)
    member, alone, _ = key.seal(b"secret", fresh)
    assert header == HEAD.encode() + b',"a":1' + member + b"}"
    assert ciphertext == alone
    entry = decode(header)
    assert entry.body is not None
    assert DATA_KEY.open(entry.body, ciphertext) == b"secret"
