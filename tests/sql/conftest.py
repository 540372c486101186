from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from tidewaiter.sql.catalog import Catalog

ROWS = Path(__file__).parents[1] / "corpus" / "catalog.json"


@pytest.fixture(scope="session")
def shop() -> Catalog:
    """The catalog of tests/corpus/schema.sql."""
    return Catalog.from_rows(orjson.loads(ROWS.read_bytes()))
