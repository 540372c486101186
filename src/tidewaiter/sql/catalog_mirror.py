"""The catalog as it was read, row by row with what each row is made from, so that only what changed is read again.

Pure. A change reaches a row if it touches the row's owner or anything that the row is made from; owners of such rows
are read again, whole; so is what holds values of a type whose checks or columns changed, which the server tells. Where
neither says how far a change reaches (casts, operator classes, extensions, the name of a schema), everything is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import blake2b
from typing import Any

import orjson

from tidewaiter.sql.catalog import Catalog, grown
from tidewaiter.sql.catalog_reading import LISTS, SECTIONS, Changes, Entry, Key, Row

MOST_OWNERS = 500
"""More than these are not picked out of the catalog one by one: reading everything is as fast."""

# A change of any row of these reaches further than lineage tells: which relations bring a value that a cast takes, what
# an operator class calls in indexes that are there, what came with an extension.
_SWEEPING = frozenset({"pg_cast", "pg_opclass", "pg_amproc", "pg_extension", "members of extensions"})

# The catalogs one of whose rows an owner must have for a section to say anything of it.
_FED_BY: Mapping[str, tuple[str, ...]] = {
    "relations": ("pg_class",),
    "schemas": ("pg_namespace",),
    "inheritance": ("pg_inherits",),
    "indexes": ("pg_index",),
    "view_uses": ("pg_rewrite",),
    "view_calls": ("pg_rewrite",),
    "foreign_keys": ("pg_constraint",),
    "triggers": ("pg_trigger",),
    "event_triggers": ("pg_event_trigger",),
    "rules": ("pg_rewrite",),
    "table_calls": (
        "pg_attrdef", "pg_constraint", "pg_policy", "pg_index", "pg_partitioned_table", "pg_statistic_ext",
    ),
    "operator_classes": ("pg_opclass",),
    "policy_reads": ("pg_policy",),
    "domain_calls": (),
    "made_of": ("pg_proc",),
    "functions": ("pg_proc",),
    "attached": ("pg_class",),
    "builtins": ("pg_proc",),
    "operators": ("pg_operator",),
    "casts": ("pg_cast",),
    "cast_sources": (),
    "columns": ("pg_class",),
    "column_types": ("pg_class", "pg_type"),
    "primary_keys": ("pg_constraint",),
    "guarded": ("pg_constraint", "pg_index", "pg_policy", "pg_partitioned_table"),
    "generated": ("pg_attrdef",),
    "view_definitions": ("pg_rewrite",),
    "types": ("pg_type",),
}  # fmt: skip

# These name functions alone that did not come with the server.
_OF_FUNCTIONS = frozenset({"table_calls", "view_calls"})

# As above, where there is any row of another catalog at all: checks of domains, casts by functions.
_FED_WITH: Mapping[str, tuple[str, str]] = {
    "table_calls": ("checks of types", "pg_class"),
    "domain_calls": ("checks of types", "pg_type"),
    "cast_sources": ("pg_cast", "pg_class"),
}


@dataclass(frozen=True)  # without slots, for `values`
class Section:
    """The rows of a section by owner. `digest` is the sum of theirs: of equal rows it is equal."""

    rows: Mapping[int, tuple[Row, ...]] = field(default_factory=dict)
    digest: int = 0

    def replaced(self, owners: Iterable[int], rows: Iterable[Row]) -> Section:
        """This with other rows for these owners, and for all owners of the rows."""
        found: dict[int, list[Row]] = {owner: [] for owner in owners}
        for row in rows:
            found.setdefault(row.owner, []).append(row)
        kept, digest = dict(self.rows), self.digest
        for owner, ones in found.items():
            digest -= sum(row.digest for row in kept.pop(owner, ()))
            digest += sum(row.digest for row in ones)
            if ones:
                kept[owner] = tuple(sorted(ones, key=_packed))
        return Section(kept, digest % (1 << 64))

    @cached_property
    def values(self) -> list[Sequence[Any]]:
        """The columns of all rows, in an order that depends on them alone."""
        return [row.values for row in sorted((row for rows in self.rows.values() for row in rows), key=_packed)]


def _packed(row: Row) -> bytes:
    return row.packed


Keys = Mapping[Key, tuple[int, ...]]
System = Mapping[str, Section]
"""What came with the server, which no definition changes."""


def system(rows: Mapping[str, Sequence[Row]]) -> System:
    """The system's part of an answer."""
    return {name: Section().replaced((), rows.get(name, ())) for name in SECTIONS}


@dataclass(frozen=True, slots=True)
class Mirror:
    """What was read, by whom, at which `snapshot`, and the catalog that it makes.

    `server` and `oldest` as in Changes; `versions` are those rows written since then that are taken in. `unprinted`:
    owners whose stored trees were left out because they could not be locked.
    """

    server: str
    oldest: str
    versions: frozenset[str]
    keys: Mapping[str, Keys]
    sections: Mapping[str, Section]
    own: System
    catalog: Catalog
    unprinted: frozenset[int] = frozenset()
    snapshot: str = ""


@dataclass(frozen=True, slots=True)
class Amendment:
    """What to read again: these sections of these owners. `keys` is what is known of single rows then.

    `kin` are the relations of which columns were written or have gone, `schemas` those that were there and may have
    got another name: then all that is in them is read again, with everything else.
    """

    owners: frozenset[int]
    sections: tuple[str, ...]
    keys: Mapping[str, Keys]
    changes: Changes
    kin: frozenset[int] = frozenset()
    schemas: frozenset[int] = frozenset()

    @property
    def is_whole(self) -> bool:
        """Whether everything is to be read: it must, or is as fast."""
        return len(self.owners) > MOST_OWNERS or bool(self.schemas)


def whole(changes: Changes, rows: Mapping[str, Sequence[Row]], own: System, *, is_unprinted: bool = False) -> Mirror:
    """A mirror of an answer with everything: Changes since ever, and all sections."""
    sections = {name: Section().replaced((), rows.get(name, ())) for name in SECTIONS}
    sections["column_types"] = _used(sections)
    keys = {name: {entry.key: entry.touches for entry in changes.young[name]} for name in LISTS}
    rewritten = (oid for touches in keys["pg_rewrite"].values() for oid in touches)
    printed = (*rewritten, *sections["functions"].rows, *sections["triggers"].rows)
    missing = frozenset(printed) if is_unprinted else frozenset()
    catalog = _catalog(None, sections, own, frozenset(SECTIONS))
    return Mirror(
        changes.server, changes.oldest, _versions(changes), keys, sections, own, catalog, missing, changes.snapshot
    )


def amendment(
    mirror: Mirror, changes: Changes, there: Mapping[str, Collection[Key]], holders: Collection[int] = ()
) -> Amendment | str | None:
    """What to read again after these changes since `mirror.oldest`: nothing, the Amendment, or why it is everything.

    `there` are the keys of all rows of the lists that `recount` names, `holders` what holds values of `changed_types`.
    """
    if changes.server != mirror.server:
        return "the server is another one, or was started anew"
    found = _Reach(mirror)
    for name in changes.young:
        new = _new(mirror, changes, name)
        gone = [key for key in mirror.keys[name] if key not in there[name]] if name in there else []
        if name in _SWEEPING and (new or gone):
            return f"{name} changed"
        for entry in new:
            found.add(name, entry)
        for key in gone:
            found.drop(name, key)
    if found.why:
        return found.why
    touched = found.touched | mirror.unprinted
    if not touched:
        return None
    owners = touched | {
        row.owner
        for section in mirror.sections.values()
        for rows in section.rows.values()
        for row in rows
        if not row.oids.isdisjoint(touched)
    }
    owners.update(holders)
    kin = mirror.keys["pg_class"].keys() - found.keys["pg_class"].keys()
    kin |= {entry.key for entry in _new(mirror, changes, "pg_attribute")}
    return Amendment(
        frozenset(owners),
        _sections(mirror, found.keys, owners),
        found.keys,
        changes,
        frozenset(key for key in kin if isinstance(key, int)),
        frozenset(found.schemas),
    )


def recount(mirror: Mirror, changes: Changes) -> tuple[str, ...]:
    """The lists from which rows have gone: what is known with what is new is more than there is."""
    short = []
    for name, known in mirror.keys.items():
        new = {entry.key for entry in changes.young[name]}.difference(known)
        if len(known) + len(new) != changes.counts[name]:
            short.append(name)
    return tuple(short)


def changed_types(mirror: Mirror, changes: Changes) -> tuple[int, ...]:
    """Types whose values may be checked in another way now, wherever they are held: their checks or columns changed."""
    if not (mirror.keys["checks of types"] or changes.young["checks of types"]):
        return ()
    known, types = mirror.keys["pg_class"], set[int]()
    for name in ("pg_class", "pg_attribute"):
        types.update(oid for entry in _new(mirror, changes, name) for oid in known.get(entry.key, ()))
    types.update(entry.touches[0] for entry in _new(mirror, changes, "checks of types"))
    return tuple(sorted(types.intersection(mirror.keys["pg_type"])))


def amended(
    mirror: Mirror, change: Amendment, rows: Mapping[str, Sequence[Row]], *, is_unprinted: bool = False
) -> Mirror:
    """The mirror with what an Amendment asked for. Shares with the old one what did not change."""
    sections = dict(mirror.sections)
    for name in SECTIONS:
        read = rows.get(name, ())
        if read or not change.owners.isdisjoint(sections[name].rows):
            sections[name] = sections[name].replaced(change.owners, read)
    sections["column_types"] = _used(sections)
    differing = frozenset(name for name in SECTIONS if sections[name].digest != mirror.sections[name].digest)
    catalog = _catalog(mirror.catalog, sections, mirror.own, differing) if differing else mirror.catalog
    return Mirror(
        mirror.server, change.changes.oldest, _versions(change.changes), change.keys, sections, mirror.own, catalog,
        change.owners if is_unprinted else frozenset(), change.changes.snapshot,
    )  # fmt: skip


def differs(one: Mirror, other: Mirror) -> tuple[str, ...]:
    """What two mirrors of the same moment say differently: names of sections and of LISTS."""
    parts = ((one.sections, other.sections), (one.own, other.own))
    sections = {name for this, that in parts for name in this if this[name].digest != that[name].digest}
    return tuple(sorted(sections | {name for name in one.keys if one.keys[name] != other.keys[name]}))


def unchanged(mirror: Mirror, changes: Changes) -> Mirror:
    """The mirror after changes that concern nothing in it."""
    return replace(mirror, oldest=changes.oldest, versions=_versions(changes), snapshot=changes.snapshot)


def _new(mirror: Mirror, changes: Changes, name: str) -> list[Entry]:
    return [entry for entry in changes.young[name] if entry.version not in mirror.versions]


def _versions(changes: Changes) -> frozenset[str]:
    young = (entry for entries in changes.young.values() for entry in entries)
    return frozenset(entry.version for entry in young if entry.is_since(changes.oldest))


class _Reach:
    """Follows how far changes reach. `touched` are oids, `keys` what is known after them, `why` a reason to give up.
    `schemas` as in Amendment."""

    def __init__(self, mirror: Mirror) -> None:
        self.touched: set[int] = set()
        self.keys: dict[str, Keys] = dict(mirror.keys)
        self.why = ""
        self.schemas: set[int] = set()
        self._mirror = mirror
        self._copied: set[str] = set()

    def add(self, name: str, entry: Entry) -> None:
        """A row was written."""
        known = self._mirror.keys.get(name)
        before = None if known is None else known.get(entry.key)
        if before is not None and entry.is_doubtful:
            if name == "pg_namespace" and isinstance(entry.key, int):
                self.schemas.add(entry.key)
            else:
                self.why = f"{name} changed"
        self._touch(entry.key, (*entry.touches, *(before or ())))
        if known is not None and before != entry.touches:
            self._own(name)[entry.key] = entry.touches

    def drop(self, name: str, key: Key) -> None:
        """A row has gone."""
        touches = self._own(name).pop(key)
        self._touch(key, touches)

    def _own(self, name: str) -> dict[Key, tuple[int, ...]]:
        if name not in self._copied:
            self._copied.add(name)
            self.keys[name] = dict(self.keys[name])
        own = self.keys[name]
        assert isinstance(own, dict)
        return own

    def _touch(self, key: Key, touches: Iterable[int]) -> None:
        if isinstance(key, int):
            self.touched.add(key)
        self.touched.update(oid for oid in touches if oid >= 16384)


def _sections(mirror: Mirror, keys: Mapping[str, Keys], owners: Iterable[int]) -> tuple[str, ...]:
    """The sections that may say something of these owners."""
    owners = set(owners)
    present = {
        name
        for name, known in keys.items()
        if any(owner in known for owner in owners) or any(not owners.isdisjoint(oids) for oids in known.values())
    }

    def is_wanted(name: str) -> bool:
        if name in _OF_FUNCTIONS and not keys["pg_proc"]:
            return not owners.isdisjoint(mirror.sections[name].rows)
        if not present.isdisjoint(_FED_BY[name]) or not owners.isdisjoint(mirror.sections[name].rows):
            return True
        there, of = _FED_WITH.get(name, ("", ""))
        return bool(there and keys[there]) and of in present

    return tuple(name for name in SECTIONS if is_wanted(name))


def _used(sections: Mapping[str, Section]) -> Section:
    """The types of columns that there are."""
    held: set[int] = set()
    for rows in sections["columns"].rows.values():
        held.update(rows[0].values[5])
    types = sections["column_types"]
    unused = [oid for oid in types.rows if oid not in held]
    return types.replaced(unused, ()) if unused else types


def _catalog(
    before: Catalog | None, sections: Mapping[str, Section], own: System, differing: frozenset[str]
) -> Catalog:
    rows = _Lazy(sections, own)
    digests = [part[name].digest for part in (own, sections) for name in SECTIONS]
    version = int.from_bytes(blake2b(orjson.dumps(digests), digest_size=8).digest(), "big")
    return grown(before, rows, differing, version)


class _Lazy(dict[str, list[Sequence[Any]]]):
    """The rows of sections, put into order when they are asked for."""

    def __init__(self, sections: Mapping[str, Section], own: System) -> None:
        super().__init__()
        self._sections = sections
        self._own = own

    def __missing__(self, name: str) -> list[Sequence[Any]]:
        found = self[name] = [*self._own[name].values, *self._sections[name].values]
        return found
