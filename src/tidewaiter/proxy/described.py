"""What a server has of a session that masks, and what it tells of that, compared with plans. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tidewaiter.masking.plan import Field, MaskingError, MaskPlan, check_described
from tidewaiter.proxy.masks import LateField, Plan, Sight
from tidewaiter.wire import postgres
from tidewaiter.wire.frames import HEADER

NOTHING: Final = MaskPlan(())
"""Nothing is masked: rows pass as they are."""
_UNKNOWN: Final = 705  # the type "unknown": what is declared so is left open, as with 0


class Portal:
    """A portal as the server has it. `described` is what happens to its rows, None until that is known."""

    __slots__ = ("described", "plan")

    def __init__(self, plan: Plan | None) -> None:
        self.plan = plan
        self.described: MaskPlan | None = None


class Statement:
    """A statement as the server has it. `oids` are the types that the client declared, `types` those of the server."""

    __slots__ = ("oids", "plan", "types")

    def __init__(self, plan: Plan, oids: tuple[int, ...]) -> None:
        self.plan = plan
        self.oids = oids
        self.types: tuple[int, ...] | None = None

    def check_types(self, types: tuple[int, ...]) -> None:
        """Compare a ParameterDescription with the client's text and declarations. Raises MaskingError."""
        if self.types is not None and self.types != types:
            raise MaskingError("the parameters are not those that were described before")
        if self.plan.parameters is not None and len(types) != max(self.plan.parameters, len(self.oids)):
            raise MaskingError(f"the server knows {len(types)} parameters of a text that has {self.plan.parameters}")
        for number, (declared, told) in enumerate(zip(self.oids, types, strict=False), 1):
            if declared not in (0, _UNKNOWN, told):
                raise MaskingError(f"parameter ${number} is not of the type that was declared")
        self.types = types


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
