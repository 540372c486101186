"""What goes to the server of a session that masks: texts that were announced, each as often as it was."""

from __future__ import annotations

import pytest
from maskstage import plan

from tidewaiter.masking.plan import MaskingError
from tidewaiter.proxy.announced import Announced
from tidewaiter.proxy.described import Memo
from tidewaiter.proxy.masks import Plan
from tidewaiter.proxy.probe import PATH
from tidewaiter.proxy.refusal import FAILING_TEXT
from tidewaiter.wire import postgres as pg
from tidewaiter.wire.postgres_state import Owed, Owes

LATE = plan(b"select id, email from customers")


def own(message: bytes, name: bytes = b"") -> bytes:
    """A Parse and the Describe of the gateway's own that goes out behind it."""
    return message + pg.describe("S", name)


def test_a_text_that_was_not_announced_does_not_go_out() -> None:
    for message in (pg.query(b"select ssn from customers"), pg.parse(b"", b"select ssn from customers")):
        with pytest.raises(MaskingError, match="not the gateway's own"):
            Announced(Owed()).sent(message)


def test_a_statement_without_a_plan_does_not_go_out() -> None:
    with pytest.raises(MaskingError, match="no plan"):
        Announced(Owed()).query(None)
    with pytest.raises(MaskingError, match="no plan"):
        Announced(Owed()).parse(b"", None, ())


def test_an_announced_text_goes_out_as_often_as_it_was_announced() -> None:
    found = Announced(Owed())
    twice = found.parse(b"a", LATE, ()) + found.parse(b"b", LATE, ())
    assert found.sent(twice) == own(found.parse(b"a", LATE, ()), b"a") + own(found.parse(b"b", LATE, ()), b"b")
    found = Announced(Owed())
    found.sent(found.parse(b"a", LATE, ()))
    with pytest.raises(MaskingError):
        found.sent(pg.parse(b"c", LATE.text))


def test_the_gateways_own_questions_go_out() -> None:
    found = Announced(Owed())
    asked = pg.query(FAILING_TEXT) + pg.parse(b"tidewaiter_probe", PATH[0].text)
    assert found.sent(asked) == asked


def test_a_function_call_does_not_go_out() -> None:
    with pytest.raises(MaskingError, match="by its number"):
        Announced(Owed()).sent(pg.function_call(1, (), (), 0))


def test_each_execute_is_preceded_by_a_describe() -> None:
    found = Announced(Owed())
    messages = found.parse(b"", LATE, ()) + pg.bind(b"p", b"", (), (), ()) + pg.execute(b"p") + pg.sync()
    expected = messages.replace(pg.execute(b"p"), pg.describe("P", b"p") + pg.execute(b"p"))
    parse = pg.parse(b"", LATE.text)
    expected = expected.replace(parse, own(parse))
    assert found.sent(messages) == expected


def test_a_message_that_comes_in_pieces_goes_out_whole() -> None:
    found = Announced(Owed())
    message = found.query(LATE)
    assert (found.sent(message[:1]), found.is_between) == (b"", False)
    assert (found.sent(message[1:]), found.is_between) == (message, True)
    message = found.query(LATE)
    assert b"".join(found.sent(message[at : at + 1]) for at in range(len(message))) == message


def test_what_must_not_be_seen_is_that_of_the_latest_plan() -> None:
    found = Announced(Owed())
    found.expect(Plan(b"select 1"))
    assert [found.sight] == [None]
    found.expect(LATE)
    assert found.sight is LATE.sight
    other = plan(b"select id, email from customers").sight
    found.see(Plan(b"", sight=other))
    found.see(Plan(b"select 1"))
    assert found.sight is other and other is not LATE.sight


def test_everything_that_will_be_answered_is_owed_with_what_it_was_about() -> None:
    owed: Owed[Memo] = Owed()
    found = Announced(owed)
    found.sent(found.query(LATE) + pg.copy_done())
    found.sent(found.parse(b"s", LATE, (23,)) + pg.bind(b"p", b"s", (), (), ()) + pg.describe("S", b"s"))
    found.sent(pg.describe("P", b"p") + pg.execute(b"p") + pg.close("S", b"s") + pg.close("P", b"p") + pg.sync())
    assert [(kind, memo and (memo.statement, memo.portal, memo.is_own)) for kind, memo in owed.debts] == [
        (Owes.QUERY, (b"", b"", False)),
        (Owes.PARSE, (b"s", b"", False)),
        (Owes.DESCRIBE_STATEMENT, (b"s", b"", True)),
        (Owes.BIND, (b"s", b"p", False)),
        (Owes.DESCRIBE_STATEMENT, (b"s", b"", False)),
        (Owes.DESCRIBE_PORTAL, (b"", b"p", False)),
        (Owes.DESCRIBE_PORTAL, (b"", b"p", True)),
        (Owes.EXECUTE, (b"", b"p", False)),
        (Owes.CLOSE, (b"s", b"", False)),
        (Owes.CLOSE, (b"", b"p", False)),
        (Owes.SYNC, None),
    ]
