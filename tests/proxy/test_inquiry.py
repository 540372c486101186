"""The gateway's own questions to a session's server, and waiting until it has answered everything."""

from __future__ import annotations

import asyncio

import pytest
from playbook import Play, asked_path, client, disk, ended, gone, probe_answer, says, server
from playstage import ADA, RULES, Paper, Shelf, Stage, policies, shop
from sessionkit import NO_PATH, SELECT

from tidewaiter.errors import ProtocolViolation
from tidewaiter.model import Context
from tidewaiter.proxy import inquiry
from tidewaiter.proxy.answers import Answers
from tidewaiter.proxy.footing import Footing, Judges
from tidewaiter.proxy.inquiry import Inquiry
from tidewaiter.proxy.names import Names
from tidewaiter.proxy.probe import PATH, Interrupted, Probe
from tidewaiter.proxy.standing import Standing
from tidewaiter.proxy.trail import Trail
from tidewaiter.wire import postgres as pg
from tidewaiter.wire.postgres_state import Owes

pytestmark = pytest.mark.anyio


class Asked:
    """An inquiry, with what it sent."""

    def __init__(self, *, is_unsynced: bool = False, is_amid: bool = True) -> None:
        rules = policies()
        footing = Footing("shop", False, False, Shelf(shop()), lambda: rules, Judges(), Context(), lambda: 0)
        self.answers = Answers(Standing(ADA, footing, Names()), Trail(Paper(slow_disk=False), "full", {}), lambda: 0)
        self.sent: list[bytes] = []
        self.inquiry = Inquiry(self.answers, lambda: is_unsynced, lambda: is_amid, self.sent.append)


async def test_the_rows_of_an_answer_are_returned() -> None:
    one = Asked()
    asking = asyncio.ensure_future(one.inquiry.ask(PATH))
    await asyncio.sleep(0)
    assert one.sent == [Probe.message(PATH, with_sync=True)]
    assert one.answers.feed(probe_answer((b"on", b"UTF8"), status="I")) == b""
    assert await asking == [b"on", b"UTF8"]


@pytest.mark.parametrize(
    ("is_unsynced", "is_amid", "with_sync"), [(True, True, False), (True, False, True), (False, True, True)]
)
async def test_a_question_brings_its_sync_where_that_ends_nothing(
    is_unsynced: bool, is_amid: bool, with_sync: bool
) -> None:
    one = Asked(is_unsynced=is_unsynced, is_amid=is_amid)
    asking = asyncio.ensure_future(one.inquiry.ask(PATH))
    await asyncio.sleep(0)
    assert one.sent == [Probe.message(PATH, with_sync=with_sync)]
    asking.cancel()


async def test_what_a_cancelled_question_may_have_left_behind_is_closed_before_the_next() -> None:
    one = Asked()
    cancel = pg.error_response("ERROR", "57014", "canceling statement due to user request")
    for times in (1, 2):
        asking = asyncio.ensure_future(one.inquiry.ask(PATH))
        await asyncio.sleep(0)
        assert one.sent[-1].startswith(pg.close("S", b"tidewaiter_probe")) is (times > 1)
        one.answers.feed(pg.parse_complete() + cancel + pg.ready_for_query("I"))
        with pytest.raises(Interrupted):
            await asking
    for times in (3, 4):
        asking = asyncio.ensure_future(one.inquiry.ask(PATH))
        await asyncio.sleep(0)
        assert one.sent[-1] == Probe.message(PATH, with_sync=True, is_after_cancel=times == 3)
        closed = pg.close_complete() if times == 3 else b""
        assert one.answers.feed(closed + probe_answer((b"on", b"UTF8"), status="I")) == b""
        assert await asking == [b"on", b"UTF8"]


async def test_a_question_ends_nothing_that_has_no_sync_yet() -> None:
    for with_sync in (False, True):
        one = Asked(is_unsynced=True)
        asking = asyncio.ensure_future(one.inquiry.ask(PATH, with_sync=with_sync))
        await asyncio.sleep(0)
        assert one.sent == [Probe.message(PATH, with_sync=with_sync)]
        one.inquiry.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking


async def test_a_server_that_does_not_answer_in_time_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inquiry, "ANSWER_S", 0.0)
    with pytest.raises(ProtocolViolation, match="did not answer the gateway's own question in 0 s"):
        await Asked().inquiry.ask(PATH)


@pytest.mark.parametrize("is_unsynced", [False, True])
async def test_what_was_sent_is_waited_for_and_a_server_that_keeps_it_is_hurried(is_unsynced: bool) -> None:
    one = Asked(is_unsynced=is_unsynced)
    await one.inquiry.drain()
    assert not one.sent
    one.answers.owed.sent(Owes.PARSE)
    draining = asyncio.ensure_future(one.inquiry.drain())
    await asyncio.sleep(0)
    assert one.sent == ([pg.flush()] if is_unsynced else []) and not draining.done()
    one.answers.feed(pg.parse_complete())
    one.inquiry.settled()
    one.inquiry.settled()
    await draining


async def test_what_comes_where_the_server_waits_for_copy_data_is_no_good() -> None:
    one = Asked()
    one.answers.owed.sent(Owes.QUERY)
    one.answers.owed.is_copying_in = True
    with pytest.raises(ProtocolViolation, match="within copy data"):
        await one.inquiry.drain()


async def test_nothing_is_waited_for_once_the_session_has_ended() -> None:
    one = Asked()
    one.answers.owed.sent(Owes.QUERY)
    draining = asyncio.ensure_future(one.inquiry.drain())
    await asyncio.sleep(0)
    one.inquiry.cancel()
    with pytest.raises(asyncio.CancelledError):
        await draining


async def test_nothing_is_waited_for_that_is_asked_after_the_session_has_ended() -> None:
    one = Asked()
    one.answers.owed.sent(Owes.QUERY)
    one.inquiry.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(one.inquiry.drain(), 1)


UPDATE, SET = pg.query(b"update orders set total = 0 where id = 1"), pg.query(b"set search_path to public")
LIMITED = RULES.replace('@id("all") permit', '@id("all") @max_rows("1") permit')


@pytest.mark.parametrize(("rules", "asked"), [(RULES, (UPDATE, SET, SELECT)), (LIMITED, (UPDATE,))])
def test_a_client_that_hangs_up_while_the_disk_is_waited_for_ends_both(rules: str, asked: tuple[bytes, ...]) -> None:
    """What its message needs of the server afterwards will not come: all answers, or the steps of a limited one."""
    play = Play(Stage(slow_disk=True, rules=rules)) >> client(*asked) >> gone("client") << server(pg.terminate())
    (play >> disk() << ended("client closed the connection")).holds(("whole",))


def test_a_client_that_hangs_up_while_the_path_is_asked_for_ends_both() -> None:
    play = Play(NO_PATH) >> client(SELECT) << asked_path() >> gone("client") << server(pg.terminate())
    (play << ended("client closed the connection")).holds()


def test_a_server_that_refuses_the_gateways_own_question_ends_the_session() -> None:
    (
        Play(NO_PATH)
        >> client(SELECT)
        << asked_path()
        >> server(pg.error_response("ERROR", "42501", "no"))
        << client(says("08P01", severity="FATAL"))
        << server(pg.terminate())
        << ended("protocol violation")
    ).holds()
