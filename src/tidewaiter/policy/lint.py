"""What is valid but cannot be meant, as far as the people who are there tell: for `policy check`. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from cedarpy import pst

from tidewaiter.model import Allow, Context, Kind, Principal
from tidewaiter.policy.names import PARTS, read_id
from tidewaiter.policy.policies import Policies
from tidewaiter.policy.rules import Rule

GROUP = "Group"


def lint(policies: Policies, people: Sequence[Principal], datasources: Collection[str], at_ns: int) -> list[str]:
    """Remarks about the policies and those who can log in (`people`), each one sentence with its place.

    `at_ns` is the time at which permissions are asked for.
    """
    context = Context(at_ns=at_ns, evidence="password")
    return [
        *_shadows(policies.rules),
        *_unapprovable(policies, people, datasources, context),
        *_empty_groups(policies.rules, people),
        *_powerless(policies, people, datasources, context),
        *_unnamed_groups(policies.rules, people),
    ]


def _shadows(rules: Sequence[Rule]) -> Iterator[str]:
    """Forbids without a condition that leave nothing to permit."""
    for rule in rules:
        policy = rule.policy
        is_bare = rule.is_forbid and rule.hold is None and not policy.clauses
        if not (is_bare and isinstance(policy.action, pst.ScopeAny) and isinstance(policy.principal, pst.ScopeAny)):
            continue
        match policy.resource:
            case pst.ScopeAny():
                yield f"{_told(rule)} forbids everything to everybody: no other policy counts"
            case pst.ScopeIn(entity=pst.EntityUid() as uid) if uid.type.basename == "Datasource":
                yield f"{_told(rule)} forbids everybody everything in {uid}: no other policy about it counts"


def _unapprovable(
    policies: Policies, people: Sequence[Principal], datasources: Collection[str], context: Context
) -> Iterator[str]:
    """Holds that wait for approvals which not enough people may give."""
    for rule in policies.rules:
        if rule.hold is None:
            continue
        groups = " or ".join(rule.hold)
        members = [one for one in people if one.kind is Kind.USER and not one.groups.isdisjoint(rule.hold)]
        if len(members) < rule.quorum:
            yield f"{_told(rule)} waits for {rule.quorum} of {groups}, and {_count(members)} in there can log in"
            continue
        for name in sorted(_about(rule, datasources)):
            able = [one for one in members if isinstance(policies.may(one, "approve", name, context), Allow)]
            if len(able) < rule.quorum:
                yield (
                    f"{_told(rule)} waits for {rule.quorum} of {groups}, and {_count(able)} of them may "
                    f'`approve` on Datasource::"{name}"'
                )


def _empty_groups(rules: Sequence[Rule], people: Sequence[Principal]) -> Iterator[str]:
    """Groups that policies name and nobody is in. Those of holds are told as such."""
    filled = {group for one in people for group in one.groups}
    for rule in rules:
        for group in sorted(_groups(rule) - filled):
            yield f'{_told(rule)} is about Group::"{group}", which nobody is in'


def _powerless(
    policies: Policies, people: Sequence[Principal], datasources: Collection[str], context: Context
) -> Iterator[str]:
    """Principals that may not even connect."""
    for one in people if datasources else ():
        if not any(isinstance(policies.may_connect(one, name, context), Allow) for name in datasources):
            owner = f" (on behalf of {one.on_behalf_of})" if one.owner is not None else ""
            yield f"principal {one.name}{owner} may connect to no datasource"


def _unnamed_groups(rules: Sequence[Rule], people: Sequence[Principal]) -> Iterator[str]:
    """Groups that people are in and no policy names."""
    named = {group for rule in rules for group in (*_groups(rule), *(rule.hold or ()))}
    for group in sorted({group for one in people for group in one.groups} - named):
        yield f'no policy is about Group::"{group}", and somebody is in it'


def _groups(rule: Rule) -> set[str]:
    return {uid.id for uid in pst.entity_uids(rule.policy) if uid.type.basename == GROUP}


def _about(rule: Rule, datasources: Collection[str]) -> Collection[str]:
    """The configured datasources that a rule's scope can concern: the one it names, else all."""
    match rule.policy.resource:
        case (
            pst.ScopeIn(entity=pst.EntityUid() as uid)
            | pst.ScopeEq(entity=pst.EntityUid() as uid)
            | pst.ScopeIsIn(entity=pst.EntityUid() as uid)
        ) if uid.type.basename in PARTS:
            return {read_id(uid.type.basename, uid.id)[0]} & set(datasources)
    return datasources


def _told(rule: Rule) -> str:
    return f'{rule.place}: policy "{rule.id}"'


def _count(people: Sequence[Principal]) -> str:
    return "nobody" if not people else "only " + ", ".join(sorted(one.name for one in people))
