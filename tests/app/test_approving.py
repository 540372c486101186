"""Requests as a deployment is configured."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from tidewaiter.app.approving import Durably, requests_of
from tidewaiter.approvals.desk import Request
from tidewaiter.config import load
from tidewaiter.model import Need, Receipt
from tidewaiter.store import open_store

DRAFT = Request(
    id="", principal="bot", on_behalf_of=None, datasource="shop", rule="r", message="m", statement="drop table t",
    parameters=(), binding="b" * 64, needs=(Need(("dba",)),), session="s", created_s=0, expires_s=0,
)  # fmt: skip


class Recorder:
    """Of a ledger whose entries become durable only when asked for."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def record(self, kind: str, members: bytes, body: bytes | None = None) -> Receipt:
        self.steps.append(f"record {kind} {members.decode()}")
        return Receipt(7)

    async def durable(self, receipt: Receipt) -> None:
        self.steps.append(f"durable {receipt}")


class Memory:
    async def record(self, kind: str, fields: Mapping[str, object]) -> Receipt:
        return Receipt(0)


def test_the_times_of_the_configuration_are_the_desks_terms(tmp_path: Path) -> None:
    file = tmp_path / "tidewaiter.toml"
    file.write_text("[approvals]\ndecide_s = 60\n")
    config = load(file, {})
    store = open_store(config.store.url, tmp_path)
    asked = asyncio.run(requests_of(config, store, Memory(), lambda: 1000.0).ask(DRAFT))
    store.close()
    assert (asked.created_s, asked.expires_s, asked.id[:3]) == (1000.0, 1060.0, "AR-")


def test_what_is_recorded_is_durable_when_recording_returns() -> None:
    recorder = Recorder()
    assert asyncio.run(Durably(recorder).record("request.change", {"request": "AR-1"})) == 7
    assert recorder.steps == ['record request.change "request":"AR-1"', "durable 7"]
