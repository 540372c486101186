"""Verdicts about columns: by their names, by their tags, and what is shown unmasked."""

from __future__ import annotations

from policykit import ADA, BOT, HERE, READ, TAGGED, decide, deny, facts, policies, touch

from tidewaiter.config import Classification, Mask
from tidewaiter.model import (
    Allow,
    Deny,
    Resource,
    ResourceType,
    Touch,
)
from tidewaiter.policy import POLICY_ERROR
from tidewaiter.policy.names import EVERY

NO_SSN = '@id("no-ssn") forbid (principal, action, resource in Tag::"ssn");'


def test_columns_are_asked_only_where_a_policy_is_about_columns() -> None:
    what = facts(touch("select", "public", "customers", columns=("id", "ssn")))
    assert len(policies(READ, classification=TAGGED).questions("shop", what)) == 1
    verdict = deny(decide(policies(READ, NO_SSN, classification=TAGGED), what))
    assert verdict.message == 'select on column public.customers.ssn is forbidden by policy "no-ssn"'
    other = facts(touch("select", "public", "customers", columns=("id",)))
    assert decide(policies(READ, NO_SSN, classification=TAGGED), other) == Allow(("read",))


def test_a_star_touches_every_column_that_policies_can_tell_apart() -> None:
    asked = policies(READ, NO_SSN, '@id("n") forbid (principal, action, resource == Column::"shop.public.log.note");',
                     classification=TAGGED)  # fmt: skip
    everything = facts(touch("select", "public", "customers", columns=("id",), star=True))
    assert [target.column for _, target in asked.questions("shop", everything)] == [None, "id", "ssn", EVERY]
    assert deny(decide(asked, everything)).rule == "no-ssn"
    assert deny(decide(asked, facts(touch("select", "public", "log", star=True)))).rule == "n"
    assert decide(asked, facts(touch("select", "public", "orders", star=True))) == Allow(("read",))


def test_a_star_is_denied_where_only_listed_columns_are_permitted() -> None:
    asked = policies(
        '@id("t") permit (principal, action == Action::"select", resource == Table::"shop.public.customers");',
        '@id("c") permit (principal, action == Action::"select", resource == Column::"shop.public.customers.id");',
    )
    assert decide(asked, facts(touch("select", "public", "customers", columns=("id",)))) == Allow(("t", "c"))
    verdict = deny(decide(asked, facts(touch("select", "public", "customers", star=True))))
    assert verdict.message == "no policy permits select on every column of public.customers"


def test_a_star_is_not_understood_where_policies_look_at_names_of_columns() -> None:
    named = '@id("n") forbid (principal, action, resource is Column) when { resource.name like "ssn*" };'
    asked = policies(READ, named)
    assert decide(asked, facts(touch("select", "public", "customers", columns=("id",)))) == Allow(("read",))
    assert "not understood" in deny(decide(asked, facts(touch("select", "public", "customers", star=True)))).message


def test_columns_are_not_asked_of_actions_without_columns_nor_of_other_resources() -> None:
    asked = policies(READ, NO_SSN)
    function = Touch("select", Resource(ResourceType.DATASOURCE), ("x",), True)
    what = facts(touch("delete", "public", "customers", columns=("ssn",)), function)
    assert [target.column for _, target in asked.questions("shop", what)] == [None, None]


UNMASK = '@id("sees-email") permit (principal, action == Action::"unmask", resource in Tag::"email");'


LABELLED = Classification(
    {"email": Mask("email"), "pii": Mask("redact")}, {"shop": {"public.customers": {"email": ("email", "pii")}}}
)


EMAIL = ("public", "customers", "email")


def test_each_tag_of_a_column_is_a_question_of_its_own() -> None:
    asked = policies(UNMASK, classification=LABELLED)
    assert isinstance(asked.may_unmask(ADA, "shop", EMAIL, "email", None, HERE), Allow)
    assert isinstance(asked.may_unmask(ADA, "shop", EMAIL, "pii", None, HERE), Deny), "its other tag is not its parent"


def test_an_agent_sees_what_its_owner_sees_too() -> None:
    for who in ('principal == Agent::"bot"', 'principal == User::"ada"'):
        asked = policies(UNMASK.replace("principal", who, 1), classification=LABELLED)
        assert isinstance(asked.may_unmask(BOT, "shop", EMAIL, "email", None, HERE), Deny)
    assert isinstance(
        policies(UNMASK, classification=LABELLED).may_unmask(BOT, "shop", EMAIL, "email", None, HERE), Allow
    )


def test_a_defect_while_asking_to_unmask_is_a_denial() -> None:
    verdict = policies(UNMASK).may_unmask(ADA, "shop", ("too", "short"), "email", None, HERE)  # type: ignore[arg-type]
    assert (isinstance(verdict, Deny), verdict.rules) == (True, (POLICY_ERROR,))
