"""Tags that fit."""

from __future__ import annotations

from tidewaiter.config.shape import Mask
from tidewaiter.discovery.kinds import MASKS, tag_for
from tidewaiter.masking.forms import misfit
from tidewaiter.model import Column

TEXT = Column("c", 1, "text", 25, "text")
DATE = Column("c", 1, "date", 1082, "date")
ARRAY = Column("c", 1, "text[]", 1009, "_text", is_array=True)
STRICT = Column("c", 1, "public.mail", 99999, "text", is_constrained=True)


def test_the_tag_of_that_name_where_its_mask_fits() -> None:
    assert tag_for("birth", DATE, {}) == ("birth", MASKS["birth"])
    assert tag_for("email", TEXT, {"email": Mask("null")}) == ("email", Mask("null"))


def test_a_tag_beside_it_where_it_does_not() -> None:
    assert tag_for("birth", TEXT, {}) == ("birth_redact", Mask("redact"))
    assert tag_for("email", ARRAY, {}) == ("email_redact", Mask("redact"))
    assert tag_for("email", STRICT, {}) == ("email_null", Mask("null"))


def test_every_proposal_fits_its_column() -> None:
    for kind in MASKS:
        for column in (TEXT, DATE, ARRAY, STRICT):
            assert misfit(tag_for(kind, column, {})[1], column) is None
