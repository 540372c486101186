"""What a server has of a session that masks, and what it tells of that, compared with plans. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tidewaiter.masking.plan import Field, MaskingError, MaskPlan, check_described
from tidewaiter.proxy.limits import COUNTS
from tidewaiter.proxy.masks import LateField, Plan, Sight
from tidewaiter.proxy.overlays import TEXTS
from tidewaiter.proxy.probe import HELD, OWN_SETTING, PATH, SURROUNDINGS, Surroundings, catalog_questions
from tidewaiter.proxy.refusal import FAILING_TEXT, IGNORED_TEXT
from tidewaiter.sql.tokens import moved
from tidewaiter.wire import postgres
from tidewaiter.wire.frames import HEADER

OWN_TEXTS: Final = frozenset(
    (
        COUNTS,
        FAILING_TEXT,
        IGNORED_TEXT,
        OWN_SETTING,
        *(
            question.text
            for question in (
                *PATH,
                *HELD,
                *SURROUNDINGS,
                *catalog_questions(Surroundings(b"", b"", ()), [(text, "") for text in TEXTS]),
            )
        ),
    )
)
"""What the gateway itself asks on a client's connection, and puts in the place of what is refused."""
Shape = tuple[tuple[bytes, int, int], ...]
"""Name, type and type modifier of each column."""
NOTHING: Final = MaskPlan(())
"""Nothing is masked: rows pass as they are."""
NO_ROWS: Final = MaskPlan(())
"""No rows come. It is known by its identity."""
CHECKS: Final = 256  # descriptions that were compared and will come again with the same statements
_UNKNOWN: Final = 705  # the type "unknown": what is declared so is left open, as with 0


class Portal:
    """A portal as the server has it. `described` is what happens to its rows, None until that is known."""

    __slots__ = ("described", "plan")

    def __init__(self, plan: Plan | None) -> None:
        self.plan = plan
        self.described: MaskPlan | None = None


class Statement:
    """A statement as the server has it. `oids` are the types that the client declared, `types` those of the server.

    `shape` is what its rows were told to be. Both stay what they were first, also where another takes the place of
    `before`: `is_changed` says that it is not like that.
    """

    __slots__ = ("is_changed", "is_renewed", "oids", "plan", "shape", "types")

    def __init__(self, plan: Plan, oids: tuple[int, ...], before: Statement | None = None) -> None:
        self.plan = plan
        self.oids: tuple[int, ...] = oids if before is None else before.oids
        self.types: tuple[int, ...] | None = before.types if before is not None else None
        self.shape: Shape | None = before.shape if before is not None else None
        self.is_renewed = before is not None
        self.is_changed = False

    def check_types(self, types: tuple[int, ...]) -> None:
        """Compare a ParameterDescription with the client's text and declarations. Raises MaskingError."""
        if self.is_renewed and self.types is not None and self.types != types:
            self.is_changed = True
            return
        if self.types is not None and self.types != types:
            raise MaskingError("the parameters are not those that were described before")
        if self.plan.parameters is not None and len(types) != max(self.plan.parameters, len(self.oids)):
            raise MaskingError(f"the server knows {len(types)} parameters of a text that has {self.plan.parameters}")
        for number, (declared, told) in enumerate(zip(self.oids, types, strict=False), 1):
            if declared not in (0, _UNKNOWN, told):
                raise MaskingError(f"parameter ${number} is not of the type that was declared")
        self.types = types

    def note_shape(self, message: bytes) -> None:
        """Remember a RowDescription or NoData, or compare it with the first: names and types, not their tables."""
        shape: Shape = ()
        if message[0] == postgres.ROW_DESCRIPTION:
            columns = postgres.parse_row_description(message[HEADER:])
            shape = tuple((one.name, one.type_oid, one.type_modifier) for one in columns)
        if self.shape is None:
            self.shape = shape
        self.is_changed = self.is_changed or self.shape != shape


class Memo:
    """What a message that the server will answer was about. `is_own`: the client did not send it."""

    __slots__ = ("is_own", "oids", "plan", "portal", "statement")

    def __init__(
        self,
        plan: Plan | None = None,
        statement: bytes = b"",
        portal: bytes = b"",
        *,
        is_own: bool = False,
        oids: tuple[int, ...] = (),
    ) -> None:
        self.plan = plan
        self.statement = statement
        self.portal = portal
        self.is_own = is_own
        self.oids = oids


def compared(sight: Sight, late: Sequence[LateField], message: bytes) -> MaskPlan:
    """Compare a RowDescription with what must not be seen and what was foreseen. Raises MaskingError."""
    columns = postgres.parse_row_description(message[HEADER:])
    fields = [Field(one.table_oid, one.attribute, one.type_oid, one.format == 1) for one in columns]
    check_described(fields, [one.foreseen for one in late], sight.places, sight.tables)
    if not late:
        return NOTHING
    return MaskPlan(
        [(one.foreseen.index, one.binary if fields[one.foreseen.index].is_binary else one.text) for one in late]
    )


class Descriptions:
    """Row descriptions that were compared, with what is done to their rows."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[tuple[bytes, int], tuple[Plan | None, Sight, MaskPlan]] = {}

    def checked(self, plan: Plan | None, sight: Sight, message: bytes, part: int) -> MaskPlan:
        """`compared` for the statement number `part` of a plan; without a plan nothing masked may be in it."""
        key = (message, part)
        known = self._known.get(key)
        if known is not None and known[0] is plan and known[1] is sight:
            return known[2]
        mask = compared(sight, [one for one in plan.late if one.part == part] if plan is not None else [], message)
        if len(self._known) >= CHECKS:
            self._known.clear()
        self._known[key] = (plan, sight, mask)
        return mask


def position_of(plan: Plan | None, told: str) -> dict[str, str]:
    """The field for a position in the client's text; nothing where it is only known in the text that was sent.

    Positions come from parse analysis, which sees no data.
    """
    if plan is None or not plan.said or not (told.isascii() and told.isdigit()):
        return {}
    at = moved(int(told[:9]), plan.text.decode(), plan.said)
    return {"P": str(at)} if at is not None else {}
