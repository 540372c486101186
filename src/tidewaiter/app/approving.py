"""Requests for approval as a deployment is configured."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from tidewaiter.approvals.book import ID_ALPHABET, Book
from tidewaiter.approvals.requests import Ledger, Requests, Terms, Told
from tidewaiter.config import Config
from tidewaiter.ledger.entry import members
from tidewaiter.model import Principal, Receipt
from tidewaiter.store import Store


def requests_of(
    config: Config,
    store: Store,
    ledger: Ledger,
    now_s: Callable[[], float],
    told: Told = lambda request: None,
    principal: Callable[[str], Principal | None] | None = None,
) -> Requests:
    """The deployment's requests, on its store and its ledger. `told` hears of each change made here.

    `principal` tells who somebody is now; see `Requests`.
    """
    terms = Terms(config.approvals.decide_s, config.approvals.run_s, config.approvals.drift)
    return Requests(Book(store, _random_text), ledger, now_s, terms, store.check_s, told, principal)


def _random_text(size: int) -> str:
    return "".join(secrets.choice(ID_ALPHABET) for _ in range(size))


class Recorder(Protocol):
    """What is needed of the ledger's recorder."""

    def record(self, kind: str, members: bytes, body: bytes | None = None) -> Receipt: ...

    def durable(self, receipt: Receipt) -> Awaitable[None]: ...


class Durably:
    """A running server's ledger for those who wait until each entry is durable."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    async def record(self, kind: str, fields: Mapping[str, object]) -> Receipt:
        """Append an entry; it is durable when this returns. Raises LedgerUnavailable."""
        receipt = self._recorder.record(kind, members(fields))
        await self._recorder.durable(receipt)
        return receipt
