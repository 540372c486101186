"""Questions and answers: (principal, facts, context) → verdict. Whatever goes wrong in here is a Deny."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from zoneinfo import ZoneInfo

from tidewaiter.config import Classification
from tidewaiter.model import Context, Facts, Principal, Resource, ResourceType, Verdict
from tidewaiter.policy.engine import Answer, Engine, make_room
from tidewaiter.policy.entities import Tags
from tidewaiter.policy.names import EVERY, Target
from tidewaiter.policy.rules import Rule, mentions, read_rules, warnings
from tidewaiter.policy.surroundings import SESSION, Actor, Surroundings
from tidewaiter.policy.verdicts import Explanation, Question, combine, refused

VERDICTS = 4096  # distinct statements × principals in use; beyond it the oldest quarter is judged anew when seen again
VERDICT_TOUCHES = 64  # facts with more are judged each time, so that remembered ones stay small
COLUMN_ACTIONS = frozenset(
    {"select", "copy_out", "insert", "update", "update_all", "merge", "merge_all", "copy_in"}
)  # fmt: skip
DATASOURCE = Target(Resource(ResourceType.DATASOURCE))
Questions = tuple[tuple[str, Target], ...]
MaskedColumns = tuple[tuple[tuple[str, str, str], tuple[str, ...]], ...]
"""Each (schema, table, column) with those of its tags that somebody may not see as they are, in order."""
MASKED = 1024  # principals × what policies see of their circumstances; beyond it the oldest quarter is asked anew


class Policies:
    """A validated set of policies. Immutable but for what it remembers; safe to share between threads.

    `version` is a digest of everything that answers depend on besides the question. `context_attributes` are the
    session's attributes that some policy reads: when it is empty, a verdict holds in every context. `warnings` are
    for the operator to read. `classification` is the one that the policies' Tags mean.
    """

    __slots__ = (
        "_engine", "_masked", "_mentions", "_rules", "_surroundings", "_tags", "_verdicts",
        "classification", "context_attributes", "rules", "version", "warnings",
    )  # fmt: skip

    def __init__(self, rules: tuple[Rule, ...], version: str, warned: tuple[str, ...], zone: ZoneInfo,
                 classification: Classification, datasources: Iterable[str]) -> None:  # fmt: skip
        self.rules = rules
        self._rules = {rule.id: rule for rule in rules}
        self.version = version
        self.warnings = warned
        self._mentions = mentions(rules)
        self.context_attributes = self._mentions.attributes & SESSION
        self._surroundings = Surroundings(self._mentions.attributes, zone)
        self.classification = classification
        self._tags = {name: classification.by_relation(name) for name in datasources}
        self._engine = Engine(rules, self._surroundings, self._tags)
        self._masked: dict[tuple[object, ...], MaskedColumns] = {}
        self._verdicts: dict[tuple[object, ...], tuple[Principal, Facts, Verdict]] = {}

    @classmethod
    def parse(cls, sources: Mapping[str, str], datasources: Iterable[str], *, timezone: str = "UTC",
              classification: Classification | None = None) -> Policies:  # fmt: skip
        """Policies from Cedar texts (file name → text), validated against the published schema.

        `datasources` are those configured; policies about others are valid, with a warning. `timezone` is what hours
        and weekdays mean; `classification` says which columns are in which Tag. Raises ConfigError with all problems,
        each `file:line: policy "id": what`.
        """
        names = tuple(sorted(datasources))
        rules = read_rules(sources)
        tags = None if classification is None else classification.tags
        told = classification or Classification()
        columns = [(name, sorted(told.by_relation(name).items())) for name in names]
        masks = [(tag, mask.name, sorted(mask.parameters.items())) for tag, mask in sorted(told.tags.items())]
        basis = json.dumps([sorted(sources.items()), timezone, [(name, _plain(of)) for name, of in columns], masks])
        version = hashlib.sha256(basis.encode()).hexdigest()
        return cls(rules, version, warnings(rules, names, tags), ZoneInfo(timezone), told, names)

    def context_key(self, context: Context) -> tuple[object, ...]:
        """What these policies can see of a session's context; equal keys give equal verdicts."""
        return self._surroundings.key(context)

    @property
    def want_estimates(self) -> bool:
        """Whether some policy looks at how many rows the database estimates."""
        return "estimated_rows" in self.context_attributes

    @property
    def datasources(self) -> Collection[str]:
        """The datasources that are configured."""
        return self._tags.keys()

    def tagged(self, datasource: str) -> Collection[tuple[str, str]]:
        """The (schema, table) of every relation of a datasource with a tagged column."""
        return self._tags.get(datasource, {}).keys()

    def tags(self, datasource: str) -> Tags:
        """(schema, table) → column → tags, of one datasource."""
        return self._tags.get(datasource, {})

    def decide(self, principal: Principal, datasource: str, facts: Facts, context: Context) -> Verdict:
        """The verdict on a statement: one question per (action, resource), all of which must be permitted.

        A text that asks nothing (transaction control, constants) is allowed. Never raises: a defect is a Deny.
        """
        key = (id(principal), id(facts), datasource, self._surroundings.key(context))
        known = self._verdicts.get(key)
        # Both are kept alive by the entry, so equal ids are the same objects as long as it is there.
        if known is not None and known[0] is principal and known[1] is facts:
            return known[2]
        try:
            verdict = self._explain(principal, datasource, self.questions(datasource, facts), facts, context).verdict
        except BaseException as defect:  # noqa: BLE001 - the boundary; the engine's panics are no Exceptions
            return refused(defect)
        if len(facts.touches) <= VERDICT_TOUCHES:
            make_room(self._verdicts, VERDICTS)
            self._verdicts[key] = (principal, facts, verdict)
        return verdict

    def may_connect(self, principal: Principal, datasource: str, context: Context) -> Verdict:
        """The verdict on connecting to a datasource. Never raises: a defect is a Deny."""
        return self.may(principal, "connect", datasource, context)

    def may(self, principal: Principal, action: str, datasource: str, context: Context) -> Verdict:
        """The verdict on an action on a datasource as a whole: connect, approve, audit, administer, break_glass.

        Never raises: a defect is a Deny.
        """
        try:
            return self._explain(principal, datasource, ((action, DATASOURCE),), None, context).verdict
        except BaseException as defect:  # noqa: BLE001 - the boundary; the engine's panics are no Exceptions
            return refused(defect)

    def may_unmask(self, principal: Principal, datasource: str, column: tuple[str, str, str], tag: str,
                   facts: Facts | None, context: Context) -> Verdict:  # fmt: skip
        """The verdict on seeing a tagged column (schema, table, column) as it is.

        One question per tag, with only that tag as the column's parent: of a column with several tags, each must be
        permitted. Never raises: a defect is a Deny.
        """
        try:
            schema, table, name = column
            target = Target(Resource(ResourceType.TABLE, (schema, table)), name, tag=tag)
            return self._explain(principal, datasource, (("unmask", target),), facts, context).verdict
        except BaseException as defect:  # noqa: BLE001 - the boundary; the engine's panics are no Exceptions
            return refused(defect)

    @property
    def unmasking_varies(self) -> bool:
        """Whether what somebody may unmask depends on anything besides who they are."""
        return self._mentions.unmasking_varies

    def masked(self, principal: Principal, datasource: str, facts: Facts | None, context: Context) -> MaskedColumns:
        """The tagged columns that a principal sees masked, asked as `may_unmask` does; remembered.

        Never raises: a defect masks every tagged column.
        """
        seen = (principal, datasource, self._surroundings.key(context), self._surroundings.facts_key(facts))
        known = self._masked.get(seen)
        if known is None:
            make_room(self._masked, MASKED)
            known = self._masked[seen] = self._find_masked(principal, datasource, facts, context)
        return known

    def _find_masked(
        self, principal: Principal, datasource: str, facts: Facts | None, context: Context
    ) -> MaskedColumns:
        tagged = [
            ((path[0], path[1], column), tag)
            for path, columns in sorted(self._tags.get(datasource, {}).items())
            for column, tags in sorted(columns.items())
            for tag in tags
        ]
        return self.masked_among(principal, datasource, tagged, facts, context)

    def masked_among(
        self, principal: Principal, datasource: str, tagged: Iterable[tuple[tuple[str, str, str], str]],
        facts: Facts | None, context: Context,
    ) -> MaskedColumns:  # fmt: skip
        """Those of some (column, tag) that a principal sees masked. Never raises: a defect masks all."""
        asked = [
            (column, tag, Target(Resource(ResourceType.TABLE, column[:2]), column[2], tag=tag))
            for column, tag in tagged
        ]
        try:
            questions = tuple(("unmask", target) for _, _, target in asked)
            denied = {
                (question.target.path, question.target.tag)
                for question in self._explain(principal, datasource, questions, facts, context).questions
                if question.decision != "allow"
            }
        except BaseException as defect:  # noqa: BLE001 - the boundary; the engine's panics are no Exceptions
            refused(defect)
            denied = {(target.path, target.tag) for _, _, target in asked}
        found: dict[tuple[str, str, str], list[str]] = {}
        for column, tag, target in asked:
            if (target.path, target.tag) in denied:
                found.setdefault(column, []).append(tag)
        return tuple((column, tuple(tags)) for column, tags in found.items())

    def explain(self, principal: Principal, datasource: str, facts: Facts, context: Context) -> Explanation:
        """The verdict of `decide` with every question behind it."""
        try:
            return self._explain(principal, datasource, self.questions(datasource, facts), facts, context)
        except BaseException as defect:  # noqa: BLE001 - the boundary; the engine's panics are no Exceptions
            return Explanation(refused(defect), ())

    def questions(self, datasource: str, facts: Facts) -> Questions:
        """What a statement asks: each (action, target) once, in order of appearance.

        Not being understood is a question of its own. Columns are asked where some policy names Column or Tag.
        """
        asked: dict[tuple[str, Target], None] = {}
        is_unknown = bool(facts.unknown or facts.fault)
        traits = _traits(facts)
        for touch in facts.touches:
            asked[touch.action, Target(touch.resource, traits=traits.get(touch.resource, ()))] = None
            if not self._mentions.columns or touch.action not in COLUMN_ACTIONS:
                continue
            if touch.resource.type is ResourceType.TABLE:
                columns: Collection[str] = touch.columns
                if touch.star:
                    columns = (*touch.columns, *self._known_columns(datasource, touch.resource.path), EVERY)
                    is_unknown = is_unknown or self._mentions.column_names
                asked.update(dict.fromkeys((touch.action, Target(touch.resource, column)) for column in columns))
        if is_unknown:
            asked["unknown", DATASOURCE] = None
        return tuple(asked)

    def _known_columns(self, datasource: str, path: tuple[str, ...]) -> Iterable[str]:
        """Columns of a table about which some policy may say something of its own."""
        schema, table = path
        yield from self._mentions.named.get((datasource, schema, table), ())
        yield from self._tags.get(datasource, {}).get((schema, table), {})

    def _explain(self, principal: Principal, datasource: str, asked: Questions, facts: Facts | None,
                 context: Context) -> Explanation:  # fmt: skip
        answered: list[tuple[Question, Answer]] = []
        for acting, actor in _acting(principal) if asked else ():
            answers = self._engine.answers(acting, datasource, asked, facts, context, actor)
            for (action, target), answer in zip(asked, answers, strict=True):
                question = Question(action, target, datasource, acting, actor.agent, answer.decision, answer.rules)
                answered.append((question, answer))
        verdict = combine(answered, self._rules, principal, datasource, facts)
        return Explanation(verdict, tuple(question for question, _ in answered))


def _acting(principal: Principal) -> Iterator[tuple[Principal, Actor]]:
    """Everyone who needs permission: the principal, then its owner with the name of who acts for the owner, and on."""
    actor = Actor(principal.kind.value, principal.on_behalf_of)
    acting: Principal | None = principal
    while acting is not None:
        yield acting, actor
        actor, acting = actor._replace(agent=acting.name), acting.owner


def _traits(facts: Facts) -> Mapping[Resource, tuple[str, ...]]:
    """What is known of each function. Overloads are one resource, which has the traits of all of them."""
    found: dict[Resource, tuple[str, ...]] = {}
    for touch in facts.touches:
        if touch.traits:
            found[touch.resource] = tuple(sorted({*found.get(touch.resource, ()), *touch.traits}))
    return found


def _plain(columns: Iterable[tuple[tuple[str, str], Mapping[str, tuple[str, ...]]]]) -> list[object]:
    return [[relation, sorted(tagged.items())] for relation, tagged in columns]
