"""What is valid but cannot be meant."""

from __future__ import annotations

from tidewaiter.config import default_policies
from tidewaiter.model import Kind, Principal
from tidewaiter.policy import Policies
from tidewaiter.policy.lint import lint

DEE = Principal("dee", Kind.USER, frozenset({"dba"}))
DAN = Principal("dan", Kind.USER, frozenset({"dba"}))
BOT = Principal("bot", Kind.AGENT, frozenset({"dba"}), owner=DEE)
AT_NS = 1_800_000_000_000_000_000
ALL = '@id("all") permit (principal in Group::"dba", action, resource);\n'
HOLD = '@id("wait") @hold("dba") @quorum("2") forbid (principal, action in Action::"destructive", resource);\n'


def remarks(*texts: str, people: tuple[Principal, ...] = (DEE, DAN), names: tuple[str, ...] = ("shop",)) -> list[str]:
    return lint(Policies.parse({"p.cedar": "".join(texts)}, names), people, names, AT_NS)


def test_what_a_team_keeps_has_no_remarks() -> None:
    people = tuple(
        Principal(group, Kind.USER, frozenset({group})) for group in ("analysts", "writers", "dba", "agents")
    )
    assert lint(Policies.parse(default_policies("shop"), ["shop"]), people, ["shop"], AT_NS) == []
    assert remarks(ALL, HOLD) == []


def test_a_hold_that_too_few_people_can_approve_is_told() -> None:
    told = 'p.cedar:2: policy "wait" waits for 2 of dba, and only dee in there can log in'
    assert told in remarks(ALL, HOLD, people=(DEE,))
    assert told in remarks(ALL, HOLD, people=(DEE, BOT)), "agents approve nothing"
    nobody = 'p.cedar:2: policy "wait" waits for 1 of security or audit, and nobody in there can log in'
    assert nobody in remarks(ALL, HOLD.replace('"dba"', '"security or audit"').replace('@quorum("2") ', ""))


def test_a_hold_whose_approvers_may_not_approve_is_told() -> None:
    permit = '@id("some") permit (principal == User::"dee", action, resource in Datasource::"shop");\n'
    connect = '@id("in") permit (principal in Group::"dba", action == Action::"connect", resource);\n'
    told = 'p.cedar:3: policy "wait" waits for 2 of dba, and only dee of them may `approve` on Datasource::"shop"'
    found = remarks(permit, connect, HOLD, names=("hr", "shop"))
    assert told in found
    assert told.replace("only dee", "nobody").replace('"shop"', '"hr"') in found
    about_shop = HOLD.replace("resource)", 'resource in Schema::"shop.public")')
    assert remarks(permit, connect, about_shop, names=("hr", "shop")) == [told]


def test_a_forbid_that_leaves_nothing_is_told() -> None:
    assert 'p.cedar:2: policy "x" forbids everything to everybody: no other policy counts' in remarks(
        ALL, '@id("x") forbid (principal, action, resource);'
    )
    assert (
        'p.cedar:2: policy "x" forbids everybody everything in Datasource::"shop": no other policy about it counts'
        in (remarks(ALL, '@id("x") forbid (principal, action, resource in Datasource::"shop");'))
    )
    harmless = '@id("x") forbid (principal, action, resource in Datasource::"shop") when { context.hour < 6 };'
    assert remarks(ALL, harmless) == []
    assert remarks(ALL, '@id("x") forbid (principal, action, resource in Schema::"shop.hr");') == []


def test_groups_without_members_and_members_without_policies_are_told() -> None:
    typo = '@id("t") permit (principal in Group::"dbas", action, resource);\n'
    stray = Principal("sue", Kind.USER, frozenset({"dba", "sales"}))
    assert remarks(ALL, typo, people=(DEE, stray)) == [
        'p.cedar:2: policy "t" is about Group::"dbas", which nobody is in',
        'no policy is about Group::"sales", and somebody is in it',
    ]


def test_who_may_connect_nowhere_is_told() -> None:
    eve = Principal("eve", Kind.USER)
    agent = Principal("bot", Kind.AGENT, frozenset({"dba"}), owner=eve)
    assert remarks(ALL, people=(DEE, eve, agent)) == [
        "principal eve may connect to no datasource",
        "principal bot (on behalf of eve) may connect to no datasource",
    ]
    assert remarks(ALL, people=(DEE, eve), names=()) == [], "there is nothing to connect to yet"
