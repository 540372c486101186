"""What the words of a session's statements mean: its search_path, what it created, how its texts are read; and what
changes that.
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import Sequence
from dataclasses import replace

from tidewaiter.model import Effect, EffectKind, Facts, Relation
from tidewaiter.proxy.footing import Footing
from tidewaiter.proxy.history import NOTHING_OWN, defined_by
from tidewaiter.proxy.met import Met
from tidewaiter.proxy.overlays import Ask, Overlay, Reader
from tidewaiter.proxy.pipeline import Judge
from tidewaiter.proxy.probe import SURROUNDINGS, Surroundings
from tidewaiter.proxy.trail import Execution
from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.catalog_mirror import Mirror

# In these no byte of a letter is one of ASCII's, so that the server's lexer and ours see the same quotes and comments.
CODECS = {b"UTF8": "utf-8", b"SQL_ASCII": "utf-8", b"KOI8R": "koi8-r", b"KOI8U": "koi8-u"}
CODECS |= {f"LATIN{n}".encode(): f"latin{n}" for n in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)}
CODECS |= {f"WIN{n}".encode(): f"cp{n}" for n in (866, 874, *range(1250, 1259))}
CODECS |= {f"ISO_8859_{n}".encode(): f"iso8859-{n}" for n in (5, 6, 7, 8)}

_READ_BY = ("", "search_path", "standard_conforming_strings", "client_encoding")
"""Settings that change what a text means; "" is one that is not known. In a pipeline the server does not tell them."""


class Meaning:
    """Follows one session. `path_is_stale`: the server must be asked for the search_path first.

    `own_settings` are those that exist because this session has set them.
    """

    __slots__ = (
        "_codec", "_created", "_created_until", "_defined", "_defined_for_all", "_footing", "_judge", "_lexer", "_met",
        "_overlay", "_path", "_settings_changed", "_temporary", "_took_role", "own_settings", "path_is_stale",
    )  # fmt: skip

    def __init__(self, footing: Footing) -> None:
        self.path_is_stale = True
        self._footing = footing
        self._path: tuple[str, ...] = ()
        self._judge: Judge | None = None
        self._created: dict[tuple[str, str], Relation] = {}
        self._created_until: int | None = None
        self._defined = self._defined_for_all = False
        self._overlay = Overlay()
        self._temporary: dict[tuple[str, str], Relation] = {}
        self._lexer: dict[bytes, str] = {}
        self._met = Met()
        self._codec = "utf-8"
        self._settings_changed = False
        self.own_settings: dict[str, None] = {}
        self._took_role = False

    # -- the catalog as the session's own transaction sees it -------------------------------------------------------
    @property
    def overlay_is_due(self) -> bool:
        """Whether the session's own view of the catalog must be read before anything is judged."""
        return self._overlay.is_due

    def wants_overlay(self) -> bool:
        """Whether a name that is not known may be one that this transaction made; then the overlay is due."""
        if self._defined and self._overlay.is_behind:
            self._overlay.is_due = True
        return self._overlay.is_due

    async def read_overlay(self, ask: Ask) -> None:
        """Read the catalog through the session's own connection. What cannot be read leaves names in doubt."""
        overlay = self._overlay
        since = self._footing.watch.history.epoch
        around = Surroundings.read(await ask(SURROUNDINGS))
        overlay.is_due = overlay.is_behind = False
        if around.isolation not in (b"read committed", b"read uncommitted"):
            # The answer would be of the transaction's snapshot, whereas the server takes names as they are now.
            overlay.doubt = f"definitions changed in a transaction that is {around.isolation.decode()}"
            return
        codec = CODECS.get(around.encoding)
        if codec is None:
            overlay.doubt = f"names cannot be read in the encoding {around.encoding.decode('ascii', 'replace')}"
            return
        overlay.is_due = True  # until it is answered: the question may be cancelled
        overlay.mirror = await Reader(ask, around, codec).read(overlay.base, self._footing.watch.mirror)
        overlay.base, overlay.since, overlay.is_due, overlay.doubt = overlay.mirror, since, False, ""
        self._created.clear()

    def _doubted(self, facts: Facts) -> Facts:
        """Names in these facts may mean something else; what ends the transaction names nothing."""
        return facts if facts.control else replace(facts, unknown=(*facts.unknown, self._overlay.doubt))

    def _of_overlay(self, mirror: Mirror) -> Catalog:
        """The catalog as the session's own transaction sees it, which others may have changed since it was read."""
        footing, watch = self._footing, self._footing.watch
        if (watch.settled is None or watch.history.epoch != self._overlay.since) and not footing.observe:
            self._overlay.is_due = True
        return mirror.catalog

    @property
    def epoch(self) -> int:
        """Of the definitions that are known now."""
        return self._footing.watch.history.epoch if self._overlay.mirror is None else self._overlay.since

    def look(self) -> Future[None]:
        """Done when the database has been looked at after now; then `redefined` knows of all that had changed."""
        return self._footing.watch.look()

    def redefined(self, run: Execution, *, is_bare: bool = False) -> str:
        """What has changed since it was judged that it may show, empty where nothing has. `is_bare`: no more than that
        it ran."""
        facts = run.judged.facts
        own = defined_by(facts) if is_bare else NOTHING_OWN
        return self._footing.watch.history.cause(facts, run.plan, run.since, own)

    # -- what changes the meaning -----------------------------------------------------------------------------------
    def path_answered(self, rows: Sequence[bytes]) -> None:
        """What the server answered to `probe.PATH`. Raises UnicodeDecodeError for names that cannot be read."""
        strings, encoding, *schemas = rows
        self.parameter_changed(b"standard_conforming_strings", strings)
        self.parameter_changed(b"client_encoding", encoding)
        self.set_path(tuple(schema.decode(self._codec) for schema in schemas))

    def set_path(self, path: tuple[str, ...]) -> None:
        """What the server answered to the question for its effective search_path."""
        self._path = path
        self.path_is_stale = False
        self._judge = None

    def parameter_changed(self, name: bytes, value: bytes) -> None:
        """Follow settings that change how the server reads a text, or writes values."""
        self._met.told(name, value)
        if name == b"standard_conforming_strings":
            self._note_lexer(name, None if value == b"on" else "standard_conforming_strings is off")
        elif name == b"client_encoding":
            self._codec = CODECS.get(value, "utf-8")
            self._note_lexer(
                name, None if value in CODECS else f"client_encoding is {value.decode('ascii', 'replace')}"
            )

    def keep_path(self) -> None:
        """Go on with the last known path where the server cannot be asked: nothing that is judged now can run."""
        self.path_is_stale = False
        self._settings_changed = True

    def rolled_back(self) -> None:
        """ROLLBACK TO took back an unknown part of what the transaction changed."""
        if self._defined:
            self._overlay.rolled_back()
        self.path_is_stale = self.path_is_stale or self._settings_changed

    @property
    def is_transactional(self) -> bool:
        """Whether the end of the transaction changes what statements mean."""
        return self._settings_changed or self._defined

    def apply(self, effects: Sequence[Effect], *, is_certain: bool) -> None:
        """Follow what a statement changed in its transaction; `is_certain` is False when it failed half-way."""
        for effect in effects:
            self._met.changed(effect)
            kind, relation = effect.kind, effect.relation
            if kind is EffectKind.CREATE:
                if relation is not None and is_certain:
                    self._create(relation)
            elif kind is EffectKind.DEFINE:
                self._define(creates=any(other.kind is EffectKind.CREATE for other in effects))
                self._defined_for_all = self._defined_for_all or not effect.name
            elif kind is EffectKind.ROLE or (kind is EffectKind.SETTING and effect.name in _READ_BY):
                self.path_is_stale = True
                self._settings_changed = True
                self._took_role = self._took_role or kind is EffectKind.ROLE
            elif kind is EffectKind.SETTING and "." in effect.name:
                self.own_settings[effect.name] = None
            elif kind is EffectKind.DISCARD:
                self._temporary.clear()
                self.path_is_stale = True

    def transaction_ended(self) -> None:
        """Committed or rolled back: what this session created is now in the catalog, or gone."""
        self._met.settled()
        if self._defined:
            self._overlay = Overlay()  # it is as new while nothing was defined
            self._defined = False
        if self._defined_for_all:
            # What was created stays known here until the catalog shows it. Whatever else changed must be read before
            # the next verdict of any session; observe mode records with what it knows and goes on.
            self._defined_for_all = False
            self._created_until = self._footing.watch.refresh_soon()
        if self._settings_changed:
            self._settings_changed = False
            self.path_is_stale = True

    def unanswered(self, effects: Sequence[Effect]) -> None:
        """The session ends, and nobody knows what came of its transaction, nor of what has these effects."""
        if self._defined_for_all or any(one.kind is EffectKind.DEFINE and not one.name for one in effects):
            self._footing.watch.refresh_soon()

    def committed_prepared(self) -> None:
        """Somebody's prepared transaction was committed, whatever it had defined."""
        self._created_until = self._footing.watch.refresh_soon()

    def _define(self, *, creates: bool) -> None:
        """The catalog changed in the open transaction. Where nothing is enforced, what a new relation is is enough."""
        self._defined = self._overlay.is_behind = True
        if not (creates and self._footing.observe):
            self._overlay.is_due = True

    def _create(self, relation: Relation) -> None:
        if relation.schema.startswith("pg_temp"):
            self._temporary[("pg_temp", relation.name)] = relation
            self.path_is_stale = True  # the first temporary object puts its schema into the path
        else:
            self._created[(relation.schema, relation.name)] = relation

    def _note_lexer(self, name: bytes, reason: str | None) -> None:
        self._lexer = {**self._lexer, name: reason} if reason else {k: v for k, v in self._lexer.items() if k != name}

    def _forget_created(self) -> None:
        """Drop what was created once the catalog that was read since then has it."""
        if self._created_until is not None and self._footing.watch.completed >= self._created_until:
            self._created_until = None
            self._created.clear()
