"""Links to the whole of a request, for messages that show its beginning: whoever has the message may read it.

The key in a link is an HMAC over the request's id, so that links cannot be guessed, and a link shows one request. It
shows it while it can be decided, and for a day after that.
"""

from __future__ import annotations

import hmac

from tidewaiter.approvals.book import UNSETTLED
from tidewaiter.approvals.desk import Request

LABEL = b"tidewaiter request link v1\n"
SHOWN_S = 86_400.0
KEY_CHARACTERS = 32  # 128 bits


class Links:
    """Makes and checks links. `url` is where the console can be reached, None: there are no links."""

    def __init__(self, url: str | None, key: bytes) -> None:
        self._url = url.rstrip("/") if url else None
        self._key = key

    def of(self, request: str) -> str:
        """The link to a request, empty where there are none."""
        return f"{self._url}/requests/{request}?key={self._key_of(request)}" if self._url else ""

    def opens(self, request: str, key: str) -> bool:
        """Whether a link's key is the one of this request."""
        return self._url is not None and hmac.compare_digest(
            key.encode("utf-8", "replace"), self._key_of(request).encode()
        )

    def _key_of(self, request: str) -> str:
        return hmac.digest(self._key, LABEL + request.encode("utf-8", "replace"), "sha256").hex()[:KEY_CHARACTERS]


def is_shown(request: Request, now_s: float) -> bool:
    """Whether a request is still shown to whoever has a link to it."""
    return request.state in UNSETTLED or now_s < request.expires_s + SHOWN_S
