from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.errors import UsageError
from tidewaiter.identity.credentials import (
    DAY_S,
    MAX_TTL_S,
    Credential,
    Issued,
    Verifier,
    base62,
    expiry,
    rfc3339,
    salt_for,
)
from tidewaiter.model import Kind, Secret

NOW_S = 1_800_000_000.0


def test_random_text_is_base62_of_the_asked_length_and_never_twice_the_same() -> None:
    texts = {base62(32) for _ in range(200)}
    assert len(texts) == 200
    assert all(re.fullmatch(r"[0-9A-Za-z]{32}", text) for text in texts)
    assert len(set("".join(texts))) == 62


def test_secrets_are_not_printed() -> None:
    issued = Issued("id345678", "alice", "alice", Secret("tw1_id345678_hidden"), (), NOW_S)
    verifier = Verifier("id345678", b"stored-key", b"server-key", frozenset(), NOW_S)
    assert "hidden" not in repr(issued)
    assert "key'" not in repr(verifier)


def test_the_json_document_has_the_documented_members() -> None:
    issued = Issued("id345678", "alice", "alice", Secret("tw1_x"), ("crm", "shop"), NOW_S + 0.9)
    assert issued.document("gate.example", 15432) == {
        "id": "id345678",
        "principal": "alice",
        "user": "alice",
        "password": "tw1_x",
        "host": "gate.example",
        "port": 15432,
        "datasources": ["crm", "shop"],
        "expires_at": "2027-01-15T08:00:00Z",
    }


def test_times_are_rfc_3339_in_utc() -> None:
    assert rfc3339(0.0) == "1970-01-01T00:00:00Z"


def test_a_credential_is_live_until_the_moment_it_expires() -> None:
    credential = Credential("id345678", "alice", (), NOW_S, NOW_S + 10, None, "")
    assert [credential.state(NOW_S + after) for after in (0, 9.99, 10)] == ["live", "live", "expired"]


def test_a_revoked_credential_says_so_even_when_expired() -> None:
    credential = Credential("id345678", "alice", (), NOW_S, NOW_S + 10, NOW_S + 5, "")
    assert credential.state(NOW_S + 20) == "revoked"


@pytest.mark.parametrize("kind", list(Kind))
def test_a_ttl_is_positive_and_bounded_by_kind(kind: Kind) -> None:
    assert expiry(kind, 1.0, NOW_S) == NOW_S + 1
    assert expiry(kind, MAX_TTL_S[kind], NOW_S) == NOW_S + MAX_TTL_S[kind]
    for wrong in (0.0, -1.0, MAX_TTL_S[kind] + 1, math.inf, math.nan):
        with pytest.raises(UsageError, match=f"a {kind} credential lives more than 0 s and at most"):
            expiry(kind, wrong, NOW_S)


def test_services_may_have_longer_credentials_than_people() -> None:
    assert MAX_TTL_S[Kind.SERVICE] == 90 * DAY_S > MAX_TTL_S[Kind.USER] == MAX_TTL_S[Kind.AGENT]


@given(st.text(alphabet=st.characters(), max_size=80))
def test_every_name_a_client_can_send_has_one_salt_of_sixteen_bytes(name: str) -> None:
    assert len(salt_for(b"key", name)) == 16
    assert salt_for(b"key", name) == salt_for(b"key", name)


def test_salts_differ_between_names_and_deployments() -> None:
    salts = {salt_for(key, name) for key in (b"one", b"two") for name in ("alice", "bob", "", "\udcff")}
    assert len(salts) == 8
