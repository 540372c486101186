"""What is appended becomes frames and leaves."""

from __future__ import annotations

from typing import Any

import pytest

from tidewaiter.ledger.batch import Batch, InPython
from tidewaiter.ledger.entry import decode, frame, read_frame
from tidewaiter.ledger.seal import BodyKey, DataKey
from tidewaiter.ledger.tree import leaf_hash

HEAD = b'{"v":1,"seq":%d,"t_ns":1,"kind":"x"'
DATA_KEY = DataKey("2026-11-26-1", bytes(32))
FRESH = bytes(range(44))


@pytest.fixture(params=[Batch, InPython])
def batch(request: pytest.FixtureRequest) -> Any:
    return request.param()


def test_nothing_becomes_nothing(batch: Any) -> None:
    assert batch.take() == (b"", b"")


def test_headers_are_joined_framed_and_hashed(batch: Any) -> None:
    batch.add(0, 1, "x", b"", b"", b"", b"", None, b"")
    waiting = batch.add(1, 1, "x", b',"late":2', b'"a":1', b',"body":3', b"sealed already", None, b"")
    frames, leaves = batch.take()
    headers = [HEAD % 0 + b"}", HEAD % 1 + b',"late":2,"a":1,"body":3}']
    assert frames == frame(headers[0]) + frame(headers[1], b"sealed already")
    assert leaves == leaf_hash(headers[0]) + leaf_hash(headers[1])
    assert waiting == len(frames)


def test_what_was_taken_does_not_wait_any_more(batch: Any) -> None:
    for seq in (0, 1):
        assert batch.add(seq, 1, "x", b"", b"", b"", b"", None, b"") == len(frame(HEAD % seq + b"}"))
        assert batch.take() == (frame(HEAD % seq + b"}"), leaf_hash(HEAD % seq + b"}"))
    assert batch.take() == (b"", b"")


def test_bodies_are_sealed_as_by_themselves(batch: Any) -> None:
    key = BodyKey(DATA_KEY)
    batch.add(0, 1, "x", b"", b'"a":1', b"", b"secret", key if isinstance(batch, InPython) else key.inline, FRESH)
    header, ciphertext, _ = read_frame(batch.take()[0], 0)
    member, alone, _ = key.seal(b"secret", FRESH)
    assert header == HEAD % 0 + b',"a":1' + member + b"}"
    assert ciphertext == alone
    entry = decode(header)
    assert entry.body is not None
    assert DATA_KEY.open(entry.body, ciphertext) == b"secret"


def test_what_cannot_be_added_leaves_the_batch_as_it_was(batch: Any) -> None:
    batch.add(0, 1, "x", b"", b"", b"", b"", None, b"")
    with pytest.raises(UnicodeEncodeError):
        batch.add(1, 1, "\ud800", b"", b"", b"", b"", None, b"")
    assert batch.add(1, 1, "x", b"", b"", b"", b"", None, b"") == 2 * len(frame(HEAD % 0 + b"}"))
    assert batch.take()[0] == frame(HEAD % 0 + b"}") + frame(HEAD % 1 + b"}")


def test_the_last_number_is_refused_as_none_comes_after_it(batch: Any) -> None:
    with pytest.raises(OverflowError):
        batch.add((1 << 63) - 1, 1, "x", b"", b"", b"", b"", None, b"")
    assert batch.take() == (b"", b"")
    assert batch.add((1 << 63) - 2, 1, "x", b"", b"", b"", b"", None, b"") > 0
    assert batch.size == (1 << 63) - 1
