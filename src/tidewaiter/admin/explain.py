"""`policy explain`: what would become of a statement, without running it, and what would have to change. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from tidewaiter.config import Datasource
from tidewaiter.model import PREMISES, Allow, Context, Deny, Facts, Hold, Principal, Secret, Touch, Verdict
from tidewaiter.policy import Explanation, Policies, Question
from tidewaiter.policy.entities import TYPES
from tidewaiter.policy.names import cedar
from tidewaiter.policy.rules import WIDER, Rule
from tidewaiter.policy.surroundings import told_indirect, told_locks
from tidewaiter.proxy.masked import refusal_of
from tidewaiter.proxy.masks import Masking, columns_of
from tidewaiter.proxy.pipeline import columns_told
from tidewaiter.sql.catalog import Catalog, quoted
from tidewaiter.sql.facts import Scope, understand
from tidewaiter.sql.rewrite import Refused

NOTHING: MappingProxyType[Any, Any] = MappingProxyType({})
NO_MASKS: Mapping[str, Any] = MappingProxyType({"masked": [], "unmasked": [], "sent": None})


def explained(
    policies: Policies,
    principal: Principal,
    source: Datasource,
    catalog: Catalog,
    sql: str,
    context: Context,
    limit: int,
    search_path: Sequence[str] | None = None,
) -> dict[str, Any]:
    """The verdict on `sql` with every question that was asked. `limit` is [limits] analyse_bytes.

    `masked` and `unmasked` are the tagged columns that it reads so, `sent` the text that the server gets where the
    principal sees masks, None where that is the client's.

    Names resolve as in a fresh session, along `search_path`; without one, along the server's default, "$user", public.
    """
    path = (source.user, "public") if search_path is None else search_path
    facts = facts_of(sql, catalog, path, limit)
    told = policies.explain(principal, source.name, facts, context)
    rules = {rule.id: rule for rule in policies.rules}
    verdict, masks = told.verdict, NO_MASKS
    if source.mode != "observe":
        verdict, masks = masked(policies, principal, source, catalog, sql, facts, path, context, verdict)
    return {
        **verdict_told(verdict),
        **masks,
        "mode": source.mode,
        "questions": [_question(question, rules) for question in told.questions],
        "rules": [_rule(rules[id_]) for id_ in _named(told) if id_ in rules],
        "changes": changes(told, rules),
        "facts": facts_told(facts),
    }


def masked(policies: Policies, principal: Principal, source: Datasource, catalog: Catalog, sql: str, facts: Facts,
           path: Sequence[str], context: Context, verdict: Verdict) -> tuple[Verdict, Mapping[str, Any]]:  # fmt: skip
    """The verdict where something is masked, and what is told of that: columns, and the text that the server gets.

    As in a session that masks: what cannot be rewritten is denied by the rule "masking", whatever policies permit.
    """
    tags = policies.tags(source.name)
    nonce = f"tw{sha256(sql.encode(errors='surrogatepass')).hexdigest()[:16]}"
    masking = Masking(source.name, source.database, Secret(""), lambda: nonce, source.unclassified)
    sight = masking.sight(policies, principal, catalog, facts, context)
    hidden = columns_of(facts, sight.tags) if sight is not None else {}
    shown = {
        table: {name: of for name, of in columns.items() if name not in hidden.get(table, {})}
        for table, columns in columns_of(facts, tags).items()
    }
    told = {
        "masked": columns_told(hidden),
        "unmasked": columns_told({table: columns for table, columns in shown.items() if columns}),
        "sent": None,
    }
    if sight is None or isinstance(verdict, Deny):
        return verdict, told
    made = masking.plan(sql, facts, Scope(("pg_catalog", *path)), sight, policies.classification, "utf-8", PREMISES)
    if isinstance(made, Refused):
        return refusal_of(made), told
    return verdict, told | {"sent": made.text.decode()}


def facts_of(sql: str, catalog: Catalog, search_path: Sequence[str], limit: int) -> Facts:
    """What a text is and touches in a fresh session, as the gateway would understand it."""
    if len(sql.encode(errors="surrogatepass")) > limit:
        return Facts(unknown=(f"the text is longer than {limit} bytes",))
    return understand(sql, catalog, Scope(("pg_catalog", *search_path), NOTHING, NOTHING, NOTHING))


def verdict_told(verdict: Verdict) -> dict[str, Any]:
    """A verdict in the public JSON form."""
    match verdict:
        case Allow(rules=rules, max_rows=max_rows):
            return {"verdict": "allow", "rule": ", ".join(rules), "message": "", "max_rows": max_rows}
        case Hold(rule=rule, message=message, approvers=approvers, max_rows=max_rows):
            told = {"verdict": "hold", "rule": rule, "message": message, "max_rows": max_rows}
            return told | {"approvers": list(approvers), "needs": [str(need) for need in verdict.needs]}
    return {"verdict": "deny", "rule": verdict.rule, "message": verdict.message, "hint": verdict.hint}


def facts_told(facts: Facts) -> dict[str, Any]:
    """Facts in the public JSON form."""
    return {
        "verbs": list(facts.verbs),
        "touches": [_touch(touch) for touch in facts.touches],
        "unknown": list(facts.unknown),
        "control": facts.control,
        "statements": facts.parts,
        "has_where": facts.has_where,
        "indirect_writes": list(told_indirect(facts.indirect)),
        "locks": list(told_locks(facts.locks)),
    }


def changes(told: Explanation, rules: Mapping[str, Rule]) -> list[dict[str, Any]]:
    """What would have to change before the statement is allowed: one element per question that stands in the way.

    `why` says what stands there; `policy` is a Cedar policy that would do, None where an existing one must change.
    """
    found = []
    for question in told.questions:
        if question.decision == "allow":
            continue
        asked = f"{question.action} on {question.resource} for {_who(question)}"
        deciding = [rules[id_] for id_ in question.rules if id_ in rules]
        places = " and ".join(f'"{rule.id}" ({rule.place})' for rule in deciding)
        if question.decision == "hold":
            needs = told.verdict.needs if isinstance(told.verdict, Hold) else ()
            waits = f": approval by {' and '.join(map(str, needs))} lets it run" if needs else ""
            found.append(_change(f"{asked} is held by {places}{waits}", deciding, None))
        elif deciding:
            found.append(_change(f"{asked} is forbidden by {places}: except it there with `unless`", deciding, None))
        elif question.rules:
            found.append(_change(f"{asked}: a policy could not be evaluated", [], None))
        else:
            found.append(_change(f"no policy permits {asked}", [], permit_for(question)))
    return found


def permit_for(question: Question) -> str:
    """The narrowest permit that answers a question; for the group where the principal is in exactly one."""
    groups = sorted(question.principal.groups)
    who = f"principal in {cedar('Group', groups[0])}" if len(groups) == 1 else f"principal == {_who(question)}"
    verb = "in" if question.action in WIDER else "=="
    name = groups[0] if len(groups) == 1 else question.principal.name
    id_ = re.sub(r"[^a-z0-9]+", "-", f"{name} {question.action} {' '.join(question.target.path)}".lower()).strip("-")
    return (
        f'@id("{id_[:100]}")\npermit ({who}, action {verb} {cedar("Action", question.action)}, '
        f"resource == {question.resource});"
    )


def _change(why: str, rules: Iterable[Rule], policy: str | None) -> dict[str, Any]:
    return {"why": why, "rules": [rule.id for rule in rules], "policy": policy}


def _who(question: Question) -> str:
    return cedar(TYPES[question.principal.kind], question.principal.name)


def _named(told: Explanation) -> Iterable[str]:
    """Ids of every rule that decided a question, in the order of the questions."""
    return dict.fromkeys(id_ for question in told.questions for id_ in question.rules)


def _question(question: Question, rules: Mapping[str, Rule]) -> dict[str, Any]:
    return {
        "action": question.action,
        "resource": question.resource,
        "principal": _who(question),
        "decision": question.decision,
        "rules": list(question.rules),
        "places": [rules[id_].place for id_ in question.rules if id_ in rules],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    effect = "hold" if rule.hold is not None else "forbid" if rule.is_forbid else "permit"
    return {"id": rule.id, "place": rule.place, "effect": effect, "message": rule.message}


def _touch(touch: Touch) -> dict[str, object]:
    return {
        "action": touch.action,
        "resource": f"{touch.resource.type.value} {quoted(touch.resource.path)}".rstrip(),
        "columns": list(touch.columns),
        "star": touch.star,
        "via": list(touch.via),
        "traits": list(touch.traits),
    }
