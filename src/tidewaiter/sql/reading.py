"""The state of reading one text: what names mean at this point of it, and the touches found so far.

The readers of single kinds of statements (`queries`, `commands`, `definitions`) are functions over a Reading; they
recurse through `statement`, so that none of them needs to know the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from tidewaiter.model import (
    Effect,
    EffectKind,
    Facts,
    Indirect,
    Lock,
    Relation,
    Resource,
    ResourceType,
    SyntaxFault,
    Touch,
)
from tidewaiter.sql.catalog import Cast, Catalog, Reach, quoted
from tidewaiter.sql.effort import Effort
from tidewaiter.sql.levels import Entry, Level, Source, words
from tidewaiter.sql.locks import ACCESS_EXCLUSIVE, stronger
from tidewaiter.sql.parse import Node

DATASOURCE = Resource(ResourceType.DATASOURCE)
PG_TEMP = "pg_temp"

_READS = frozenset({"select", "explain", "copy_out", "show"})
_EXPLAINED = words("select insert update update_all delete delete_all merge merge_all lock copy_out create refresh")
"""Actions that a plain EXPLAIN only plans."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a session knows beyond the catalog.

    `search_path`: effective schemas in order, with the implicit pg_catalog and, once it exists, the session's
    temporary schema (as `current_schemas(true)` says it). `created`: relations that this session made and that the
    catalog may not show yet; temporary ones under schema "pg_temp". `user`: the role that `"$user"` stands for.
    """

    search_path: tuple[str, ...] = ("pg_catalog", "public")
    created: Mapping[tuple[str, str], Relation] = field(default_factory=dict)
    prepared: Mapping[str, Facts] = field(default_factory=dict)
    cursors: Mapping[str, Facts] = field(default_factory=dict)
    user: str = ""


Handler = Callable[["Reading", Node, Level], None]


class Reading:
    """One text being read. `path` is None while the search_path is not known."""

    __slots__ = (
        "casts", "catalog", "control", "created", "cursors", "dropped", "effects", "effort", "entries", "explains",
        "fault", "fetches", "handlers", "has_where", "headed", "indirect", "is_shaken", "literals_matter", "locks",
        "part", "path", "path_changed", "prepared", "present", "ran_code", "reasons", "session_bound",
        "sets_password", "types", "user",
    )  # fmt: skip

    def __init__(
        self, catalog: Catalog, scope: Scope, handlers: Mapping[str, Handler], effort: Effort | None = None
    ) -> None:
        self.effort = effort or Effort(0)
        self.catalog = catalog
        self.handlers = handlers
        self.path: tuple[str, ...] | None = scope.search_path
        self.path_changed = False
        self.user = scope.user
        self.created: dict[tuple[str, str], Relation] = dict(scope.created)
        self.prepared: dict[str, Facts] = dict(scope.prepared)
        self.cursors: dict[str, Facts] = dict(scope.cursors)
        self.dropped: set[str] = set()
        self.ran_code = False
        self.is_shaken = False
        """Something ran that may have renamed anything: names mean nothing from here on."""
        self.entries: dict[tuple[str, Resource, tuple[str, ...], int], Entry] = {}
        self.reasons: dict[str, None] = {}
        self.present: list[Entry] = []
        """Those of the present statement."""
        self.effects: dict[Effect, None] = {}
        self.casts: dict[Cast, None] = {}
        self.types: set[str] = set()
        self.indirect: dict[Indirect, None] = {}
        self.locks: dict[tuple[str, str], str] = {}
        self.has_where = True
        self.fault: SyntaxFault | None = None
        self.control: str | None = None
        self.part = 0
        self.explains = False
        self.literals_matter = True
        self.session_bound = False
        self.sets_password = False
        self.fetches: list[tuple[int, str]] = []
        self.headed: list[int] = []

    def begin(self, part: int) -> None:
        """Turn to the next statement of the text."""
        self.part, self.control, self.present = part, None, []

    # -- what was found ---------------------------------------------------------------------------------------------
    def statement(self, node: Node, level: Level) -> None:
        """Read a statement wherever it is nested."""
        kind, fields = next(iter(node.items()))
        handler = self.handlers.get(kind)
        if handler is None:
            self.unknown(f"statement {kind}")
        else:
            handler(self, fields, level)

    def touch(self, action: str, resource: Resource, via: tuple[str, ...] = ()) -> Entry:
        """Note that a resource is touched; the same touch of the same part is one."""
        if self.explains and action in _EXPLAINED:
            action = "explain"
        key = (action, resource, via, self.part)
        entry = self.entries.get(key)
        if entry is None:
            entry = self.entries[key] = Entry(action, resource, via, self.part)
            self.present.append(entry)
            self.effort.spend(1)
        return entry

    def unknown(self, reason: str, fault: SyntaxFault | None = None) -> None:
        """Note what is not understood. The first fault is the one that the server would report."""
        self.reasons[reason] = None
        if self.fault is None:
            self.fault = fault

    def effect(self, kind: EffectKind, name: str = "", facts: Facts | None = None, of: Relation | None = None) -> None:
        """Note a change of the session. What an EXPLAIN only plans changes nothing."""
        if not self.explains:
            self.effects[Effect(kind, name, facts, of)] = None

    def opaque(self) -> None:
        """Note that code runs which may change any setting, and any name for the rest of the text."""
        self.ran_code = True
        self.effect(EffectKind.SETTING, "")

    def cast(self, target: str) -> None:
        """Note a cast to a type, which may call a function: `settle_casts` says when all relations are known."""
        self.types.add(target)
        self.casts.update(dict.fromkeys(self.catalog.casts.get(target, ())))

    def runs(self, path: tuple[str, ...], via: tuple[str, ...] = (), action: str = "function") -> None:
        """Touch a function that is called. `sql.settling` says what it does, once the statement is read."""
        entry = self.touch(action, Resource(ResourceType.FUNCTION, path), via)
        entry.runs, entry.is_planned = True, self.explains

    def check(self, target: str) -> None:
        """Note that a value of a type is made, which calls the functions in the checks of a domain."""
        for path in self.catalog.domain_calls.get(target, ()):
            self.runs(path)

    def settle_casts(self) -> None:
        """Touch the functions of those casts of whose source type the text can hold a value."""
        for cast in (*self.casts, *self.catalog.implicit_casts):
            if self._may_happen(cast):
                self.runs(cast.function)
        self.casts.clear()

    def _may_happen(self, cast: Cast) -> bool:
        if cast.source in self.types or (cast.relations is None and cast in self.casts):
            return True
        bringing = cast.relations if cast.relations is not None else cast.holders
        self.effort.spend(len(self.present))
        return any(entry.resource.path in bringing for entry in self.present)

    # -- what names mean --------------------------------------------------------------------------------------------
    def resolve(self, var: Node) -> tuple[Relation, ...]:
        """The relations that a RangeVar can mean. None found: that is noted as unknown, with the server's message."""
        name, schema = var["relname"], var.get("schemaname")
        found = self.look_up(name, schema)
        if found or self.is_shaken or (schema is None and self.path is None):
            return found
        return self._missing(var)

    def look_up(self, name: str, schema: str | None) -> tuple[Relation, ...]:
        """The relations that a name can mean: one, or more where this session may have dropped what hid another."""
        if schema is None and self.is_plain and self.path is not None:
            found = self.catalog.find(name, None, self.path)
            return (found,) if found is not None else ()
        if self.is_shaken or (schema is None and self.path is None):
            self.unknown("what names mean is not known after an earlier statement of this text")
        return tuple(self._candidates(name, schema))

    @property
    def is_settled(self) -> bool:
        """Whether nothing in this text changed what existing names mean."""
        return not (self.dropped or self.is_shaken or self.path_changed) and self.path is not None

    @property
    def is_plain(self) -> bool:
        """Whether the catalog alone says what names mean."""
        return not (self.created or self.dropped or self.is_shaken or self.path_changed)

    def _candidates(self, name: str, schema: str | None) -> Iterator[Relation]:
        if schema is not None:
            key = (PG_TEMP if schema.startswith("pg_temp") else schema, name)
            found = self.created.get(key) or self.catalog.relations.get((schema, name))
            if found is not None:
                yield found
            return
        path = self.path or ()
        if not any(entry.startswith(PG_TEMP) for entry in path):
            path = (PG_TEMP, *path)
        for entry in path:
            made = self.created.get((PG_TEMP if entry.startswith(PG_TEMP) else entry, name))
            if made is not None:
                yield made  # and go on: it may have been rolled back or dropped since
            found = self.catalog.relations.get((entry, name))
            if found is not None:
                if found.schema != (made.schema if made else None):
                    yield found
                if name not in self.dropped and not self.path_changed:
                    return  # a path set in this text may name schemas that the role must not use: go on then

    def _missing(self, var: Node) -> tuple[Relation, ...]:
        name = ".".join(part for part in (var.get("schemaname"), var["relname"]) if part)
        position = var["location"] + 1 if "location" in var else None
        fault = SyntaxFault("42P01", f'relation "{name}" does not exist', position)
        self.unknown(f"relation {name} is not in the catalog", fault)
        return ()

    def known(self, path: tuple[str, str]) -> Relation | None:
        """The relation of a path, this session's own first."""
        return self.created.get(path) or self.catalog.relations.get(path)

    def table(self, path: tuple[str, str]) -> Resource:
        """The resource for a relation."""
        return Resource(ResourceType.TABLE, path)

    def reach(self, action: str, var: Node, name: str | None = None) -> Source:
        """Touch the relation that a RangeVar means, with everything reached through it; return it as a source."""
        relations = self.resolve(var)
        alias = var.get("alias")
        known_as = name or (alias["aliasname"] if alias else var["relname"])
        if not relations:
            return Source(known_as)
        entries: list[Entry] = []
        for relation in relations:
            entries.extend(self._reach_one(action, relation, var.get("inh", False)))
        source = Source(known_as, relations[0], tuple(entries), schema=None if alias else relations[0].schema)
        if len(relations) > 1:
            source.hit_star()
        if alias and "colnames" in alias:
            source.rename(tuple(strings(alias["colnames"])))
        return source

    def lock_table(self, path: tuple[str, str], mode: str) -> None:
        """Note a table-level lock; the strongest of a relation counts."""
        if not self.explains:
            self.locks[path] = stronger(self.locks.get(path), mode)

    def lock_referenced(self, path: tuple[str, str]) -> None:
        """Note the locks on what a table's keys refer to: dropping a key drops triggers there."""
        self.effort.spend(len(self.catalog.keys))
        for referenced, keys in self.catalog.keys.items():
            if any(key.table == path for key in keys):
                self.lock_table(referenced, ACCESS_EXCLUSIVE)

    def lock(self, relation: Relation) -> None:
        """Touch a relation that FOR UPDATE or its kin locks, and what is locked with it."""
        for _ in self._reach_one("lock", relation, True):
            pass

    def _reach_one(self, action: str, relation: Relation, with_heirs: bool) -> Iterator[Entry]:
        catalog, path = self.catalog, (relation.schema, relation.name)
        direct = self.touch(action, self.table(path))
        direct.fires = True
        yield direct
        self.effort.spend(1)
        reaches = catalog.reaches.get(path, ())
        if relation.base and path in self.created:
            reaches = (*reaches, *self._bases(relation))
        self.effort.spend(len(reaches))
        for reach in reaches:
            entry = self.touch(action, self.table(reach.path), reach.via)
            if action != "lock":
                entry.columns.update(dict.fromkeys(reach.columns))
                entry.star = entry.star or reach.star
            if reach.mirrors:
                yield entry  # rows of a partition are the parent's, but only the partition's triggers fire
            else:
                entry.fires, entry.assigned = True, None
        if with_heirs:
            for heir in catalog.heirs.get(path, ()):
                entry = self.touch(action, self.table(heir), (quoted(path),))
                entry.fires = True
                yield entry
        for function, via in catalog.calls.get(path, ()):
            self.runs(function, via)

    def look_through(self, path: tuple[str, str]) -> None:
        """Touch what a view is made of, without the view."""
        for reach in self.catalog.reaches.get(path, ()):
            entry = self.touch("select", self.table(reach.path), reach.via)
            entry.columns.update(dict.fromkeys(reach.columns))
            entry.star = entry.star or reach.star
        for function, via in self.catalog.calls.get(path, ()):
            self.runs(function, via)

    def _bases(self, relation: Relation) -> Iterator[Reach]:
        """What a view of this session is made of; its columns are not known in detail."""
        via = (quoted((relation.schema, relation.name)),)
        for base in relation.base:
            yield Reach(base, via, star=True)
            for further in self.catalog.reaches.get(base, ()):
                yield replace(further, via=via + further.via)

    # -- parts of the text ------------------------------------------------------------------------------------------
    def aside(self, run: Callable[[], None]) -> Facts:
        """Read something that runs later: its touches are asked for now as well, its effects come when it runs."""
        before, self.effects = self.effects, {}
        run()
        later, self.effects = self.effects, before
        facts = self._facts(self.present)
        touches = tuple(replace(touch, part=0) for touch in facts.touches)
        return replace(facts, touches=touches, effects=tuple(later))

    def bring(self, facts: Facts) -> None:
        """Note what a prepared statement or cursor does, now that it runs."""
        self.session_bound = True
        self.effort.spend(len(facts.touches) + len(facts.indirect))
        for touch in facts.touches:
            entry = self.touch(touch.action, touch.resource, touch.via)
            entry.columns.update(dict.fromkeys(touch.columns))
            entry.star = entry.star or touch.star
            entry.traits |= frozenset(touch.traits)
        for reason in facts.unknown:
            self.unknown(reason)
        for effect in facts.effects:
            self.effect(effect.kind, effect.name, effect.facts, effect.relation)
            self.ran_code = self.ran_code or disturbs(effect)
        self.indirect.update(dict.fromkeys(facts.indirect))
        self.has_where = self.has_where and facts.has_where
        for lock in facts.locks:
            self.lock_table(lock.path, lock.mode)

    def facts(self, parts: int, *, ends_failed: bool, changes: bool) -> Facts:
        """Everything that was found."""
        facts = self._facts(self.entries.values())
        return replace(
            facts,
            parts=parts,
            control=self.control,
            ends_failed_transaction=ends_failed,
            effects=tuple(self.effects),
            literals_matter=self.literals_matter or self.session_bound or bool(self.reasons),
            session_bound=self.session_bound,
            reads_only=facts.reads_only and not changes,
            fault=self.fault,
            fetches=tuple(self.fetches),
            headed=tuple(self.headed),
            sets_password=self.sets_password,
        )

    def _facts(self, entries: Iterable[Entry]) -> Facts:
        touches = tuple(
            Touch(
                entry.action,
                entry.resource,
                tuple(entry.columns),
                entry.star,
                entry.via,
                entry.part,
                tuple(sorted(entry.traits)),
            )
            for entry in entries
        )
        verbs = tuple(dict.fromkeys(touch.action for touch in touches))
        unknown = tuple(self.reasons)
        return Facts(
            verbs,
            touches,
            unknown,
            reads_only=not unknown and _READS.issuperset(verbs),
            has_where=self.has_where,
            indirect=tuple(self.indirect),
            locks=tuple(Lock(path, mode) for path, mode in self.locks.items()),
        )


def disturbs(effect: Effect) -> bool:
    """Whether names may mean something else after it."""
    return effect.kind is EffectKind.ROLE or (effect.kind is EffectKind.SETTING and effect.name in ("", "search_path"))


def strings(nodes: Iterable[Node]) -> Iterator[str]:
    """The values of a list of String nodes; an empty string is left out of the JSON."""
    for node in nodes:
        yield node["String"].get("sval", "") if "String" in node else ""


def creation_schema(reading: Reading) -> str:
    """Where an unqualified CREATE puts its object: the first schema of the path that is not implicit."""
    schemas = [entry for entry in reading.path or () if entry != "pg_catalog" and not entry.startswith(PG_TEMP)]
    if reading.path is None or (reading.path_changed and len(schemas) > 1):
        # A path set in this text may begin with a schema that the role must not use: then the next one is meant.
        reading.unknown("the schema for a new object is not known after an earlier statement of this text")
    return schemas[0] if schemas else "public"
