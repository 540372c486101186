"""The one name space of a session's prepared statements and portals, which protocol and SQL share. Pure.

Names change when a message is sent, before the server has agreed; what it refuses or skips is undone, newest first.
An error skips what was sent up to the next Sync and no further: behind that, a name counts once the server has agreed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from hashlib import sha256

from tidewaiter.model import Effect, EffectKind, Facts, SyntaxFault
from tidewaiter.proxy.masks import Plan
from tidewaiter.proxy.trail import Execution, Place

NESTED = Facts(
    unknown=("what runs another prepared statement or cursor is run by the protocol, not by EXECUTE or FETCH",)
)
OUTDATED = Facts(unknown=("what is masked has changed since this was prepared or declared: do that again",))
LOST_TRACK = Facts(unknown=("it is not known what this name stands for",))


class Statement:
    """A prepared statement. `text` is empty for one made by SQL PREPARE, whose meaning is in `facts`.

    The server plans it anew where names mean something else; `source` is the PREPARE to understand again then, empty
    when it is not known by itself; `origin` is the whole text that made it. `plan` is the one that it was sent by, in
    sessions that mask; `is_outdated` says that it would be sent by another one now, when that was last looked at.
    `since` is the epoch of definitions by which the server may have understood it; a cursor's is its portal's.
    """

    __slots__ = ("facts", "is_outdated", "oids", "origin", "plan", "since", "source", "text")

    def __init__(
        self,
        text: bytes,
        oids: tuple[int, ...],
        facts: Facts,
        source: bytes = b"",
        plan: Plan | None = None,
        since: int | None = None,
    ) -> None:
        self.plan = plan
        self.since = since
        self.is_outdated = False
        self.source = source
        self.origin = text or source
        self.text = text
        self.oids = oids
        self.facts = facts


class Portal(Place):
    """A bound statement or a cursor. `binds` is the parameter section of Bind, None when it was too long to keep.

    `execution` is the running execution after its first Execute, while the portal is suspended. `fetched` counts the
    rows that it gave under a row limit, by Execute and by FETCH. `since` is the epoch of the definitions that were
    known when it was planned, in sessions that mask.
    """

    __slots__ = ("binds", "binds_digest", "fetched", "name", "since", "statement")

    def __init__(
        self, statement: Statement, name: bytes, binds: bytes | None = b"", execution: Execution | None = None
    ) -> None:
        super().__init__(execution)
        self.statement = statement
        self.name = name
        self.binds = binds
        self.binds_digest = ""
        self.fetched = 0
        self.since = 0


class _FactsByName(Mapping[str, Facts]):
    """What SQL may look up by name: facts of prepared statements or of cursors."""

    __slots__ = ("_of",)

    def __init__(self, of: dict[bytes, Statement] | dict[bytes, Portal]) -> None:
        self._of = of

    def __getitem__(self, name: str) -> Facts:
        found = self._of[name.encode()]
        statement = found if isinstance(found, Statement) else found.statement
        if statement.is_outdated:
            return OUTDATED
        # What such a text ran when it was parsed may have got another meaning since.
        return NESTED if statement.text and statement.facts.session_bound else statement.facts

    def __iter__(self) -> Iterator[str]:
        return (name.decode("utf-8", "replace") for name in self._of)

    def __len__(self) -> int:
        return len(self._of)


class Undo:
    """How to take back one change of a name: `before` is what it stood for, `since` the Syncs that were sent before.

    `earlier` is the change before it, if the server had not agreed to that one. `is_agreed`: the server has agreed to
    this one. `is_undone`: it is taken back.
    """

    __slots__ = ("before", "earlier", "is_agreed", "is_portal", "is_undone", "name", "names", "since")

    def __init__(self, names: Names, is_portal: bool, name: bytes, before: Statement | Portal | None) -> None:
        self.names = names
        self.is_portal = is_portal
        self.name = name
        self.before = before
        self.since = names.syncs
        self.is_agreed = False
        self.is_undone = False
        self.earlier = names.changes.get((is_portal, name))
        names.changes[(is_portal, name)] = self

    def __call__(self) -> None:
        """Restore what the name stood for, unless it was changed again: then that change finds it here."""
        names, key = self.names, (self.is_portal, self.name)
        self.is_undone = True
        if names.changes.get(key) is not self:
            return
        before = self.stood_for()
        if isinstance(before, Statement):
            names.statements[self.name] = before
        elif isinstance(before, Portal):
            names.portals[self.name] = before
        elif self.is_portal:
            names.portals.pop(self.name, None)
        else:
            names.statements.pop(self.name, None)
        if self.earlier is None or self.earlier.is_agreed:
            del names.changes[key]
        else:
            names.changes[key] = self.earlier

    def stood_for(self) -> Statement | Portal | None:
        """What the name stood for before, on the server: what was taken back never was."""
        while self.earlier is not None and self.earlier.is_undone:
            self.before, self.earlier = self.earlier.before, self.earlier.earlier
        return self.before


class Names:
    """Statements and portals by name. `syncs` counts the Syncs that were sent.

    `changes` has the last change of each name, by (is a portal's, name), that the server has not agreed to yet.
    """

    __slots__ = ("changes", "cursors", "portals", "prepared", "statements", "syncs")

    def __init__(self) -> None:
        self.syncs = 0
        self.changes: dict[tuple[bool, bytes], Undo] = {}
        self.statements: dict[bytes, Statement] = {}
        self.portals: dict[bytes, Portal] = {}
        self.prepared: Mapping[str, Facts] = _FactsByName(self.statements)
        self.cursors: Mapping[str, Facts] = _FactsByName(self.portals)

    def sources(self) -> tuple[tuple[str, str], ...]:
        """What every name that SQL may use stands for: (name, SHA-256 of the text that made it), sorted."""
        found = [(b"S" + name, one.origin) for name, one in self.statements.items()]
        found += [(b"P" + name, one.statement.origin) for name, one in self.portals.items()]
        return tuple(sorted((name.hex(), sha256(text).hexdigest()) for name, text in found))

    def sent_by(self, name: str, is_cursor: bool) -> Plan | None:
        """The plan by which what has a name was sent. Of a text in SQL, what is masked late is its own answer; what it
        leaves behind when it is run is not the name that PREPARE gave it."""
        portal = self.portals.get(name.encode()) if is_cursor else None
        statement = portal.statement if portal is not None else None
        if not is_cursor:
            statement = self.statements.get(name.encode())
        if statement is None or statement.plan is None or statement.text:
            return statement.plan if statement is not None else None
        plan = statement.plan
        is_lasting = plan.is_lasting if is_cursor else plan.is_raw or not statement.facts.reads_only
        return replace(plan, late=(), premises=frozenset(), is_lasting=is_lasting)

    def prepare(self, name: bytes, statement: Statement) -> Undo:
        """Let a name stand for a statement."""
        undo = Undo(self, False, name, self.statements.get(name))
        self.statements[name] = statement
        return undo

    def bind(self, portal: Portal) -> Undo:
        """Let a name stand for a portal."""
        undo = Undo(self, True, portal.name, self.portals.get(portal.name))
        self.portals[portal.name] = portal
        return undo

    def close(self, kind: str, name: bytes) -> Undo:
        """Forget a statement ("S") or a portal ("P")."""
        if kind == "S":
            return Undo(self, False, name, self.statements.pop(name, None))
        return Undo(self, True, name, self.portals.pop(name, None))

    def settled(self, undo: Undo) -> list[Execution]:
        """The server has agreed to a change of a name; return the suspended execution that it ended, if any."""
        before, key = undo.stood_for(), (undo.is_portal, undo.name)
        undo.is_agreed, undo.before, undo.earlier = True, None, None
        if self.changes.get(key) is undo:
            del self.changes[key]
        return _let_go(before) if isinstance(before, Portal) else []

    def counts(self, is_portal: bool, name: bytes) -> bool:
        """Whether a name may be used now: what the server makes of its last change it makes of this use too."""
        if not self.changes:
            return True
        change = self.changes.get((is_portal, name))
        return change is None or change.since == self.syncs

    def all_count(self) -> bool:
        """Whether every name may."""
        return all(change.since == self.syncs for change in self.changes.values())

    def transaction_ended(self) -> list[Execution]:
        """Portals end with the transaction, cursors WITH HOLD aside; return the executions that were suspended.

        What the server has not agreed to yet was sent for the next transaction.
        A cursor that the server has dropped stays known here without harm: the server refuses to fetch from it.
        """
        ended: list[Execution] = []
        for name, portal in list(self.portals.items()):
            if (True, name) in self.changes:
                continue
            ended += _let_go(portal)
            if portal.statement.text:
                del self.portals[name]
        return ended

    def renew(self, understand: Callable[[bytes], Facts]) -> None:
        """Names of relations may mean something else now: so may every statement that SQL PREPARE made."""
        for name, statement in self.statements.items():
            if statement.text or not statement.facts.parts:  # the empty text has no statement that could mean anything
                continue
            again = understand(statement.source).effects if statement.source else ()
            found = [e.facts for e in again if e.kind is EffectKind.PREPARE and e.name.encode() == name]
            statement.facts = found[0] if len(found) == 1 and found[0] is not None else LOST_TRACK

    def reread(self) -> None:
        """Texts are read otherwise from now on: the server goes on with what it has parsed, and what a text with
        letters beyond ASCII or backslashes meant then cannot be told from its bytes any more."""
        for statement in (*self.statements.values(), *(portal.statement for portal in self.portals.values())):
            if statement.text and (not statement.text.isascii() or b"\\" in statement.text):
                statement.text, statement.facts = b"", LOST_TRACK

    def apply(
        self,
        effects: Iterable[Effect],
        *,
        is_certain: bool,
        source: bytes = b"",
        plan: Plan | None = None,
        origin: bytes = b"",
        since: int = 0,
    ) -> list[Execution]:
        """Follow what SQL did to names. `is_certain` is False when the text failed half-way: then names are unknown.

        `origin` is the text, `source` too if it is one statement, `plan` the one that it was sent by. Returns the
        suspended executions that this ended. `since` is the epoch of the definitions that it ran by.
        """
        before = list(self.portals.values())
        for effect in effects:
            name = effect.name.encode()
            facts = (effect.facts or LOST_TRACK) if is_certain else LOST_TRACK
            if effect.kind is EffectKind.PREPARE:
                self.statements[name] = Statement(b"", (), facts, source if is_certain else b"", plan, since)
                self.statements[name].origin = origin or source
            elif effect.kind is EffectKind.DECLARE:
                self.portals[name] = Portal(Statement(b"", (), facts, source if is_certain else b"", plan), name)
                self.portals[name].statement.origin = origin or source
                self.portals[name].since = since
            elif effect.kind is EffectKind.DEALLOCATE:
                _forget(self.statements, name)
            elif effect.kind is EffectKind.CLOSE:
                _forget(self.portals, name)
            elif effect.kind is EffectKind.DISCARD and effect.name.lower() == "all":
                self.statements.clear()
                self.portals.clear()
        return [run for portal in before if self.portals.get(portal.name) is not portal for run in _let_go(portal)]


def _let_go(portal: Portal) -> list[Execution]:
    """The execution that a portal was suspended in, which will not go on."""
    run, portal.execution = portal.execution, None
    return [] if run is None else [run]


def _forget(names: dict[bytes, Statement] | dict[bytes, Portal], name: bytes) -> None:
    if name:
        names.pop(name, None)
    else:
        names.clear()


def no_statement(name: bytes) -> Facts:
    """What the server would say of a statement that is not there."""
    said = name.decode("utf-8", "replace")
    message = f'prepared statement "{said}" does not exist' if name else "unnamed prepared statement does not exist"
    return Facts(unknown=(message,), fault=SyntaxFault("26000", message))


def no_portal(name: bytes) -> Facts:
    """What the server would say of a portal that is not there."""
    message = f'portal "{name.decode("utf-8", "replace")}" does not exist'
    return Facts(unknown=(message,), fault=SyntaxFault("34000", message))
