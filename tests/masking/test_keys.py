from __future__ import annotations

from tidewaiter.masking.keys import tag_key
from tidewaiter.model import Secret


def test_each_tag_and_each_deployment_has_a_key_of_its_own() -> None:
    keys = {tag_key(Secret(root), tag) for root in ("one", "two") for tag in ("email", "ssn")}
    assert len(keys) == 4
    assert all(len(key) == 32 for key in keys)
    assert tag_key(Secret("one"), "email") == tag_key(Secret("one"), "email")
