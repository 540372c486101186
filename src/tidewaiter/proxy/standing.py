"""How a session's statements are judged: by what they mean now, on the catalog and policies that it stands on."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace

from tidewaiter.approvals.binding import binding_of
from tidewaiter.errors import UpstreamError
from tidewaiter.model import (
    Allow,
    Context,
    Facts,
    Principal,
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
from tidewaiter.proxy.masks import NamedScope
from tidewaiter.proxy.meaning import Meaning
from tidewaiter.proxy.met import NOTHING
from tidewaiter.proxy.names import Names, Statement
from tidewaiter.proxy.pipeline import Ground, Judge, Judged, unread
from tidewaiter.proxy.probe import OF_CONSTANTS, Settings
from tidewaiter.sql.catalog import quoted
from tidewaiter.sql.facts import Scope, understand
from tidewaiter.sql.parse import needs_thread
from tidewaiter.sql.pieces import pieces
from tidewaiter.sql.settings import is_plain

OBSERVE_S = 0.02  # how long a statement that nobody may refuse waits for a name that is not in the catalog


class Standing(Meaning):
    """Judges a session's statements by what they mean now. `since` is the epoch of the definitions that it judged by
    last, in a session that masks."""

    __slots__ = ("_is_behind", "_is_old", "_waited_for", "names", "principal", "since")

    def __init__(self, principal: Principal, footing: Footing, names: Names) -> None:
        super().__init__(footing)
        self.principal = principal
        self.names = names
        self._is_behind = False
        self._is_old = False
        self._waited_for = -1
        self.since = 0

    # -- judging ----------------------------------------------------------------------------------------------------
    def recall(self, text: bytes, *, in_transaction: bool) -> Judged | None:
        """What is known of a text without thinking; None when it must be studied."""
        if self._created_until is not None:
            self._forget_created()
        if self._footing.is_veiled:  # others may have let flow elsewhere what is masked
            self._is_old = not self._footing.watch.is_fresh
        judge = self._present_judge()
        if judge is None or self._lexer or self._created or self._temporary or self._is_behind or self._is_old:
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

    def parameter_changed(self, name: bytes, value: bytes) -> None:
        """Follow settings that change how the server reads a text, or writes values."""
        before = (self._codec, self._lexer)
        super().parameter_changed(name, value)
        if (self._codec, self._lexer) != before:
            self.names.reread()

    @property
    def wants_estimates(self) -> bool:
        """Whether a policy of those that were last judged by looks at estimates of rows."""
        return self._footing.estimator is not None and self._judge is not None and self._judge.wants_estimates

    def can_study_at_once(self, text: bytes, *, in_transaction: bool) -> bool:
        """Whether `study` will neither block for long nor wait for anything."""
        return not (self._needs_thread(text, in_transaction) or self._is_behind or self._is_old)

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
        """What a FunctionCall by OID does: what a call in SQL does, whatever its arguments are. One that asks nothing
        there asks `function`."""
        mirror = self._overlay.mirror
        catalog = self._footing.watch.current if mirror is None else mirror.catalog
        function = catalog.function_by_oid(oid)
        if function is None:
            return Facts(unknown=(f"function call by OID {oid}",))
        called = understand(f"SELECT {quoted(function)}()", catalog, self._scope())
        if called.touches:
            return called
        asked = Touch("function", Resource(ResourceType.FUNCTION, function))
        return replace(called, verbs=("function",), touches=(asked,), reads_only=False)

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
        watch = self._footing.watch
        is_unread = watch.settled is None and not self._footing.observe
        has_waited = is_unread or self._is_old
        with contextlib.suppress(UpstreamError):  # it is reported; what is masked goes on as it was known last
            if is_unread:
                await watch.refresh()
                is_unread = False
            elif self._is_old:
                await watch.catch_up()
            if has_waited and (known := self.recall(text, in_transaction=in_transaction)) is not None:
                return known  # as a rule nothing that was remembered has changed
        if has_waited:
            self.look_again(text, in_transaction=in_transaction)  # nobody could tell before
        self._is_old = False
        judged = await self._study_off_loop(text, in_transaction)
        if is_unread:
            return judged if judged.facts.control is not None else unread(judged)
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

    @property
    def is_watch_reading(self) -> bool:
        """Whether the gateway may have a snapshot of the database open, to read the catalog."""
        return self._footing.watch.is_reading

    async def watch_at_rest(self) -> None:
        """Wait until the catalog has been read that is being read."""
        await self._footing.watch.at_rest()

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

    def _present_judge(self) -> Judge | None:
        """The judge for the present ground; None while the search_path is unknown."""
        if self.path_is_stale:
            return None
        judge, footing = self._judge, self._footing
        policies, mirror = footing.policies(), self._overlay.mirror
        if footing.is_veiled:
            self.since = self.epoch  # looked at before the catalog: what that is made of is no older
        settled = footing.watch.settled if mirror is None else self._of_overlay(mirror)
        self._is_behind = False
        met = self._met.now if footing.is_veiled else NOTHING
        if judge is not None and judge.ground.met is met:
            ground = judge.ground
            if ground.policies is policies and ground.catalog is settled and ground.principal is self.principal:
                return judge
        self._is_behind = settled is None and not footing.observe
        catalog = footing.watch.current if settled is None else settled
        ground = Ground(
            self.principal, footing.datasource, footing.observe, policies, catalog, self._path,
            policies.tagged(footing.datasource), footing.strict, footing.is_veiled, met,
        )  # fmt: skip
        if not footing.is_veiled and self._wants_veil():
            raise SightChanged("what you may see as it is has changed: connect anew")
        judges, masking = footing.judges, footing.masking
        is_private = mirror is not None
        self._judge = judge = judges.private(ground, masking) if is_private else judges.on(ground, masking)
        self.principal = judge.ground.principal
        self.names.renew(self._understand_again)
        return judge

    def _wants_veil(self) -> bool:
        footing = self._footing
        if footing.masking is None or footing.observe:
            return False
        return footing.masking.concerns(footing.policies(), self.principal, self._context(False))

    def look_again(self, text: bytes, *, in_transaction: bool) -> list[tuple[bytes, Statement]]:
        """Before a text is judged that may run what has a name: note which of that would be masked otherwise now.

        Returns the prepared statements among it.
        """
        if not self._footing.is_veiled or not (self.names.statements or self.names.portals):
            return []
        lowered = text.lower()
        if not (b"execute" in lowered or b"fetch" in lowered or b"move" in lowered):
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
        if not self._is_as_prepared(statement):
            return False
        is_same_sight = judge.sight(statement.facts, self._context(in_transaction)) is plan.sight
        if is_same_sight and not plan.is_bound and plan.premises <= judge.ground.met:
            return True  # what is bound runs something else by its name, which may have been made anew
        now = self.made_now(statement, in_transaction=in_transaction)
        if now is None or now.plan is None or not plan.is_same(now.plan):
            return False
        statement.plan = now.plan
        return True

    def _is_as_prepared(self, statement: Statement) -> bool:
        """Whether the server understood it by what is known: nothing was defined since that it may have met meanwhile.

        The server looks up functions, operators and casts once, and keeps to what it found, whatever is defined later.
        """
        history = self._footing.watch.history
        if statement.since is None:
            return True
        if history.concerns(statement.facts, statement.plan, statement.since):
            return False
        statement.since = history.epoch  # what is noted later is compared later
        return True

    def made_now(self, statement: Statement, *, in_transaction: bool) -> Judged | None:
        """The judgement of what made something with a name, if it came now; None where that is not known at once."""
        text, judge = statement.text or statement.source, self._present_judge()
        if not text or judge is None or self._lexer or self._is_behind or needs_thread(text):
            return None
        if statement.text:
            known = self.recall(text, in_transaction=in_transaction)
            return known or self.study(text, in_transaction=in_transaction)
        scope = self._scope()
        facts = judge.facts(text, scope, self._codec)
        return judge.of_facts(text, facts, scope, self._context(in_transaction), self._codec)

    def _scope(self) -> Scope:
        created = {**self._temporary, **self._created}
        names = self.names
        return NamedScope(self._path, created, names.prepared, names.cursors, sent_by=names.sent_by)

    def _understand_again(self, source: bytes) -> Facts:
        """What a PREPARE means now; nothing is known of one that cannot be read at once."""
        judge = self._judge
        if judge is None or self._lexer or needs_thread(source):
            return Facts()
        return judge.facts(source, self._scope(), self._codec)

    def _context(self, in_transaction: bool, estimated: int | None = None) -> Context:
        footing = self._footing
        return replace(footing.context, in_transaction=in_transaction, at_ns=footing.now_ns(), estimated_rows=estimated)
