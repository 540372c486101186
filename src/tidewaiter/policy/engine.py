"""The one place that asks Cedar. Answers are remembered by everything that policies can see."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import cedarpy

from tidewaiter.model import Context, Facts, Principal
from tidewaiter.policy.entities import TYPES, Tags, entities_of
from tidewaiter.policy.names import Target
from tidewaiter.policy.rules import POLICY_ERROR, Rule, may_apply, narrowed, policy_set
from tidewaiter.policy.surroundings import Actor, Surroundings

SLICES = 1024  # principals in use; each slice shares its parsed sets with all who have the same groups
ANSWERS = 16_384  # principals × actions × resources in use; about 0.5 KB each
K = TypeVar("K")
V = TypeVar("V")
Decision = Literal["allow", "hold", "deny"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the policies say to one question. `rules`, in the order of the files, are those that decided.

    For allow they permitted; for hold each is a `@hold` policy that must be satisfied; for deny they forbid, and
    none of them means that nothing permits. `max_rows` is the limit of policy `limited_by`. `error` is set when a
    policy could not be evaluated.
    """

    decision: Decision
    rules: tuple[str, ...] = ()
    max_rows: int | None = None
    error: str = ""
    limited_by: str = ""


@dataclass(frozen=True, slots=True)
class Slice:
    """The policies whose scope does not leave a principal out, and those of them that are not `@hold`."""

    all: cedarpy.PolicySet
    unheld: cedarpy.PolicySet


class Engine:
    """Cedar with the policies parsed once; each principal is asked about with only those that can concern it."""

    __slots__ = ("_answers", "_order", "_rules", "_schema", "_slices", "_surroundings", "_tags", "_who")

    def __init__(self, rules: Collection[Rule], surroundings: Surroundings, tags: Mapping[str, Tags]) -> None:
        self._rules = {rule.id: rule for rule in rules}
        self._order = {rule.id: number for number, rule in enumerate(rules)}
        self._schema = narrowed(surroundings.mentioned)
        self._slices: dict[tuple[str, ...], Slice] = {}
        self._who: dict[tuple[object, ...], Slice] = {}
        self._surroundings = surroundings
        self._tags = tags
        self._answers: dict[tuple[object, ...], Answer] = {}

    def answers(self, principal: Principal, datasource: str, asked: Sequence[tuple[str, Target]],
                facts: Facts | None, context: Context, actor: Actor) -> list[Answer]:  # fmt: skip
        """One answer per (action, target). `actor` is who acts, which need not be the principal asked about.

        Raises ValueError for questions that cannot be put; whatever the engine raises goes through.
        """
        seen = (principal, datasource, actor, self._surroundings.key(context), self._surroundings.facts_key(facts))
        found: dict[tuple[str, Target], Answer] = {}
        for question in asked:
            answer = self._answers.get((question, seen))
            if answer is not None:
                found[question] = answer
        missing = [question for question in asked if question not in found]
        if missing:
            text = self._surroundings.value(context, facts, actor)
            make_room(self._answers, ANSWERS)
            for question, fresh in zip(missing, self._ask(principal, datasource, missing, text), strict=True):
                found[question] = self._answers[question, seen] = fresh
        return [found[question] for question in asked]

    def _ask(self, principal: Principal, datasource: str, asked: Sequence[tuple[str, Target]],
             context: str) -> list[Answer]:  # fmt: skip
        owner = (principal.owner,) if principal.owner is not None else ()
        document = entities_of(
            (principal, *owner), (target for _, target in asked), datasource, self._tags.get(datasource, {})
        )
        entities = cedarpy.Entities.from_json_str(document, self._schema)
        policies = self._slice(principal)
        who = {"type": TYPES[principal.kind], "id": principal.name}
        requests: list[dict[str, object]] = [
            {
                "principal": who,
                "action": {"type": "Action", "id": action},
                "resource": {"type": target.type, "id": target.id(datasource)},
                "context": context,
            }
            for action, target in asked
        ]
        answers = [
            self._answer(result)
            for result in cedarpy.is_authorized_batch(requests, policies.all, entities, self._schema)
        ]
        held = [number for number, answer in enumerate(answers) if answer.decision == "hold"]
        if held:
            again = [requests[number] for number in held]
            results = cedarpy.is_authorized_batch(again, policies.unheld, entities, self._schema)
            for number, result in zip(held, results, strict=True):
                without = self._answer(result)
                # Rows stay limited when the statement runs after approval.
                allowed = Answer("hold", answers[number].rules, without.max_rows, limited_by=without.limited_by)
                answers[number] = allowed if without.decision == "allow" else without
        return answers

    def _answer(self, result: cedarpy.AuthzResult) -> Answer:
        """Cedar's result as an answer. A policy that errs is skipped by Cedar, forbids too: so any error is a deny."""
        diagnostics = result.diagnostics
        if diagnostics.errors or result.decision is cedarpy.Decision.NoDecision:
            return Answer("deny", (POLICY_ERROR,), error="; ".join(diagnostics.errors) or "no decision")
        reasons = tuple(sorted(diagnostics.reasons, key=self._order.__getitem__))
        if result.allowed:
            max_rows, limited_by = self._largest(reasons)
            return Answer("allow", reasons, max_rows, limited_by=limited_by)
        final = tuple(id_ for id_ in reasons if self._rules[id_].hold is None)
        if final or not reasons:
            return Answer("deny", final)
        return Answer("hold", reasons)

    def _largest(self, permits: Iterable[str]) -> tuple[int | None, str]:
        """The largest row limit of some permits and the permit it is from; one without a limit lifts it."""
        largest, by = 0, ""
        for id_ in permits:
            limit = self._rules[id_].max_rows
            if limit is None:
                return None, ""
            if limit > largest:
                largest, by = limit, id_
        return (largest, by) if by else (None, "")

    def _slice(self, principal: Principal) -> Slice:
        """Cedar's time grows with the number of policies, and most are about other people's groups."""
        who = (principal.kind, principal.name, principal.groups)
        known = self._who.get(who)
        if known is None:
            type_ = TYPES[principal.kind]
            rules = [rule for rule in self._rules.values() if may_apply(rule, type_, principal.name, principal.groups)]
            ids = tuple(rule.id for rule in rules)
            known = self._slices.get(ids)
            if known is None:
                unheld = policy_set([rule for rule in rules if rule.hold is None])
                known = self._slices[ids] = Slice(policy_set(rules), unheld)
            make_room(self._who, SLICES)
            make_room(self._slices, SLICES)
            self._who[who] = known
        return known


def make_room(cache: dict[K, V], limit: int) -> None:
    """Drop the oldest quarter of a full cache: cheaper than keeping an order of use, and safe between threads."""
    if len(cache) >= limit:
        for old in list(cache)[: limit // 4]:
            cache.pop(old, None)
