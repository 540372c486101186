"""Policies about one shop, asked as sessions ask them."""

from __future__ import annotations

from tidewaiter.config import Classification, Mask
from tidewaiter.model import (
    Context,
    Deny,
    Facts,
    Kind,
    Principal,
    Resource,
    ResourceType,
    Touch,
    Verdict,
)
from tidewaiter.policy import Policies

ADA = Principal("ada", Kind.USER, frozenset({"analysts"}))
BOT = Principal("bot", Kind.AGENT, frozenset({"agents"}), owner=ADA)
HERE = Context()
READ = '@id("read") permit (principal, action in Action::"read", resource in Datasource::"shop");'
WRITE = '@id("write") permit (principal, action in Action::"write", resource in Datasource::"shop");'
HOLD = (
    '@id("hold") @hold("dba") @message("Destructive statements wait") '
    'forbid (principal, action in Action::"destructive", resource);'
)
TAGGED = Classification({"ssn": Mask("redact")}, {"shop": {"public.customers": {"ssn": ("ssn",)}}})


def policies(*texts: str, classification: Classification | None = None) -> Policies:
    return Policies.parse({"p.cedar": "\n".join(texts)}, ["shop"], classification=classification)


def touch(action: str, *path: str, columns: tuple[str, ...] = (), star: bool = False) -> Touch:
    return Touch(action, Resource(ResourceType.TABLE, path), columns, star)


def facts(*touches: Touch, unknown: tuple[str, ...] = ()) -> Facts:
    return Facts(tuple(dict.fromkeys(one.action for one in touches)), touches, unknown)


CUSTOMERS = facts(touch("select", "public", "customers"))


def decide(asked: Policies, what: Facts, principal: Principal = ADA, context: Context = HERE) -> Verdict:
    verdict = asked.decide(principal, "shop", what, context)
    assert asked.decide(principal, "shop", what, context) is verdict, "the second look is remembered"
    assert asked.explain(principal, "shop", what, context).verdict == verdict
    return verdict


def deny(verdict: Verdict) -> Deny:
    assert isinstance(verdict, Deny)
    return verdict
