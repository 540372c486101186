"""What a principal sees masked in one database, and the plan by which one statement is answered so. Pure.

`Masking` asks the policies which tagged columns are masked, spreads that over the catalog, and has texts rewritten.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

from tidewaiter.config.shape import Classification, Mask
from tidewaiter.discovery.relations import unclassified
from tidewaiter.masking.forms import column_mask, misfit, unmaskable
from tidewaiter.masking.keys import tag_key
from tidewaiter.masking.late import LateMask, late_mask
from tidewaiter.masking.plan import Foreseen
from tidewaiter.model import (
    Column,
    ColumnMask,
    Context,
    Effect,
    EffectKind,
    Facts,
    Premise,
    Principal,
    ResourceType,
    Secret,
)
from tidewaiter.policy import MaskedColumns, Policies
from tidewaiter.sql.catalog import Catalog, quoted
from tidewaiter.sql.facts import Scope
from tidewaiter.sql.rewrite import Labels, Late, Named, Refused, labels_of, rewrite
from tidewaiter.sql.tokens import tokens

UNCLASSIFIED: Final = "unclassified"
"""The tag of columns that nobody classified, where they are not left alone. Its mask is `null` unless it is defined."""
SIGHTS: Final = 64  # sets of masks × catalogs in use at once; a set is shared by all who may unmask the same
Tags = Mapping[tuple[str, str], Mapping[str, tuple[str, ...]]]
"""(schema, table) → column → tags."""
READS: Final = frozenset({"select", "copy_out"})
"""Actions by which somebody sees what a column holds."""
_ENDS: Final = frozenset({"commit", "end", "rollback", "abort", "prepare"})
_DESCRIBED: Final = re.compile(r"[\s(]*(?:select|with|values|table|insert|update|delete)\b", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Sight:
    """What is masked on one catalog for everyone who may not unmask the same columns.

    `labels` is where it flows to; `tags` what each masked column is tagged with. `closed` are columns of which no
    statement may read anything. `hides_new`: what nobody has classified is masked too, and so is what is not in the
    catalog yet. Compared by identity.
    """

    catalog: Catalog
    labels: Labels
    tags: Tags
    closed: Tags = field(default_factory=dict)
    hides_new: bool = False

    @cached_property
    def places(self) -> frozenset[tuple[int, int]]:
        """(table oid, attribute number) of every masked column."""
        oids = {path: oid for oid, path in self.catalog.relation_oids.items()}
        return frozenset(
            (oids[path], column.number)
            for path, masks in self.labels.masks.items()
            if path in oids
            for column in self.catalog.columns.get(path, ())
            if column.name in masks
        )

    @cached_property
    def tables(self) -> frozenset[int]:
        """The oids of their tables."""
        return frozenset(oid for oid, _ in self.places)


@dataclass(frozen=True, slots=True)
class LateField:
    """An output column that the gateway masks: in statement `part` the one that `foreseen` says, in either format."""

    part: int
    foreseen: Foreseen
    text: LateMask
    binary: LateMask


@dataclass(frozen=True, slots=True)
class Plan:
    """How a statement is run for somebody. `text` is what the server gets, `sight` what must not be seen in its answer.

    `touches`: something masked is read; `is_raw`: code that sees masked data as it is may run: what errors and notices
    may say follows from both. `is_bare`: it names no relation, as COMMIT does not; `is_bound`: it runs what SQL named
    before, of which `runs` are the texts, none where one is not known. `guards` are (parameter, column, pattern) of
    parameters that become values of masked columns. `effects` are those on names. `is_lasting`: it may do more than
    read. `parameters` is how many the client's text has, None where the server does not describe them, and `said` that
    text, empty where the server's positions are not those of it. `premises` are those of the late masks. `sight` None:
    nothing is masked, and `text` is the client's.
    """

    text: bytes
    sight: Sight | None = None
    late: tuple[LateField, ...] = ()
    touches: bool = False
    is_raw: bool = False
    is_bare: bool = False
    is_bound: bool = False
    guards: tuple[tuple[int, str, str], ...] = ()
    effects: tuple[Effect, ...] = field(default=(), repr=False)
    is_lasting: bool = False
    parameters: int | None = None
    said: str = field(default="", repr=False)
    premises: frozenset[Premise] = frozenset()
    runs: tuple[bytes, ...] = field(default=(), repr=False)

    def is_same(self, other: Plan) -> bool:
        """Whether what was sent by this plan does what `other` would, which is made later."""
        if self.text != other.text or self._reach != other._reach:
            return False
        if self.is_bound and self.late != other.late:
            return False
        return self.sight is other.sight or not (self.late or other.late)

    @property
    def _reach(self) -> tuple[object, ...]:
        """What an equal text does otherwise, by what is defined beside it or by what it runs under a name."""
        return self.touches, self.is_raw, self.is_lasting

    def of_part(self, text: bytes, part: int) -> Plan:
        """The plan of one statement of a text, run by itself."""
        late = tuple(LateField(0, one.foreseen, one.text, one.binary) for one in self.late if one.part == part)
        return replace(self, text=text, late=late, said="")


@dataclass(frozen=True, slots=True)
class NamedScope(Scope):
    """A scope that knows by which plans the session's statements and cursors were sent: `sent_by(name, is_cursor)`."""

    sent_by: Callable[[str, bool], Plan | None] = lambda name, is_cursor: None


class Masking:
    """Makes sights and plans for one datasource. `database` is its name at the server; `nonce` makes secret names.

    `unclassified` is what becomes of columns that nobody classified: "mask" shows NULL, "deny" refuses what reads them,
    for all who may not `unmask` the tag "unclassified"; anything else leaves them alone.
    """

    def __init__(
        self, datasource: str, database: str, key: Secret, nonce: Callable[[], str], unclassified: str = "detect"
    ) -> None:
        self._guards_unclassified = unclassified in ("mask", "deny")
        self._denies_unclassified = unclassified == "deny"
        self._unclassified: dict[tuple[str, int, Principal], MaskedColumns] = {}
        self._datasource = datasource
        self._database = database
        self._key = key
        self._nonce = nonce
        self._sights: dict[tuple[str, int, MaskedColumns], Sight] = {}

    def concerns(self, policies: Policies, principal: Principal, context: Context) -> bool:
        """Whether a session must be ready to mask: something is masked now, or may be in other circumstances."""
        if self._guards_unclassified:
            return True
        if not policies.tagged(self._datasource):
            return False
        return policies.unmasking_varies or bool(policies.masked(principal, self._datasource, None, context))

    def sight(
        self, policies: Policies, principal: Principal, catalog: Catalog, facts: Facts | None, context: Context
    ) -> Sight | None:
        """What this principal sees masked; None when nothing is."""
        masked = policies.masked(principal, self._datasource, facts, context)
        if self._guards_unclassified:
            masked += self._masked_unclassified(policies, principal, catalog, facts, context)
        if not masked:
            return None
        key = (policies.version, catalog.version, masked)
        found = self._sights.get(key)
        if found is None:
            if len(self._sights) >= SIGHTS:
                for old in list(self._sights)[: SIGHTS // 4]:
                    self._sights.pop(old, None)
            found = _sight(
                policies.classification, catalog, masked,
                denies_unclassified=self._denies_unclassified, hides_new=self._guards_unclassified,
            )  # fmt: skip
            self._sights[key] = found
        return found

    def is_known(self, policies: Policies, principal: Principal, catalog: Catalog, context: Context) -> bool:
        """Whether `sight` has its answer, for a statement of which no facts count."""
        masked = policies.masked(principal, self._datasource, None, context)
        if self._guards_unclassified:
            unclassified = self._unclassified.get((policies.version, catalog.version, principal))
            if unclassified is None:
                return False
            masked += unclassified
        return not masked or (policies.version, catalog.version, masked) in self._sights

    def _masked_unclassified(
        self, policies: Policies, principal: Principal, catalog: Catalog, facts: Facts | None, context: Context
    ) -> MaskedColumns:
        """The columns that nobody classified and that this principal may not see; remembered where nothing varies."""
        key = (policies.version, catalog.version, principal)
        known = self._unclassified.get(key)
        if known is not None and not policies.unmasking_varies:
            return known
        classified = policies.classification.classified(self._datasource)
        columns = [((*path, name), UNCLASSIFIED) for path, name in unclassified(catalog, classified)]
        if len(self._unclassified) >= SIGHTS:
            self._unclassified.clear()
        found = policies.masked_among(principal, self._datasource, columns, facts, context)
        self._unclassified[key] = found
        return found

    def plan(
        self, text: str, facts: Facts, scope: Scope, sight: Sight, classification: Classification, codec: str,
        met: frozenset[Premise] = frozenset(),
    ) -> Plan | Refused:  # fmt: skip
        """How to run a text so that nothing masked is seen. Blocks for a long text as parsing does. Never raises.

        `met`: premises of late masks that the session meets.
        """
        try:
            for path, columns in columns_of(facts, sight.closed).items():
                name = quoted((*path, min(columns)))
                return Refused("unclassified", f"{name} is not classified, and unclassified columns are closed here")
            is_utf8 = codec == "utf-8"
            done = rewrite(
                text, facts, sight.catalog, scope, sight.labels, self._nonce(),
                database=self._database, met=_met(met, facts) if is_utf8 else frozenset(),
            )  # fmt: skip
            if isinstance(done, Refused):
                return done
            if done.guards and any(effect.kind is EffectKind.PREPARE for effect in facts.effects):
                return Refused("write-back", "values for masked columns are bound by the protocol, not by EXECUTE")
            late = tuple(self._late(one, sight, classification) for one in done.late)
            named = _named(done.named, scope, _met(met, facts))
            if isinstance(named, Refused):
                return named
            reaches = any(sight.labels.concerns(one.path) for one in facts.indirect)
            return Plan(
                text=done.text.encode(codec),
                sight=sight,
                late=late + named.late,
                touches=done.touches or named.touches,
                is_raw=done.is_raw or reaches or named.is_raw,
                is_bare=all(touch.resource.type is not ResourceType.TABLE for touch in facts.touches),
                is_bound=facts.session_bound,
                guards=done.guards,
                effects=facts.effects,
                is_lasting=is_lasting(text, facts) or done.is_raw or named.is_lasting,
                parameters=_parameters(text, facts),
                said=text if is_utf8 else "",
                premises=frozenset(one.mask.premise for one in done.late) | named.premises,
                runs=named.runs,
            )
        except Exception as defect:  # noqa: BLE001 - the boundary: a defect in here is a refusal
            return Refused("defect", f"could not be planned: {defect!r}")

    def _late(self, one: Late, sight: Sight, classification: Classification) -> LateField:
        column = next(column for column in sight.catalog.columns[one.path] if column.name == one.column)
        oid = next(oid for oid, path in sight.catalog.relation_oids.items() if path == one.path)
        mask, key = classification.tags[one.mask.tag], tag_key(self._key, one.mask.tag)
        return LateField(
            one.part,
            Foreseen(one.index, oid, column.number),
            late_mask(mask, column, key, False),
            late_mask(mask, column, key, True),
        )


def _named(named: Iterable[Named], scope: Scope, met: frozenset[Premise]) -> Plan | Refused:
    """What a text does by what it runs that others named: a plan without a text of its own.

    Rows of an EXECUTE or FETCH are those of what was named, columns and all, so its late masks are theirs.
    """
    found, is_known = Plan(b""), True
    for one in named:
        sent = scope.sent_by(one.name, one.is_cursor) if isinstance(scope, NamedScope) else None
        if sent is None:
            found, is_known = replace(found, touches=True, is_raw=True, is_lasting=True), False
            continue
        if sent.guards and not one.is_cursor:
            return Refused("write-back", "values for masked columns are bound by the protocol, not by EXECUTE")
        if sent.late and not (one.is_shown or one.is_cursor):
            return Refused("explain", f"the gateway masks what {one.name} shows: EXPLAIN the statement itself")
        if not sent.premises <= met:
            return Refused("late", f"the text changes settings by which the gateway masks what {one.name} shows")
        late = sent.of_part(b"", 0).late if one.is_shown else ()
        found = replace(
            found,
            late=found.late + tuple(replace(field, part=one.part) for field in late),
            touches=found.touches or sent.touches,
            is_raw=found.is_raw or sent.is_raw,
            is_lasting=found.is_lasting or sent.is_lasting,
            premises=found.premises | sent.premises,
            runs=(*found.runs, sent.text, *sent.runs),
        )
        is_known = is_known and not (sent.is_bound and not sent.runs)
    return found if is_known else replace(found, runs=())


def _met(met: frozenset[Premise], facts: Facts) -> frozenset[Premise]:
    """Premises that are met while a text runs: what it changes in the session may be how dates are written."""
    return met - {"iso", "utc"} if facts.effects else met


def is_lasting(text: str, facts: Facts) -> bool:
    """Whether a statement may leave more behind than its answer: then it cannot be told to have failed afterwards."""
    return bool(facts.effects) or facts.control is not None or not facts.reads_only or _ends_transaction(text, facts)


def _ends_transaction(text: str, facts: Facts) -> bool:
    """Whether one of several statements may end a transaction; CASE … END is taken for it too."""
    return facts.parts > 1 and not _ENDS.isdisjoint(one.text.lower() for one in tokens(text))


def _parameters(text: str, facts: Facts) -> int | None:
    """How many parameters the server finds in a text; None where it does not look for them in the text itself."""
    if facts.parts > 1 or facts.effects or not _DESCRIBED.match(text):
        return None
    return max((int(one.text[1:]) for one in tokens(text) if one.is_parameter), default=0) if "$" in text else 0


def _sight(
    classification: Classification, catalog: Catalog, masked: MaskedColumns, *,
    denies_unclassified: bool, hides_new: bool,
) -> Sight:  # fmt: skip
    masks: dict[tuple[str, str], dict[str, ColumnMask]] = {}
    tags: dict[tuple[str, str], dict[str, tuple[str, ...]]] = {}
    untyped: list[tuple[str, str]] = []
    for (schema, table, name), denied in masked:
        path = (schema, table)
        tags.setdefault(path, {})[name] = denied
        column = next((one for one in catalog.columns.get(path, ()) if one.name == name), None)
        if column is not None:
            masks.setdefault(path, {})[name] = _mask_of(classification, column, denied)
        elif path in catalog.relations and name in catalog.relations[path].columns:
            untyped.append(path)
    closed = {
        path: {name: of for name, of in columns.items() if of == (UNCLASSIFIED,)} if denies_unclassified else {}
        for path, columns in tags.items()
    }
    labels = labels_of(catalog, masks)
    labels.closed.update((path, "the types of its columns are not known") for path in untyped)
    return Sight(catalog, labels, tags, closed, hides_new)


def _mask_of(classification: Classification, column: Column, tags: tuple[str, ...]) -> ColumnMask:
    """The mask of a column: its tag's; of several that are denied, what shows least."""
    masks = {UNCLASSIFIED: Mask("null"), **classification.tags}
    tag = strictest(masks, tags)
    mask = masks[tag]
    return column_mask(tag, mask, column) if misfit(mask, column) is None else unmaskable(tag, column)


def strictest(masks: Mapping[str, Mask], tags: tuple[str, ...]) -> str:
    """Of the tags that somebody may not see, the one whose mask counts: `null`, then `redact`, then the first."""
    for name in ("null", "redact"):
        for tag in tags:
            if masks[tag].name == name:
                return tag
    return tags[0]


def looks_masked(pattern: str, value: bytes | None) -> bool:
    """Whether a parameter's value looks like what a mask shows. Text has the same bytes in both formats; "" is NULL."""
    if value is None or not pattern:
        return value is None and not pattern
    return re.fullmatch(pattern, value.decode("utf-8", "replace")) is not None


def columns_of(facts: Facts, tags: Tags) -> dict[tuple[str, str], dict[str, tuple[str, ...]]]:
    """Which of the tagged columns a statement reads, with their tags: all of a table where it reads the whole row."""
    found: dict[tuple[str, str], dict[str, tuple[str, ...]]] = {}
    for touch in facts.touches:
        if touch.action not in READS or touch.resource.type is not ResourceType.TABLE or len(touch.resource.path) != 2:
            continue
        path = (touch.resource.path[0], touch.resource.path[1])
        columns = tags.get(path)
        if columns:
            names = columns if touch.star else [name for name in touch.columns if name in columns]
            found.setdefault(path, {}).update((name, columns[name]) for name in names)
    return {path: columns for path, columns in found.items() if columns}
