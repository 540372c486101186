"""Answers that are withheld: what goes to the server, what the client is told, and where the session must end."""

from __future__ import annotations

import pytest

from tidewaiter.masking.plan import MaskingError
from tidewaiter.proxy.refusal import FAILING_TEXT
from tidewaiter.proxy.withheld import Withheld, is_sent_to_the_end, reason_of
from tidewaiter.wire import postgres as pg
from tidewaiter.wire.postgres_state import Owes

WHY = MaskingError("output column 1 is odd")
IDLE, OPEN, FAILED = b"ITE"
FAIL = pg.query(FAILING_TEXT)


def withheld(*statements: bytes, is_told: bool = False) -> Withheld:
    return Withheld(WHY, is_told, statements)


def test_the_error_names_the_cause() -> None:
    fields = pg.parse_error_fields(withheld().error[5:])
    assert (fields["S"], fields["C"], fields["M"]) == ("ERROR", "XX000", reason_of(WHY))
    assert reason_of(WHY).endswith("is withheld: output column 1 is odd")


def test_in_a_pipeline_a_parse_fails_and_what_was_parsed_is_closed() -> None:
    parse = pg.parse(b"tidewaiter_withheld", FAILING_TEXT)
    assert withheld().failing() == parse
    assert withheld(b"a", b"").failing() == pg.close("S", b"a") + pg.close("S", b"") + parse


@pytest.mark.parametrize("status", [IDLE, FAILED])
def test_what_only_read_is_told_at_once(status: int) -> None:
    found = withheld()
    assert found.settling(status, is_lasting=False, is_last=False) == b"" and found.readies == 0


def test_an_open_transaction_fails_first() -> None:
    found = withheld()
    assert found.settling(OPEN, is_lasting=True, is_last=True) == FAIL and found.readies == 1
    both = withheld(b"s")
    assert both.settling(OPEN, is_lasting=True, is_last=True) == FAIL + pg.close("S", b"s") + pg.sync()
    assert both.readies == 2


def test_nothing_is_said_to_have_failed_that_stands() -> None:
    with pytest.raises(MaskingError, match="is odd; the statement has run, and what it did may stand"):
        withheld().settling(IDLE, is_lasting=True, is_last=True)
    undone = withheld()
    undone.is_undone = True
    assert undone.settling(IDLE, is_lasting=True, is_last=True) == b""


@pytest.mark.parametrize(("status", "statements"), [(OPEN, ()), (IDLE, (b"s",))])
def test_what_was_sent_behind_it_is_not_touched(status: int, statements: tuple[bytes, ...]) -> None:
    with pytest.raises(MaskingError, match="other statements were sent behind it"):
        withheld(*statements).settling(status, is_lasting=False, is_last=False)


def test_a_query_or_a_sync_ends_a_statement() -> None:
    assert is_sent_to_the_end([Owes.QUERY]) and is_sent_to_the_end([Owes.EXECUTE, Owes.SYNC])
    assert not is_sent_to_the_end([Owes.BIND, Owes.EXECUTE]) and not is_sent_to_the_end([])
