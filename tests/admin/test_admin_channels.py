"""How channels stand, as operations tell it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tidewaiter.admin.actor import Actor, Channel
from tidewaiter.admin.channels import channel_ls, channel_test, delivery
from tidewaiter.admin.site import Site
from tidewaiter.channels.outbox import Delivery, Tally
from tidewaiter.config import load
from tidewaiter.errors import NotFound

BY = Actor(Channel.SOCKET, "root", 0)
HOOK = '[[channel]]\nname = "hook"\nkind = "webhook"\nsecret = "env:X"\nurl = "https://h.example"\ngroups = ["dba"]\n'
BEHIND = Delivery("AR-2222222", "hook", "dora", 3, 0, "", 2, 0.0, 60.0, None, "502", False)


def site(folder: Path) -> Site:
    (folder / "tidewaiter.toml").write_text(HOOK)

    async def probe(name: str) -> str:
        return f"{name} is fine"

    outbox = SimpleNamespace(tally=lambda name: Tally(4, 1, 0, 0.0, "502"))
    made: Any = SimpleNamespace(
        config=load(folder / "tidewaiter.toml", {}), outbox=outbox, probe=probe, hears=lambda name: "socket closed"
    )
    return cast(Site, made)


def test_channels_are_listed_with_what_is_wrong(tmp_path: Path) -> None:
    assert asyncio.run(channel_ls(site(tmp_path), BY)) == [
        {
            "name": "hook", "kind": "webhook", "datasources": [], "groups": ["dba"], "told": 4, "waiting": 1,
            "waiting_since": "1970-01-01T00:00:00Z", "given_up": 0, "problem": "502", "hears": "socket closed",
        }
    ]  # fmt: skip


def test_a_channel_is_probed_by_name(tmp_path: Path) -> None:
    assert asyncio.run(channel_test(site(tmp_path), BY, "hook")) == {"name": "hook", "said": "hook is fine"}
    with pytest.raises(NotFound, match="no channel 'other'"):
        asyncio.run(channel_test(site(tmp_path), BY, "other"))


def test_a_delivery_says_when_it_is_tried_again() -> None:
    told = delivery(BEHIND)
    assert told["member"] == "dora"
    assert (told["state"], told["next_at"], told["attempts"], told["problem"], told["told_at"]) == (
        "waiting", "1970-01-01T00:01:00Z", 2, "502", None,
    )  # fmt: skip
