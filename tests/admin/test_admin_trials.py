"""Tests of policies: reading the file, deciding, comparing."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from zoneinfo import ZoneInfo

import pytest

from tidewaiter.admin.trials import Trials, read_trials, run_trial
from tidewaiter.config import Address, Classification, Datasource, Mask, default_policies, default_policy_tests
from tidewaiter.errors import ConfigError
from tidewaiter.policy import Policies

SHOP = Datasource(
    "shop", "postgres", Address("127.0.0.1", 1), "shop", "gate", "disable", "env:P", "enforce", {}, False, "detect"
)
HEAD = """datasource = "shop"
[tables]
"public.orders" = ["id"]
[functions]
"public.sure" = { language = "sql", body = "select id from public.orders", volatility = "stable" }
[people]
ada = { groups = ["g"] }
bot = { kind = "agent", owner = "ada" }
"""
READ = '@id("read") @max_rows("5") permit (principal in Group::"g", action in Action::"read", resource);\n'


def read(*tests: str, head: str = HEAD) -> Trials:
    text = head + "".join(f"[[test]]\n{test}\n" for test in tests)
    return read_trials("t.toml", text, ["shop"], ZoneInfo("Europe/Berlin"))


def complaints(test: str, *policies: str) -> tuple[str, ...]:
    found = read(test)
    asked = Policies.parse({"p.cedar": "".join(policies or (READ,))}, ["shop"], timezone="Europe/Berlin")
    (trial,) = found.trials
    return run_trial(trial, asked, found.catalog, 1000, SHOP).complaints


def ada(sql: str, expect: str, *more: str) -> str:
    return "\n".join((f'principal = "ada"\nsql = "{sql}"\nexpect = "{expect}"', *more))


def test_the_default_policies_pass_their_own_tests() -> None:
    found = read_trials("tests.toml", default_policy_tests("crm"), ["crm"], ZoneInfo("UTC"))
    policies = Policies.parse(default_policies("crm"), ["crm"])
    outcomes = [run_trial(trial, policies, found.catalog, 1 << 20, SHOP) for trial in found.trials]
    assert [outcome.complaints for outcome in outcomes] == [()] * len(found.trials)


@pytest.mark.parametrize("file", [name for name in default_policies("shop") if name != "base.cedar"])
def test_each_file_of_the_default_policies_is_needed_by_a_test(file: str) -> None:
    found = read_trials("tests.toml", default_policy_tests("shop"), ["shop"], ZoneInfo("UTC"))
    fewer = {name: text for name, text in default_policies("shop").items() if name != file}
    policies = Policies.parse(fewer, ["shop"])
    assert any(run_trial(trial, policies, found.catalog, 1 << 20, SHOP).complaints for trial in found.trials)


def test_what_is_as_expected_has_no_complaints() -> None:
    assert complaints(ada("select id from orders", "allow", 'rule = "read"', "max_rows = 5")) == ()
    assert complaints(ada("delete from orders", "deny", 'message = "no policy permits delete_all"')) == ()
    assert complaints(ada("select * from nowhere", "unknown")) == ()
    assert complaints(ada("select sure()", "deny")) == ()


def test_each_difference_is_told() -> None:
    first, *why = complaints(ada("delete from orders", "allow"))
    assert first.startswith("expected allow, got deny by default-deny: no policy permits delete_all")
    assert why[0].startswith('  no policy permits delete_all on Table::"shop.public.orders"')
    assert complaints(ada("select id from orders", "deny"))[0] == "expected deny, got allow by read"
    wrong = complaints(ada("select id from orders", "allow", 'rule = "other"', "max_rows = 6", 'message = "x"'))
    assert wrong == (
        "expected rule other, got read",
        "expected at most 6 rows, got 5",
        "expected a message with 'x', got ''",
    )
    assert complaints(ada("select id from orders", "unknown"))[0].startswith("expected a statement that is not under")
    assert "relation nowhere is not in the catalog" in complaints(ada("select * from nowhere", "allow"))[-1]


def test_every_statement_of_a_list_must_be_as_expected() -> None:
    told = complaints('principal = "ada"\nsql = ["select id from orders", "drop table orders"]\nexpect = "allow"')
    assert told[0].startswith("drop table orders: expected allow, got deny")


def test_a_test_stands_in_its_own_context() -> None:
    night = READ + '@id("no") forbid (principal, action, resource) when { context.hour < 6 };\n'
    assert complaints(ada("select id from orders", "deny", 'at = "2026-11-23T05:59"', 'rule = "no"'), night) == ()
    assert complaints(ada("select id from orders", "allow", 'at = "2026-11-23T05:59+00:00"'), night) == ()
    busy = READ + '@id("no") forbid (principal, action, resource) when { context.in_transaction };\n'
    assert complaints(ada("select id from orders", "deny", "in_transaction = true"), busy) == ()
    few = READ + (
        '@id("few") forbid (principal, action, resource)'
        "unless { context has estimated_rows && context.estimated_rows <= 100 };\n"
    )
    assert complaints(ada("select id from orders", "allow", "estimated_rows = 100"), few) == ()
    assert complaints(ada("select id from orders", "deny", "estimated_rows = 101", 'rule = "few"'), few) == ()
    assert complaints(ada("select id from orders", "deny", 'rule = "few"'), few) == ()  # no estimate
    told = 'context.application == "x" && context has client_address && context.client_address == ip("10.0.0.1")'
    there = READ + f'@id("no") forbid (principal, action, resource) when {{ {told} }};\n'
    context = 'application = "x"', 'address = "10.0.0.1"'
    assert complaints(ada("select id from orders", "deny", *context), there) == ()
    assert complaints(ada("select id from orders", "allow", *context[:1]), there) == ()


def test_somebody_can_be_described_on_the_spot() -> None:
    assert complaints('kind = "service"\ngroups = ["g"]\nsql = "select id from orders"\nexpect = "allow"') == ()
    agent = 'kind = "agent"\ngroups = []\nowner = "ada"\nsql = "select id from orders"\nexpect = "deny"'
    assert complaints(agent) == ()
    assert complaints('principal = "bot"\nsql = "select id from orders"\nexpect = "deny"') == ()


@pytest.mark.parametrize(
    ("test", "problem"),
    [
        (ada("select 1", "perhaps"), "t.toml:12: [test] expect: must be one of allow, hold, deny, unknown"),
        ('principal = "eve"\nsql = "x"\nexpect = "deny"', "needs a principal of [people], or kind and groups"),
        ('principal = "ada"\nexpect = "deny"', "needs sql"),
        (ada("x", "deny", 'datasource = "hr"'), "datasource 'hr' is not configured"),
        (ada("x", "deny", "estimated_rows = -1"), "estimated_rows: must not be negative"),
        (ada("x", "deny", 'at = "soon"'), "must be a time"),
        (ada("x", "deny", 'address = "there"'), "must be an IP address"),
        (ada("x", "deny", 'rul = "x"'), 'unknown key; did you mean "rule"?'),
        (ada("x", "deny", 'max_rows = "5"'), "must be a whole number"),
        (ada("x", "deny", "max_rows = true"), "must be a whole number"),
        (ada("x", "deny", "search_path = [1]"), "must be a list of strings"),
        ('kind = "robot"\nsql = "x"\nexpect = "deny"', "must be one of user, service, agent"),
        ('kind = "agent"\nowner = "eve"\nsql = "x"\nexpect = "deny"', "'eve' is not among [people]"),
    ],
)
def test_a_test_that_makes_no_sense_is_refused(test: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(test)
    assert any(problem in told for told in caught.value.problems), caught.value.problems


@pytest.mark.parametrize(
    ("head", "problem"),
    [
        ("nonsense", "t.toml:1:"),
        ("tables = 1", "must be a table"),
        ('[tables]\n"a.b.c" = ["id"]', "a.b.c"),
        ('[tables]\n"a.b" = "id"', "must be a list of names"),
        ('[functions]\n"a.b" = 1', "must be a table"),
        ('[functions]\n"a.b" = { volatility = "odd" }', "must be one of immutable, stable, volatile"),
    ],
)
def test_declarations_that_make_no_sense_are_refused(head: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(head=head)
    assert any(problem in told for told in caught.value.problems), caught.value.problems


PERSONS = """datasource = "shop"
[tables]
"public.persons" = ["id integer", "email", "born date", "note"]
[people]
ada = { groups = ["g"] }
"""


def masked(sql: str, expect: str, *more: str, source: Datasource = SHOP, rules: str = "") -> tuple[str, ...]:
    """The complaints of a test about somebody who sees `email` and `born` masked."""
    tags = {
        "email": Mask("partial", MappingProxyType({"keep_first": 1, "keep_last": 0, "char": "*"})),
        "born": Mask("null"),
    }
    tagged = {"shop": {"public.persons": {"email": ("email",), "born": ("born",), "id": ()}}}
    rules = rules or '@id("all") permit (principal, action, resource) unless { action == Action::"unmask" };'
    policies = Policies.parse({"p.cedar": rules}, ["shop"], classification=Classification(tags, tagged))
    (trial,) = read(ada(sql, expect, *more), head=PERSONS).trials
    return run_trial(trial, policies, read(head=PERSONS).catalog, 1000, source).complaints


@pytest.mark.parametrize(
    ("sql", "expect"),
    [
        ("select email, born from persons", "allow"),
        ("insert into persons (id, note) values (1, 'x')", "allow"),
        ("update persons set email = 'a***' where id = 1", "deny"),
        ("do $$ begin end $$", "deny"),
        ("listen x", "deny"),
    ],
)
def test_what_masking_refuses_is_denied(sql: str, expect: str) -> None:
    why = ('rule = "masking"', 'message = "(masking: "') if expect == "deny" else ()
    assert masked(sql, expect, *why) == ()
    assert masked(sql, "allow", rules='@id("all") permit (principal, action, resource);') == ()


def test_columns_that_nobody_classified_are_closed_where_the_datasource_says_so() -> None:
    closed = replace(SHOP, unclassified="deny")
    assert masked("select id from persons", "allow", source=closed) == ()
    told = ('rule = "masking"', 'message = "public.persons.note is not classified"')
    assert masked("select note from persons", "deny", *told, source=closed) == ()
