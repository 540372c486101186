"""Standard Webhooks signatures: our own reading of the specification against the library of its authors."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from tidewaiter.channels.signing import TOLERANCE_S, Forged, headers_for, key_of, verified

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # the example of the specification
KEY = key_of(SECRET)
OTHER = key_of("whsec_" + base64.b64encode(b"o" * 32).decode())
BODY = b'{"test": 2432232314}'
AT = 1614265330


def test_the_example_of_the_specification() -> None:
    headers = headers_for([KEY], "msg_p5jXN8AQM9LWM0D4loKWxJek", AT, BODY)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert verified([KEY], headers, BODY, AT) == "msg_p5jXN8AQM9LWM0D4loKWxJek"


def test_the_library_takes_what_we_sign_and_we_take_what_it_signs() -> None:
    now = datetime.now(UTC)
    headers = headers_for([KEY], "AR-2222222.7", int(now.timestamp()), BODY)
    assert Webhook(SECRET).verify(BODY, headers) == {"test": 2432232314}
    theirs = Webhook(SECRET).sign("m1", now, BODY.decode())
    at = str(int(now.timestamp()))
    told = {"webhook-id": "m1", "webhook-timestamp": at, "webhook-signature": theirs}
    assert verified([OTHER, KEY], told, BODY, now.timestamp()) == "m1"


def test_keys_are_exchanged_with_two_signatures() -> None:
    headers = headers_for([OTHER, KEY], "m1", AT, BODY)
    assert verified([KEY], headers, BODY, AT) == verified([OTHER], headers, BODY, AT) == "m1"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"webhook-id": "m2"}, "not made with our secret"),
        ({"webhook-timestamp": str(AT + 1)}, "not made with our secret"),
        ({"webhook-signature": "v1,"}, "not made with our secret"),
        ({"webhook-signature": "v1a,g0hM v2,x garbage"}, "not made with our secret"),
        ({"webhook-signature": "v1,größe"}, "not made with our secret"),
        ({"webhook-signature": ""}, "has no webhook-id"),
        ({"webhook-timestamp": "soon"}, "has no webhook-id"),
        ({"webhook-timestamp": "1e9"}, "has no webhook-id"),
        ({"webhook-id": "x" * 999}, "has no webhook-id"),
    ],
)
def test_what_was_changed_is_forged(change: dict[str, str], said: str) -> None:
    with pytest.raises(Forged, match=said):
        verified([KEY], {**headers_for([KEY], "m1", AT, BODY), **change}, BODY, AT)


def test_another_body_and_another_key_are_forged() -> None:
    headers = headers_for([KEY], "m1", AT, BODY)
    for keys, body in (([KEY], BODY + b" "), ([OTHER], BODY), ([], BODY)):
        with pytest.raises(Forged):
            verified(keys, headers, body, AT)


@pytest.mark.parametrize("late_s", [TOLERANCE_S + 1, -TOLERANCE_S - 1])
def test_what_is_not_of_now_is_refused_though_it_is_signed(late_s: int) -> None:
    headers = headers_for([KEY], "m1", AT, BODY)
    with pytest.raises(Forged, match="before or after now"):
        verified([KEY], headers, BODY, AT + late_s)


@given(st.dictionaries(st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]), st.text()))
def test_any_headers_are_a_verdict(headers: dict[str, str]) -> None:
    with pytest.raises(Forged):
        verified([KEY], headers, BODY, AT)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_!!", "whsec_" + "A" * 200, "größe"])
def test_a_secret_that_is_none_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(ValueError, match="24 to 64 bytes") as refused:
        key_of(secret)
    assert not secret or secret.removeprefix("whsec_") not in str(refused.value) or secret == "whsec_"
