"""Errors and notices of a statement that touches masked data, without what data can put into them.

Errors of parse analysis speak of names that the client wrote; errors of evaluation print values, and a trigger's or a
constraint's print rows. Fields: https://www.postgresql.org/docs/current/protocol-error-fields.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

_KEPT: Final = frozenset(b"SVCstcdn")
"""Severity, SQLSTATE, and names of schema, table, column, type, constraint: never values."""

_ANALYSIS: Final = ("08P01", "42", "0A", "25", "26", "34", "3B", "40", "53", "54", "55", "57", "58")
"""Classes whose messages hold names and states, not values: the protocol, syntax and names, unsupported features,
transactions, names of statements and cursors, resources, operator intervention. 42P… from evaluation (a text cast
to regclass) prints masked values only."""


REPORTED: Final = frozenset(
    name.encode()
    for name in (
        "application_name", "client_encoding", "DateStyle", "default_transaction_read_only", "in_hot_standby",
        "integer_datetimes", "IntervalStyle", "is_superuser", "scram_iterations", "search_path", "server_encoding",
        "server_version", "session_authorization", "standard_conforming_strings", "TimeZone",
    )
)  # fmt: skip
"""What servers up to 18 report by themselves (GUC_REPORT); of other settings nobody knows what they may hold."""


def scrub(fields: Mapping[str, str], *, is_raw: bool) -> dict[str, str]:
    """What the client may see of an ErrorResponse or NoticeResponse, by field code.

    `is_raw`: the statement writes a masked table, so functions of triggers and checks saw real values: then no text of
    the server's is kept. Positions are left out: they are those of the text that was sent.
    """
    kept = {code: value for code, value in fields.items() if ord(code) in _KEPT}
    sqlstate = fields.get("C", "XX000")
    if not is_raw and sqlstate.startswith(_ANALYSIS):
        kept["M"] = fields.get("M", "")
        if "H" in fields:
            kept["H"] = fields["H"]
    else:
        kept["M"] = f"the server's message is withheld because the statement touches masked data (SQLSTATE {sqlstate})"
    return kept


def body_of(fields: Mapping[str, str]) -> bytes:
    """The body of an ErrorResponse or NoticeResponse."""
    return b"".join(_pairs(fields)) + b"\0"


def _pairs(fields: Mapping[str, str]) -> Iterator[bytes]:
    for code, value in fields.items():
        yield code.encode() + value.encode() + b"\0"
