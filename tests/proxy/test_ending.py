"""Why sessions end by a defect."""

from __future__ import annotations

import pytest

from tidewaiter.errors import LedgerUnavailable, ProtocolViolation
from tidewaiter.masking.plan import MaskingError
from tidewaiter.proxy.ending import UNRECORDED, ending_of
from tidewaiter.proxy.masked import SightChanged
from tidewaiter.wire import postgres as pg


@pytest.mark.parametrize(
    ("defect", "reason", "sqlstate", "told"),
    [
        (LedgerUnavailable("disk"), "ledger unavailable", "58030", "the audit ledger cannot be written"),
        (ProtocolViolation("odd"), "protocol violation: odd", "08P01", "odd"),
        (MaskingError("odd"), "the answer cannot be masked as planned and is withheld: odd", "XX000", None),
        (SightChanged("look anew"), "look anew", "57P01", None),
        (KeyError("k"), "defect: KeyError('k')", "XX000", "the gateway failed; this is a bug"),
    ],
)
def test_each_defect_ends_a_session_for_a_reason_of_its_own(
    defect: Exception, reason: str, sqlstate: str, told: str | None
) -> None:
    found, error = ending_of(defect)
    fields = pg.parse_error_fields(error[5:])
    assert (found, fields["V"], fields["C"], fields["M"]) == (reason, "FATAL", sqlstate, told or reason)


def test_a_defect_is_not_described_to_the_client() -> None:
    assert b"secret" not in ending_of(KeyError("secret"))[1]


def test_what_cannot_be_recorded_ends_as_any_other_failure_of_the_ledger() -> None:
    assert ending_of(LedgerUnavailable("disk")) == UNRECORDED
