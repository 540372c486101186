"""Prepared statements that would be masked otherwise now: prepared anew under their names, or refused."""

from __future__ import annotations

from maskstage import RULES, described, opened, plan, policies, veiled_stage
from playbook import BOUND, READY, Entry, Play, bound, client, ledger, policies_are, ran, says, server

from tidewaiter.proxy.refusal import FAILING_TEXT
from tidewaiter.wire import postgres as pg

OPEN = RULES.replace('"masked") forbid (principal, action == Action::"unmask", resource)', '"one") forbid (principal, '
                     'action == Action::"unmask", resource in Tag::"email")')  # fmt: skip
TEXT = b"select ssn from customers where id = $1"
TYPES = pg.parameter_description([23])
SSN = pg.Column(b"ssn")
PREPARED = pg.parse_complete() + TYPES + pg.row_description([SSN])
RAW = pg.row_description([pg.Column(b"ssn", 16384, 4)])
CLOSED = pg.close_complete()
RUN = bound(b"1", statement=b"s") + pg.execute(b"")
SENT = described(RUN)


def answered(described: bytes, value: bytes) -> bytes:
    return BOUND + described + pg.data_row([value]) + pg.command_complete("SELECT 1")


def prepared(name: bytes = b"s") -> Play:
    """A statement was prepared and run; then policies changed."""
    shown = answered(pg.row_description([SSN]), b"***")
    return (
        Play(veiled_stage(RULES))
        >> client(pg.parse(name, TEXT) + RUN + pg.sync())
        << server(opened(name, TEXT) + SENT + pg.sync())
        >> server(PREPARED + shown + READY)
        << client(pg.parse_complete() + shown.replace(pg.row_description([SSN]), b"") + READY)
        << ledger(Entry("execution"))
        >> policies_are(policies(OPEN))
    )


RENEWED = pg.close("S", b"s") + pg.parse(b"s", plan(TEXT, OPEN).text, (23,)) + pg.describe("S", b"s")


def test_it_is_prepared_anew_before_it_is_bound_and_the_client_notices_nothing() -> None:
    shown = answered(RAW, b"123-45-6789")
    (
        prepared()
        >> client(RUN + pg.sync())
        << server(RENEWED + pg.sync())
        >> server(CLOSED + pg.parse_complete() + TYPES + RAW + READY)
        << server(SENT + pg.sync())
        >> server(shown + READY)
        << client(shown.replace(RAW, b"") + READY)
        << ledger(ran(TEXT))
    ).holds(("whole",))


def test_one_that_shows_other_columns_is_refused_in_the_servers_words() -> None:
    other = pg.row_description([pg.Column(b"ssn", 16384, 4, 23)])
    failing = pg.error_response("ERROR", "42601", "syntax") + READY
    (
        prepared()
        >> client(RUN + pg.sync())
        << server(RENEWED + pg.sync())
        >> server(CLOSED + pg.parse_complete() + TYPES + other + READY)
        << server(bound(b"1", statement=b"s"), pg.parse(b"tidewaiter_refused", FAILING_TEXT) + pg.sync())
        << ledger(Entry("intent", verdict="deny", rule="masking"))
        >> server(BOUND + failing)
        << client(BOUND, says("0A000", "cached plan must not change result type"), READY)
    ).holds(("whole",))


def test_one_that_takes_other_parameters_is_refused_so_too() -> None:
    failing = pg.error_response("ERROR", "42601", "syntax") + READY
    (
        prepared()
        >> client(RUN + pg.sync())
        << server(RENEWED + pg.sync())
        >> server(CLOSED + pg.parse_complete() + pg.parameter_description([20]) + RAW + READY)
        << server(bound(b"1", statement=b"s"), pg.parse(b"tidewaiter_refused", FAILING_TEXT) + pg.sync())
        << ledger(Entry("intent", verdict="deny", rule="masking"))
        >> server(BOUND + failing)
        << client(BOUND, says("0A000", "cached plan must not change result type"), READY)
    ).holds(("whole",))


def test_within_a_pipeline_no_sync_is_sent() -> None:
    mark = pg.close("P", b"tidewaiter_renewed") + pg.flush()
    shown = answered(RAW, b"123-45-6789")
    one = pg.parse(b"t", b"SELECT 1")
    (
        prepared()
        >> client(one + pg.flush())
        << server(one + pg.describe("S", b"t") + pg.flush())
        >> server(pg.parse_complete() + pg.parameter_description([]) + pg.row_description([pg.Column(b"x")]))
        << client(pg.parse_complete())
        >> client(RUN + pg.sync())
        << server(RENEWED + mark)
        >> server(CLOSED + pg.parse_complete() + TYPES + RAW + CLOSED)
        << server(SENT + pg.sync())
        >> server(shown + READY)
        << client(shown.replace(RAW, b"") + READY)
        << ledger(ran(TEXT))
    ).holds(("whole",))


def test_an_error_of_the_servers_there_is_what_the_pipeline_hears() -> None:
    one = pg.parse(b"t", b"SELECT 1")
    mark = pg.close("P", b"tidewaiter_renewed") + pg.flush()
    (
        prepared()
        >> client(one + pg.flush())
        << server(one + pg.describe("S", b"t") + pg.flush())
        >> server(pg.parse_complete() + pg.parameter_description([]) + pg.row_description([pg.Column(b"x")]))
        << client(pg.parse_complete())
        >> client(RUN + pg.sync())
        << server(RENEWED + mark)
        >> server(CLOSED + pg.error_response("ERROR", "55P03", "canceling statement due to lock timeout"))
        << client(says("55P03", "lock timeout"))
        << server(pg.sync())
        >> server(READY)
        << client(READY)
    ).holds(("whole",))


def test_what_sql_prepared_is_prepared_anew_by_a_prepare_when_it_is_executed() -> None:
    made = b"prepare p as select ssn from customers where id = 1"
    shown = RAW + pg.data_row([b"123-45-6789"]) + pg.command_complete("SELECT 1") + READY
    again = pg.parse(b"tidewaiter_again", plan(made, OPEN).text)
    again += pg.describe("S", b"tidewaiter_again") + bound(portal=b"tidewaiter_again", statement=b"tidewaiter_again")
    again += pg.describe("P", b"tidewaiter_again") + pg.execute(b"tidewaiter_again")
    nothing = pg.parameter_description([]) + pg.no_data()
    (
        Play(veiled_stage(RULES))
        >> client(pg.query(made))
        << server(pg.query(plan(made, RULES).text))
        >> server(pg.command_complete("PREPARE") + READY)
        << client(pg.command_complete("PREPARE") + READY)
        << ledger(ran(made))
        >> policies_are(policies(OPEN))
        >> client(pg.query(b"execute p"))
        << server(pg.close("S", b"p") + again + pg.close("S", b"tidewaiter_again") + pg.sync())
        >> server(CLOSED + pg.parse_complete() + nothing + BOUND + pg.no_data() + pg.command_complete("PREPARE"),
                  CLOSED + READY)
        << server(pg.query(b"EXECUTE p"))
        >> server(shown)
        << client(shown)
        << ledger(ran(b"execute p"))
    ).holds(("whole",))  # fmt: skip


def test_a_cursor_is_not_read_on() -> None:
    made = b"declare c cursor with hold for select ssn from customers"
    told = pg.command_complete("DECLARE CURSOR") + READY
    (
        Play(veiled_stage(OPEN))
        >> client(pg.query(made))
        << server(pg.query(plan(made, OPEN).text))
        >> server(told)
        << client(told)
        << ledger(ran(made))
        >> policies_are(policies(RULES))
        >> client(pg.query(b"fetch 1 from c"))
        << ledger(Entry("intent", verdict="deny", rule="masking"))
        << client(says("42501", "what is masked has changed"), READY)
        >> client(pg.execute(b"c", 1) + pg.sync())
        << ledger(Entry("intent", verdict="deny", rule="masking"))
        << client(says("42501", "what is masked has changed"), READY)
    ).holds(("whole",))
