"""Prepare a statement anew that would be masked otherwise now than when it was prepared, as far as the client can tell
no difference: under its name, with the parameters and rows that it was told of. The server would say of others that
the cached plan must not change its result type; so does the gateway.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tidewaiter.proxy.answers import Answers
from tidewaiter.proxy.exchange import Exchange, Nothing
from tidewaiter.proxy.names import Names, Statement
from tidewaiter.proxy.needs import Renewal
from tidewaiter.proxy.veil import Veil
from tidewaiter.wire import postgres
from tidewaiter.wire.frames import HEADER

MARK = b"tidewaiter_renewed"  # a portal that does not exist: closing it tells where the answer ends


async def renew(
    need: Renewal, answers: Answers, names: Names, veil: Veil, send: Callable[[bytes], None], *, with_sync: bool
) -> bytes:
    """Prepare it anew; return the server's error where that failed and the server skips to Sync because of it.

    Everything that was sent is answered; `with_sync` as there is no Sync to come. Where the new one is not like the old
    one, the old one stays in `names`, and is refused when it runs. Raises ProtocolViolation, MaskingError.
    """
    old, plan = need.statement, need.judged.plan
    assert plan is not None
    message = veil.renewal(need.name, plan, is_sql=not old.text)
    if with_sync:
        end, ends = postgres.sync(), b"Z"
    else:
        end, ends = postgres.close("P", MARK) + postgres.flush(), b"3"
    times = 1 if with_sync else 2 if old.text else 3
    loop = asyncio.get_running_loop()
    exchange = answers.exchange = Exchange(loop.create_future(), Nothing(), ends, times)
    send(message + end)
    last = await exchange.answer
    answers.exchange = None
    if with_sync:
        answers.transaction = chr(last[HEADER])
    if exchange.error:
        names.statements.pop(need.name, None)  # nothing stands there at the server
        if not with_sync:
            answers.owed.failed()
            return exchange.error
    elif veil.is_as_before(need.name):
        facts = need.judged.facts if old.text else old.facts
        names.statements[need.name] = Statement(old.text, old.oids, facts, old.source, plan, need.since)
        names.statements[need.name].origin = old.origin
    return b""
