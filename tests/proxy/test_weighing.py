"""What a client's message is worth before anything is sent: verdicts, holds, and a ledger that cannot be written."""

from __future__ import annotations

import pytest
from playbook import (
    BOUND,
    DROP,
    FAILING_PARSE,
    PARSED,
    READ,
    READY,
    SYNTAX_ERROR,
    Play,
    Says,
    asked,
    asked_values,
    bound,
    client,
    ended,
    ledger,
    ledger_is,
    ran,
    refused,
    rows,
    says,
    server,
    values_answer,
)
from playstage import NoToday, Stage

from tidewaiter.approvals.desk import Request
from tidewaiter.proxy import weighing
from tidewaiter.proxy.holding import CLEAN_TRANSACTION_S, HEARTBEAT_S
from tidewaiter.proxy.refusal import FAILING_TEXT
from tidewaiter.wire import postgres as pg


def test_a_held_query_says_whom_it_waits_for_and_then_who_denied_it() -> None:
    text = b"truncate orders"
    (
        Play()
        >> client(pg.query(text))
        << asked_values()
        >> server(values_answer())
        << ledger(refused(text, "dba-waits", "hold", request="AR-1"))
        << client(
            says("00000", "a DBA looks first", "request AR-1", "waiting for dba", severity="NOTICE"),
            says("42501", "request AR-1 was denied by dora: not today"),
            READY,
        )
    ).holds()


def test_what_is_answered_here_before_a_held_statement_does_not_wait_for_it() -> None:
    text = b"truncate orders"
    (
        Play()
        >> client(pg.query(DROP), pg.query(text))
        << ledger(refused(DROP))
        << client(says("42501", "no-drops"), READY)
        << asked_values()
        >> server(values_answer())
        << ledger(refused(text, "dba-waits", "hold", request="AR-1"))
        << client(says("00000", severity="NOTICE"), says("42501", "denied by dora"), READY)
    ).holds(("whole",))


def test_what_belongs_to_a_held_statement_waits_with_it_while_answers_before_it_go() -> None:
    text = b"truncate orders"
    (
        Play()
        >> client(pg.parse(b"", DROP), pg.sync(), pg.parse(b"", text), bound(), pg.execute(b""), pg.sync())
        << ledger(refused(DROP))
        << client(says("42501", "no-drops"), READY)
        << asked_values()
        >> server(values_answer())
        << ledger(refused(text, "dba-waits", "hold", request="AR-1"))
        << client(says("00000", severity="NOTICE"))
        << server(pg.parse(b"", text), bound(), FAILING_PARSE, pg.sync())
        >> server(PARSED, BOUND, SYNTAX_ERROR, READY)
        << client(PARSED, BOUND, says("42501", "denied by dora"), READY)
    ).holds(("whole",))


HELD = b"truncate orders"
DENIED = says("42501", "request AR-1 was denied by dora: not today")
AT_ONCE = says("42501", "request AR-1 waits for dba")


def asked_for(id_: str = "AR-1") -> Says:
    return says("00000", f"request {id_}", severity="NOTICE")


@pytest.fixture
def waits_s(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the first look at each request may take: less than a heartbeat's time is all the time that there is."""
    found: list[float] = []
    decided = NoToday.decided

    async def noted(self: NoToday, id_: str, timeout_s: float) -> Request:
        found.append(timeout_s)
        return await decided(self, id_, timeout_s)

    monkeypatch.setattr(NoToday, "decided", noted)
    return found


def begun(play: Play) -> Play:
    begin, begun = pg.query(b"begin"), (pg.command_complete("BEGIN"), pg.ready_for_query("T"))
    return play >> client(begin) << server(begin) >> server(*begun) << client(*begun) << ledger(ran(b"begin"))


def test_a_transaction_that_has_done_nothing_waits_five_seconds_at_most(waits_s: list[float]) -> None:
    failing = pg.query(FAILING_TEXT)
    (
        begun(Play())
        >> client(pg.query(HELD))
        << asked_values()
        >> server(values_answer(status="T"))
        << ledger(refused(HELD, "dba-waits", "hold", request="AR-1"))
        << client(asked_for())
        << server(failing)
        >> server(SYNTAX_ERROR, pg.ready_for_query("E"))
        << client(DENIED, pg.ready_for_query("E"))
    ).holds(("whole",))
    assert waits_s == [CLEAN_TRANSACTION_S] == [5.0]


def test_outside_a_transaction_the_rule_alone_says_how_long(waits_s: list[float]) -> None:
    (
        Play()
        >> client(pg.query(HELD))
        << asked_values()
        >> server(values_answer())
        << ledger(refused(HELD, "dba-waits", "hold"))
        << client(asked_for(), DENIED, READY)
    ).holds(("whole",))
    assert waits_s == [HEARTBEAT_S]


@pytest.mark.parametrize("did", ["parsed", "described", "bound", "ran"])
def test_a_transaction_in_which_the_server_has_looked_at_a_relation_waits_not_at_all(did: str) -> None:
    """Parsing a statement locks what it names up to the end of the block, and so do binding and describing one."""
    parse, insert = pg.parse(b"s", READ), pg.query(b"insert into orders (id) values (1)")
    messages, answers = {
        "parsed": ((parse,), (PARSED,)),
        "described": ((pg.describe("S", b"t"),), (pg.no_data(),)),
        "bound": ((pg.bind(b"p", b"t", (), (b"1",), ()),), (BOUND,)),
        "ran": ((insert,), (pg.command_complete("INSERT 0 1"), pg.ready_for_query("T"))),
    }[did]
    play = Play() >> client(pg.parse(b"t", READ), pg.sync())
    play = play << server(pg.parse(b"t", READ), pg.sync()) >> server(PARSED, READY) << client(PARSED, READY)
    is_query, open_ = did == "ran", pg.ready_for_query("T")
    sync = () if is_query else (pg.sync(),)
    end = () if is_query else (open_,)
    play = begun(play) >> client(*messages, *sync) << server(*messages, *sync) >> server(*answers, *end)
    play = play << client(*answers, *end)
    if is_query:
        play = play << ledger(ran(b"insert into orders (id) values (1)"))
    (
        play
        >> client(pg.query(HELD))
        << asked_values()
        >> server(values_answer(status="T"))
        << ledger(refused(HELD, "dba-waits", "hold", request="AR-1"))
        << server(pg.query(FAILING_TEXT))
        >> server(SYNTAX_ERROR, pg.ready_for_query("E"))
        << client(AT_ONCE, pg.ready_for_query("E"))
    ).holds(("whole",))


def test_settings_that_only_the_session_knows_are_asked_for_too() -> None:
    text = b"set app.tenant to '5'"
    done = (pg.command_complete("SET"), READY)
    (
        Play()
        >> client(pg.query(text))
        << server(pg.query(text))
        >> server(*done)
        << client(*done)
        << ledger(ran(text))
        >> client(pg.query(HELD))
        << asked_values("app.tenant")
        >> server(values_answer(b"5"))
        << ledger(refused(HELD, "dba-waits", "hold"))
        << client(asked_for(), DENIED, READY)
    ).holds(("whole",))


def test_a_portal_that_is_at_the_server_already_is_not_waited_for_and_not_lost() -> None:
    """A Sync would end it, and an approval be used up by nothing."""
    bound_, flush = pg.bind(b"", b"", (), (), ()), pg.flush()
    (
        Play()
        >> client(pg.parse(b"", HELD), bound_, flush)
        << server(pg.parse(b"", HELD), bound_, flush)
        >> server(PARSED, BOUND)
        << client(PARSED, BOUND)
        >> client(pg.execute(b"", 0), pg.sync())
        << asked_values(with_sync=False)
        >> server(values_answer(with_sync=False))
        << ledger(refused(HELD, "dba-waits", "hold", request="AR-1"))
        << server(FAILING_PARSE, pg.sync())
        >> server(SYNTAX_ERROR, READY)
        << client(AT_ONCE, READY)
    ).holds(("whole",))


def test_a_statement_that_was_only_parsed_ahead_waits() -> None:
    """As asyncpg does it: Parse, Describe, Flush; then Bind, Execute, Sync. The Sync gives back what parsing locked."""
    described = (pg.parse(b"", HELD), pg.describe("S", b""), pg.flush())
    (
        Play()
        >> client(*described)
        << server(*described)
        >> server(PARSED, pg.no_data())
        << client(PARSED, pg.no_data())
        >> client(pg.bind(b"", b"", (), (), ()), pg.execute(b"", 0), pg.sync())
        << asked_values()
        >> server(values_answer())
        << ledger(refused(HELD, "dba-waits", "hold", request="AR-1"))
        << client(asked_for())
        << server(pg.bind(b"", b"", (), (), ()), FAILING_PARSE, pg.sync())
        >> server(BOUND, SYNTAX_ERROR, READY)
        << client(BOUND, DENIED, READY)
    ).holds(("whole",))


def test_a_session_with_more_settings_of_its_own_than_can_be_asked_for_holds_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text, done = b"set app.tenant to '5'", (pg.command_complete("SET"), READY)
    monkeypatch.setattr(weighing, "OWN_SETTINGS", 0)
    (
        Play()
        >> client(pg.query(text))
        << server(pg.query(text))
        >> server(*done)
        << client(*done)
        << ledger(ran(text))
        >> client(pg.query(HELD))
        << ledger(refused(HELD, "dba-waits", "hold"))
        << client(says("42501", "settings of its own", "connect anew"), READY)
    ).holds(("whole",))


def test_rollback_is_not_refused_even_when_nothing_is_permitted() -> None:
    rollback = pg.query(b"rollback")
    play = Play(Stage(rules='@id("never") forbid (principal, action, resource);'))
    (play >> client(rollback) << server(rollback) >> server(READY) << client(READY) << ledger(ran(b"rollback"))).holds()


def test_one_denied_statement_in_a_text_denies_the_whole_text() -> None:
    text = b"select 1; drop table orders"
    (Play() >> client(pg.query(text)) << ledger(refused(text)) << client(says("42501", "no-drops"), READY)).holds()


@pytest.mark.parametrize("state", ["full", "broken"])
def test_nothing_new_is_forwarded_while_the_ledger_cannot_be_written(state: str) -> None:
    unrecorded = says("58030", "nothing was forwarded")
    play = Play() >> ledger_is(state) >> client(pg.query(b"select 1"))
    if state == "full":
        (
            play
            << client(unrecorded, READY)
            >> client(asked(READ, b"1"), pg.sync())
            << server(pg.parse(b"", READ), bound(b"1"), pg.describe("P", b""), FAILING_PARSE, pg.sync())
            >> server(PARSED, BOUND, pg.row_description([]), SYNTAX_ERROR, READY)
            << client(PARSED, BOUND, pg.row_description([]), unrecorded, READY)
            >> ledger_is("open")
            >> client(pg.query(b"select 1"))
            << server(pg.query(b"select 1"))
            >> server(rows(b"1"), READY)
            << client(rows(b"1"), READY)
            << ledger(ran(b"select 1"))
        ).holds(("whole", "with trailing bytes"))
    else:
        fatal = says("58030", severity="FATAL")
        (play << client(fatal) << server(pg.terminate()) << ended("ledger unavailable")).holds()


def test_a_denial_that_cannot_be_recorded_is_still_a_denial() -> None:
    (
        Play()
        >> ledger_is("full")
        >> client(pg.query(DROP))
        << client(says("58030"), READY)
        >> client(pg.parse(b"", DROP), pg.sync())
        << client(says("58030"), READY)
    ).holds()
