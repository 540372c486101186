"""Why a session ends that met a defect, and what its client is told of it. Pure."""

from __future__ import annotations

from tidewaiter.errors import LedgerUnavailable, ProtocolViolation
from tidewaiter.masking.plan import MaskingError
from tidewaiter.proxy import refusal
from tidewaiter.proxy.masked import SightChanged
from tidewaiter.proxy.withheld import reason_of

UNRECORDED = "ledger unavailable", refusal.good_bye("58030", "the audit ledger cannot be written")
"""The end of a session of which something cannot be recorded: the reason, and what the client is told."""


def ending_of(defect: Exception) -> tuple[str, bytes]:
    """The reason for a session's end, and what the client is told."""
    said = str(defect)
    if isinstance(defect, LedgerUnavailable):
        return UNRECORDED
    if isinstance(defect, ProtocolViolation):
        return f"protocol violation: {said}", refusal.good_bye("08P01", said)
    if isinstance(defect, MaskingError):
        said = reason_of(defect)
        return said, refusal.good_bye("XX000", said, "connect again; tell the operators of the gateway")
    if isinstance(defect, SightChanged):
        return said, refusal.good_bye("57P01", said)
    return f"defect: {defect!r}", refusal.good_bye("XX000", "the gateway failed; this is a bug")
