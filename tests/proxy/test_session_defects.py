"""What defects do to a session: a refusal and an entry, or its end; never a pass."""

from __future__ import annotations

from typing import NoReturn, cast

from playbook import (
    FAILED,
    FAILING_QUERY,
    READ,
    READY,
    SYNTAX_ERROR,
    Entry,
    Happens,
    Play,
    Run,
    asked,
    begun,
    client,
    ended,
    ledger,
    ledger_is,
    refused,
    says,
    server,
)
from playstage import Stage
from sessionkit import BUG, ONE, SELECT, SLOW, UPDATE

from tidewaiter.policy import Policies
from tidewaiter.wire import postgres as pg


# -- defects: a refusal and an entry, never a pass --------------------------------------------------
class Broken:
    """Policies with a defect: whatever is asked of them raises."""

    version = "broken"
    context_attributes: frozenset[str] = frozenset()
    want_estimates = False

    def tagged(self, *_: object) -> frozenset[tuple[str, str]]:
        return frozenset()

    def decide(self, *_: object) -> NoReturn:
        raise ZeroDivisionError("a defect")


def defective(*_: object) -> NoReturn:
    raise ZeroDivisionError("a defect")


def _break_policies() -> Happens:
    return Happens("break", lambda run: setattr(run, "policies", Broken()))


def test_a_defect_in_a_policy_is_a_refusal_with_an_entry() -> None:
    stage = Stage(rules=cast(Policies, Broken()))
    (
        Play(stage)
        >> client(SELECT)
        << ledger(refused(b"select 1", ""))
        << client(says("XX000", "could not be judged", "a defect"), READY)
        >> client(asked(), pg.sync())
        << ledger(refused(READ, ""))
        << client(says("XX000"), READY)
    ).holds()


def test_a_defect_in_a_policy_within_a_transaction_fails_it() -> None:
    (
        begun()
        >> _break_policies()
        >> client(SELECT)
        << ledger(refused(b"select 1", ""))
        << server(FAILING_QUERY)
        >> server(SYNTAX_ERROR, FAILED)
        << client(says("XX000"), FAILED)
    ).holds()


def test_a_defect_in_understanding_makes_the_text_unknown() -> None:
    (
        Play(Stage(understand=defective))
        >> client(SELECT)
        << ledger(refused(b"select 1", "understood", unknown=["could not be analysed: ZeroDivisionError('a defect')"]))
        << client(says("42501"), READY)
        >> client(asked(), pg.sync())
        << ledger(refused(READ, "understood"))
        << client(says("42501"), READY)
    ).holds()


def test_a_defect_where_policies_come_from_ends_the_session_and_nothing_is_forwarded() -> None:
    def lose(run: Run) -> None:
        del run.policies

    play = Play() >> Happens("lose", lose) >> client(SELECT) << client(BUG) << server(pg.terminate())
    (play << ended("defect")).holds()


def test_a_defect_while_something_is_awaited_ends_the_session() -> None:
    def break_disk(run: Run) -> None:
        run.ledger.become_defective(ZeroDivisionError("a defect"))

    play = Play(SLOW) >> client(pg.query(UPDATE)) >> Happens("break", break_disk) << client(BUG)
    (play << server(pg.terminate()) << ended("defect")).holds()


def test_a_defect_in_the_trail_ends_the_session_and_nothing_leaves() -> None:
    (
        Play()
        >> client(SELECT)
        << server(SELECT)
        >> ledger_is("defective")
        >> server(ONE, READY)
        << client(BUG)
        << server(pg.terminate())
        << ended("defect")
    ).holds()
    (
        Play()
        >> ledger_is("defective")
        >> client(pg.query(UPDATE))
        << client(BUG)
        << server(pg.terminate())
        << ended("defect")
    ).holds()


def test_the_parser_itself_is_not_crashed_by_what_it_cannot_read() -> None:
    deep = b"select " + b"(" * 40_000 + b"1" + b")" * 40_000
    (Play() >> client(pg.query(deep)) << ledger(Entry("intent", verdict="deny")) << client(says("42601"), READY)).holds(
        ("whole",)
    )
