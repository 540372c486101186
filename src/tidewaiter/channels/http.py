"""HTTP to vendors: what can go wrong becomes Undelivered, and no address or secret gets into its text."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx2

from tidewaiter.channels.contract import Undelivered
from tidewaiter.visible import harmless, shortened

TIMEOUT_S = 15.0
ANSWER_BYTES = 16 << 20  # 50 comments of the greatest length, four bytes a character
SAID_CHARACTERS = 200
TRY_SOON = frozenset((408, 425, 429, 500, 502, 503, 504))


class Http:
    """A client for one vendor's API at `base`. Redirects are not followed: a token goes to whom it was meant for."""

    def __init__(
        self,
        base: str,
        headers: Mapping[str, str],
        transport: httpx2.AsyncBaseTransport | None = None,
        auth: httpx2.Auth | None = None,
    ) -> None:
        self._base = base
        self._host = urlsplit(base).netloc.rpartition("@")[2]
        self._client = httpx2.AsyncClient(
            headers={"user-agent": "tidewaiter", **headers}, timeout=TIMEOUT_S, transport=transport, auth=auth
        )

    async def send(
        self, method: str, path: str, *, json: object = None, content: bytes | None = None,
        headers: Mapping[str, str] | None = None, parameters: Mapping[str, str] | None = None,
    ) -> httpx2.Response:  # fmt: skip
        """The answer, if it is 2xx or 304. Raises Undelivered."""
        body = {"content": content} if content is not None else {"json": json} if json is not None else {}
        asked: dict[str, Any] = {"headers": dict(headers or {}), "params": dict(parameters or {}) or None, **body}
        url = self._base.rstrip("/") + path if path else self._base  # an address alone is used to the letter
        try:
            async with self._client.stream(method, url, **asked) as response:
                size = 0
                chunks = []
                async for chunk in response.aiter_bytes():
                    size += len(chunk)
                    if size > ANSWER_BYTES:
                        raise Undelivered(f"{self._host} answered with more than {ANSWER_BYTES} bytes", is_lasting=True)
                    chunks.append(chunk)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise Undelivered(f"{self._host} cannot be reached: {type(error).__name__}") from error
        answer = httpx2.Response(response.status_code, headers=_plain(response.headers), content=b"".join(chunks))
        if answer.is_success or answer.status_code == 304:
            return answer
        raise self._refused(answer)

    def _refused(self, answer: httpx2.Response) -> Undelivered:
        said = shortened(harmless(answer.text.strip()), SAID_CHARACTERS)
        text = f"{self._host} answered {answer.status_code}" + (f": {said}" if said else "")
        is_limit = answer.headers.get("x-ratelimit-remaining") == "0"
        return Undelivered(
            text, after_s=_after_s(answer.headers), is_lasting=answer.status_code not in TRY_SOON and not is_limit
        )

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.aclose()


def fields(answer: httpx2.Response) -> dict[str, Any]:
    """The JSON object of an answer. Raises Undelivered."""
    found = json_of(answer)
    if not isinstance(found, dict):
        raise Undelivered("the answer is not a JSON object", is_lasting=True)
    return found


def json_of(answer: httpx2.Response) -> Any:
    """The JSON of an answer. Raises Undelivered."""
    try:
        return answer.json()
    except (ValueError, RecursionError):
        raise Undelivered("the answer is not JSON", is_lasting=True) from None


def _plain(headers: httpx2.Headers) -> dict[str, str]:
    """Without what described the transfer: the content is decoded already."""
    return {key: value for key, value in headers.items() if key not in ("content-encoding", "content-length")}


def _after_s(headers: httpx2.Headers) -> float:
    """Retry-After (RFC 9110 §10.2.3) in seconds; a date counts from the answer's own Date."""
    asked = headers.get("retry-after", "")
    if asked.isdigit():
        return float(asked[:9])
    try:
        return max((parsedate_to_datetime(asked) - parsedate_to_datetime(headers["date"])).total_seconds(), 0.0)
    except (KeyError, ValueError, TypeError):
        return 0.0
