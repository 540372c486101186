"""What servers tell of statements and rows, compared with plans."""

from __future__ import annotations

import pytest
from maskstage import plan

from tidewaiter.masking.plan import MaskingError
from tidewaiter.proxy.described import CHECKS, NOTHING, Descriptions, Statement, compared
from tidewaiter.wire import postgres as pg

TWO = plan(b"select id, email from customers where id = $1 and name = $2")
EMAIL = pg.Column(b"email", 16384, 3)


def test_parameters_are_those_of_the_text() -> None:
    Statement(TWO, ()).check_types((23, 25))
    for types in ((), (23,), (23, 25, 25)):
        with pytest.raises(MaskingError, match=f"the server knows {len(types)} parameters of a text that has 2"):
            Statement(TWO, ()).check_types(types)


def test_parameters_are_of_the_types_that_were_declared() -> None:
    Statement(TWO, (0, 705)).check_types((23, 25))
    Statement(TWO, (23, 25, 16)).check_types((23, 25, 16))
    with pytest.raises(MaskingError, match=r"parameter \$2 is not of the type"):
        Statement(TWO, (23, 1043)).check_types((23, 25))


def test_parameters_stay_what_they_were() -> None:
    found = Statement(TWO, ())
    found.check_types((23, 25))
    found.check_types((23, 25))
    with pytest.raises(MaskingError, match="described before"):
        found.check_types((20, 25))


def test_parameters_that_the_server_does_not_look_for_are_not_counted() -> None:
    Statement(plan(b"explain select $1::int"), ()).check_types(())


def test_rows_are_those_that_were_foreseen() -> None:
    sight = TWO.sight
    assert sight is not None
    described = pg.row_description([pg.Column(b"id", 16384, 1), EMAIL])
    assert compared(sight, TWO.late, described).indexes == [1]
    assert compared(sight, (), pg.row_description([pg.Column(b"x")])) is NOTHING
    with pytest.raises(MaskingError, match="not foreseen"):
        compared(sight, (), described)


def test_a_description_is_compared_once_for_the_same_plan_and_sight() -> None:
    found, sight = Descriptions(), TWO.sight
    assert sight is not None
    described = pg.row_description([pg.Column(b"id", 16384, 1), EMAIL])
    mask = found.checked(TWO, sight, described, 0)
    assert mask.indexes == [1] and found.checked(TWO, sight, described, 0) is mask
    with pytest.raises(MaskingError, match="not foreseen"):
        found.checked(None, sight, described, 0)
    with pytest.raises(MaskingError, match="not foreseen"):
        found.checked(TWO, sight, described, 1)
    for number in range(CHECKS):
        found.checked(None, sight, pg.row_description([pg.Column(b"%d" % number)]), 0)
    again = found.checked(TWO, sight, described, 0)
    assert again is not mask and again.indexes == [1]
