"""The client's half of a session that masks: what goes to the server is never the client's own text."""

from __future__ import annotations

from maskstage import RULES, plan, veiled_stage
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
    sent = pg.parse(b"s", plan(text).text)
    run = bound(b"1", statement=b"s") + pg.execute(b"") + pg.sync()
    described = run.replace(pg.execute(b""), pg.describe("P", b"") + pg.execute(b""))
    answer = BOUND + SHOWN + READY
    seen = answer.replace(pg.row_description([pg.Column(b"ssn")]), b"")
    (
        play()
        >> client(pg.parse(b"s", text) + run)
        << server(sent + described)
        >> server(PARSED + answer)
        << client(PARSED + seen)
        << ledger(ran(text, masked=MASKED))
        >> client(run)
        << server(described)
        >> server(answer)
        << client(seen)
        << ledger(ran(text, masked=MASKED))
    ).holds(("whole",))


def test_an_answer_that_shows_what_is_masked_ends_the_session_and_is_recorded() -> None:
    (
        play()
        >> client(pg.query(TEXT))
        << server(SENT)
        >> server(RAW)
        << ledger(Entry("masking.failed", reason="output column 1 shows a masked column that was not foreseen"))
        << client(says("XX000", "cannot be masked as planned and is withheld", severity="FATAL"))
        << server(pg.terminate())
        << ended(
            "the answer cannot be masked as planned and is withheld: "
            "output column 1 shows a masked column that was not foreseen"
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
        << server(pg.parse(b"", plan(UPDATE).text))
        >> client(bound(b"***") + pg.execute(b"") + pg.sync())
        << ledger(refused(UPDATE, "masking"))
        << server(FAILING_PARSE + pg.sync())
        >> server(PARSED + pg.error_response("ERROR", "42601", "syntax") + READY)
        << client(PARSED, says("42501", "looks like a masked one"), READY)
    ).holds(("whole",))


def test_what_is_masked_goes_through_the_steps_of_a_row_limit() -> None:
    limited = '@id("few") @max_rows("1") permit (principal, action, resource) unless { action == Action::"unmask" };'
    text = plan(TEXT).text
    opened = pg.parse(b"", text) + pg.bind(b"", b"", (), (), ()) + pg.describe("P", b"")
    step = opened + pg.describe("P", b"") + pg.execute(b"", 1) + pg.flush()
    row = pg.row_description([pg.Column(b"ssn")])
    once = PARSED + BOUND + row + row + pg.data_row([b"***"]) + pg.command_complete("SELECT 1")
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
