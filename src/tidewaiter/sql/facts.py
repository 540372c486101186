"""Statement text → facts: what it is and touches, by walking the whole tree with an allow-list of node types.

What is not on the list, or a name that the catalog does not know, is an unknown reason, never an empty list.
"""

from __future__ import annotations

from collections.abc import Mapping

from tidewaiter.model import Facts, SyntaxFault
from tidewaiter.sql import alteration, commands, definitions, queries, removal, rights, settings
from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.effort import Effort, TooMuchWork
from tidewaiter.sql.levels import Level
from tidewaiter.sql.parse import Node, Unreadable, parse
from tidewaiter.sql.reading import Handler, Reading, Scope
from tidewaiter.sql.settling import settle
from tidewaiter.sql.treejson import collector_paused, release

__all__ = ["Scope", "understand"]

HANDLERS: Mapping[str, Handler] = {
    **queries.HANDLERS,
    **commands.HANDLERS,
    **settings.HANDLERS,
    **definitions.HANDLERS,
    **alteration.HANDLERS,
    **removal.HANDLERS,
    **rights.HANDLERS,
}
"""Every statement type that is understood."""

LARGE = 64 << 10
"""Characters of a text whose tree is taken apart before it is freed, and kept from the garbage collector."""

_SHARED = frozenset({"SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt"})
"""Statements whose facts do not depend on constants, unless something in them says so."""


def understand(text: str, catalog: Catalog, scope: Scope) -> Facts:
    """The facts of a text, which may hold several statements. Never raises: not understanding is a value.

    Blocks for a long text (`parse.needs_thread`): call it off the event loop then. A name that the catalog does not
    know gives `fault` with the server's message; read the catalog again and ask once more.
    """
    try:
        if len(text) <= LARGE:
            return _parse_and_understand(text, catalog, scope, is_large=False)
        with collector_paused():
            return _parse_and_understand(text, catalog, scope, is_large=True)
    except TooMuchWork:
        return Facts(unknown=("takes longer to analyse than its budget allows",))
    except RecursionError:
        return Facts(unknown=("nested too deeply",))
    except Exception as defect:  # noqa: BLE001 - the one boundary: a defect in here is a reason not to understand
        return Facts(unknown=(f"could not be analysed: {defect!r}",))


def _parse_and_understand(text: str, catalog: Catalog, scope: Scope, *, is_large: bool) -> Facts:
    parsed = parse(text)
    if isinstance(parsed, SyntaxFault):
        return Facts(unknown=("syntax error",), fault=parsed)
    if isinstance(parsed, Unreadable):
        return Facts(unknown=(parsed.reason,))
    try:
        return _understand(parsed.statements, Reading(catalog, scope, HANDLERS, Effort(len(text))))
    finally:
        if is_large:
            release(list(parsed.statements))


def _understand(statements: tuple[Node, ...], reading: Reading) -> Facts:
    if not statements:
        return Facts(parts=0, literals_matter=False, reads_only=True)
    reading.literals_matter = not all(next(iter(node)) in _SHARED for node in statements)
    controls: list[str | None] = []
    for part, node in enumerate(statements):
        reading.begin(part)
        reading.statement(node, Level())
        settle(reading)
        controls.append(reading.control)
        # After code that may have renamed anything, the names in the rest of the text mean nothing certain.
        reading.is_shaken = reading.is_shaken or reading.ran_code
    is_control = None not in controls
    reading.control = controls[0] if is_control else None
    return reading.facts(
        parts=len(statements),
        ends_failed=len(statements) == 1 and controls[0] in commands.ENDS_FAILED,
        changes=bool(reading.effects),
    )
