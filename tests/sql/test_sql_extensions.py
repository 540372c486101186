from __future__ import annotations

import pytest

from tidewaiter.sql.extensions import is_reviewed


@pytest.mark.parametrize(
    ("extension", "name", "language", "volatility", "expected"),
    [
        ("pg_trgm", "similarity", "c", "i", True),
        ("uuid-ossp", "uuid_generate_v4", "c", "v", True),
        ("pg_trgm", "something_new", "c", "v", False),
        ("earthdistance", "earth", "sql", "i", False),
        ("tablefunc", "crosstab", "c", "s", False),
        ("dblink", "dblink", "c", "v", False),
        ("xml2", "xpath_table", "c", "s", False),
        ("", "f", "c", "i", False),
    ],
)
def test_only_listed_extensions_and_only_what_computes_is_reviewed(
    extension: str, name: str, language: str, volatility: str, expected: bool
) -> None:
    assert is_reviewed(extension, name, language, volatility) is expected
