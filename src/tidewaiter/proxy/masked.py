"""Judge the statements of somebody who sees some data masked: what may run also gets the plan by which it is masked.

Whatever cannot be rewritten is denied by the rule "masking", whatever policies permit. Pure.
"""

from __future__ import annotations

from typing import Final

from tidewaiter.errors import ProtocolViolation, TidewaiterError
from tidewaiter.model import Allow, Context, Deny, Facts
from tidewaiter.proxy.masks import Masking, Plan, Sight, columns_of, is_lasting, looks_masked
from tidewaiter.proxy.names import Statement
from tidewaiter.proxy.pipeline import (
    NOT_TEXT,
    TEXTS_BYTES,
    Ground,
    Judge,
    Judged,
    Understand,
    put,
    statement_members,
    told_columns,
)
from tidewaiter.sql.facts import Scope, understand
from tidewaiter.sql.rewrite import Refused
from tidewaiter.wire.postgres_parts import read_count

RULE: Final = "masking"
HINT: Final = "who may `unmask` all that is tagged here is not limited so; docs/masking.md says what is open to others"


class SightChanged(TidewaiterError):
    """A session that was not prepared to mask would have to: it must end and begin anew."""


class MaskingJudge(Judge):
    """A judge whose judgements carry plans. Texts that differ in constants are not shared: their plans differ too."""

    __slots__ = ("masking",)

    def __init__(self, ground: Ground, masking: Masking, understand: Understand = understand) -> None:
        super().__init__(ground, understand)
        self.masking = masking

    def is_ready(self, context: Context) -> bool:
        """Whether what masks flow to is known: finding that out takes as long as hundreds of statements."""
        ground = self.ground
        return self.masking.is_known(ground.policies, ground.principal, ground.catalog, context)

    def recall(self, text: bytes) -> Judged | None:
        """The judgement of the same text."""
        return self._texts.get(text)

    def again(self, found: Judged, context: Context) -> Judged | None:
        """A remembered judgement in the present context; None when the text must be rewritten anew."""
        judged = self.weigh(found.facts, context)
        if isinstance(judged.verdict, Deny):
            return judged
        plan = found.plan
        sight = self.sight(found.facts, context)
        if plan is None or plan.sight is not sight:
            return None
        judged.plan = plan
        return judged

    def of_facts(self, text: bytes, facts: Facts, scope: Scope, context: Context, codec: str) -> Judged:
        """Judge a text of which the facts are given."""
        judged = self.weigh(facts, context)
        sight = self.sight(facts, context)
        if sight is None:
            judged.plan = Plan(text, effects=facts.effects, is_lasting=is_lasting(text.decode(codec, "replace"), facts))
            return judged
        if facts.unknown:
            return judged
        try:
            said = text.decode(codec)
        except UnicodeDecodeError:
            return denied(judged, Refused("unknown", NOT_TEXT))
        ground = self.ground
        made = self.masking.plan(said, facts, scope, sight, ground.policies.classification, codec, ground.met)
        if isinstance(made, Refused):
            return denied(judged, made)
        judged.plan = made
        return judged

    def weigh(self, facts: Facts, context: Context) -> Judged:
        """As for anybody, but what is not understood is denied where something is masked."""
        judged = super().weigh(facts, context)
        if facts.unknown and not isinstance(judged.verdict, Deny) and self.sight(facts, context) is not None:
            return denied(judged, Refused("unknown", f"the statement is not understood: {facts.unknown[0]}"))
        return judged

    def _seen(self, facts: Facts, context: Context) -> bytes:
        sight = self.sight(facts, context)
        masked = columns_of(facts, sight.tags if sight is not None else {})
        told = columns_of(facts, self.ground.policies.tags(self.ground.datasource))
        unmasked = {
            path: {name: tags for name, tags in columns.items() if name not in masked.get(path, {})}
            for path, columns in told.items()
        }
        bare = {path: columns for path, columns in unmasked.items() if columns}
        return told_columns("masked", masked) + told_columns("unmasked", bare)

    def _remember(self, text: bytes, judged: Judged) -> None:
        put(self._texts, text, judged)

    def keep(self, text: bytes, judged: Judged) -> None:
        """Remember a text that will come again as it is."""
        if text not in self._texts and len(text) <= TEXTS_BYTES:
            put(self._texts, text, judged)

    def sight(self, facts: Facts, context: Context) -> Sight | None:
        """What the principal sees masked in what a statement reads; None where nothing is."""
        ground = self.ground
        return self.masking.sight(ground.policies, ground.principal, ground.catalog, facts, context)


class WatchingJudge(Judge):
    """The judge of a session where nothing is enforced, and everything passes as it is: what would have been masked is
    recorded as `would_mask`, and what would have been refused for that as a denial by the rule "masking"."""

    __slots__ = ("masking",)

    def __init__(self, ground: Ground, masking: Masking, understand: Understand = understand) -> None:
        super().__init__(ground, understand)
        self.masking = masking

    def again(self, found: Judged, context: Context) -> Judged | None:
        """A remembered judgement in the present context; None when the text must be looked at anew."""
        return super().again(found, context) if found.is_shared else None

    def of_facts(self, text: bytes, facts: Facts, scope: Scope, context: Context, codec: str) -> Judged:
        """Judge a text of which the facts are given."""
        judged, ground = self.weigh(facts, context), self.ground
        sight = self.masking.sight(ground.policies, ground.principal, ground.catalog, facts, context)
        if sight is None:
            return judged
        masked = told_columns("would_mask", columns_of(facts, sight.tags))
        judged.members += masked
        judged.seen += masked
        why = self._refusal(text, facts, scope, sight, codec)
        if why is None:
            judged.is_shared = not masked
            return judged
        judged.is_shared = False
        if isinstance(ground.policies.decide(ground.principal, ground.datasource, facts, context), Allow):
            judged.members = statement_members(facts, judged.verdict, refusal_of(why)) + judged.seen
        return judged

    def _refusal(self, text: bytes, facts: Facts, scope: Scope, sight: Sight, codec: str) -> Refused | None:
        if facts.unknown:
            return Refused("unknown", f"the statement is not understood: {facts.unknown[0]}")
        try:
            said = text.decode(codec)
        except UnicodeDecodeError:
            return Refused("unknown", NOT_TEXT)
        made = self.masking.plan(said, facts, scope, sight, self.ground.policies.classification, codec)
        return made if isinstance(made, Refused) else None


def denied(judged: Judged, why: Refused) -> Judged:
    """The judgement of what cannot be masked. A denial by policy stays what it is."""
    if isinstance(judged.verdict, Deny):
        return judged
    verdict, facts = refusal_of(why), judged.facts
    return Judged(facts, verdict, statement_members(facts, verdict, None), is_weighty=True, is_barrier=False)


def refusal_of(why: Refused) -> Deny:
    """The verdict on what cannot be masked."""
    return Deny(rule=RULE, message=f"{why.reason} (masking: {why.rule})", hint=HINT, rules=(RULE,))


def no_function_call(judged: Judged) -> Judged:
    """A FunctionCall has no text that could be rewritten."""
    return denied(judged, Refused("function-call", "functions cannot be called by their number where data is masked"))


def present(statement: Statement, judged: Judged) -> Judged:
    """The judgement of a prepared statement that is executed: refused where it would be masked otherwise now.

    In the server's words for that: drivers know them, and prepare the statement again.
    """
    plan, now = statement.plan, judged.plan
    if now is None or (plan is not None and plan.is_same(now)):
        return judged
    verdict = Deny(
        rule=RULE,
        message="cached plan must not change result type",
        sqlstate="0A000",
        hint="what is masked has changed since the statement was prepared: prepare it again",
        rules=(RULE,),
    )
    members = statement_members(judged.facts, verdict, None)
    return Judged(judged.facts, verdict, members, is_weighty=True, is_barrier=False)


def written_back(plan: Plan, binds: bytes, *, is_whole: bool) -> Refused | None:
    """Why a Bind's parameter section may not be written: a value looks like what a mask shows."""
    try:
        values = _values(binds, max(number for number, _, _ in plan.guards))
    except ProtocolViolation:
        if is_whole:  # the server says what is wrong with it
            return None
        return Refused("write-back", "the values are too long to be looked at")
    for number, column, pattern in plan.guards:
        if 0 < number <= len(values) and looks_masked(pattern, values[number - 1]):
            reason = f"the value for {column} looks like a masked one and would overwrite the real"
            return Refused("write-back", reason)
    return None


def _values(section: bytes, count: int) -> list[bytes | None]:
    """The first `count` values of a Bind's parameter section. Raises ProtocolViolation when they are not all there."""
    formats = read_count(section, 0, "Bind")
    at = 2 + 2 * formats
    told = read_count(section, at, "Bind")
    at += 2
    found: list[bytes | None] = []
    for _ in range(min(count, told)):
        if at + 4 > len(section):
            raise ProtocolViolation("Bind: a value does not fit")
        size = int.from_bytes(section[at : at + 4], "big", signed=True)
        at += 4
        if size > len(section) - at:
            raise ProtocolViolation("Bind: a value does not fit")
        found.append(None if size < 0 else section[at : at + size])
        at += max(size, 0)
    return found
