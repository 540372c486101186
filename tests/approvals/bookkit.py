"""A book on a store of its own, a ledger that remembers, a clock that is set."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tidewaiter.approvals.book import ID_ALPHABET, Book
from tidewaiter.approvals.desk import Request
from tidewaiter.errors import LedgerUnavailable
from tidewaiter.model import Kind, Need, Principal, Receipt
from tidewaiter.store import open_store

URL = "sqlite:///control.sqlite"
NOW = 1_800_000_000.0
DORA = Principal("dora", Kind.USER, frozenset({"dba"}))
DAN = Principal("dan", Kind.USER, frozenset({"dba"}))
ALICE = Principal("alice", Kind.USER, frozenset({"analysts"}))


def random_text(size: int) -> str:
    return "".join(secrets.choice(ID_ALPHABET) for _ in range(size))


@contextmanager
def opened(folder: Path) -> Iterator[Book]:
    """A book; several on one folder are several gateways."""
    store = open_store(URL, folder)
    try:
        yield Book(store, random_text)
    finally:
        store.close()


def draft(binding: str = "b" * 64, *needs: Need) -> Request:
    return Request(
        id="", principal="reporter", on_behalf_of="alice", datasource="shop", rule="holds", message="waits",
        statement="delete from customers", parameters=("7", None), binding=binding, needs=needs or (Need(("dba",)),),
        session="s1", created_s=NOW, expires_s=NOW + 60, facts={"verbs": ["delete_all"]},
    )  # fmt: skip


class Memory:
    """A ledger. `is_broken` makes it refuse."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, dict[str, object]]] = []
        self.is_broken = False

    async def record(self, kind: str, fields: Mapping[str, object]) -> Receipt:
        if self.is_broken:
            raise LedgerUnavailable("full")
        self.entries.append((kind, dict(fields)))
        return Receipt(len(self.entries))

    def of(self, kind: str) -> list[dict[str, object]]:
        return [fields for found, fields in self.entries if found == kind]

    @property
    def steps(self) -> list[tuple[object, object]]:
        return [(fields["what"], fields["state"]) for kind, fields in self.entries if kind == "request.change"]


class Clock:
    def __init__(self) -> None:
        self.now_s = NOW

    def __call__(self) -> float:
        return self.now_s
