"""Loading policies: what is checked, and what is said of policies that are refused."""

from __future__ import annotations

import cedarpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.errors import ConfigError
from tidewaiter.policy.rules import (
    ALL_ATTRIBUTES,
    SCHEMA,
    Rule,
    may_apply,
    mentions,
    narrowed,
    policy_set,
    read_rules,
    statements,
    warnings,
)

GOOD = '@id("a") permit (principal, action in Action::"read", resource in Datasource::"shop");'


def rule(text: str) -> Rule:
    (found,) = read_rules({"p.cedar": text})
    return found


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        read_rules({"p.cedar": text})
    return refused.value.problems


def test_a_rule_has_what_its_annotations_say() -> None:
    found = rule(
        '@id("d") @hold("dba") @message("why") @wait("2m") @quorum("2") @description("x")\n'
        'forbid (principal, action in Action::"destructive", resource);'
    )
    assert (found.id, found.place, found.is_forbid) == ("d", "p.cedar:1", True)
    assert (found.hold, found.message, found.wait_s, found.quorum, found.max_rows) == (("dba",), "why", 120.0, 2, None)
    limited = rule('@id("r") @max_rows("1000") permit (principal, action, resource);')
    assert (limited.max_rows, limited.hold, limited.is_forbid, limited.wait_s) == (1000, None, False, 120.0)


def test_rules_of_all_files_are_read_in_the_order_of_their_names() -> None:
    second = GOOD.replace('"a"', '"b"')
    assert [found.id for found in read_rules({"2.cedar": GOOD, "1.cedar": second, "0.cedar": "// none\n"})] == [
        "b",
        "a",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("permit (principal, action, resource);", 'p.cedar:1: needs an @id("…")'),
        ('@id("") permit (principal, action, resource);', "needs an @id"),
        ('@id("a b") permit (principal, action, resource);', 'p.cedar:1: policy "a b": needs an @id'),
        ('@id("default-deny") permit (principal, action, resource);', "this id is used by the product itself"),
        (
            '@id("x") @hodl("dba") forbid (principal, action, resource);',
            "unknown annotation @hodl; did you mean @hold?",
        ),
        ('@id("x") @zzzzz("dba") forbid (principal, action, resource);', "unknown annotation @zzzzz"),
        ('@id("x") @hold("dba") permit (principal, action, resource);', "@hold belongs on a forbid"),
        ('@id("x") @hold(" ") forbid (principal, action, resource);', "@hold must name the group that approves"),
        ('@id("x") @max_rows("5") forbid (principal, action, resource);', "@max_rows belongs on a permit"),
        ('@id("x") @max_rows("0") permit (principal, action, resource);', "@max_rows must be a whole number from 1"),
        ('@id("x") @max_rows("-1") permit (principal, action, resource);', "@max_rows must be a whole number from 1"),
        ('@id("x") @wait("5s") forbid (principal, action, resource);', "@wait needs @hold"),
        ('@id("x") @quorum("2") forbid (principal, action, resource);', "@quorum needs @hold"),
        ('@id("x") @hold("d") @wait("5") forbid (principal, action, resource);', "@wait must be a duration"),
        (
            '@id("x") @hold("d") @wait("25h") forbid (principal, action, resource);',
            "@wait must be a duration up to a day",
        ),
        ('@id("x") @hold("d") @quorum("0") forbid (principal, action, resource);', "@quorum must be a whole number"),
        ('@id("x") permit (principal == ?principal, action, resource);', "templates (?principal, ?resource)"),
        ('@id("x") permit (principal, action == Action::"selct", resource);', 'unrecognized action `Action::"selct"`'),
        ('@id("x") permit (principal in Grp::"g", action, resource);', "unrecognized entity type `Grp`"),
        ('@id("x") permit (principal, action, resource) when { context.hous > 1 };', "attribute `hous`"),
        (
            '@id("x") permit (principal, action, resource) when { context.client_address.isLoopback() };',
            "unable to guarantee safety of access to optional attribute `client_address`",
        ),
        (
            '@id("x") permit (principal, action == Action::"connect", resource is Table);',
            "unable to find an applicable action",
        ),
        (
            '@id("x") permit (principal, action, resource in Table::"public.customers");',
            'Table::"public.customers" never matches: it must be Table::"DATASOURCE.SCHEMA.TABLE"',
        ),
        (
            '@id("x") permit (principal, action, resource) when { resource in Schema::"shop.Odd" };',
            'never matches: it must be written Schema::"shop.\\"Odd\\""',
        ),
        ('@id("x") permit (principal, action, resource', "p.cedar:1: cannot be read as a Cedar policy"),
        ('@id("x") @id("y") permit (principal, action, resource);', "cannot be read as a Cedar policy: duplicate"),
        ("hello;", "cannot be read as a Cedar policy"),
        ("permit (principal, action, resource) when { " + "(" * 200 + "true" + ")" * 200 + " };", "p.cedar:1: "),
        (";", "p.cedar:1: cannot be read as a Cedar policy"),
    ],
)
def test_a_policy_that_cannot_be_is_refused(text: str, told: str) -> None:
    found = problems(text)
    assert any(told in problem for problem in found), found


def test_every_problem_of_every_file_is_told_with_file_line_and_policy() -> None:
    first = '// a remark; with "quotes\n\n@id("x")\npermit (principal, action, resource) when { context.nope };\n'
    second = f'{GOOD}\n\n{GOOD}\n@id("y") permit (principal, action, resource in "x;y");\n'
    with pytest.raises(ConfigError) as refused:
        read_rules({"1.cedar": first, "2.cedar": second})
    told = [problem.split(": ")[:2] for problem in refused.value.problems]
    assert ["1.cedar:3", 'policy "x"'] in told
    assert ["2.cedar:3", 'policy "a"'] in told
    assert any(place == "2.cedar:4" for place, _ in told)
    assert any("the id is taken by 2.cedar:1" in problem for problem in refused.value.problems)


@given(st.lists(st.sampled_from([";", '"', "\\", "//", "\n", "a", " ", '"a;b"', "// ;\n"])).map("".join))
def test_splitting_loses_nothing_but_what_is_no_policy(text: str) -> None:
    parts = list(statements(text))
    assert text.startswith("".join(part for _, part in parts))
    rest = text[sum(len(part) for _, part in parts) :]
    assert list(statements(rest)) == []
    assert all(1 <= line <= text.count("\n") + 1 for line, _ in parts)


def test_mentions_are_the_attributes_that_policies_read() -> None:
    found = rule(
        '@id("x") permit (principal, action, resource)'
        ' when { context.hour > 9 && context has client_address && ["a"].contains(context.application) };'
    )
    assert mentions([found]).attributes == {"hour", "client_address", "application"}
    assert mentions([rule(GOOD)]).attributes == frozenset()


@pytest.mark.parametrize(
    "condition", ["context == context", "[context].contains(context)", "{a: context}.a.hour > 1",
                  "(if context.hour > 1 then context else context).minute > 2"]
)  # fmt: skip
def test_a_context_that_is_used_whole_mentions_everything(condition: str) -> None:
    found = rule(f'@id("x") permit (principal, action, resource) when {{ {condition} }};')
    assert mentions([found]).attributes == ALL_ATTRIBUTES


@pytest.mark.parametrize(
    ("scope", "columns", "names"),
    [
        ('action in Action::"read", resource in Datasource::"shop"', False, False),
        ('action == Action::"unmask", resource in Tag::"email"', False, False),
        ('action in [Action::"unmask"], resource in Tag::"email"', False, False),
        ('action in [Action::"unmask", Action::"select"], resource in Tag::"email"', True, False),
        ('action, resource in Tag::"email"', True, False),
        ('action, resource == Column::"shop.public.customers.ssn"', True, False),
        ('action, resource is Column', True, False),
        ('action, resource) when { resource is Column && resource.name == "ssn" }; //', True, True),
        ('action, resource) when { resource in Tag::"email" }; //', True, False),
    ],
)  # fmt: skip
def test_columns_are_mentioned_where_a_policy_names_column_or_tag(scope: str, columns: bool, names: bool) -> None:
    found = mentions(read_rules({"p.cedar": f'@id("x") forbid (principal, {scope});'}))
    assert (found.columns, found.column_names) == (columns, names)


def test_columns_that_policies_name_are_known_by_table() -> None:
    found = mentions([rule('@id("x") forbid (principal, action, resource == Column::"shop.public.customers.ssn");')])
    assert found.named == {("shop", "public", "customers"): ("ssn",)}


def test_warnings_name_what_is_hardly_meant() -> None:
    rules = read_rules(
        {
            "p.cedar": GOOD
            + '@id("b") forbid (principal, action == Action::"delete", resource in Schema::"hr.public");\n'
            + '@id("c") forbid (principal, action == Action::"unmask", resource in Tag::"emial");'
        }
    )
    assert warnings(rules, ["shop"], ["email"]) == (
        'p.cedar:1: policy "b": Schema::"hr.public" is in no configured datasource',
        'p.cedar:1: policy "b": `action == Action::"delete"` leaves out delete_all; write `action in Action::"delete"`',
        'p.cedar:2: policy "c": Tag::"emial" is no tag of classification.toml',
    )
    assert len(warnings(rules, ["shop", "hr"], None)) == 1
    assert warnings((), [], None) == ("there are no policies: everything is denied",)


@pytest.mark.parametrize(
    ("scope", "user", "agent"),
    [
        ("principal", True, True),
        ('principal in Group::"g"', True, False),
        ('principal in Group::"other"', False, False),
        ('principal == User::"ada"', True, False),
        ('principal == Agent::"ada"', False, True),
        ('principal in User::"ada"', True, False),
        ("principal is Agent", False, True),
        ('principal is User in Group::"g"', True, False),
        ('principal is Agent in Group::"g"', False, False),
    ],
)
def test_a_rule_may_apply_unless_its_scope_leaves_the_principal_out(scope: str, user: bool, agent: bool) -> None:
    found = rule(f'@id("x") permit ({scope}, action, resource);')
    assert may_apply(found, "User", "ada", {"g"}) is user
    assert may_apply(found, "Agent", "ada", set()) is agent


def test_a_slot_is_never_left_out() -> None:
    template = cedarpy.PolicySet.from_str("permit (principal == ?principal, action, resource);").to_pst()
    (policy,) = template.templates.values()
    assert may_apply(Rule("x", "p:1", policy), "User", "ada", ())


def test_the_narrowed_schema_has_the_mentioned_attributes_only() -> None:
    narrow = str(narrowed({"hour"}))
    assert '"hour"' in narrow or "hour:" in narrow
    assert "weekday" not in narrow
    assert "weekday" in str(SCHEMA)
    assert "weekday" in str(narrowed(ALL_ATTRIBUTES))


def test_the_policies_of_a_set_have_the_ids_of_their_rules() -> None:
    assert set(policy_set([rule(GOOD)]).to_pst().static_policies) == {"a"}
    assert len(policy_set([])) == 0


@pytest.mark.parametrize(
    ("written", "groups"),
    [("dba", ("dba",)), ("dba or security", ("dba", "security")), ("dba, security ,dba", ("dba", "security"))],
)
def test_a_hold_names_one_group_or_several_of_which_one_suffices(written: str, groups: tuple[str, ...]) -> None:
    (found,) = read_rules({"p.cedar": f'@id("h") @hold("{written}") forbid (principal, action, resource);'})
    assert found.hold == groups


def test_a_hold_with_a_hole_among_its_groups_is_refused() -> None:
    with pytest.raises(ConfigError, match="must name the group that approves"):
        read_rules({"p.cedar": '@id("h") @hold("dba, , security") forbid (principal, action, resource);'})
