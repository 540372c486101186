"""The short road: what takes it, what does not, and that both roads lead to the same entries."""

from __future__ import annotations

import pytest
from playbook import (
    BEGIN,
    BEGUN,
    BOUND,
    DROP,
    FAILED,
    FAILING_PARSE,
    IN_TRANSACTION,
    PARSED,
    READ,
    READY,
    SYNTAX_ERROR,
    Entry,
    Play,
    begun,
    bound,
    client,
    ledger,
    ledger_is,
    policies_are,
    ran,
    refused,
    rows,
    says,
    server,
)
from playstage import PATH, RULES, Paper, Shelf, Stage, policies, shop

from tidewaiter.model import Context
from tidewaiter.proxy.answers import Answers
from tidewaiter.proxy.asks import Asks
from tidewaiter.proxy.footing import Footing, Judges
from tidewaiter.proxy.names import Names
from tidewaiter.proxy.rounds import Rounds
from tidewaiter.proxy.standing import Standing
from tidewaiter.proxy.trail import Trail
from tidewaiter.wire import postgres as pg
from tidewaiter.wire.frames import FrontendFrames
from tidewaiter.wire.postgres_state import Owes

PREPARE = pg.parse(b"p", READ) + pg.sync()
SELECT = pg.query(b"select name from customers where id = 7")
ROW = pg.row_description([pg.Column(b"x")])


def asked(*values: bytes, described: bool = True, limit: int = 0) -> bytes:
    """A round of the prepared statement p."""
    describe = pg.describe("P", b"") if described else b""
    return bound(*values, statement=b"p") + describe + pg.execute(b"", limit) + pg.sync()


def prepared(stage: Stage | None = None) -> Play:
    """A session that has prepared READ as p."""
    play = Play(stage) >> client(PREPARE) << server(PREPARE) >> server(PARSED + READY) << client(PARSED + READY)
    return play << ledger()


class Road:
    """Rounds with what they stand on, without a session."""

    def __init__(self) -> None:
        self.paper = Paper(slow_disk=False)
        self.policies = policies(RULES)
        footing = Footing(
            "shop", False, False, Shelf(shop()), lambda: self.policies, Judges(), Context("127.0.0.1", "test"),
            lambda: 0,
        )  # fmt: skip
        self.names = Names()
        standing = Standing(Stage().principal, footing, self.names)
        standing.set_path(PATH)
        trail = Trail(self.paper, "full", {"session": "s"})
        self.answers = Answers(standing, trail, lambda: 0)
        self.asks = Asks("s", standing, trail, self.answers, lambda: 0, lambda: self.paper.available)
        self.rounds = Rounds(standing, self.asks, self.answers, lambda: 0, lambda: self.paper.available, 4096)

    def is_at_rest(self) -> bool:
        return self.rounds.is_at_rest

    def has_worked(self) -> bool:
        """Whether the present transaction has."""
        return self.asks._worked_at == self.answers.idles

    def slowly(self, messages: bytes) -> None:
        """What went through `Asks` before."""
        data, pieces = FrontendFrames(4096).feed(messages)
        for piece in pieces:
            assert self.asks.take(data, piece) is None
        self.asks.taken()

    def ready(self) -> Road:
        """READ prepared as p, SELECT run once, everything answered."""
        self.slowly(PREPARE)
        self.answers.feed(PARSED + READY)
        self.slowly(SELECT)
        self.answers.feed(rows(b"ada") + READY)
        return self


@pytest.mark.parametrize(
    "chunk",
    [
        SELECT,
        pg.query(b"select name from customers where id = 8"),
        asked(b"7"),
        asked(b"7", described=False),
        asked(),
    ],
)
def test_a_known_plain_statement_takes_the_short_road(chunk: bytes) -> None:
    assert Road().ready().rounds.take(chunk)


@pytest.mark.parametrize(
    "chunk",
    [
        b"",
        SELECT[:-1],
        SELECT + SELECT,
        SELECT[:-1] + b"\0\0",
        pg.query(b"select email from customers where id = 7"),
        pg.query(READ + b" " * 4096),
        pg.query(DROP),
        pg.sync(),
        asked(b"7")[:-1],
        asked(b"7") + pg.sync(),
        asked(b"7", limit=1),
        asked(b"7").replace(b"\0p\0", b"\0q\0"),
        bound(b"7", portal=b"a", statement=b"p") + pg.describe("P", b"") + pg.execute(b"") + pg.sync(),
        bound(b"7", statement=b"p") + pg.describe("S", b"") + pg.execute(b"") + pg.sync(),
        bound(b"7", statement=b"p") + pg.execute(b"a") + pg.sync(),
        bound(b"7", statement=b"p") + pg.execute(b"") + pg.flush(),
        bound(b"7", statement=b"p"),
        asked(b"7", b"x" * 4096),
    ],
)
def test_everything_else_is_left_to_asks(chunk: bytes) -> None:
    road = Road().ready()
    assert not road.rounds.take(chunk)
    assert not road.answers.owed.debts


def test_nothing_takes_the_short_road_while_a_refusal_skips_to_sync_or_the_ledger_takes_nothing() -> None:
    road = Road().ready()
    road.paper.state = "full"
    assert not road.rounds.take(SELECT)
    road.paper.state = "open"
    road.slowly(pg.parse(b"", DROP))
    assert not road.rounds.take(asked(b"7"))
    road.slowly(pg.sync())
    assert road.rounds.take(asked(b"7"))


def test_what_must_be_durable_first_does_not_take_the_short_road() -> None:
    road = Road().ready()
    write = pg.query(b"update customers set name = 'x' where id = 7")
    road.slowly(write)
    road.answers.feed(pg.command_complete("UPDATE 1") + READY)
    assert not road.rounds.take(write)
    road.slowly(BEGIN)
    road.answers.feed(BEGUN)
    assert not road.rounds.take(BEGIN)
    assert road.rounds.take(SELECT)


@pytest.mark.parametrize("described", [True, False])
def test_a_round_is_one_execution_with_its_parameters(described: bool) -> None:
    messages = asked(b"7", described=described)
    answer = BOUND + (ROW if described else b"") + rows(b"ada")[len(ROW) :] + READY
    (
        prepared()
        >> client(messages)
        << server(messages)
        >> server(answer)
        << client(answer)
        << ledger(ran(READ, rows=1, binds=1, binds_text=bound(b"7", statement=b"p")[8:], bytes=14 + 14))
    ).holds()


def test_rounds_in_a_pipeline_are_settled_each_by_its_own_answer() -> None:
    first, second = asked(b"7"), asked(b"8", described=False)
    answers = (
        BOUND + rows(b"ada") + READY,
        BOUND + ROW + SYNTAX_ERROR + READY,
        BOUND + rows(b"eve")[len(ROW) :] + READY,
    )
    (
        prepared()
        >> client(first)
        << server(first)
        >> client(first)
        << server(first)
        >> client(second)
        << server(second)
        >> server(answers[0], answers[1])
        << client(answers[0], answers[1])
        << ledger(ran(READ, rows=1), ran(READ, "error", sqlstate="42601"))
        >> server(answers[2])
        << client(answers[2])
        << ledger(ran(READ, rows=1, binds_text=bound(b"8", statement=b"p")[8:]))
    ).holds()


def test_a_round_that_the_server_skips_says_so() -> None:
    lost = pg.bind(b"", b"gone", [], [], [])
    round_ = asked(b"7")
    failure = pg.error_response("ERROR", "26000", "no such statement")
    (
        prepared()
        >> client(lost, pg.flush())
        << server(lost, pg.flush())
        >> client(round_)
        << server(round_)
        >> server(failure, READY)
        << client(failure, READY)
        << ledger(ran(READ, "skipped"))
    ).holds()


def test_an_answer_to_a_round_may_come_with_notices_without_rows_or_not_at_all() -> None:
    notice = pg.notice_response("NOTICE", "00000", "by the way")
    answers = (
        notice + BOUND + pg.no_data() + pg.command_complete("SELECT 0") + READY,
        BOUND + notice + rows(b"ada") + notice + READY,
        BOUND + ROW + pg.empty_query_response() + READY,
        pg.error_response("ERROR", "22P02", "bad value") + READY,
    )
    play = prepared()
    for answer, entry in zip(
        answers,
        (ran(READ, rows=0), ran(READ, rows=1), ran(READ, rows=0), ran(READ, "skipped")),
        strict=True,
    ):
        play = play >> client(asked(b"7")) << server(asked(b"7")) >> server(answer) << client(answer) << ledger(entry)
    play.holds()


def test_in_a_transaction_the_unnamed_portal_of_a_round_can_be_executed_again() -> None:
    again = pg.execute(b"") + pg.sync()
    play = begun()
    (
        play
        >> client(PREPARE)
        << server(PREPARE)
        >> server(PARSED + IN_TRANSACTION)
        << client(PARSED + IN_TRANSACTION)
        >> client(asked(b"7"))
        << server(asked(b"7"))
        >> server(BOUND + rows(b"ada") + IN_TRANSACTION)
        << client(BOUND + rows(b"ada") + IN_TRANSACTION)
        << ledger(ran(READ, rows=1))
        >> client(again)
        << server(again)
        >> server(pg.command_complete("SELECT 0") + IN_TRANSACTION)
        << client(pg.command_complete("SELECT 0") + IN_TRANSACTION)
        << ledger(ran(READ, rows=0, binds=1))
    ).holds()


def test_a_round_in_a_failed_transaction_is_recorded_with_the_servers_refusal() -> None:
    failure = pg.error_response("ERROR", "25P02", "current transaction is aborted")
    (
        begun()
        >> client(PREPARE)
        << server(PREPARE)
        >> server(PARSED + FAILED)
        << client(PARSED + FAILED)
        >> client(asked(b"7"))
        << server(asked(b"7"))
        >> server(failure + FAILED)
        << client(failure + FAILED)
        << ledger(ran(READ, "skipped"))
    ).holds()


def test_policies_are_looked_at_for_every_round() -> None:
    (
        prepared()
        >> client(asked(b"7"))
        << server(asked(b"7"))
        >> server(BOUND + rows(b"ada") + READY)
        << client(BOUND + rows(b"ada") + READY)
        << ledger(ran(READ, rows=1))
        >> policies_are('@id("closed") forbid (principal, action, resource);')
        >> client(asked(b"7", described=False))
        << ledger(refused(READ, "closed"))
        << server(bound(b"7", statement=b"p"), FAILING_PARSE, pg.sync())
        >> server(BOUND, SYNTAX_ERROR, READY)
        << client(BOUND, says("42501", "closed"), READY)
    ).holds(("whole",))


def test_an_answer_whose_entry_cannot_be_written_is_not_given() -> None:
    (
        prepared()
        >> client(asked(b"7"))
        << server(asked(b"7"))
        >> ledger_is("broken")
        >> server(BOUND + rows(b"ada") + READY)
        << client(says("58030", severity="FATAL"))
        << server(pg.terminate())
    ).holds(("whole",))


def test_the_rest_of_a_long_answer_is_recorded_with_its_beginning() -> None:
    first, rest = BOUND + ROW + pg.data_row([b"a" * 50]), pg.data_row([b"b"]) + pg.command_complete("SELECT 2") + READY
    (
        prepared()
        >> client(asked(b"7"))
        << server(asked(b"7"))
        >> server(first)
        << client(first)
        >> server(rest)
        << client(rest)
        << ledger(Entry("execution", sql=READ, rows=2, status="ok"))
    ).holds()


@pytest.mark.parametrize("is_parsed", [True, False])
def test_what_was_done_elsewhere_leaves_its_names_and_within_a_transaction_its_portal(is_parsed: bool) -> None:
    road = Road().ready()
    names, known = road.names, road.names.statements[b"p"]
    judged = road.rounds.plain(known.text)
    assert judged is not None
    told = (Owes.ROUND, is_parsed, None if is_parsed else known, judged, known.text, b"binds", (23,), 0)
    road.rounds.done(*told)
    assert (names.portals, b"" in names.statements) == ({}, is_parsed)
    assert not road.has_worked(), "or the next transaction would seem to hold locks from its beginning"
    road.answers.transaction = "T"
    assert road.is_at_rest()
    road.rounds.done(*told)
    portal = names.portals[b""]
    assert (portal.binds, portal.is_done, portal.execution) == (b"binds", True, None)
    assert portal.statement is names.statements[b"" if is_parsed else b"p"]
    assert (portal.statement.text, portal.statement.facts) == (known.text, judged.facts)
    assert road.has_worked() and road.is_at_rest() and not names.changes
    portal.is_done = False
    assert not road.is_at_rest(), "while a portal is suspended"
    portal.is_done, names.portals[b"c"] = True, portal
    assert not road.is_at_rest(), "while one has a name"


def test_a_query_that_was_done_elsewhere_leaves_no_name() -> None:
    road = Road().ready()
    judged = road.rounds.plain(READ)
    assert judged is not None
    road.answers.transaction = "T"
    road.rounds.done(Owes.QUERY, False, None, judged, READ, b"", (), 0)
    assert road.has_worked() and not road.names.portals and set(road.names.statements) == {b"p"}
    road.answers.transaction = "E"
    assert not road.is_at_rest()


def test_what_went_elsewhere_and_is_handed_over_is_owed_from_its_parse_on() -> None:
    road = Road().ready()
    judged = road.rounds.plain(READ)
    assert judged is not None
    road.rounds.went(Owes.ROUND, True, None, judged, READ, b"", (23,), 0)
    assert [kind for kind, _ in road.answers.owed.debts] == [Owes.PARSE, Owes.ROUND]
    road.answers.feed(pg.error_response("ERROR", "42601", "no") + READY)
    assert b"" not in road.names.statements, "the server has refused it"
    road.rounds.went(Owes.ROUND, True, None, judged, READ, b"", (23,), 0)
    road.answers.feed(PARSED + BOUND + pg.command_complete("SELECT 0") + READY)
    assert road.names.statements[b""].oids == (23,) and not road.names.portals and road.is_at_rest()
