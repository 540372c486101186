from __future__ import annotations

from tidewaiter.masking.fake import fake_name


def test_equal_digests_give_equal_names_and_others_spread() -> None:
    assert fake_name(b"12345678") == fake_name(b"12345678")
    names = {fake_name(n.to_bytes(4, "big") + (n * 7).to_bytes(4, "big")) for n in range(500)}
    assert len(names) > 90
    assert all(len(name.split()) == 2 for name in names)
