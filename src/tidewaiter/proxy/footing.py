"""What a session stands on: the catalog, the policies, the judges that sessions on the same ground share."""

from __future__ import annotations

from asyncio import Future
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from tidewaiter.model import Context
from tidewaiter.policy import Policies
from tidewaiter.proxy.estimates import Estimator
from tidewaiter.proxy.history import History
from tidewaiter.proxy.masked import MaskingJudge, WatchingJudge
from tidewaiter.proxy.masks import Masking
from tidewaiter.proxy.pipeline import Ground, Judge, Understand
from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.catalog_mirror import Mirror
from tidewaiter.sql.facts import understand

JUDGES = 1024  # principals × search paths in use at once; older ones are rebuilt when seen again


class Watch(Protocol):
    """Where the present catalog comes from."""

    @property
    def current(self) -> Catalog: ...

    @property
    def completed(self) -> int:
        """How many readings of the catalog have ended."""

    @property
    def history(self) -> History:
        """What has changed in it."""

    def look(self) -> Future[None]:
        """Done when the database has been looked at after now. It may fail with UpstreamError."""

    @property
    def settled(self) -> Catalog | None:
        """The present catalog; None while some session has made definitions that are not read yet."""

    @property
    def is_fresh(self) -> bool:
        """Whether the database was looked at a moment ago."""

    @property
    def is_reading(self) -> bool:
        """Whether a snapshot of the database may be open."""

    async def at_rest(self) -> None:
        """Return when the present reading, if there is one, has ended."""

    def refresh_soon(self) -> int:
        """Ask for a reading that begins after now; return the `completed` at which it is there."""

    async def refresh(self) -> Catalog: ...

    async def catch_up(self) -> Catalog:
        """As `refresh`, but cheap when nothing changed."""

    async def catch_up_within(self, limit_s: float) -> None:
        """Have the catalog looked at, and wait no longer than that."""

    @property
    def mirror(self) -> Mirror | None:
        """What the present catalog was made from, for a session to go on from."""


class Judges:
    """Judges by ground, so that sessions on the same ground share what is known. All `understand` texts in one way."""

    def __init__(self, understand: Understand = understand) -> None:
        self._understand = understand
        self._judges: dict[tuple[object, ...], Judge] = {}

    def on(self, ground: Ground, masking: Masking | None = None) -> Judge:
        """The judge for a ground; that of an earlier state of it, with the catalog of then, is forgotten."""
        of = ground
        key = (of.principal.name, of.datasource, of.observe, of.search_path, of.is_veiled, of.met)
        judge = self._judges.get(key)
        if judge is None or judge.ground != ground:
            if len(self._judges) >= JUDGES:
                for old in list(self._judges)[: JUDGES // 4]:
                    del self._judges[old]
            judge = self._judges[key] = self.private(ground, masking)
        return judge

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._judges)

    def private(self, ground: Ground, masking: Masking | None = None) -> Judge:
        """A judge for a ground that no other session stands on."""
        if masking is not None and ground.is_veiled:
            return MaskingJudge(ground, masking, self._understand)
        if masking is not None and ground.observe:
            return WatchingJudge(ground, masking, self._understand)
        return Judge(ground, self._understand)


@dataclass(slots=True)
class Footing:
    """What does not change during a session, and where to find what does. `role` is the one it began with upstream.

    `masking` is None where nobody sees masks; in observe mode what it would do is recorded. `is_veiled`: the session
    is one that masks.
    """

    datasource: str
    observe: bool
    strict: bool
    watch: Watch
    policies: Callable[[], Policies]
    judges: Judges
    context: Context
    now_ns: Callable[[], int]
    estimator: Estimator | None = None
    role: str | None = None
    untagged: str = "scrubbed"
    """How approvers see columns without a tag; see `findings.Subject`."""
    trusted: frozenset[tuple[str, str]] = frozenset()
    """Functions that are declared free of side effects."""
    masking: Masking | None = None
    is_veiled: bool = False
