from __future__ import annotations

import pytest

from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.expressions import walk
from tidewaiter.sql.facts import HANDLERS, Scope
from tidewaiter.sql.levels import Level
from tidewaiter.sql.queries import from_item
from tidewaiter.sql.reading import Reading


@pytest.fixture
def reading(shop: Catalog) -> Reading:
    return Reading(shop, Scope(), HANDLERS)


def test_a_from_item_that_is_not_on_the_list_is_unknown(reading: Reading) -> None:
    from_item(reading, {"FutureItem": {}}, Level())
    assert list(reading.reasons) == ["FROM item FutureItem"]


def test_an_expression_that_is_not_on_the_list_is_unknown(reading: Reading) -> None:
    walk(reading, [{}, {"FutureExpr": {}}], Level())
    assert list(reading.reasons) == ["expression FutureExpr"]


def test_a_transaction_statement_that_is_not_on_the_list_is_unknown(reading: Reading) -> None:
    reading.statement({"TransactionStmt": {"kind": "TRANS_STMT_FUTURE"}}, Level())
    assert list(reading.reasons) == ["transaction statement TRANS_STMT_FUTURE"]
