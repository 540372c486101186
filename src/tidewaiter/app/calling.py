"""Runs an operation on the running server, or on the deployment folder when there is none."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tidewaiter.admin import channel

if TYPE_CHECKING:
    from tidewaiter.config import Config


def call(config: Config, operation: str, arguments: Mapping[str, object]) -> Any:
    """The operation's answer. Raises what the operation raises; LedgerBusy while a server is starting or stopping."""
    try:
        return channel.ask(config.state / channel.SOCKET, operation, arguments)
    except channel.NoServer:
        pass
    import asyncio

    from tidewaiter.admin.actor import Actor, Channel
    from tidewaiter.admin.operations import operate
    from tidewaiter.app.deployment import Deployment
    from tidewaiter.config import environment

    with Deployment(config, environment()) as site:
        return asyncio.run(operate(site, operation, arguments, Actor.of(Channel.SHELL, os.getuid())))
