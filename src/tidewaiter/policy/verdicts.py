"""Answers → one verdict, in words that say what, by which rule, and what to do next."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from tidewaiter.model import Allow, Deny, Facts, Hold, Need, Principal, ResourceType, Verdict
from tidewaiter.policy.engine import Answer, Decision
from tidewaiter.policy.names import Target, cedar
from tidewaiter.policy.rules import DEFAULT_DENY, NO_PASSWORDS, POLICY_ERROR, Rule

REASONS_SHOWN = 3  # a message is one line; `policy explain` and the ledger have all of them


@dataclass(frozen=True, slots=True)
class Question:
    """One question and its answer. `agent` is who acts for `principal`, None when the principal acts itself."""

    action: str
    target: Target
    datasource: str
    principal: Principal
    agent: str | None
    decision: Decision
    rules: tuple[str, ...]

    @property
    def resource(self) -> str:
        """The resource as policies write it: `Table::"shop.public.customers"`."""
        return cedar(self.target.type, self.target.id(self.datasource))


@dataclass(frozen=True, slots=True)
class Explanation:
    """A verdict and the questions that led to it; no questions when nothing was asked or nothing could be."""

    verdict: Verdict
    questions: tuple[Question, ...]


PASSWORD = Deny(
    rule=NO_PASSWORDS,
    message="a password of a database role means nothing behind this gateway: roles are shared, and people log in with "
    "credentials of the gateway",
    hint="`tidewaiter credential issue` makes a credential; operators change a role's password at the database itself",
    rules=(NO_PASSWORDS,),
)
"""Built in, for everybody: on the gateway's own role it would lock all of them out."""

Answered = tuple[Question, Answer]


def combine(answered: Sequence[Answered], rules: Mapping[str, Rule], principal: Principal, datasource: str,
            facts: Facts | None) -> Verdict:  # fmt: skip
    """All must be permitted. One denial denies; else every hold must be satisfied; else it is allowed."""
    if facts is not None and facts.sets_password:
        return PASSWORD
    denied = [pair for pair in answered if pair[1].decision == "deny"]
    if denied:
        return _deny(denied, rules, principal, datasource, facts)
    held = [pair for pair in answered if pair[1].decision == "hold"]
    max_rows, limited_by = _tightest(answered)
    if held:
        return replace(_hold(held, rules), max_rows=max_rows, limited_by=limited_by)
    return Allow(_rules_of(answered), max_rows, limited_by)


def _tightest(answered: Sequence[Answered]) -> tuple[int | None, str]:
    """The smallest row limit of all answers, and the policy that it is from."""
    limits = [(answer.max_rows, answer.limited_by) for _, answer in answered if answer.max_rows is not None]
    return min(limits, key=lambda limit: limit[0], default=(None, ""))


def refused(defect: BaseException) -> Deny:
    """The Deny for a defect in judging. Raises KeyboardInterrupt and SystemExit again: they are no defects."""
    if isinstance(defect, KeyboardInterrupt | SystemExit):
        raise defect
    return Deny(
        rule=POLICY_ERROR,
        message=f"the policies could not be evaluated: {defect}",
        hint="nothing was run; tell the operators of the gateway",
        rules=(POLICY_ERROR,),
    )


def _deny(denied: Sequence[Answered], rules: Mapping[str, Rule], principal: Principal, datasource: str,
          facts: Facts | None) -> Deny:  # fmt: skip
    # A policy that forbids says more than the absence of one that permits.
    question, answer = next((pair for pair in denied if pair[1].rules), denied[0])
    rule = answer.rules[0] if answer.rules else DEFAULT_DENY
    what = _what(question, facts)
    if answer.error:
        message = f"{what} is denied because the policies could not be evaluated: {answer.error}"
    elif answer.rules:
        message = f'{what} is forbidden by policy "{rule}"{_reason(rules[rule])}'
    else:
        message = f"no policy permits {what}"
    command = f'tidewaiter policy explain --principal {shlex.quote(principal.name)} --datasource {datasource} "SQL"'
    return Deny(
        rule=rule,
        message=message,
        hint=f"{_namesake(question, facts)}`{command}` shows every question and which policy answered it",
        rules=_rules_of(denied) or (DEFAULT_DENY,),
    )


def _hold(held: Sequence[Answered], rules: Mapping[str, Rule]) -> Hold:
    ids = _rules_of(held)
    holds = [rules[id_] for id_ in ids]
    question, answer = held[0]
    first = rules[answer.rules[0]]
    needs = _needs(holds)
    return Hold(
        rule=first.id,
        needs=needs,
        message=(
            f'{_what(question, None)} waits for approval by {" and ".join(map(str, needs))} (policy "{first.id}")'
            f"{_reason(first)}"
        ),
        wait_s=min(rule.wait_s for rule in holds),
        rules=ids,
        may_be_run=all(rule.may_be_run for rule in holds),
    )


def _needs(holds: Iterable[Rule]) -> tuple[Need, ...]:
    """What the rules ask for together; of those with the same groups, the largest quorum."""
    quorums: dict[tuple[str, ...], int] = {}
    for rule in holds:
        if rule.hold is not None:
            quorums[rule.hold] = max(rule.quorum, quorums.get(rule.hold, 1))
    return tuple(Need(groups, quorum) for groups, quorum in quorums.items())


def _what(question: Question, facts: Facts | None) -> str:
    """`drop on table public.customers`, and for whom when somebody else acts."""
    target = question.target
    named = str(target) if target.path else f"datasource {question.datasource}"
    told = f"{question.action} on {named}"
    if question.action == "unknown":
        told = f"a statement that is not understood{_unknown(facts)} on {named}"
    if question.agent is not None:
        told += f' for {question.principal.kind} "{question.principal.name}", on whose behalf "{question.agent}" acts'
    return told


def _namesake(question: Question, facts: Facts | None) -> str:
    """How to say which of two tables is meant, where a temporary one of the session has the other's name."""
    resource = question.target.resource
    if facts is None or resource.type is not ResourceType.TABLE:
        return ""
    name = resource.path[-1]
    tables = (touch.resource.path for touch in facts.touches if touch.resource.type is ResourceType.TABLE)
    schemas = {path[0] for path in tables if path[-1] == name}
    if "pg_temp" not in schemas or len(schemas) == 1:
        return ""
    return f"{name} may be a temporary table or another: say which by its schema (pg_temp is the temporary one's); "


def _unknown(facts: Facts | None) -> str:
    if facts is None or not facts.unknown:
        return ""
    shown = "; ".join(facts.unknown[:REASONS_SHOWN])
    more = len(facts.unknown) - REASONS_SHOWN
    return f" ({shown}; and {more} more)" if more > 0 else f" ({shown})"


def _reason(rule: Rule) -> str:
    return f": {rule.message}" if rule.message else ""


def _rules_of(answered: Iterable[Answered]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(id_ for _, answer in answered for id_ in answer.rules))
