"""Verdicts as clients, ledger and operators get them."""

from __future__ import annotations

import gc
from dataclasses import replace

import cedarpy
import pytest
from policykit import ADA, BOT, CUSTOMERS, HERE, HOLD, READ, TAGGED, WRITE, decide, deny, facts, policies, touch

from tidewaiter.errors import ConfigError
from tidewaiter.model import (
    Allow,
    Context,
    Deny,
    Facts,
    Hold,
    Indirect,
    Kind,
    Lock,
    Need,
    Principal,
    Resource,
    ResourceType,
    SyntaxFault,
    Touch,
)
from tidewaiter.policy import POLICY_ERROR, Explanation, Policies
from tidewaiter.policy import policies as policies_module


# -- allowed, denied, held -------------------------------------------------------------------------------------------
def test_a_permitted_statement_names_its_rules() -> None:
    assert decide(policies(READ), CUSTOMERS) == Allow(("read",))


def test_every_question_must_be_permitted() -> None:
    both = facts(touch("select", "public", "customers"), touch("insert", "public", "log"))
    assert decide(policies(READ, WRITE), both) == Allow(("read", "write"))
    assert deny(decide(policies(READ), both)).message == "no policy permits insert on table public.log"


def test_a_denial_by_default_says_what_and_how_to_go_on() -> None:
    assert decide(policies(WRITE), facts(touch("select", "hr", "Salaries"))) == Deny(
        rule="default-deny",
        message='no policy permits select on table hr."Salaries"',
        hint='`tidewaiter policy explain --principal ada --datasource shop "SQL"` '
        "shows every question and which policy answered it",
        rules=("default-deny",),
    )


def test_a_denial_by_a_policy_names_it_with_its_message() -> None:
    plain = '@id("no-drops") forbid (principal, action == Action::"drop", resource);'
    dropped = facts(touch("drop", "public", "customers"))
    verdict = deny(decide(policies(plain), dropped))
    assert (verdict.rule, verdict.sqlstate) == ("no-drops", "42501")
    assert verdict.message == 'drop on table public.customers is forbidden by policy "no-drops"'
    told = deny(decide(policies(plain.replace("forbid", '@message("Ask in #data") forbid')), dropped))
    assert told.message == 'drop on table public.customers is forbidden by policy "no-drops": Ask in #data'


def test_a_policy_that_forbids_is_named_before_one_that_is_missing() -> None:
    never = '@id("never") forbid (principal, action == Action::"drop", resource);'
    verdict = deny(decide(policies(never), facts(touch("select", "a", "b"), touch("drop", "a", "b"))))
    assert verdict.rule == "never"
    assert verdict.rules == ("never",)


def test_a_held_statement_names_who_approves() -> None:
    verdict = decide(policies(WRITE, HOLD), facts(touch("delete_all", "public", "customers")))
    assert verdict == Hold(
        rule="hold",
        needs=(Need(("dba",)),),
        message='delete_all on table public.customers waits for approval by dba (policy "hold"): '
        "Destructive statements wait",
        wait_s=120.0,
        rules=("hold",),
    )


def test_several_holds_are_all_to_be_satisfied_with_the_strictest_terms() -> None:
    second = (
        '@id("two") @hold("security") @wait("30s") @quorum("2") forbid (principal, action, resource) '
        'when { resource is Table && resource.schema == "hr" };'
    )
    both = facts(touch("delete_all", "public", "a"), touch("insert", "hr", "b"))
    verdict = decide(policies(WRITE, HOLD, second), both)
    assert isinstance(verdict, Hold)
    assert (verdict.needs, verdict.wait_s) == ((Need(("dba",)), Need(("security",), 2)), 30.0)
    assert verdict.rules == ("hold", "two")


def test_one_question_that_is_denied_denies_a_statement_that_would_wait() -> None:
    verdict = decide(policies(WRITE, HOLD), facts(touch("delete_all", "a", "b"), touch("select", "c", "d")))
    assert deny(verdict).message == "no policy permits select on table c.d"


def test_the_row_limit_of_a_statement_is_the_smallest_of_its_questions() -> None:
    def limited(name: str, rows: int, schema: str) -> str:
        scope = f'principal, action == Action::"select", resource in Schema::"shop.{schema}"'
        return f'@id("{name}") @max_rows("{rows}") permit ({scope});'

    asked = policies(limited("few", 10, "a"), limited("more", 20, "b"), WRITE, HOLD)
    assert decide(asked, facts(touch("select", "a", "x"), touch("select", "b", "x"))) == Allow(
        ("few", "more"), 10, "few"
    )
    mixed = facts(touch("select", "b", "x"), touch("insert", "b", "y"))
    assert decide(asked, mixed) == Allow(("more", "write"), 20, "more")
    held = decide(asked, facts(touch("select", "b", "x"), touch("delete_all", "b", "y")))
    assert isinstance(held, Hold)
    assert held.max_rows == 20


# -- what asks nothing, and what is not understood -------------------------------------------------------------------
def test_a_text_that_touches_nothing_asks_nothing() -> None:
    for what in (Facts(), Facts(control="commit", ends_failed_transaction=True)):
        assert decide(policies(), what) == Allow()
        assert policies().explain(ADA, "shop", what, HERE) == Explanation(Allow(), ())


def test_what_is_not_understood_is_a_question_of_its_own() -> None:
    what = facts(touch("select", "public", "customers"), unknown=("a", "b", "c", "d", "e"))
    assert deny(decide(policies(READ), what)).message == (
        "no policy permits a statement that is not understood (a; b; c; and 2 more) on datasource shop"
    )
    unknown = '@id("u") permit (principal, action == Action::"unknown", resource == Datasource::"shop");'
    assert decide(policies(READ, unknown), what) == Allow(("read", "u"))
    assert isinstance(decide(policies(unknown), what), Deny)


def test_a_text_that_the_grammar_refuses_is_not_understood() -> None:
    what = Facts(fault=SyntaxFault("42601", "syntax error"))
    assert deny(decide(policies(READ), what)).message == (
        "no policy permits a statement that is not understood on datasource shop"
    )


# -- agents ----------------------------------------------------------------------------------------------------------
def test_an_agent_needs_the_permission_of_its_owner_too() -> None:
    agents = '@id("agents") @max_rows("5") permit (principal in Group::"agents", action, resource);'
    analysts = '@id("analysts") permit (principal in Group::"analysts", action, resource in Schema::"shop.public");'
    asked = policies(agents, analysts)
    assert decide(asked, CUSTOMERS, BOT) == Allow(("agents", "analysts"), 5, "agents")
    assert decide(asked, CUSTOMERS, replace(BOT, owner=None)) == Allow(("agents",), 5, "agents")
    verdict = deny(decide(asked, facts(touch("select", "hr", "salaries")), BOT))
    assert verdict.message == (
        'no policy permits select on table hr.salaries for user "ada", on whose behalf "bot" acts'
    )
    assert (
        deny(decide(policies(analysts), CUSTOMERS, BOT)).message == "no policy permits select on table public.customers"
    )


def test_policies_can_tell_when_an_agent_acts_for_somebody() -> None:
    own_only = (
        '@id("own") forbid (principal is User, action, resource) when { context has agent && context.agent == "bot" };'
    )
    assert decide(policies(READ, own_only), CUSTOMERS) == Allow(("read",))
    assert deny(decide(policies(READ, own_only), CUSTOMERS, BOT)).rule == "own"


def test_policies_can_look_at_an_agents_owner() -> None:
    condition = 'principal has owner && principal.owner in Group::"analysts"'
    owned = f'@id("o") permit (principal is Agent, action, resource) when {{ {condition} }};'
    assert decide(policies(owned, READ.replace("principal,", "principal is User,")), CUSTOMERS, BOT) == Allow(
        ("o", "read")
    )


def test_a_chain_of_owners_is_asked_to_its_end() -> None:
    chain = Principal("sub", Kind.AGENT, owner=BOT)
    asked = [question.principal.name for question in policies(READ).explain(chain, "shop", CUSTOMERS, HERE).questions]
    assert asked == ["sub", "bot", "ada"]


# -- connecting ------------------------------------------------------------------------------------------------------
def test_connecting_is_asked_of_the_datasource() -> None:
    asked = policies('@id("c") permit (principal, action == Action::"connect", resource == Datasource::"shop");')
    assert asked.may_connect(ADA, "shop", HERE) == Allow(("c",))
    assert asked.may_connect(BOT, "shop", HERE) == Allow(("c",))
    assert deny(asked.may_connect(ADA, "hr", HERE)).message == "no policy permits connect on datasource hr"


# -- context ---------------------------------------------------------------------------------------------------------
OFFICE = '@id("office") forbid (principal, action, resource) unless { context.hour >= 9 && context.hour < 17 };'
HOUR_NS = 3_600_000_000_000


def test_verdicts_follow_the_clock_where_policies_look_at_it() -> None:
    asked = policies(READ, OFFICE)
    assert asked.context_attributes == {"hour"}
    at = {hour: Context(at_ns=20_000 * 24 * HOUR_NS + hour * HOUR_NS) for hour in (8, 9, 16, 17)}
    assert {hour: type(decide(asked, CUSTOMERS, context=context)) for hour, context in at.items()} == {
        8: Deny, 9: Allow, 16: Allow, 17: Deny,
    }  # fmt: skip


def test_the_clock_is_the_deployments() -> None:
    asked = Policies.parse({"p": READ + OFFICE}, ["shop"], timezone="Asia/Tokyo")
    assert isinstance(asked.decide(ADA, "shop", CUSTOMERS, Context(at_ns=20_000 * 24 * HOUR_NS)), Allow)


def test_an_unknown_time_is_a_denial_where_policies_look_at_it() -> None:
    verdict = deny(policies(READ, OFFICE).decide(ADA, "shop", CUSTOMERS, HERE))
    assert (verdict.rule, verdict.message) == (
        POLICY_ERROR,
        "the policies could not be evaluated: a policy looks at the time, and the time is not known",
    )


def test_ranges_of_addresses_hold() -> None:
    condition = 'context has client_address && context.client_address.isInRange(ip("10.0.0.0/8"))'
    inside = f'@id("in") permit (principal, action, resource) when {{ {condition} }};'
    asked = policies(inside)
    assert isinstance(decide(asked, CUSTOMERS, context=Context("::ffff:10.1.2.3")), Allow)
    assert isinstance(decide(asked, CUSTOMERS, context=Context("192.168.0.1")), Deny)
    assert isinstance(decide(asked, CUSTOMERS, context=HERE), Deny)


def test_what_the_statement_is_counts_as_context_too() -> None:
    alone = '@id("alone") forbid (principal, action, resource) when { context.statements > 1 };'
    asked = policies(READ, alone)
    assert asked.context_attributes == frozenset()
    assert isinstance(decide(asked, CUSTOMERS), Allow)
    assert isinstance(decide(asked, replace(CUSTOMERS, parts=2)), Deny)


# -- failing closed --------------------------------------------------------------------------------------------------
class Panic(BaseException):
    """As the engine's panics are: no Exception."""


@pytest.mark.parametrize("defect", [RuntimeError("boom"), Panic("boom"), RecursionError("boom"), MemoryError("boom")])
def test_whatever_the_engine_raises_is_a_denial_that_is_not_remembered(
    defect: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise defect

    asked = policies(READ)
    with monkeypatch.context() as patch:
        patch.setattr(cedarpy, "is_authorized_batch", broken)
        for verdict in (
            asked.decide(ADA, "shop", CUSTOMERS, HERE),
            asked.may_connect(ADA, "shop", HERE),
            asked.explain(ADA, "shop", CUSTOMERS, HERE).verdict,
        ):
            assert deny(verdict).rule == POLICY_ERROR
            assert deny(verdict).message == "the policies could not be evaluated: boom"
    assert isinstance(decide(asked, CUSTOMERS), Allow)


def test_being_told_to_stop_is_no_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    asked = policies(READ)
    monkeypatch.setattr(cedarpy, "is_authorized_batch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        asked.decide(ADA, "shop", CUSTOMERS, HERE)


def test_a_resource_that_cannot_be_named_is_a_denial() -> None:
    verdict = deny(policies(READ).decide(ADA, "shop", facts(touch("select", "customers")), HERE))
    assert "a Table has 2 parts, not 1" in verdict.message


def test_an_action_that_is_not_in_the_vocabulary_is_a_denial() -> None:
    verdict = deny(decide(policies(READ), facts(touch("selct", "public", "customers"))))
    assert verdict.rule == POLICY_ERROR
    assert verdict.message.startswith("selct on table public.customers is denied because the policies could not")


def test_names_that_are_no_unicode_are_a_denial() -> None:
    assert isinstance(decide(policies(READ), facts(touch("select", "public", "x"))), Allow)
    assert (
        deny(policies(READ).decide(ADA, "shop", facts(touch("select", "public", "\ud800")), HERE)).rule == POLICY_ERROR
    )


# -- what is remembered ----------------------------------------------------------------------------------------------
def test_equal_facts_of_different_objects_get_equal_verdicts() -> None:
    asked = policies(READ)
    for number in range(50):
        what = facts(touch("select" if number % 2 else "insert", "public", "customers"))
        assert isinstance(asked.decide(ADA, "shop", what, HERE), Allow) is bool(number % 2)
        del what
        gc.collect(0)


def test_a_principal_that_changed_is_judged_anew() -> None:
    asked = policies('@id("a") permit (principal in Group::"analysts", action, resource);')
    assert isinstance(decide(asked, CUSTOMERS), Allow)
    assert isinstance(decide(asked, CUSTOMERS, replace(ADA, groups=frozenset())), Deny)


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policies_module, "VERDICTS", 4)
    asked = policies(READ)
    several = [facts(touch("select", "public", f"t{number}")) for number in range(20)]
    verdicts = [asked.decide(ADA, "shop", one, HERE) for one in several]
    assert asked.decide(ADA, "shop", several[-1], HERE) is verdicts[-1]
    assert asked.decide(ADA, "shop", several[0], HERE) is not verdicts[0]
    many = facts(*(touch("select", "public", f"t{number}") for number in range(65)))
    first = asked.decide(ADA, "shop", many, HERE)
    assert first == asked.decide(ADA, "shop", many, HERE)
    assert first is not asked.decide(ADA, "shop", many, HERE)


# -- explaining, versions, parsing -----------------------------------------------------------------------------------
def test_an_explanation_has_every_question_with_its_rules() -> None:
    what = facts(touch("select", "public", "customers"), touch("delete_all", "public", 'o"dd'))
    explained = policies(READ, WRITE, HOLD).explain(ADA, "shop", what, HERE)
    assert isinstance(explained.verdict, Hold)
    assert [(one.action, one.resource, one.decision, one.rules) for one in explained.questions] == [
        ("select", 'Table::"shop.public.customers"', "allow", ("read",)),
        ("delete_all", 'Table::"shop.public.\\"o\\"\\"dd\\""', "hold", ("hold",)),
    ]
    assert [question.agent for question in policies(READ).explain(BOT, "shop", CUSTOMERS, HERE).questions] == [
        None,
        "bot",
    ]


def test_the_version_follows_everything_that_verdicts_rest_on() -> None:
    base = Policies.parse({"p": READ}, ["shop"])
    assert base.version == Policies.parse({"p": READ}, ["shop"]).version
    others = [
        Policies.parse({"p": READ + WRITE}, ["shop"]),
        Policies.parse({"q": READ}, ["shop"]),
        Policies.parse({"p": READ}, ["shop"], timezone="Asia/Tokyo"),
        Policies.parse({"p": READ}, ["shop"], classification=TAGGED),
        Policies.parse({"p": READ}, ["shop", "hr"]),
    ]
    assert len({base.version, *(other.version for other in others)}) == 6


def test_policies_about_datasources_that_are_not_there_are_warned_of() -> None:
    assert Policies.parse({"p.cedar": READ}, ["hr"]).warnings == (
        'p.cedar:1: policy "read": Datasource::"shop" is in no configured datasource',
    )
    assert policies(READ).warnings == ()


def test_policies_that_do_not_validate_are_refused() -> None:
    with pytest.raises(ConfigError, match="unrecognized action"):
        policies('@id("x") permit (principal, action == Action::"selct", resource);')


def call(*traits: str, action: str = "function") -> Touch:
    return Touch(action, Resource(ResourceType.FUNCTION, ("public", "price")), traits=traits)


CALLS = '@id("calls") permit (principal, action, resource);'
NEVER_OPAQUE = '@id("never-opaque") forbid (principal, action, resource is Function) when { resource.opaque };'


def test_policies_see_what_is_known_of_a_function() -> None:
    asked = policies(CALLS, NEVER_OPAQUE)
    assert isinstance(decide(asked, facts(call())), Allow)
    assert isinstance(decide(asked, facts(call("volatile"))), Allow)
    assert decide(asked, facts(call("opaque", "volatile"))).rules == ("never-opaque",)
    assert isinstance(decide(asked, facts(call("volatile"))), Allow), "answers are remembered by traits"
    for trait in ("security_definer", "volatile"):
        text = f'@id("never") forbid (principal, action, resource is Function) when {{ resource.{trait} }};'
        assert isinstance(decide(policies(CALLS, text), facts(call(trait))), Deny)


def test_overloads_are_one_function_which_is_all_of_what_they_are() -> None:
    asked = policies(CALLS, NEVER_OPAQUE)
    assert isinstance(decide(asked, facts(call("volatile"), call("opaque"))), Deny)
    assert isinstance(decide(asked, facts(call(action="drop"), call("opaque"))), Deny)


def test_the_kind_and_owner_of_who_acts_are_told_in_every_question() -> None:
    forbid = '@id("no") forbid (principal is User, action, resource) when { context.principal_kind == "agent" };'
    asked = policies(READ, forbid)
    assert isinstance(decide(asked, CUSTOMERS), Allow)
    assert decide(asked, CUSTOMERS, BOT).rules == ("no",)
    owned = '@id("no") forbid (principal, action, resource) when { context has owner && context.owner == "ada" };'
    assert isinstance(decide(policies(READ, owned), CUSTOMERS), Allow)
    assert isinstance(decide(policies(READ, owned), CUSTOMERS, BOT), Deny)


@pytest.mark.parametrize(
    ("condition", "harmless", "harmful"),
    [
        ("!context.has_where", Facts(), Facts(has_where=False)),
        ('context.locks.contains("ShareLock")', Facts(), Facts(locks=(Lock(("a", "b"), "ShareLock"),))),
        (
            'context.indirect_writes.contains("rule")',
            Facts(),
            Facts(indirect=(Indirect("rule", "r", "insert", ("a", "b"), ("a", "c")),)),
        ),
    ],
)
def test_policies_see_the_facts_and_answers_are_remembered_by_them(
    condition: str, harmless: Facts, harmful: Facts
) -> None:
    asked = policies(READ, f'@id("no") forbid (principal, action, resource) when {{ {condition} }};')
    touches = CUSTOMERS.touches
    for _ in range(2):
        assert isinstance(decide(asked, replace(harmless, touches=touches)), Allow)
        assert isinstance(decide(asked, replace(harmful, touches=touches)), Deny)


def test_how_somebody_was_proven_counts() -> None:
    proven = '@id("no") forbid (principal, action, resource) unless { context.evidence == "password" };'
    asked = policies(READ, proven)
    assert asked.context_attributes == {"evidence"}
    assert decide(asked, CUSTOMERS).rules == ("no",)
    assert isinstance(decide(asked, CUSTOMERS, context=Context(evidence="password")), Allow)
