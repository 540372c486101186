"""What a session's statements mean now: its search_path, what it created, the catalog and policies it stands on."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Sequence
from dataclasses import replace

from tidewaiter.approvals.binding import binding_of
from tidewaiter.errors import UpstreamError
from tidewaiter.model import (
    Allow,
    Context,
    Effect,
    EffectKind,
    Facts,
    Principal,
    Relation,
    Resource,
    ResourceType,
    Touch,
)
from tidewaiter.proxy.estimates import Estimated, is_estimable
from tidewaiter.proxy.estimates import Question as RowsQuestion
from tidewaiter.proxy.findings import Subject
from tidewaiter.proxy.footing import Footing
from tidewaiter.proxy.holding import Held
from tidewaiter.proxy.masked import MaskingJudge, SightChanged
from tidewaiter.proxy.met import NOTHING, Met
from tidewaiter.proxy.names import Names, Statement
from tidewaiter.proxy.overlays import Ask, Overlay, Reader
from tidewaiter.proxy.pipeline import Ground, Judge, Judged
from tidewaiter.proxy.probe import OF_CONSTANTS, SURROUNDINGS, Settings, Surroundings
from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.facts import Scope
from tidewaiter.sql.parse import needs_thread
from tidewaiter.sql.pieces import pieces
from tidewaiter.sql.settings import is_plain

OBSERVE_S = 0.02  # how long a statement that nobody may refuse waits for a name that is not in the catalog

# In these no byte of a letter is one of ASCII's, so that the server's lexer and ours see the same quotes and comments.
CODECS = {b"UTF8": "utf-8", b"SQL_ASCII": "utf-8", b"KOI8R": "koi8-r", b"KOI8U": "koi8-u"}
CODECS |= {f"LATIN{n}".encode(): f"latin{n}" for n in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)}
CODECS |= {f"WIN{n}".encode(): f"cp{n}" for n in (866, 874, *range(1250, 1259))}
CODECS |= {f"ISO_8859_{n}".encode(): f"iso8859-{n}" for n in (5, 6, 7, 8)}

_RUNS = re.compile(rb"execute|fetch|move", re.IGNORECASE)  # what SQL named before
_READ_BY = ("", "search_path", "standard_conforming_strings", "client_encoding")
"""Settings that change what a text means; "" is one that is not known. In a pipeline the server does not tell them."""


class Standing:
    """The meaning of a session's statements. `path_is_stale`: the server must be asked for the search_path first.

    `own_settings` are those that exist because this session has set them.
    """

    __slots__ = (
        "_codec", "_created", "_created_until", "_defined", "_footing", "_is_old", "_judge", "_lexer", "_met",
        "_needs_catalog", "_overlay", "_path", "_settings_changed", "_temporary", "_took_role", "_waited_for", "names",
        "own_settings", "path_is_stale", "principal",
    )  # fmt: skip

    def __init__(self, principal: Principal, footing: Footing, names: Names) -> None:
        self.principal = principal
        self.names = names
        self.path_is_stale = True
        self._footing = footing
        self._path: tuple[str, ...] = ()
        self._judge: Judge | None = None
        self._created: dict[tuple[str, str], Relation] = {}
        self._created_until: int | None = None
        self._defined = False
        self._overlay = Overlay()
        self._temporary: dict[tuple[str, str], Relation] = {}
        self._lexer: dict[bytes, str] = {}
        self._met = Met()
        self._codec = "utf-8"
        self._needs_catalog = False
        self._is_old = False
        self._waited_for = -1
        self._settings_changed = False
        self.own_settings: dict[str, None] = {}
        self._took_role = False

    # -- judging ----------------------------------------------------------------------------------------------------
    def recall(self, text: bytes, *, in_transaction: bool) -> Judged | None:
        """What is known of a text without thinking; None when it must be studied."""
        if self._created_until is not None:
            self._forget_created()
        if self._footing.is_veiled:  # others may have let flow elsewhere what is masked
            watch = self._footing.watch
            self._needs_catalog = self._needs_catalog or watch.is_behind
            self._is_old = not watch.is_fresh
        judge = self._present_judge()
        if judge is None or self._lexer or self._created or self._temporary or self._needs_catalog or self._is_old:
            return None
        if self._defined and (self._overlay.is_due or self._overlay.doubt):
            return None
        if self._codec != "utf-8" and not text.isascii():
            return None
        found = judge.recall(text)
        if found is not None and judge.is_volatile:
            return judge.again(found, self._context(in_transaction))
        return found

    def keep(self, text: bytes, judged: Judged) -> None:
        """Note that a judgement just made will be asked for again with the same text."""
        if self._judge is not None and not (self._created or self._temporary or self._lexer or self._codec != "utf-8"):
            facts = judged.facts
            if not (facts.session_bound or facts.fault):
                self._judge.keep(text, judged)

    @property
    def wants_estimates(self) -> bool:
        """Whether a policy of those that were last judged by looks at estimates of rows."""
        return self._footing.estimator is not None and self._judge is not None and self._judge.wants_estimates

    def can_study_at_once(self, text: bytes, *, in_transaction: bool) -> bool:
        """Whether `study` will neither block for long nor wait for anything."""
        return not (self._needs_catalog or self._is_old or self._needs_thread(text, in_transaction))

    def _needs_thread(self, text: bytes, in_transaction: bool) -> bool:
        judge = self._present_judge()
        return needs_thread(text) or (judge is not None and not judge.is_ready(self._context(in_transaction)))

    def study(self, text: bytes, *, in_transaction: bool) -> Judged:
        """Judge a text that was not seen before on this ground. The search_path must be known."""
        judge = self._present_judge()
        assert judge is not None, "the search_path was not asked for"
        context = self._context(in_transaction)
        if self._lexer and not is_plain(text):
            return judge.weigh(Facts(unknown=tuple(self._lexer.values())), context)
        scope = self._scope()
        if self._overlay.doubt:
            doubted = self._doubted(judge.facts(text, scope, self._codec))
            return judge.of_facts(text, doubted, scope, context, self._codec)
        if self._codec != "utf-8" and not text.isascii():  # what is remembered by its bytes is remembered as UTF-8
            return judge.judge(text, scope, context, is_private=True, codec=self._codec)
        return judge.judge(text, scope, context, is_private=bool(scope.created))

    def weigh(self, facts: Facts, *, in_transaction: bool, estimated: int | None = None) -> Judged:
        """Judge facts that did not come from a text, or that have an estimate of rows now."""
        judge = self._present_judge()
        assert judge is not None, "the search_path was not asked for"
        return judge.weigh(facts, self._context(in_transaction, estimated))

    def weigh_unrun(self, facts: Facts, *, in_transaction: bool) -> Judged:
        """`weigh` for what will not run, whether or not the search_path is known."""
        stale, self.path_is_stale = self.path_is_stale, False
        try:
            return self.weigh(facts, in_transaction=in_transaction)
        finally:
            self.path_is_stale = stale

    def rows_question(self, facts: Facts, text: bytes, oids: tuple[int, ...], binds: bytes) -> RowsQuestion | None:
        """What to ask the estimator about a statement; None where no policy looks, or it is not to be asked.

        Definitions of the session's own open transaction are invisible to the estimator.
        """
        footing = self._footing
        if footing.estimator is None or not footing.policies().want_estimates or not text:
            return None
        judge = self._present_judge()
        if judge is None or self._lexer or self._defined or not is_estimable(facts, judge.ground.catalog):
            return None
        if self._codec != "utf-8" and not text.isascii():
            return None
        return RowsQuestion(text, oids, binds, self._path, footing.role)

    async def estimate(self, question: RowsQuestion) -> Estimated:
        """Ask the estimator."""
        assert self._footing.estimator is not None, "rows_question comes first"
        return Estimated(question, await self._footing.estimator.rows(question))

    def binding(
        self, facts: Facts, text: bytes, binds: bytes, oids: tuple[int, ...], transaction: str, settings: Settings
    ) -> str:
        """The digest of all that an approval of this execution holds for."""
        judge = self._present_judge()
        assert judge is not None, "the search_path was not asked for"
        ground = judge.ground
        return binding_of(
            ground.principal, ground.datasource, text, binds, oids, transaction, facts, ground.catalog,
            ground.search_path, settings, self.names.sources() if facts.session_bound else (),
        )  # fmt: skip

    def subject(self, held: Held) -> Subject:
        """What to measure of a held statement."""
        judge, footing = self._judge, self._footing
        assert judge is not None, "it was judged before it was held"
        ground = judge.ground
        return Subject(
            question=RowsQuestion(held.sent, held.oids, held.binds, self._path, footing.role),
            text=held.text,
            facts=held.facts,
            catalog=ground.catalog,
            datasource=footing.datasource,
            classification=ground.policies.classification,
            untagged=footing.untagged,
            may_run=held.verdict.may_be_run,
            trusted=footing.trusted,
            settings=tuple((name, value) for name, value in held.settings if name in OF_CONSTANTS or "." in name),
            obstacle=self._obstacle(held.sent),
        )

    def _obstacle(self, text: bytes) -> str:
        """Why another connection would understand a statement otherwise than this session does."""
        if not text:
            return "it has no text"
        if self._defined:
            return "its transaction changed definitions that nobody else sees"
        if self._lexer or not (self._codec == "utf-8" or text.isascii()):
            return "its session reads texts in a way of its own"
        return "its session took another role" if self._took_role else ""

    def may_break_glass(self) -> bool:
        """Whether the principal may run what is held, with a reason, before anybody decided."""
        policies, context = self._footing.policies(), self._context(in_transaction=False)
        return isinstance(policies.may(self.principal, "break_glass", self._footing.datasource, context), Allow)

    def function_facts(self, oid: int) -> Facts:
        """What a FunctionCall by OID does, as far as the catalog knows the function."""
        function = self._catalog.function_by_oid(oid)
        if function is None:
            return Facts(unknown=(f"function call by OID {oid}",))
        return Facts(verbs=("function",), touches=(Touch("function", Resource(ResourceType.FUNCTION, function)),))

    async def pieces(self, text: bytes) -> list[tuple[bytes, int]]:
        """The statements of a text that is understood, each with the number of characters before it."""
        decoded, codec = text.decode(self._codec), self._codec
        if needs_thread(text):
            found = await asyncio.get_running_loop().run_in_executor(None, pieces, decoded)
        else:
            found = pieces(decoded)
        return [(piece.encode(codec), before) for piece, before in found]

    async def study_patiently(self, text: bytes, *, in_transaction: bool) -> Judged:
        """Judge off the event loop where that is slow, and with a fresh catalog where a name is not in it."""
        if self._needs_catalog:
            await self._refresh()
        elif self._is_old:
            with contextlib.suppress(UpstreamError):  # it is reported; what is masked goes on as it was known last
                await self._footing.watch.catch_up()
            if (known := self.recall(text, in_transaction=in_transaction)) is not None:  # as a rule nothing has changed
                return known
        self._is_old = False
        judged = await self._study_off_loop(text, in_transaction)
        fault = judged.facts.fault
        if fault is not None and fault.sqlstate != "42601" and self._overlay.mirror is None:
            await self._catch_up()
            judged = await self._study_off_loop(text, in_transaction)
        return judged

    async def _study_off_loop(self, text: bytes, in_transaction: bool) -> Judged:
        if not self._needs_thread(text, in_transaction):
            return self.study(text, in_transaction=in_transaction)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(None, lambda: self.study(text, in_transaction=in_transaction))

    async def catch_up(self) -> None:
        """Look at what others have defined: an approval is used for what names mean in that moment."""
        with contextlib.suppress(UpstreamError):  # it is reported; what is held goes on as it was known last
            await self._catch_up()

    async def _catch_up(self) -> None:
        """Wait for the catalog. Where nothing is refused, no longer than a moment, and not again before it was read."""
        watch = self._footing.watch
        if not self._footing.observe:
            await watch.catch_up()
        elif self._waited_for != watch.completed:
            self._waited_for = watch.completed
            await watch.catch_up_within(OBSERVE_S)

    async def _refresh(self) -> None:
        await self._footing.watch.refresh()
        self._needs_catalog = False

    def _present_judge(self) -> Judge | None:
        """The judge for the present ground; None while the search_path is unknown."""
        if self.path_is_stale:
            return None
        judge, footing = self._judge, self._footing
        policies, catalog = footing.policies(), self._catalog
        met = self._met.now if footing.is_veiled else NOTHING
        if judge is not None and judge.ground.met is met:
            ground = judge.ground
            if ground.policies is policies and ground.catalog is catalog and ground.principal is self.principal:
                return judge
        ground = Ground(
            self.principal, footing.datasource, footing.observe, policies, catalog, self._path,
            policies.tagged(footing.datasource), footing.strict, footing.is_veiled, met,
        )  # fmt: skip
        if not footing.is_veiled and self._wants_veil():
            raise SightChanged("what you may see as it is has changed: connect anew")
        judges, masking = footing.judges, footing.masking
        is_private = self._overlay.mirror is not None
        self._judge = judge = judges.private(ground, masking) if is_private else judges.on(ground, masking)
        self.principal = judge.ground.principal
        self.names.renew(self._understand_again)
        return judge

    def _wants_veil(self) -> bool:
        footing = self._footing
        if footing.masking is None or footing.observe:
            return False
        return footing.masking.concerns(footing.policies(), self.principal, self._context(False))

    @property
    def _catalog(self) -> Catalog:
        mirror = self._overlay.mirror
        return self._footing.watch.current if mirror is None else mirror.catalog

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
        overlay.base, overlay.is_due, overlay.doubt = overlay.mirror, False, ""
        self._created.clear()

    def _doubted(self, facts: Facts) -> Facts:
        """Names in these facts may mean something else; what ends the transaction names nothing."""
        return facts if facts.control else replace(facts, unknown=(*facts.unknown, self._overlay.doubt))

    def look_again(self, text: bytes, *, in_transaction: bool) -> list[tuple[bytes, Statement]]:
        """Before a text is judged that may run what has a name: note which of that would be masked otherwise now.

        Returns the prepared statements among it.
        """
        if not self._footing.is_veiled or _RUNS.search(text) is None:
            return []
        prepared = list(self.names.statements.items())
        for statement in (*(one for _, one in prepared), *(one.statement for one in self.names.portals.values())):
            statement.is_outdated = not self.is_current(statement, in_transaction=in_transaction)
        return [(name, one) for name, one in prepared if one.is_outdated]

    def is_current(self, statement: Statement, *, in_transaction: bool) -> bool:
        """Whether something with a name would be masked now as it was when it was made."""
        plan, judge = statement.plan, self._present_judge()
        if plan is None or not isinstance(judge, MaskingJudge):
            return True
        is_same_sight = judge.sight(statement.facts, self._context(in_transaction)) is plan.sight
        if is_same_sight and plan.premises <= judge.ground.met:
            return True
        now = self.made_now(statement, in_transaction=in_transaction)
        if now is None or now.plan is None or not plan.is_same(now.plan):
            return False
        statement.plan = now.plan
        return True

    def made_now(self, statement: Statement, *, in_transaction: bool) -> Judged | None:
        """The judgement of what made something with a name, if it came now; None where that is not known at once."""
        text, judge = statement.text or statement.source, self._present_judge()
        if not text or judge is None or self._lexer or self._needs_catalog or needs_thread(text):
            return None
        if statement.text:
            known = self.recall(text, in_transaction=in_transaction)
            return known or self.study(text, in_transaction=in_transaction)
        scope = self._scope()
        facts = judge.facts(text, scope, self._codec)
        return judge.of_facts(text, facts, scope, self._context(in_transaction), self._codec)

    def _scope(self) -> Scope:
        created = {**self._temporary, **self._created}
        return Scope(self._path, created, self.names.prepared, self.names.cursors)

    def _understand_again(self, source: bytes) -> Facts:
        """What a PREPARE means now; nothing is known of one that cannot be read at once."""
        judge = self._judge
        if judge is None or self._lexer or needs_thread(source):
            return Facts()
        return judge.facts(source, self._scope(), self._codec)

    def _context(self, in_transaction: bool, estimated: int | None = None) -> Context:
        footing = self._footing
        return replace(footing.context, in_transaction=in_transaction, at_ns=footing.now_ns(), estimated_rows=estimated)

    def _forget_created(self) -> None:
        """Drop what was created once the catalog that was read since then has it."""
        if self._created_until is not None and self._footing.watch.completed >= self._created_until:
            self._created_until = None
            self._needs_catalog = False
            self._created.clear()

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
            # What was created stays known here until the catalog shows it. Whatever else changed must be read before
            # the next verdict; observe mode records with what it knows and goes on.
            self._defined = False
            self._created_until = self._footing.watch.refresh_soon()
            self._needs_catalog = not self._footing.observe
        if self._settings_changed:
            self._settings_changed = False
            self.path_is_stale = True

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
