"""What has changed in a catalog since when: whether a statement was judged by the definitions that it runs by. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from tidewaiter.model import Facts, ResourceType
from tidewaiter.proxy.masks import Plan
from tidewaiter.sql.catalog import SYSTEM_SCHEMAS
from tidewaiter.sql.catalog_reach import Reach
from tidewaiter.sql.entities import Path

NAMES: Final = 8192
"""Remembered of each kind; a statement that is older than the oldest of them counts as concerned by what came since."""
Own = frozenset[tuple[str, ...]]
NOTHING_OWN: Final[Own] = frozenset()
_DEFINING: Final = frozenset(
    ["create", "alter", "alter_destructive", "drop", "rename", "truncate", "comment", "vacuum"]
)
IMPLIED: Final = frozenset(["=", "<>", "<", "<=", ">", ">=", "~~", "!~~", "~~*", "!~~*", "~", "!~"])
"""Operators that CASE, IN, BETWEEN, JOIN, LIKE and others call without being written."""
UNTOLD: Final = "the catalog: nobody can tell what of it"
_WORD: Final = re.compile(r"[\w$]+")
_NAME: Final = r'(?:"((?:[^"]|"")+)"|([\w$]+))'
# At every position anew: a lone quote in a constant must not swallow what stands behind it.
_DOTTED: Final = re.compile(rf"(?<![\w$])(?={_NAME}\s*\.\s*{_NAME})")
N = TypeVar("N")


class _Latest(Generic[N]):
    """When each of some names changed last, the latest at the end. `lost` is when any did that is not remembered."""

    __slots__ = ("_at", "lost")

    def __init__(self) -> None:
        self._at: dict[N, int] = {}
        self.lost = 0

    def note(self, names: Iterable[N], at: int) -> None:
        for name in names:
            self._at.pop(name, None)
            self._at[name] = at
        for name in list(self._at)[: max(0, len(self._at) - NAMES)]:
            self.lost = self._at.pop(name)

    def since(self, epoch: int) -> list[N]:
        """Those that have changed since then."""
        found: list[N] = []
        for name in reversed(self._at):
            if self._at[name] <= epoch:
                break
            found.append(name)
        return found


class History:
    """Changes of one catalog. `epoch` counts them: whoever looks at it before the catalog has that of then or later."""

    def __init__(self) -> None:
        self.epoch = 0
        self._untold = 0
        self._paths = (_Latest[Path](), _Latest[Path](), _Latest[Path]())  # relations, types, kin
        self._names = (_Latest[str](), _Latest[str](), _Latest[str]())  # functions, schemas, operators

    def note(self, reach: Reach | None) -> None:
        """Something changed, as far as it reaches; None where nobody can tell how far."""
        self.epoch += 1
        if reach is None:
            self._untold = self.epoch
            return
        for latest, paths in zip(self._paths, (reach.relations, reach.types, reach.kin), strict=True):
            latest.note(paths, self.epoch)
        for known, names in zip(self._names, (reach.functions, reach.schemas, reach.operators), strict=True):
            known.note(names, self.epoch)

    def concerns(self, facts: Facts, plan: Plan | None, since: int, own: Own = NOTHING_OWN) -> bool:
        """Whether a change after `since` may have changed what a statement with these facts shows, run by this plan.

        Changes of what is its `own` do not count, nor of the types of such rows.
        """
        return bool(self.cause(facts, plan, since, own))

    def cause(self, facts: Facts, plan: Plan | None, since: int, own: Own = NOTHING_OWN) -> str:
        """What that change was of, as `relation public.orders`: one of several. Empty where there was none."""
        return next(self._causes(facts, plan, since, own), "") if self.epoch > since else ""

    def _causes(self, facts: Facts, plan: Plan | None, since: int, own: Own) -> Iterator[str]:
        if since < self._untold or any(since < one.lost for one in (*self._paths, *self._names)):
            yield UNTOLD
            return
        relations, types, kin = (
            [path for path in one.since(since) if path not in own and (path[0], path[1].removeprefix("_")) not in own]
            for one in self._paths
        )
        functions, schemas, operators = (one.since(since) for one in self._names)
        touched = reached(facts) - own
        yield from _told("relation", (path for path in relations if path in touched))
        yield from _told("schema", ((path[0],) for path in touched if path[0] in schemas))
        yield from _told("part of others for a while, perhaps:", (path for path in kin if _shows(plan, path)))
        if not (relations or types or functions or schemas or operators):
            return
        spelled = spelled_by(facts, plan)
        if spelled is not None:
            yield from _told("relation", (path for path in relations if spelled.has(path)))
            types = list(filter(spelled.has, types))
            functions = list(filter(spelled.names, functions))
            schemas = list(filter(spelled.names, schemas))
            operators = [name for name in operators if name in IMPLIED or name in spelled.text]
        yield from _told("type", types)
        for kind, names in (("function", functions), ("schema", schemas), ("operator", operators)):
            yield from _told(kind, ((name,) for name in names))


def defined_by(facts: Facts) -> Own:
    """The relations that a statement itself makes, changes or drops, and does nothing else with."""
    tables = [touch for touch in facts.touches if touch.resource.type is ResourceType.TABLE]
    made = [(one.schema, one.name) for effect in facts.effects if (one := effect.relation) is not None]
    used = {touch.resource.path for touch in tables if touch.action not in _DEFINING}
    return frozenset((*made, *(touch.resource.path for touch in tables))) - used


def _told(kind: str, paths: Iterable[tuple[str, ...]]) -> Iterator[str]:
    return (f"{kind} {'.'.join(path)}" for path in paths)


def _shows(plan: Plan | None, path: Path) -> bool:
    """Whether a table would show something masked through whatever it was a part of."""
    sight = None if plan is None else plan.sight
    if sight is None:
        return False
    is_new = path not in sight.catalog.relations
    return path in sight.tags or sight.labels.concerns(path) or (sight.hides_new and is_new)


def reached(facts: Facts) -> frozenset[tuple[str, ...]]:
    """The relations that a statement touches, through views too."""
    named = (touch.resource.path for touch in facts.touches if touch.resource.type is ResourceType.TABLE)
    return frozenset((*named, *(one.path for one in facts.indirect)))


@dataclass(frozen=True, slots=True)
class Spelled:
    """What a statement runs, in lower case, and what may be a name in it: words, (schema, name), and names of what the
    type of an array may be made of: such a one may stand without its schema."""

    text: str
    words: frozenset[str]
    dotted: frozenset[Path]
    elements: frozenset[str]

    def has(self, path: Path) -> bool:
        """Whether a relation or type may be named."""
        schema, name = path[0].lower(), path[1].lower()
        return (schema, name) in self.dotted or name.lstrip("_") in self.elements

    def names(self, name: str) -> bool:
        """Whether a function or schema may be named."""
        return self.words.issuperset(_WORD.findall(name.lower()))


def spelled_by(facts: Facts, plan: Plan | None) -> Spelled | None:
    """The names in all that the server reads of a statement: its text, what it runs by a name, the views in it.

    None where that is not all: it calls functions that may call others, or its text is not the gateway's own, in which
    relations and types have their schema, and names are written plainly.
    """
    if plan is None or plan.sight is None or (plan.is_bound and not plan.runs) or _calls(facts):
        return None
    sent = (plan.text, *plan.runs)
    if not all(text.isascii() for text in sent[bool(plan.said) :]):
        return None  # in an encoding that is not known here
    definitions = plan.sight.catalog.view_definitions
    views = (definitions.get((path[0], path[-1]), "") for path in reached(facts))
    text = "\n".join((*(text.decode() for text in sent), *views)).lower()
    dotted = {_path(*match.groups()) for match in _DOTTED.finditer(text)}
    words = frozenset(_WORD.findall(text))
    return Spelled(text, words, frozenset(dotted), frozenset(one.lstrip("_") for one in words if one.startswith("_")))


def _calls(facts: Facts) -> bool:
    touches = (touch.resource for touch in facts.touches if touch.resource.type is ResourceType.FUNCTION)
    return any(resource.path[0] not in SYSTEM_SCHEMAS for resource in touches)


def _path(*parts: str | None) -> Path:
    schema, bare_schema, name, bare_name = ((part or "").replace('""', '"') for part in parts)
    return schema or bare_schema, name or bare_name
