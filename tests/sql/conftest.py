from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from tidewaiter.demo.postgres import Binaries, EmbeddedPostgres, bundled
from tidewaiter.model import Secret
from tidewaiter.sql.catalog import Catalog

ROWS = Path(__file__).parents[1] / "corpus" / "catalog.json"


@pytest.fixture(scope="session")
def shop() -> Catalog:
    """The catalog of tests/corpus/schema.sql."""
    return Catalog.from_rows(orjson.loads(ROWS.read_bytes()))


DEBIAN = Path("/usr/lib/postgresql/15/bin")


@pytest.fixture(scope="module", params=[15, 18])
def server(request: pytest.FixtureRequest) -> Iterator[EmbeddedPostgres]:
    """A server of the oldest and the newest supported version, for the tests of one file."""
    if request.param == 15 and not DEBIAN.exists():
        pytest.skip("PostgreSQL 15 is not installed in /usr/lib/postgresql")
    binaries = bundled() if request.param == 18 else Binaries(DEBIAN)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # the server runs as another user than root
        with EmbeddedPostgres(Path(folder) / "server", Secret("sql tests"), binaries=binaries) as started:
            yield started
