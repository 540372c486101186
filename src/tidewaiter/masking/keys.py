"""Keys of masks: one per tag, derived from the deployment's, never written anywhere."""

from __future__ import annotations

import hashlib

from tidewaiter.model import Secret

KEY_BYTES = 32


def tag_key(deployment_key: Secret, tag: str) -> bytes:
    """The key of a tag: columns with the same tag mask equal values alike, so they still join; others do not."""
    root = hashlib.blake2b(deployment_key.value.encode(), digest_size=KEY_BYTES, person=b"tidewaiter mask").digest()
    return hashlib.blake2b(tag.encode(), key=root, digest_size=KEY_BYTES, person=b"mask of a tag").digest()
