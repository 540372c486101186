"""The veil: what may go out, what is compared, masked and scrubbed, byte by byte and in one piece."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from maskstage import plan
from playbook import messages_of

from tidewaiter.errors import ProtocolViolation
from tidewaiter.masking.plan import MaskingError
from tidewaiter.proxy.masks import Plan
from tidewaiter.proxy.refusal import FAILING_TEXT
from tidewaiter.proxy.veil import Veil
from tidewaiter.wire import postgres as pg

LATE = plan(b"select id, email from customers")
READY, IN_TRANSACTION = pg.ready_for_query("I"), pg.ready_for_query("T")
DESCRIBED = pg.row_description([pg.Column(b"id", 16384, 1, 23), pg.Column(b"email", 16384, 3)])
ROWS = pg.data_row([b"1", b"a@b.example"]) + pg.data_row([b"2", None])
DONE = pg.command_complete("SELECT 2")
ONE = pg.row_description([pg.Column(b"id", 16384, 1, 23)])
UNSEEN = pg.row_description([pg.Column(b"x", 16384, 4)])


PARSED = pg.parse_complete() + pg.parameter_description([])  # and what the gateway's own Describe is told next
OPENED = PARSED + DESCRIBED + pg.bind_complete()


def opening(one: Plan = LATE, name: bytes = b"") -> Veil:
    """A veil to whose server Parse and Bind of a statement went."""
    found = Veil()
    found.announced.sent(found.announced.parse(name, one, ()) + pg.bind(b"", name, (), (), ()))
    return found


def asking(one: Plan) -> Veil:
    """A veil whose server owes the answer to a Query."""
    found = Veil()
    assert found.announced.sent(found.announced.query(one)) == pg.query(one.text)
    return found


def fed(found: Veil, data: bytes) -> bytes:
    """Everything that may be seen, fed byte by byte."""
    return b"".join(found.received(data[at : at + 1]) for at in range(len(data)))


def values(stream: bytes) -> list[list[bytes | None]]:
    return [list(pg.parse_data_row(one[5:])) for one in messages_of(stream) if one[:1] == b"D"]


def told(stream: bytes) -> dict[str, str]:
    (one,) = [one for one in messages_of(stream) if one[:1] in (b"E", b"N")]
    return pg.parse_error_fields(one[5:])


def error(sqlstate: str = "22P02", message: str = "invalid input: 123-45-6789", **more: str) -> bytes:
    return pg.error_fields({"S": "ERROR", "V": "ERROR", "C": sqlstate, "M": message, **more})


# -- rows ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("feed", [Veil.received, fed])
def test_late_columns_are_masked_in_a_simple_query(feed: Callable[[Veil, bytes], bytes]) -> None:
    seen = feed(asking(LATE), DESCRIBED + ROWS + DONE + READY)
    (one, masked), two = values(seen)
    assert (one, two) == (b"1", [b"2", None])
    assert masked is not None and masked.startswith(b"tok_")
    assert b"a@b" not in seen
    assert seen.startswith(DESCRIBED) and seen.endswith(DONE + READY)


@pytest.mark.parametrize("feed", [Veil.received, fed])
def test_late_columns_are_masked_in_a_pipeline_and_the_own_description_stays_here(
    feed: Callable[[Veil, bytes], bytes],
) -> None:
    found = Veil()
    asked = found.announced.parse(b"s", LATE, ()) + pg.bind(b"", b"s", (), (), ()) + pg.execute(b"") + pg.sync()
    found.announced.sent(asked + asked.replace(found.announced.parse(b"s", LATE, ()), b""))
    answer = pg.bind_complete() + DESCRIBED + ROWS + DONE + READY
    seen = feed(found, PARSED + DESCRIBED + answer + answer)
    assert seen.startswith(pg.parse_complete() + pg.bind_complete())
    assert b"T" not in {one[:1] for one in messages_of(seen)}
    assert b"a@b" not in seen and len(values(seen)) == 4


def test_a_portal_that_goes_on_is_masked_on() -> None:
    found = Veil()
    begin = found.announced.parse(b"", LATE, ()) + pg.bind(b"", b"", (), (), ())
    found.announced.sent(begin + pg.execute(b"", 1) + pg.execute(b"", 1) + pg.sync())
    one = DESCRIBED + pg.data_row([b"1", b"a@b"])
    seen = found.received(OPENED + one + pg.portal_suspended() + one + pg.portal_suspended() + READY)
    assert b"a@b" not in seen and len(values(seen)) == 2


def test_the_clients_own_descriptions_pass() -> None:
    found = Veil()
    found.announced.sent(
        found.announced.parse(b"s", LATE, ()) + pg.describe("S", b"s") + pg.bind(b"", b"s", (), (), ())
    )
    found.announced.sent(pg.describe("P", b"") + pg.close("P", b"") + pg.close("S", b"s") + pg.sync())
    closed = pg.close_complete() * 2
    described = pg.parameter_description([]) + DESCRIBED
    answer = described + pg.bind_complete() + DESCRIBED + closed + READY
    assert found.received(pg.parse_complete() + described + answer) == pg.parse_complete() + answer


def test_binary_fields_are_masked_in_binary() -> None:
    binary = pg.row_description(
        [pg.Column(b"id", 16384, 1, 23, 4, -1, 1), pg.Column(b"email", 16384, 3, 25, -1, -1, 1)]
    )
    seen = asking(LATE).received(binary + pg.data_row([b"\0\0\0\1", b"a@b"]))
    ((_, masked),) = values(seen)
    assert masked is not None and masked.startswith(b"tok_")


def test_rows_of_which_nothing_is_late_stream_in_pieces() -> None:
    found = asking(plan(b"select name from customers"))
    found.received(pg.row_description([pg.Column(b"name", 16384, 2)]))
    row = pg.data_row([b"x" * 1000])
    assert found.received(row[:500]) == row[:500]
    assert found.received(row[500:] + DONE) == row[500:] + DONE


def test_copy_data_streams() -> None:
    found = asking(plan(b"copy (select ssn from customers) to stdout"))
    answer = b"H\0\0\0\7\0\0\0" + b"d\0\0\0\x0ahello\n" + b"c\0\0\0\4" + pg.command_complete("COPY 1") + READY
    assert fed(found, answer) == answer


def test_each_statement_of_a_text_is_masked_by_its_own_columns() -> None:
    one = pg.row_description([pg.Column(b"x")]) + pg.data_row([b"1"]) + pg.command_complete("SELECT 1")
    seen = asking(plan(b"select 1; select id, email from customers")).received(one + DESCRIBED + ROWS + DONE + READY)
    assert b"a@b" not in seen and values(seen)[0] == [b"1"]


# -- assertions: what does not fit is withheld -----------------------------------------------------------------------
def withheld(stream: bytes, why: str, status: str = "I") -> None:
    """The stream ends with the error that says why, and ReadyForQuery; no row is in it."""
    *before, said, ready = messages_of(stream)
    assert pg.parse_error_fields(said[5:])["C"] == "XX000" and why in pg.parse_error_fields(said[5:])["M"]
    assert ready == pg.ready_for_query(status)
    assert b"D" not in {one[:1] for one in before} and b"123-45" not in stream and b"a@b" not in stream


@pytest.mark.parametrize("feed", [Veil.received, fed])
def test_a_masked_column_that_was_not_foreseen_is_withheld_before_the_first_row(
    feed: Callable[[Veil, bytes], bytes],
) -> None:
    found = asking(LATE)
    two = pg.row_description([pg.Column(b"x", 16384, 3), pg.Column(b"email", 16384, 3)])
    withheld(feed(found, two + ROWS + DONE + READY), "not foreseen")
    assert found.failures == ["output column 1 shows a masked column that was not foreseen"] and not found.own
    one = asking(plan(b"select 1"))
    withheld(feed(one, UNSEEN + pg.data_row([b"123-45-6789"]) + DONE + READY), "not foreseen")
    one.announced.sent(one.announced.query(LATE))  # the next statement is answered
    assert len(values(feed(one, DESCRIBED + ROWS + DONE + READY))) == 2


def test_a_late_column_that_is_not_where_it_was_foreseen_is_withheld() -> None:
    withheld(asking(LATE).received(UNSEEN + ROWS + DONE + READY), "not the column")


def test_rows_without_a_description_are_withheld_and_end_it_where_nothing_was_asked() -> None:
    withheld(asking(LATE).received(ROWS + DONE + READY), "not described")
    with pytest.raises(MaskingError, match="not described"):
        Veil().received(ROWS)


def test_in_a_pipeline_the_server_fails_too() -> None:
    found = opening()
    found.announced.sent(pg.execute(b""))
    seen = found.received(OPENED + UNSEEN)
    assert told(seen)["C"] == "XX000" and found.own == [pg.parse(b"tidewaiter_withheld", FAILING_TEXT)]
    assert found.announced.sent(pg.sync()) == pg.sync()
    rest = ROWS + DONE + error("42601", "syntax error") + pg.ready_for_query("E")
    assert found.received(rest) == pg.ready_for_query("E")
    found.announced.sent(found.announced.query(LATE))
    assert len(values(found.received(DESCRIBED + ROWS + DONE + READY))) == 2


def test_in_an_open_transaction_a_statement_of_the_gateways_fails_before_the_client_is_told() -> None:
    found = asking(LATE)
    assert found.received(UNSEEN + ROWS + DONE + IN_TRANSACTION) == b""
    assert found.own == [pg.query(FAILING_TEXT)]
    withheld(found.received(error("42601", "syntax error") + pg.ready_for_query("E")), "not the column", "E")


def test_what_was_sent_behind_it_in_a_transaction_ends_the_session() -> None:
    found = asking(LATE)
    found.announced.sent(found.announced.query(LATE))
    with pytest.raises(MaskingError, match="were sent behind it"):
        found.received(UNSEEN + ROWS + DONE + IN_TRANSACTION)


def test_behind_a_sync_what_only_read_fails_by_itself() -> None:
    found = opening()
    found.announced.sent(pg.execute(b"") + pg.sync())
    withheld(found.received(OPENED + UNSEEN + ROWS + DONE + READY), "not the column")


@pytest.mark.parametrize("text", [b"update customers set name = 'x' returning id", b"begin; select 1; commit"])
def test_what_was_done_and_stands_ends_the_session(text: bytes) -> None:
    with pytest.raises(MaskingError, match="what it did may stand"):
        asking(plan(text)).received(UNSEEN + pg.data_row([b"1"]) + pg.command_complete("UPDATE 1") + READY)


def test_what_the_server_undid_does_not() -> None:
    found = asking(plan(b"update customers set name = 'x' returning id"))
    rows = pg.row_description([pg.Column(b"x", 16384, 4)]) + pg.data_row([b"1"]) + pg.command_complete("UPDATE 1")
    withheld(found.received(rows + error() + READY), "not foreseen")


def test_statements_that_the_client_hears_failed_are_closed() -> None:
    found = opening(name=b"s")
    found.announced.sent(pg.execute(b"") + found.announced.parse(b"t", LATE, ()) + pg.sync())
    answer = OPENED + UNSEEN + ROWS + DONE + PARSED + DESCRIBED + READY
    assert found.received(answer) == pg.parse_complete() + pg.bind_complete()
    assert found.own == [pg.close("S", b"t") + pg.sync()]
    withheld(found.received(pg.close_complete() + READY), "not the column")
    late = opening(name=b"s")
    late.announced.sent(pg.execute(b"") + late.announced.parse(b"t", LATE, ()))
    late.received(OPENED + UNSEEN)
    assert late.own == [pg.close("S", b"t") + pg.parse(b"tidewaiter_withheld", FAILING_TEXT)]


def test_where_the_client_sends_data_the_session_ends() -> None:
    found = opening()
    found.announced.sent(pg.execute(b"") + pg.query(LATE.text)[:3])
    with pytest.raises(MaskingError, match="sends data"):
        found.received(OPENED + UNSEEN)
    copied = asking(plan(b"select 1; copy (select 1) to stdout"))
    with pytest.raises(MaskingError, match="asked for data"):
        copied.received(UNSEEN + pg.command_complete("SELECT 1") + b"G\0\0\0\7\0\0\0")


def test_what_sql_named_may_show_nothing_masked() -> None:
    found = Veil()
    found.announced.expect(LATE)
    found.announced.sent(pg.bind(b"", b"by_sql", (), (), ()) + pg.execute(b"") + pg.sync())
    with pytest.raises(MaskingError, match="may stand"):
        found.received(pg.bind_complete() + UNSEEN + ROWS + DONE + READY)
    cursor = Veil()
    cursor.announced.expect(LATE)
    cursor.announced.sent(pg.execute(b"cursor") + pg.sync())
    row = pg.row_description([pg.Column(b"x")]) + pg.data_row([b"1"]) + DONE
    assert cursor.received(row) == row[len(pg.row_description([pg.Column(b"x")])) :]


def test_an_answer_that_nothing_asked_for_ends_it() -> None:
    with pytest.raises(ProtocolViolation):
        asking(LATE).received(b"V\0\0\0\x08\xff\xff\xff\xff")
    with pytest.raises(ProtocolViolation):
        asking(LATE).received(b"W\0\0\0\7\0\0\0")


@pytest.mark.parametrize("size", [1, 50, 230])
def test_a_row_too_long_to_be_masked_is_withheld(size: int) -> None:
    found = Veil(held_bytes=100)
    found.announced.sent(found.announced.query(LATE))
    assert len(values(fed(found, DESCRIBED + ROWS))) == 2
    rest = pg.data_row([b"1", b"x" * 300]) + ROWS + pg.command_complete("SELECT 5") + READY
    seen = b"".join(found.received(rest[at : at + size]) for at in range(0, len(rest), size))
    withheld(seen, "a row or message of 316 bytes, more than the 100 that can be masked")


def test_a_value_that_is_not_of_its_type_is_withheld_with_the_rest() -> None:
    found = asking(LATE)
    bad = pg.data_row([b"1"])
    withheld(found.received(DESCRIBED + bad + ROWS + DONE + READY), "not what was described")


def test_notices_are_told_while_an_answer_is_withheld() -> None:
    found = asking(plan(b"select 1"))
    noticed = found.received(UNSEEN + error("00000", "hello").replace(b"E", b"N", 1))
    assert told(noticed)["M"] == "hello"


def test_parameters_are_what_the_clients_text_has_and_declares() -> None:
    asked = plan(b"select id from customers where id = $1 and email = $2")

    def described(*types: int, oids: tuple[int, ...] = ()) -> bytes:
        found = Veil()
        found.announced.sent(found.announced.parse(b"s", asked, oids) + pg.sync())
        return found.received(pg.parse_complete() + pg.parameter_description(types) + ONE + READY)

    assert described(23, 25) == described(23, 25, oids=(23, 0)) == pg.parse_complete() + READY
    for types, oids, why in (
        ((23,), (), "knows 1 parameters of a text that has 2"),
        ((23, 25, 25), (), "knows 3"),
        ((20, 25), (23,), "$1 is not of the type that was declared"),
    ):
        assert why in told(settled(asked, types, oids))["M"]


def settled(asked: Plan, types: tuple[int, ...], oids: tuple[int, ...]) -> bytes:
    """What the client hears of a Parse whose parameters do not fit; the statement is closed at the server."""
    found = Veil()
    found.announced.sent(found.announced.parse(b"s", asked, oids) + pg.sync())
    before = found.received(pg.parse_complete() + pg.parameter_description(types) + ONE + READY)
    assert before == b"" and found.own == [pg.close("S", b"s") + pg.sync()]
    return found.received(pg.close_complete() + READY)


def test_a_long_message_that_is_no_row_ends_it() -> None:
    with pytest.raises(MaskingError, match="more than the 100"):
        Veil(held_bytes=100).received(pg.row_description([pg.Column(b"x" * 200)])[:20])


# -- errors, notices, reports ------------------------------------------------------------------------------------------
def test_an_error_that_data_can_raise_is_reduced() -> None:
    seen = told(asking(LATE).received(error(D="Failing row", W="line 3") + READY))
    assert "123-45-6789" not in str(seen)
    assert seen["C"] == "22P02" and not {"D", "W"} & seen.keys()


def test_an_error_of_analysis_keeps_its_words_and_points_into_the_clients_text() -> None:
    said = b"select  emial from customers -- where?"
    one = Plan(plan(b"select email from customers").text.replace(b"email", b"emial"), LATE.sight, touches=True,
               said=said.decode())  # fmt: skip
    at = one.text.decode().index("emial") + 1
    seen = told(asking(one).received(error("42703", 'column "emial" does not exist', P=str(at)) + READY))
    assert seen["M"] == 'column "emial" does not exist' and seen["P"] == str(said.index(b"emial") + 1)
    for unknown in ("1000", "0", "²", "", str(len(one.text))):
        assert "P" not in told(asking(one).received(error("42703", "no", P=unknown) + READY))


def test_a_write_of_masked_data_says_only_its_sqlstate() -> None:
    raw = plan(b"update customers set name = 'x'")
    seen = told(asking(raw).received(error("42501", "trigger saw 123-45-6789") + READY))
    assert "123" not in seen["M"]
    noticed = told(asking(raw).received(error().replace(b"E", b"N", 1)))
    assert "123" not in noticed["M"]


def test_what_touches_nothing_masked_says_all() -> None:
    seen = told(asking(plan(b"select 1 / 0")).received(error("22012", "division by zero", D="really") + READY))
    assert (seen["M"], seen["D"]) == ("division by zero", "really")


def test_a_commit_after_a_write_of_masked_data_is_scrubbed_and_one_after_that_is_not() -> None:
    found = asking(plan(b"update customers set name = 'x'"))
    found.received(pg.command_complete("UPDATE 1") + IN_TRANSACTION)
    found.announced.sent(found.announced.query(plan(b"commit")))
    assert "123" not in told(found.received(error("23505", "Key 123-45-6789") + READY))["M"]
    found.announced.sent(found.announced.query(plan(b"commit")))
    assert "123" in told(found.received(error("23505", "Key 123-45-6789") + READY))["M"]


def test_the_sync_that_commits_is_scrubbed_too() -> None:
    found = Veil()
    raw = plan(b"update customers set name = 'x'")
    found.announced.sent(
        found.announced.parse(b"", raw, ()) + pg.bind(b"", b"", (), (), ()) + pg.execute(b"") + pg.sync()
    )
    found.received(PARSED + pg.no_data() + pg.bind_complete() + pg.no_data() + pg.command_complete("UPDATE 1"))
    assert "123" not in told(found.received(error("23505", "Key 123-45-6789") + READY))["M"]


@pytest.mark.parametrize(
    "name", [b"prepare p as update customers set name = $1", b"declare p cursor for select ssn from customers"]
)
def test_what_runs_something_that_sql_named_is_scrubbed_as_that_was(name: bytes) -> None:
    found = asking(plan(name))
    found.received(pg.command_complete("PREPARE") + IN_TRANSACTION)
    found.announced.sent(pg.execute(b"p") + pg.sync())
    assert "123" not in told(found.received(error()))["M"]


def test_after_an_error_the_rest_of_the_pipeline_is_skipped() -> None:
    found = Veil()
    asked = found.announced.parse(b"", LATE, ()) + pg.bind(b"", b"", (), (), ()) + pg.execute(b"") + pg.sync()
    found.announced.sent(asked)
    assert told(found.received(error("26000", "no") + READY))["C"] == "26000"
    found.announced.sent(found.announced.query(LATE))
    assert b"a@b" not in found.received(DESCRIBED + ROWS + DONE + READY)


def test_names_are_forgotten_as_the_server_forgets_them() -> None:
    found = Veil()
    found.announced.sent(found.announced.parse(b"s", LATE, ()) + pg.sync())
    found.received(PARSED + DESCRIBED + READY)
    for text, tag in ((b"deallocate s", "DEALLOCATE"), (b"close c", "CLOSE CURSOR"), (b"discard all", "DISCARD ALL"),
                      (b"deallocate all", "DEALLOCATE ALL")):  # fmt: skip
        found.announced.sent(found.announced.query(plan(text)))
        found.received(pg.command_complete(tag) + READY)
    found.announced.sent(pg.bind(b"", b"s", (), (), ()) + pg.execute(b""))
    assert "not foreseen" in told(found.received(pg.bind_complete() + DESCRIBED))["M"]


def test_reports_of_known_settings_pass_and_notifications_do_not() -> None:
    zone, other = pg.parameter_status(b"TimeZone", b"UTC"), pg.parameter_status(b"my.stash", b"123-45-6789")
    assert Veil().received(zone + other + b"A\0\0\0\x0a\0\0\0\1c\0p\0") == zone


def test_a_good_bye_passes_scrubbed() -> None:
    seen = told(Veil().received(error("57P01", "terminating connection")))
    assert seen["M"] == "terminating connection"


def test_the_gateways_own_questions_are_answered_unseen_but_for_being_compared() -> None:
    found = Veil()
    found.announced.expect(LATE)
    found.announced.sent(pg.query(FAILING_TEXT))
    answer = error("42601", "syntax error") + READY
    assert found.received(answer) == answer


def test_where_nothing_is_masked_any_more_everything_passes() -> None:
    answer = UNSEEN + pg.data_row([b"123-45-6789"]) + DONE + READY
    assert asking(Plan(b"select ssn from customers")).received(answer) == answer
