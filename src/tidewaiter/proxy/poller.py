"""What sessions read and write over plain sockets, in fewer steps than the event loop's transports take.

An event loop's transport serves any protocol: it makes handles, contexts and queues for each chunk, a fifth of all that
a known statement took, hashes aside. Where it was built and the system has epoll,
`_poller.c` reads and writes the sockets of sessions itself. The loop watches one descriptor, the poller's, and calls
`turn`: what is ready is read, a chunk at a time, and given to its link; what is written meanwhile leaves when the turn
ends, and then what was to be called `soon` is called. Login, TLS and everything else stay with the loop's transports,
and so do sessions where there is no poller.

`Poller.adopt` takes over a socket whose transport has nothing unsent and does not read. That transport goes on owning
the socket, and its `connection_lost` tells the link of the end. The `Stream` does what the transport did for the link:
`write` (what the socket does not take waits; beyond `high` bytes the link is told to `pause_writing`, at a quarter of
that to `resume_writing`), `pause_reading`, `resume_reading`, `close` (once all is written) and `abort`. A peer that
closes its side is closed once it has what was written for it. What a callback raises ends its stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tidewaiter.proxy._poller import Poller

_Poller: Callable[..., Poller] | None
try:
    import tidewaiter.proxy._poller as _poller

    _Poller = _poller.Poller
except ModuleNotFoundError:
    _Poller = None


def poller_for(loop: asyncio.AbstractEventLoop, call_soon: Callable[[Callable[[], None]], object]) -> Poller | None:
    """A poller that `loop` turns, until `dismiss`; None where there is none."""
    if _Poller is None:
        return None
    poller = _Poller(call_soon)
    loop.add_reader(poller.fileno(), poller.turn)
    return poller


def dismiss(loop: asyncio.AbstractEventLoop, poller: Poller) -> None:
    """Turn it no more. What it adopted is over, or will never be read again."""
    loop.remove_reader(poller.fileno())
