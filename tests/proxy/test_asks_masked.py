"""The client's half of a session that masks: what goes to the server is never the client's own text."""

from __future__ import annotations

from dataclasses import replace

from maskstage import RULES, TAGS, described, ground, judged, masking, opened, plan, policies, veiled_stage
from playbook import (
    BOUND,
    FAILING_PARSE,
    PARSED,
    READY,
    Entry,
    Play,
    bound,
    client,
    ended,
    ledger,
    ran,
    refused,
    says,
    server,
)
from playstage import Stage

from tidewaiter.config import Classification
from tidewaiter.proxy.masked import MaskingJudge
from tidewaiter.proxy.refusal import FAILING_TEXT
from tidewaiter.wire import postgres as pg

TEXT = b"select SSN from customers where id = 1"
SENT = pg.query(plan(TEXT).text)
SHOWN = pg.row_description([pg.Column(b"ssn")]) + pg.data_row([b"***"]) + pg.command_complete("SELECT 1")
RAW = (
    pg.row_description([pg.Column(b"ssn", 16384, 4)]) + pg.data_row([b"123-45-6789"]) + pg.command_complete("SELECT 1")
)
MASKED = [{"relation": "public.customers", "columns": ["ssn"], "tags": ["ssn", "vip"]}]
UPDATE = b"update customers set ssn = $1 where id = 1"
DENIED = {"verdict": "deny", "rule": "masking"}


DESCRIBED = pg.parameter_description([23]) + pg.row_description([pg.Column(b"ssn")])


def play(rules: str = RULES) -> Play:
    return Play(veiled_stage(rules))


def test_a_query_goes_on_as_what_the_gateway_made_of_it() -> None:
    (
        play()
        >> client(pg.query(TEXT))
        << server(SENT)
        >> server(SHOWN + READY)
        << client(SHOWN + READY)
        << ledger(ran(TEXT, masked=MASKED))
        >> client(pg.query(TEXT))
        << server(SENT)
        >> server(SHOWN + READY)
        << client(SHOWN + READY)
        << ledger(ran(TEXT, masked=MASKED))
    ).holds()


def test_a_prepared_statement_goes_on_so_and_each_execute_is_described() -> None:
    text = b"select ssn from customers where id = $1"
    run = bound(b"1", statement=b"s") + pg.execute(b"") + pg.sync()
    answer = BOUND + SHOWN + READY
    seen = answer.replace(pg.row_description([pg.Column(b"ssn")]), b"")
    (
        play()
        >> client(pg.parse(b"s", text) + run)
        << server(opened(b"s", text) + described(run))
        >> server(PARSED + DESCRIBED + answer)
        << client(PARSED + seen)
        << ledger(ran(text, masked=MASKED))
        >> client(run)
        << server(described(run))
        >> server(answer)
        << client(seen)
        << ledger(ran(text, masked=MASKED))
    ).holds(("whole",))


def test_what_was_prepared_before_its_masks_could_be_late_runs_as_it_is() -> None:
    text = b"select email from customers where id = $1"
    asked = policies(classification=Classification(TAGS, {"shop": {"public.customers": {"email": ("ssn",)}}}))
    in_sql = judged(text, MaskingJudge(replace(ground(asked), met=frozenset(("",))), masking())).plan
    at_last = judged(text, MaskingJudge(ground(asked), masking())).plan
    assert in_sql is not None and at_last is not None and not in_sql.late and at_last.late
    run = bound(b"1", statement=b"s") + pg.execute(b"") + pg.sync()
    shown = pg.row_description([pg.Column(b"email")])
    answer = BOUND + shown + pg.data_row([b"***"]) + pg.command_complete("SELECT 1") + READY
    seen = answer.replace(shown, b"")
    told = pg.parameter_status(b"server_encoding", b"UTF8") + pg.parameter_status(b"client_encoding", b"UTF8")
    masked = [{"relation": "public.customers", "columns": ["email"], "tags": ["ssn"]}]
    (
        Play(Stage(asked, masking=masking()))
        >> client(pg.parse(b"s", text) + run)
        << server(pg.parse(b"s", in_sql.text) + pg.describe("S", b"s") + described(run))
        >> server(PARSED + pg.parameter_description([23]) + shown + answer)
        << client(PARSED + seen)
        << ledger(ran(text, masked=masked))
        >> server(told)
        << client(told)
        >> client(run)
        << server(described(run))
        >> server(answer)
        << client(seen)
        << ledger(ran(text, masked=masked))
    ).holds(("whole",))


UNFORESEEN = "output column 1 shows a masked column that was not foreseen"


def test_an_answer_that_shows_what_is_masked_is_withheld_and_recorded() -> None:
    (
        play()
        >> client(pg.query(TEXT))
        << server(SENT)
        >> server(RAW + READY)
        << ledger(Entry("masking.failed", reason=UNFORESEEN), ran(TEXT, "error", sqlstate="XX000"))
        << client(says("XX000", "cannot be masked as planned and is withheld"), READY)
        >> client(pg.query(TEXT))
        << server(SENT)
        >> server(SHOWN + READY)
        << client(SHOWN + READY)
        << ledger(ran(TEXT, masked=MASKED))
    ).holds()


def test_a_prepared_answer_that_is_withheld_fails_the_statement_at_the_server() -> None:
    text = b"select ssn from customers where id = 1"
    run = bound(statement=b"s") + pg.execute(b"")
    raw = pg.row_description([pg.Column(b"ssn", 16384, 4)])
    (
        play()
        >> client(pg.parse(b"s", text) + run + pg.flush())
        << server(opened(b"s", text) + described(run), pg.flush())
        >> server(PARSED + pg.parameter_description([]) + pg.row_description([pg.Column(b"ssn")]) + BOUND + raw)
        << ledger(Entry("masking.failed"), Entry("execution", status="error", sqlstate="XX000"))
        << client(PARSED + BOUND, says("XX000", "withheld"))
        << server(pg.parse(b"tidewaiter_withheld", FAILING_TEXT))
        >> client(pg.sync())
        << server(pg.sync())
        >> server(
            pg.data_row([b"123-45-6789"]) + pg.command_complete("SELECT 1"),
            pg.error_response("ERROR", "42601", "syntax") + READY,
        )
        << client(READY)
    ).holds(("whole",))


def test_what_was_done_before_its_answer_did_not_fit_ends_the_session() -> None:
    text = b"update customers set name = 'x' where id = 1 returning id"
    (
        play()
        >> client(pg.query(text))
        << server(pg.query(plan(text).text))
        >> server(RAW + READY)
        << ledger(Entry("masking.failed"))
        << client(says("XX000", "what it did may stand", severity="FATAL"))
        << server(pg.terminate())
        << ended(
            "the answer cannot be masked as planned and is withheld: "
            f"{UNFORESEEN}; the statement has run, and what it did may stand"
        )
    ).holds(("whole",))


def test_what_cannot_be_rewritten_is_refused_here() -> None:
    (
        play()
        >> client(pg.query(b"do $$ begin end $$"))
        << ledger(refused(b"do $$ begin end $$", "masking"))
        << client(says("42501", "(masking: statement)"), READY)
        >> client(pg.parse(b"s", b"listen x") + pg.sync())
        << ledger(refused(b"listen x", "masking"))
        << client(says("42501", "(masking: statement)"), READY)
    ).holds()


def test_a_function_called_by_its_number_is_refused() -> None:
    (
        play()
        >> client(pg.function_call(1598, (), (), 0))
        << ledger(Entry("intent", **DENIED))
        << client(says("42501", "by their number"), READY)
    ).holds()


def test_a_masked_value_that_is_bound_is_not_written_back() -> None:
    (
        play()
        >> client(pg.parse(b"", UPDATE))
        << server(opened(b"", UPDATE))
        >> client(bound(b"***") + pg.execute(b"") + pg.sync())
        << ledger(refused(UPDATE, "masking"))
        << server(FAILING_PARSE + pg.sync())
        >> server(
            PARSED + pg.parameter_description([25]) + pg.no_data(),
            pg.error_response("ERROR", "42601", "syntax") + READY,
        )
        << client(PARSED, says("42501", "looks like a masked one"), READY)
    ).holds(("whole",))


def test_what_is_masked_goes_through_the_steps_of_a_row_limit() -> None:
    limited = '@id("few") @max_rows("1") permit (principal, action, resource) unless { action == Action::"unmask" };'
    text = plan(TEXT).text
    begun = pg.parse(b"", text) + pg.describe("S", b"") + pg.bind(b"", b"", (), (), ()) + pg.describe("P", b"")
    step = begun + pg.describe("P", b"") + pg.execute(b"", 1) + pg.flush()
    row = pg.row_description([pg.Column(b"ssn")])
    once = (
        PARSED
        + pg.parameter_description([])
        + row
        + BOUND
        + row
        + row
        + pg.data_row([b"***"])
        + pg.command_complete("SELECT 1")
    )
    (
        play(limited)
        >> client(pg.query(TEXT))
        << server(step)
        >> server(once)
        << client(row + pg.data_row([b"***"]))
        << server(pg.close("S", b"") + pg.sync())
        >> server(pg.close_complete() + READY)
        << client(pg.command_complete("SELECT 1") + READY)
        << ledger(ran(TEXT, masked=MASKED))
    ).holds(("whole",))
