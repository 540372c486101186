"""Judging for somebody who sees masks: every text that may run has a plan, and what cannot be rewritten is denied."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest
from maskstage import HERE, RULES, ground, judge, judged, masking, plan, policies
from playstage import PATH

from tidewaiter.model import Allow, Context, Deny, Facts
from tidewaiter.proxy.footing import Judges
from tidewaiter.proxy.masked import denied, no_function_call, present, written_back
from tidewaiter.proxy.masks import Plan
from tidewaiter.proxy.names import Statement
from tidewaiter.proxy.pipeline import Judge
from tidewaiter.sql.facts import Scope
from tidewaiter.sql.rewrite import Refused
from tidewaiter.wire import postgres

OPEN = '@id("all") permit (principal, action, resource);'
UPDATE = b"update customers set ssn = $2::text where id = $1"


def binds(*values: bytes | None) -> bytes:
    return postgres.bind(b"", b"", [], values, [])[5 + 2 :]


def members(text: bytes) -> dict[str, object]:
    found: dict[str, object] = orjson.loads(b"{%b}" % judged(text).members)
    return found


def test_what_may_run_has_a_plan_and_its_text_is_not_the_clients() -> None:
    found = judged(b"select SSN from customers -- mine")
    assert isinstance(found.verdict, Allow) and found.plan is not None
    assert b"mine" not in found.plan.text and b"'***'" in found.plan.text


def test_an_entry_says_what_was_masked() -> None:
    assert members(b"select id, ssn, email from customers")["masked"] == [
        {"relation": "public.customers", "columns": ["email", "ssn"], "tags": ["email", "ssn", "vip"]}
    ]
    assert "masked" not in members(b"select id from customers")


def test_what_cannot_be_rewritten_is_denied_and_says_why() -> None:
    found = judged(b"do $$ begin end $$")
    assert isinstance(found.verdict, Deny)
    assert found.verdict.rule == "masking" and "(masking: " in found.verdict.message
    assert found.plan is None and found.is_weighty
    assert orjson.loads(b"{%b}" % found.members)["rule"] == "masking"


def test_what_is_not_understood_is_denied_though_policies_permit_it() -> None:
    found = judged(b"select * from nowhere")
    assert isinstance(found.verdict, Deny) and found.facts.fault is not None
    alone = judge().weigh(Facts(unknown=("lost",)), HERE)
    assert isinstance(alone.verdict, Deny)


def test_a_denial_by_policy_stays_what_it_is() -> None:
    of = judge(policies(RULES + '@id("none") forbid (principal, action in Action::"run", resource);'))
    found = judged(b"call mend()", of)
    assert isinstance(found.verdict, Deny) and found.verdict.rule == "none"
    assert denied(found, Refused("x", "y")) is found


def test_texts_that_differ_in_constants_have_plans_of_their_own() -> None:
    by = judge()
    judged(b"select name from customers where id = 1", by)
    assert by.recall(b"select name from customers where id = 2") is None
    again = by.recall(b"select name from customers where id = 1")
    assert again is not None and again.plan is not None and again.plan.text.endswith(b"= 1")


def test_a_kept_text_is_recalled_and_a_long_one_is_not() -> None:
    by = judge()
    found = judged(b"select 1", by)
    by.keep(b"select 1 /* other */", found)
    by.keep(b"select" + b" " * 20_000 + b"1", found)
    assert by.recall(b"select 1 /* other */") is found
    assert by.recall(b"select" + b" " * 20_000 + b"1") is None


def test_where_nothing_is_masked_any_more_the_clients_text_is_the_plan() -> None:
    text = b"select SSN from customers"
    found = judged(text, judge(policies(OPEN)))
    assert found.plan == Plan(text)


def test_a_remembered_plan_holds_only_while_the_same_is_masked() -> None:
    when = '@id("app") forbid (principal, action == Action::"unmask", resource) when { context.application != "safe" };'
    by = judge(policies(OPEN + when))
    found = by.judge(b"select ssn from customers", Scope(PATH), HERE, is_private=False)
    again = by.again(found, HERE)
    assert again is not None and again.plan is found.plan
    assert by.again(found, Context(application="safe")) is None


def test_a_remembered_denial_by_policy_is_told_again_and_one_by_masking_is_found_anew() -> None:
    by = judge(policies(RULES + '@id("none") forbid (principal, action in Action::"run", resource);'))
    again = by.again(judged(b"call mend()", by), HERE)
    assert again is not None and isinstance(again.verdict, Deny)
    by = judge()
    assert by.again(judged(b"create function f() returns int language sql as 'select 1'", by), HERE) is None


def test_bytes_that_are_no_text_are_denied() -> None:
    found = judge().of_facts(b"select '\xff'", Facts(verbs=("select",)), Scope(PATH), HERE, "utf-8")
    assert isinstance(found.verdict, Deny)


def test_a_function_called_by_its_number_is_denied() -> None:
    found = no_function_call(judge().weigh(Facts(verbs=("function",)), HERE))
    assert isinstance(found.verdict, Deny) and "function-call" in found.verdict.message


def test_a_prepared_statement_that_would_be_masked_otherwise_now_is_refused_in_the_servers_words() -> None:
    now = judged(b"select ssn from customers")
    same = Statement(b"select ssn from customers", (), now.facts, plan=now.plan)
    assert present(same, now) is now
    for before in (None, Plan(b"select ssn from customers")):
        refused = present(Statement(b"select ssn from customers", (), now.facts, plan=before), now).verdict
        assert isinstance(refused, Deny)
        assert (refused.sqlstate, refused.message) == ("0A000", "cached plan must not change result type")
    nothing = judged(b"do $$ begin end $$")
    assert present(same, nothing) is nothing


def test_a_value_that_looks_masked_is_not_written_over_the_real_one() -> None:
    made = plan(UPDATE)
    assert made.guards == ((2, "ssn", r"\*\*\*"),)
    why = written_back(made, binds(b"7", b"***"), is_whole=True)
    assert why is not None and why.rule == "write-back"
    assert written_back(made, binds(b"7", b"123-45-6789"), is_whole=True) is None
    assert written_back(made, binds(b"7", None), is_whole=True) is None
    assert written_back(made, binds(b"7"), is_whole=True) is None


def test_values_that_cannot_be_looked_at_are_not_written() -> None:
    made, long = plan(UPDATE), binds(b"7", b"x" * 100)
    why = written_back(made, long[:40], is_whole=False)
    assert why is not None and why.rule == "write-back"
    assert written_back(made, long[:40], is_whole=True) is None
    assert written_back(made, long[:6], is_whole=False) is not None


def test_values_for_masked_columns_are_not_given_to_execute() -> None:
    found = judged(b"prepare p as update customers set ssn = $1 where id = 1")
    assert isinstance(found.verdict, Deny) and "(masking: write-back)" in found.verdict.message
    assert isinstance(judged(b"prepare p as update customers set name = $1 where id = 1").verdict, Allow)


# -- observe mode ----------------------------------------------------------------------------------------------------
def watching(rules: str = RULES) -> Judge:
    on = replace(ground(policies(rules)), observe=True, is_veiled=False)
    return Judges().private(on, masking())


def watched(text: bytes, by: Judge | None = None, codec: str = "utf-8") -> dict[str, object]:
    judge = by or watching()
    found = judge.judge(text, Scope(PATH), HERE, is_private=False, codec=codec)
    assert isinstance(found.verdict, Allow) and found.plan is None
    told: dict[str, object] = orjson.loads(b"{%b}" % found.members)
    return told


def test_where_nothing_is_enforced_an_entry_says_what_would_be_masked() -> None:
    told = watched(b"select id, ssn from customers")
    masked = [{"relation": "public.customers", "columns": ["ssn"], "tags": ["ssn", "vip"]}]
    assert told["would_mask"] == told["unmasked"] == masked and "would_be" not in told
    assert not {"would_mask", "would_be"} & watched(b"select id from customers").keys()
    assert "would_mask" not in watched(b"select id, ssn from customers", watching(OPEN))


@pytest.mark.parametrize("text", [b"listen x", b"select customers_to_json(1)", b"do $$ begin end $$", b"\xff"])
def test_where_nothing_is_enforced_an_entry_says_what_masking_would_refuse(text: bytes) -> None:
    told = watched(text)
    assert (told["verdict"], told["would_be"], told["rule"]) == ("allow", "deny", "masking")


def test_what_policies_would_deny_is_told_so_though_it_would_be_masked() -> None:
    told = watched(
        b"do $$ begin end $$", watching(RULES + '@id("none") forbid (principal, action == Action::"do", resource);')
    )
    assert (told["would_be"], told["rule"]) == ("deny", "none")


def test_texts_that_differ_in_constants_are_told_apart_where_something_would_be_masked() -> None:
    by = watching()
    for text in (b"select ssn from customers where id = 1", b"select id from customers where id = 1", b"listen x"):
        by.judge(text, Scope(PATH), HERE, is_private=False)
    assert by.recall(b"select ssn from customers where id = 1") is not None
    assert by.recall(b"select ssn from customers where id = 2") is None
    found = by.recall(b"select id from customers where id = 2")
    assert found is not None and by.again(found, HERE) is not None
    masked = by.recall(b"select ssn from customers where id = 1")
    assert masked is not None and by.again(masked, HERE) is None
