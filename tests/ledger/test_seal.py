"""Body encryption: sealed bodies open with their key only, and every changed byte is found."""

from __future__ import annotations

import os
from hashlib import sha256

import pytest
from ledgerkit import KEYS, NOON_NS, flipped

from tidewaiter.ledger import seal
from tidewaiter.ledger.entry import BodyRef, decode
from tidewaiter.ledger.seal import DataKey, Kek, Sealed, Sealer, Unreadable

DAY_NS = 86_400 * 10**9


class Factory:
    """Makes data keys and remembers them."""

    def __init__(self) -> None:
        self.made: list[DataKey] = []

    def __call__(self, day: str) -> DataKey:
        self.made.append(DataKey(f"{day}-{len(self.made) + 1}", os.urandom(32)))
        return self.made[-1]


def ref_of(sealed: Sealed) -> BodyRef:
    ref = decode(b'{"v":1,"seq":0,"t_ns":0,"kind":"x"%b}' % sealed[0]).body
    assert ref is not None
    return ref


@pytest.fixture
def factory() -> Factory:
    return Factory()


@pytest.fixture
def sealer(factory: Factory) -> Sealer:
    return Sealer(factory, os.urandom)


@pytest.mark.parametrize("size", [0, 1, 150, 65_476, 65_477, 200_000])
def test_sealed_body_opens_with_its_key(sealer: Sealer, factory: Factory, size: int) -> None:
    plain = os.urandom(size)
    sealed = sealer.seal(plain, NOON_NS)
    ref = ref_of(sealed)
    assert len(sealed[1]) == ref.ciphertext_bytes
    assert ref.is_blob == (sealed[2] != "") == (size > 65_476)
    assert not sealed[2] or sealed[2] == sha256(sealed[1]).hexdigest()
    assert factory.made[0].open(ref, sealed[1]) == plain
    assert plain not in sealed[1] or size < 2


def test_equal_bodies_share_neither_ciphertext_nor_commitment(sealer: Sealer) -> None:
    refs = [ref_of(sealer.seal(b"secret", NOON_NS)) for _ in range(300)]
    assert len({ref.commitment for ref in refs}) == len({ref.ciphertext_sha256 for ref in refs}) == 300


def test_nonces_never_repeat_over_pools(sealer: Sealer) -> None:
    assert len({sealer.seal(b"", NOON_NS)[1][:12] for _ in range(1000)}) == 1000


def test_each_utc_day_has_its_own_key(sealer: Sealer, factory: Factory) -> None:
    midnight = NOON_NS // DAY_NS * DAY_NS
    for at_ns in (midnight, midnight + DAY_NS - 1, midnight + DAY_NS, midnight - 1):
        sealer.seal(b"", at_ns)
    assert [key.id for key in factory.made] == ["2026-11-18-1", "2026-11-19-2", "2026-11-17-3"]


def test_keys_are_prepared_once_for_today_and_for_a_near_tomorrow(sealer: Sealer, factory: Factory) -> None:
    midnight = NOON_NS // DAY_NS * DAY_NS
    for _ in range(2):
        sealer.prepare(midnight, 5)
    assert [key.id for key in factory.made] == ["2026-11-18-1"]
    for _ in range(2):
        sealer.prepare(midnight + DAY_NS - 5, 5)
        sealer.seal(b"", midnight + DAY_NS - 5)
    sealer.seal(b"", midnight + DAY_NS)
    assert [key.id for key in factory.made] == ["2026-11-18-1", "2026-11-19-2"]
    sealer.prepare(midnight + 2 * DAY_NS, 5)
    sealer.prepare(midnight + 3 * DAY_NS, 5)  # the day before went by without a body
    sealer.seal(b"", midnight + 3 * DAY_NS)
    assert [key.id[:10] for key in factory.made[2:]] == ["2026-11-20", "2026-11-21"]


def test_key_is_replaced_before_random_nonces_may_collide(
    sealer: Sealer, factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seal, "_BODIES_PER_DEK", 3)
    for _ in range(7):
        sealer.seal(b"", NOON_NS)
    assert len(factory.made) == 3


def test_what_is_lent_is_nobody_elses_and_counts(
    sealer: Sealer, factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seal, "_BODIES_PER_DEK", 100)
    given = [sealer.fresh()]
    midnight = NOON_NS // DAY_NS * DAY_NS
    for bodies in (93, 7, 93):  # of 100, one of which is that of the entry that asks
        _, until_ns, fresh = sealer.lend(NOON_NS)
        assert until_ns == midnight + DAY_NS
        assert len(fresh) == 44 * (bodies if bodies > 7 else 5)
        given += [fresh[at : at + 44] for at in range(0, len(fresh), 44)]
    assert len(set(given)) == len(given)
    assert len(factory.made) == 2


def test_changed_bodies_and_wrong_keys_are_unreadable(sealer: Sealer, factory: Factory) -> None:
    sealed = sealer.seal(b"select", NOON_NS)
    ref, key = ref_of(sealed), factory.made[0]
    for at in range(len(sealed[1])):
        with pytest.raises(Unreadable, match="not the one that the header names"):
            key.open(ref, flipped(sealed[1], at))
        changed = flipped(sealed[1], at)
        with pytest.raises(Unreadable, match="not sealed with"):
            key.open(ref._replace(ciphertext_sha256=sha256(changed).hexdigest()), changed)
    with pytest.raises(Unreadable, match="not sealed with"):
        DataKey(key.id, bytes(32)).open(ref, sealed[1])
    for wrong in (ref._replace(commitment="0" * 64), ref._replace(size=5)):
        with pytest.raises(Unreadable, match="commits to"):
            key.open(wrong, sealed[1])


def test_wrapped_key_round_trips_and_every_changed_byte_is_found() -> None:
    key = DataKey("2026-11-22-1", bytes(range(100, 132)))
    line = KEYS.kek.wrap(key, bytes(12))
    assert KEYS.kek.unwrap(line) == key
    for at in range(len(line)):
        with pytest.raises((Unreadable, UnicodeDecodeError)):
            KEYS.kek.unwrap(flipped(line.encode(), at).decode("ascii"))


def test_wrapped_key_of_another_kek_or_with_a_forged_checksum_is_unreadable() -> None:
    line = KEYS.kek.wrap(DataKey("2026-11-22-1", bytes(32)), bytes(12))
    with pytest.raises(Unreadable, match="was wrapped by key"):
        Kek(bytes(32)).unwrap(line)
    told = line.rpartition(" ")[0].replace("2026", "2025")
    with pytest.raises(Unreadable, match="is damaged"):
        KEYS.kek.unwrap(f"{told} {sha256(told.encode()).hexdigest()}\n")


def test_secrets_are_not_shown() -> None:
    shown = repr(DataKey("2026-11-22-1", b"k" * 32)) + repr(Kek(b"k" * 32))
    assert "kkk" not in shown
    assert b"k" * 8 not in shown.encode()
