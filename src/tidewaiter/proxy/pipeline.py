"""Judge a statement: text → facts → verdict. Pure, cached, and the one place where any defect becomes a refusal."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import orjson

from tidewaiter.model import (
    Allow,
    Context,
    Deny,
    Facts,
    Hold,
    Premise,
    Principal,
    Resource,
    ResourceType,
    Touch,
    Verdict,
)
from tidewaiter.policy import Policies
from tidewaiter.proxy.limits import RowLimit, limit_of
from tidewaiter.proxy.masks import Plan, columns_of
from tidewaiter.sql.catalog import Catalog, identifier
from tidewaiter.sql.facts import Scope, understand
from tidewaiter.sql.skeleton import skeleton
from tidewaiter.sql.undoable import only_answers

TEXTS = 4096  # distinct statement texts of one principal; drivers and ORMs stay far below
TEXTS_BYTES = 16_384  # a longer text is analysed anew each time: bulk INSERTs do not repeat
LIGHT_VERBS = frozenset({"select", "copy_out", "explain", "show", "set", "lock", "listen", "notify"})
"""Verbs that need no durable intent under `balanced`; everything else is a write, a definition or a grant."""

NOT_TEXT = "the text is not valid in the session's client_encoding"


@dataclass
class Judged:
    """A statement text's facts and verdict, and what every entry about it says.

    `members` are the entry members that depend on the text alone. `is_weighty`: the intent must be durable before
    anything is forwarded, or where it `is_pure`, because all that it does is answer, before anything of an answer
    leaves. `is_barrier`: it may change what later statements mean, so they are judged after it ended.
    `limit` is the row limit that it runs under; `plan` how it is masked, in sessions that mask. `seen` are the entry
    members that say which tagged columns are read, masked or as they are. `is_shared`: texts that differ in plain
    constants only are judged so too.
    """

    facts: Facts
    verdict: Verdict
    members: bytes
    is_weighty: bool
    is_barrier: bool
    limit: RowLimit | None = None
    plan: Plan | None = None
    seen: bytes = b""
    is_shared: bool = True
    is_pure: bool = False


@dataclass(frozen=True, slots=True)
class Ground:
    """All that a verdict rests on besides the text: one value, compared by identity, replaced when anything changes.

    `is_veiled`: the session is one that masks; `met` are the premises of late masks that it meets.
    """

    principal: Principal
    datasource: str
    observe: bool
    policies: Policies
    catalog: Catalog
    search_path: tuple[str, ...]
    tagged: Collection[tuple[str, str]]
    strict: bool
    is_veiled: bool = False
    met: frozenset[Premise] = frozenset()


def granted(judged: Judged, most_rows: int | None = None) -> Judged:
    """The judgement of a held statement whose approval was used: it may run, with the row limit of its permits.

    `most_rows` is the limit of the approval itself, if that is smaller: the rule that held it limits it then.
    """
    verdict = judged.verdict
    assert isinstance(verdict, Hold)
    max_rows, limited_by = verdict.max_rows, verdict.limited_by
    if most_rows is not None and (max_rows is None or most_rows < max_rows):
        max_rows, limited_by = most_rows, verdict.rule
    allowed, facts = Allow(verdict.rules, max_rows, limited_by), judged.facts
    members = statement_members(facts, allowed, None) + judged.seen
    limit = limit_of(allowed, facts, is_enforced=True)
    return Judged(facts, allowed, members, is_weighty=True, is_barrier=judged.is_barrier, limit=limit, seen=judged.seen)


Understand = Callable[[str, Catalog, Scope], Facts]


class Judge:
    """Judges texts on one ground, remembering what it found. Shared by all sessions that stand on the same ground.

    `is_volatile`: a policy looks at the context, so a remembered judgement is weighed again with the present one.
    """

    __slots__ = ("_skeletons", "_texts", "_understand", "ground", "is_volatile", "wants_estimates")

    def __init__(self, ground: Ground, understand: Understand = understand) -> None:
        self.ground = ground
        self.is_volatile = bool(ground.policies.context_attributes)
        self.wants_estimates = ground.policies.want_estimates
        self._understand = understand
        self._texts: dict[bytes, Judged] = {}
        self._skeletons: dict[bytes, Judged] = {}

    def is_ready(self, context: Context) -> bool:
        """Whether a judgement takes no longer than its text does."""
        return True

    def recall(self, text: bytes) -> Judged | None:
        """The judgement of a text that was judged before, or of one that differs in plain constants only."""
        if len(text) > TEXTS_BYTES:  # nothing of it is remembered, and looking it up would read all of it
            return None
        found = self._texts.get(text)
        if found is not None:
            return found
        if not self._skeletons:
            return None
        bones = skeleton(text)
        return self._skeletons.get(bones) if bones is not None else None

    def judge(self, text: bytes, scope: Scope, context: Context, *, is_private: bool, codec: str = "utf-8") -> Judged:
        """Judge a text. `is_private`: the session knows relations that others do not, so nothing is remembered."""
        facts = self.facts(text, scope, codec)
        judged = self.of_facts(text, facts, scope, context, codec)
        if not (is_private or facts.session_bound or facts.fault) and len(text) <= TEXTS_BYTES:
            self._remember(text, judged)
        return judged

    def of_facts(self, text: bytes, facts: Facts, scope: Scope, context: Context, codec: str) -> Judged:
        """Judge a text of which the facts are given."""
        return self.weigh(facts, context)

    def again(self, found: Judged, context: Context) -> Judged | None:
        """A remembered judgement in the present context; None when the text must be studied anew."""
        return self.weigh(found.facts, context)

    def weigh(self, facts: Facts, context: Context) -> Judged:
        """Verdict and entry members for facts. Any defect in here is a refusal, never a free pass."""
        ground = self.ground
        try:
            verdict = ground.policies.decide(ground.principal, ground.datasource, facts, context)
        except Exception as defect:  # noqa: BLE001 - the boundary: a defect is a refusal
            verdict = Deny(rule="", message=f"the statement could not be judged: {defect!r}", sqlstate="XX000")
        would_be: Verdict | None = None
        if ground.observe and not isinstance(verdict, Allow):
            would_be = verdict  # two statements: compiled, a swap would check the old verdict for the new one's type
            verdict = Allow()
        may_run = isinstance(verdict, Allow)
        is_weighty = ground.strict or not may_run or self._is_weighty(facts)
        seen = self._seen(facts, context) if ground.tagged and not isinstance(verdict, Deny) else b""
        return Judged(
            facts=facts,
            verdict=verdict,
            members=statement_members(facts, verdict, would_be) + seen,
            is_weighty=is_weighty,
            is_barrier=bool(facts.effects),
            limit=limit_of(verdict, facts, is_enforced=not ground.observe),
            seen=seen,
            is_pure=is_weighty and may_run and not ground.strict and only_answers(facts, ground.catalog),
        )

    def _seen(self, facts: Facts, context: Context) -> bytes:
        """The entry members that say which tagged columns a statement reads."""
        return told_columns("unmasked", columns_of(facts, self.ground.policies.tags(self.ground.datasource)))

    def facts(self, text: bytes, scope: Scope, codec: str) -> Facts:
        """What a text is and touches. Any defect in here makes it unknown."""
        try:
            return self._understand(text.decode(codec), self.ground.catalog, scope)
        except UnicodeDecodeError:
            return Facts(unknown=(NOT_TEXT,))
        except Exception as defect:  # noqa: BLE001 - the boundary: not understanding is a value
            return Facts(unknown=(f"could not be analysed: {defect!r}",))

    def _is_weighty(self, facts: Facts) -> bool:
        if facts.unknown or not LIGHT_VERBS.issuperset(facts.verbs):
            return True
        tagged = self.ground.tagged
        return bool(tagged) and any(
            touch.resource.type is ResourceType.TABLE and touch.resource.path in tagged for touch in facts.touches
        )

    def _remember(self, text: bytes, judged: Judged) -> None:
        if judged.is_shared and not judged.facts.literals_matter:
            bones = skeleton(text)
            if bones is not None:
                put(self._skeletons, bones, judged)
        put(self._texts, text, judged)

    def keep(self, text: bytes, judged: Judged) -> None:
        """Remember a text that will come again as it is: that of a prepared statement."""
        if text not in self._texts and len(text) <= TEXTS_BYTES:
            put(self._texts, text, judged)


def uncountable(judged: Judged, limit: RowLimit) -> Judged:
    """The judgement of what cannot run in steps, so that its rows cannot be counted: it is refused."""
    denied = Deny(
        rule=limit.rule,
        message=f'policy "{limit.rule}" limits rows, and a function that is called by its number cannot be counted',
        hint="call the function in a SELECT",
        rules=(limit.rule,),
    )
    members = statement_members(judged.facts, denied, None)
    return Judged(judged.facts, denied, members, is_weighty=True, is_barrier=False)


def unread(judged: Judged) -> Judged:
    """The judgement of what depends on definitions that were made and cannot be read now: it is refused."""
    verdict = Deny(
        rule="",
        message="somebody has changed definitions, and the catalog cannot be read now: nothing can be judged",
        sqlstate="57P03",
        hint="run it again once the gateway reaches the catalog",
    )
    members = statement_members(judged.facts, verdict, None)
    return Judged(judged.facts, verdict, members, is_weighty=True, is_barrier=False)


def put(cache: dict[bytes, Judged], key: bytes, judged: Judged) -> None:
    """Insert, dropping the oldest quarter when full: cheaper per hit than keeping an order of use."""
    if len(cache) >= TEXTS:
        for old in list(cache)[: TEXTS // 4]:
            del cache[old]
    cache[key] = judged


def name_of(path: tuple[str, ...]) -> str:
    """How entries name a resource: the parts joined by dots, quoted where SQL would quote them."""
    return ".".join(part if part.isidentifier() and part.islower() else identifier(part) for part in path)


Columns = Mapping[tuple[str, str], Mapping[str, tuple[str, ...]]]
"""(schema, table) → column → tags."""


def columns_told(found: Columns) -> list[dict[str, object]]:
    """Tagged columns as entries list them: `[{relation, columns, tags}]`."""
    return [
        {
            "relation": name_of(path),
            "columns": sorted(columns),
            "tags": sorted({tag for tags in columns.values() for tag in tags}),
        }
        for path, columns in found.items()
    ]


def told_columns(word: str, found: Columns) -> bytes:
    """An entry member that lists tagged columns; nothing where there are none."""
    return b',"%b":%b' % (word.encode(), orjson.dumps(columns_told(found))) if found else b""


def statement_members(facts: Facts, verdict: Verdict, would_be: Verdict | None) -> bytes:
    """The members of an intent that follow from text and policy alone, pre-encoded, without braces."""
    told = would_be or verdict
    fields: dict[str, object] = {
        "verbs": facts.verbs,
        "touches": [_touch(touch) for touch in facts.touches],
        "verdict": word_of(verdict),
    }
    unknown = [*facts.unknown, *(opaque_reason(touch.resource) for touch in facts.touches if _is_opaque(touch))]
    if unknown:
        fields["unknown"] = unknown
    fields |= {name: value for name, value in _rarer(facts).items() if value}
    if told.rules:
        fields["rules"] = told.rules
    if not isinstance(told, Allow):
        fields["rule"] = told.rule
    elif told.rules:
        fields["rule"] = told.rules[0]
    if would_be is not None:
        fields["would_be"] = word_of(would_be)
    return orjson.dumps(fields)[1:-1]


def _rarer(facts: Facts) -> dict[str, object]:
    """Facts that few statements have: an entry leaves out those that are as usual."""
    return {
        "control": facts.control,
        "fault": facts.fault.sqlstate if facts.fault is not None else None,
        "parts": facts.parts if facts.parts > 1 else None,
        "is_unrestricted": not facts.has_where,
        "indirect": [
            {"kind": one.kind, "name": one.name, "verb": one.action, "relation": one.path, "cause": one.cause}
            for one in facts.indirect
        ],
        "locks": [(lock.mode, *lock.path) for lock in facts.locks],
    }


def opaque_reason(resource: Resource) -> str:
    """What an entry says of code that is not looked into."""
    return f"what {name_of(resource.path) or 'the block'} does"


def _is_opaque(touch: Touch) -> bool:
    """Whether code runs that is not looked into: reports count the statement as not wholly understood."""
    return "opaque" in touch.traits


def _touch(touch: Touch) -> dict[str, object]:
    """One element of an entry's `touches`: `relation` for tables, `type` and `name` for every other resource."""
    told: dict[str, object] = {"verbs": [touch.action]}
    if touch.resource.type is ResourceType.TABLE:
        told["relation"] = name_of(touch.resource.path)
    else:
        told["type"] = touch.resource.type.value
        told["name"] = name_of(touch.resource.path)
    if touch.columns:
        told["columns"] = touch.columns
    if touch.star:
        told["star"] = True
    if touch.via:
        told["via"] = touch.via
    if touch.part:
        told["part"] = touch.part
    if touch.traits:
        told["traits"] = touch.traits
    return told


def word_of(verdict: Verdict) -> str:
    """`allow`, `hold` or `deny`."""
    match verdict:
        case Allow():
            return "allow"
        case Hold():
            return "hold"
        case Deny():
            return "deny"
