"""Operations on approval channels: how they stand, and whether they would work. (The admin socket is channel.py.)"""

from __future__ import annotations

import asyncio
from typing import Any

from tidewaiter.admin.actor import Actor
from tidewaiter.admin.site import Site
from tidewaiter.channels.outbox import Delivery
from tidewaiter.errors import NotFound
from tidewaiter.identity import rfc3339

Json = Any


async def channel_ls(site: Site, by: Actor) -> Json:
    """Every configured channel: what it was told, what waits, and what is wrong."""
    return [await _told(site, name) for name in sorted(site.config.channels)]


async def channel_test(site: Site, by: Actor, name: str) -> Json:
    """Whether a channel would work now. Raises NotFound, and Conflict with what is wrong."""
    if name not in site.config.channels:
        raise NotFound(f"there is no channel {name!r}")
    return {"name": name, "said": await site.probe(name)}


async def _told(site: Site, name: str) -> dict[str, object]:
    tally = await asyncio.to_thread(site.outbox.tally, name)
    config = site.config.channels[name]
    return {
        "name": name,
        "kind": config.kind,
        "datasources": list(config.datasources),
        "groups": list(config.groups),
        "told": tally.told,
        "waiting": tally.waiting,
        "waiting_since": rfc3339(tally.waiting_since_s) if tally.waiting_since_s is not None else None,
        "given_up": tally.given_up,
        "problem": tally.problem,
        "hears": site.hears(name),
    }


def delivery(one: Delivery) -> dict[str, object]:
    """What `request show` says of what a channel was told."""
    return {
        "channel": one.channel,
        "member": one.member or None,
        "state": one.state,
        "reference": one.reference,
        "told_at": rfc3339(one.told_at_s) if one.told_at_s is not None else None,
        "attempts": one.attempts,
        "next_at": rfc3339(one.next_at_s) if one.state == "waiting" else None,
        "problem": one.problem,
    }
