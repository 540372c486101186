"""What a message needs before it can be taken: the session gets it, then the message comes again."""

from __future__ import annotations

from dataclasses import dataclass

from tidewaiter.proxy.estimates import Question
from tidewaiter.proxy.guard import Guarded
from tidewaiter.proxy.holding import Held
from tidewaiter.proxy.names import Statement
from tidewaiter.proxy.pipeline import Judged
from tidewaiter.proxy.trail import Execution


@dataclass(frozen=True, slots=True)
class AllAnswered:
    """Wait until the server has answered everything: what it runs may change what the next statement means."""


@dataclass(frozen=True, slots=True)
class Path:
    """Ask the server for the session's effective search_path."""


@dataclass(frozen=True, slots=True)
class Definitions:
    """Read the catalog as the session's own transaction sees it."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """Wait until the gateway has read the catalog that it is reading: VACUUM keeps what an open snapshot may see."""


@dataclass(frozen=True, slots=True)
class Study:
    """Study a text off the loop, or with a fresh catalog; then `take` it with `studied` set."""

    text: bytes


@dataclass(frozen=True, slots=True)
class Estimate:
    """Have the database estimate a statement's rows, which some policy looks at; then `take` with `estimated` set."""

    question: Question


@dataclass(frozen=True, slots=True)
class Decision:
    """Have somebody decide on a held statement; then `take` it with `settled` set, or judge it again with None."""

    held: Held


@dataclass(frozen=True, slots=True)
class Values:
    """Ask the server for the session's settings before a statement is held; then `take` with `values` set.

    `with_sync`: before anything that was taken goes to the server, and with a Sync, which ends nothing that has begun.
    """

    with_sync: bool


@dataclass(frozen=True, slots=True)
class Intent:
    """Record the intent of a statement so long that sealing it would keep others waiting; then `take` with `filed`."""

    run: Execution


@dataclass(frozen=True, slots=True)
class Renewal:
    """Prepare a statement anew under its name, as `judged` says by the definitions of epoch `since`; then `take` with
    `renewed` set to it."""

    name: bytes
    statement: Statement
    judged: Judged
    since: int


Need = Renewal | AllAnswered | Path | Definitions | Quiet | Study | Guarded | Estimate | Values | Decision | Intent
