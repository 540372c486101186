"""Answers become one verdict: the strictest, in words that say what, by which rule, and what to do next."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.model import Allow, Deny, Facts, Hold, Kind, Need, Principal, Resource, ResourceType, Touch, Verdict
from tidewaiter.policy.engine import Answer
from tidewaiter.policy.names import Target
from tidewaiter.policy.rules import read_rules
from tidewaiter.policy.verdicts import Question, combine, refused

ADA = Principal("ada o'hara", Kind.USER)
TABLE = Target(Resource(ResourceType.TABLE, ("public", "customers")))
DATASOURCE = Target(Resource(ResourceType.DATASOURCE))
TEXT = """
@id("p") permit (principal, action, resource);
@id("f") @message("Ask in #data") forbid (principal, action, resource);
@id("h1") @hold("dba") @wait("60s") @quorum("2") forbid (principal, action, resource);
@id("h2") @hold("security") @wait("2m") @message("Two pairs of eyes") forbid (principal, action, resource);
@id("h3") @hold("dba") forbid (principal, action, resource);
"""
RULES = {rule.id: rule for rule in read_rules({"p.cedar": TEXT})}
DENIED = Answer("deny")
FORBIDDEN = Answer("deny", ("f",))


def verdict(*answers: Answer, action: str = "drop", target: Target = TABLE, facts: Facts | None = None) -> Verdict:
    def question(answer: Answer) -> Question:
        return Question(action, target, "shop", ADA, None, answer.decision, answer.rules)

    return combine([(question(answer), answer) for answer in answers], RULES, ADA, "shop", facts)


def test_no_question_is_allowed() -> None:
    assert verdict() == Allow()


def test_what_is_allowed_names_each_rule_once_and_the_smallest_limit() -> None:
    allowed = Answer("allow", ("p",), 20), Answer("allow", ("p",), None), Answer("allow", ("p",), 10)
    assert verdict(*allowed) == Allow(("p",), 10)


def test_a_denial_quotes_the_principal_for_the_shell() -> None:
    found = verdict(DENIED)
    assert isinstance(found, Deny)
    assert found.message == "no policy permits drop on table public.customers"
    assert f"--principal {chr(39)}ada o{chr(39)}{chr(34)}{chr(39)}{chr(34)}{chr(39)}hara{chr(39)} " in found.hint


def test_a_denial_says_how_to_tell_a_temporary_table_from_its_namesake() -> None:
    both = [Touch("drop", Resource(ResourceType.TABLE, (schema, "customers"))) for schema in ("pg_temp", "public")]
    for target in (TABLE, Target(TABLE.resource, "ssn"), Target(both[0].resource)):
        found = verdict(DENIED, target=target, facts=Facts(("drop",), tuple(both)))
        assert isinstance(found, Deny) and found.hint.startswith("customers may be a temporary table or another: ")
    for touches in ((both[0],), (both[1],), ()):
        found = verdict(DENIED, facts=Facts(("drop",), touches))
        assert isinstance(found, Deny) and found.hint.startswith("`tidewaiter policy explain")
    found = verdict(DENIED, target=DATASOURCE, facts=Facts(("drop",), tuple(both)))
    assert isinstance(found, Deny) and found.hint.startswith("`tidewaiter policy explain")


def test_a_forbidding_policy_is_told_before_a_missing_one() -> None:
    found = verdict(DENIED, FORBIDDEN)
    assert isinstance(found, Deny)
    assert found.message == 'drop on table public.customers is forbidden by policy "f": Ask in #data'
    assert (found.rule, found.rules) == ("f", ("f",))


def test_an_error_is_told_as_one() -> None:
    found = verdict(Answer("deny", ("policy-error",), error="overflow"))
    assert isinstance(found, Deny)
    assert found.message == (
        "drop on table public.customers is denied because the policies could not be evaluated: overflow"
    )


def test_holds_join_their_approvers_and_take_the_strictest_terms() -> None:
    found = verdict(Answer("hold", ("h1", "h2")), Answer("hold", ("h3",), 7), Answer("allow", ("p",), 9))
    assert found == Hold(
        rule="h1",
        needs=(Need(("dba",), 2), Need(("security",))),
        message='drop on table public.customers waits for approval by 2 of dba and security (policy "h1")',
        wait_s=60.0,
        rules=("h1", "h2", "h3"),
        max_rows=7,
    )
    second = verdict(Answer("hold", ("h2",)))
    assert isinstance(second, Hold)
    assert second.message.endswith('(policy "h2"): Two pairs of eyes')


def test_what_is_not_understood_is_told_with_its_reasons() -> None:
    found = verdict(DENIED, action="unknown", target=DATASOURCE, facts=Facts(unknown=("one", "two")))
    assert isinstance(found, Deny)
    assert found.message == "no policy permits a statement that is not understood (one; two) on datasource shop"


def test_a_defect_is_a_denial() -> None:
    found = refused(ValueError("boom"))
    assert (found.rule, found.message) == ("policy-error", "the policies could not be evaluated: boom")
    assert (found.sqlstate, found.rules) == ("42501", ("policy-error",))


ANSWERS = st.sampled_from(
    [DENIED, FORBIDDEN, Answer("hold", ("h1",)), Answer("allow", ("p",)), Answer("allow", ("p",), 5)]
)


@given(st.lists(ANSWERS, max_size=6))
def test_the_strictest_answer_decides(answers: list[Answer]) -> None:
    decisions = {answer.decision for answer in answers}
    expected = Deny if "deny" in decisions else Hold if "hold" in decisions else Allow
    assert isinstance(verdict(*answers), expected)


def test_passwords_of_database_roles_are_nobody_s_to_set() -> None:
    found = verdict(Answer("allow", ("p",)), facts=Facts(("alter_role",), sets_password=True))
    assert isinstance(found, Deny)
    assert (found.rule, found.rules) == ("no-database-passwords", ("no-database-passwords",))
    assert "credential issue" in found.hint
