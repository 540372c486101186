"""Standard Webhooks signatures, symmetric (v1): https://www.standardwebhooks.com, spec 1.0. Pure.

Not the library of the same name: it takes the time from the clock, and header values that are no signatures raise
whatever they happen to raise. The tests compare the two.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence

PREFIX = "whsec_"
TOLERANCE_S = 300
ID_CHARACTERS = 256
SIGNATURES = 16  # of one message: one per key while keys are exchanged


class Forged(Exception):
    """The message is not signed with our key, or it is not of now. The text says which."""


def key_of(secret: str) -> bytes:
    """The key in a secret: base64, with or without `whsec_`. Raises ValueError; the secret is not repeated."""
    try:
        key = base64.b64decode(_padded(secret.removeprefix(PREFIX)), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not 24 <= len(key) <= 64:  # the bounds of the spec
        raise ValueError("a webhook secret is whsec_ and 24 to 64 bytes in base64")
    return key


def headers_for(keys: Sequence[bytes], id_: str, at_s: int, body: bytes) -> dict[str, str]:
    """The three headers of a message, signed with each key."""
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(at_s),
        "webhook-signature": " ".join(f"v1,{_signature(key, id_, at_s, body)}" for key in keys),
    }


def verified(keys: Sequence[bytes], headers: Mapping[str, str], body: bytes, now_s: float) -> str:
    """The id of a message that is signed with one of the keys, and of now. Names of headers in lower case.

    Raises Forged. That the id was not seen before is the caller's question.
    """
    id_, at, given = (headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
    if not id_ or not given or not (at.isascii() and at.isdigit() and len(at) <= 12) or len(id_) > ID_CHARACTERS:
        raise Forged("it has no webhook-id, webhook-timestamp and webhook-signature")
    if abs(now_s - int(at)) > TOLERANCE_S:
        raise Forged(f"it was signed more than {TOLERANCE_S} s before or after now")
    offered = [one.partition(",")[2] for one in given.split(" ")[:SIGNATURES] if one.startswith("v1,")]
    expected = [_signature(key, id_, int(at), body) for key in keys]
    matches = [
        hmac.compare_digest(one.encode("utf-8", "replace"), ours.encode()) for one in offered for ours in expected
    ]
    if not any(matches):
        raise Forged("its signature is not made with our secret")
    return id_


def _padded(text: str) -> str:
    return text + "=" * (-len(text) % 4)


def _signature(key: bytes, id_: str, at_s: int, body: bytes) -> str:
    signed = f"{id_}.{at_s}.".encode("utf-8", "replace") + body
    return base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
