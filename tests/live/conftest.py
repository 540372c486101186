"""Fixtures of the live tests: PostgreSQL 18 from the wheel, 15 where the system has it, and gateways in front."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from heldrig import POLICY
from rig import NO_15, SYSTEM_15, UPSTREAM_PASSWORD, Deployment, copy_of, lay_out, running

from tidewaiter.demo.data import SMALL, load
from tidewaiter.demo.postgres import Binaries, EmbeddedPostgres
from tidewaiter.model import Secret

JARS = Path("/usr/share/java")
QUIET = {"autovacuum": "off"}
"""Sizes and estimates that a test compares with what it saw a moment ago change by what is done in it alone."""
CLASSES = ("postgresql.jar", "scram*.jar", "saslprep*.jar", "stringprep*.jar")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.live)


@pytest.fixture(scope="session")
def workshop() -> Iterator[Path]:
    """A folder that everyone may enter: as root the database runs as nobody, and pytest's own folders are private."""
    with tempfile.TemporaryDirectory(prefix="tw-live-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="session")
def postgres18(workshop: Path) -> Iterator[EmbeddedPostgres]:
    """PostgreSQL 18 with the demo's tables, small."""
    with EmbeddedPostgres(workshop / "pg18", Secret("super"), settings=QUIET | {"max_connections": "120"}) as server:
        furnish_database(server)
        yield server


@pytest.fixture(scope="session")
def postgres15(workshop: Path) -> Iterator[EmbeddedPostgres]:
    """PostgreSQL 15 of the system, with TLS."""
    if not SYSTEM_15.is_dir():
        pytest.skip(NO_15)
    binaries = Binaries(SYSTEM_15)
    with EmbeddedPostgres(workshop / "pg15", Secret("super"), binaries=binaries, tls=True, settings=QUIET) as server:
        furnish_database(server)
        yield server


@pytest.fixture(scope="session")
def java() -> list[str]:
    """How to run a Java source file with the system's pgjdbc."""
    found = shutil.which("java")
    if found is None or not (JARS / "postgresql.jar").is_file():
        pytest.skip(f"no java, or no {JARS}/postgresql.jar (Debian: default-jdk-headless, libpostgresql-jdbc-java)")
    modules = subprocess.run([found, "--list-modules"], capture_output=True, text=True, check=True).stdout
    if "jdk.compiler" not in modules:
        pytest.skip("this java cannot compile: a JDK is needed (Debian: default-jdk-headless)")
    return [found, "-cp", os.pathsep.join(str(jar) for pattern in CLASSES for jar in JARS.glob(pattern))]


@pytest.fixture(scope="session")
def template(workshop: Path, postgres18: EmbeddedPostgres) -> Deployment:
    """A deployment made by the command line and never started; the others are copies of it."""
    return lay_out(workshop / "template", postgres18)


@pytest.fixture(scope="session")
def gateway18(workshop: Path, template: Deployment, postgres18: EmbeddedPostgres) -> Iterator[Deployment]:
    """The gateway in front of PostgreSQL 18, shared by all tests that do not break it."""
    yield from running(copy_of(template, workshop / "gateway18", postgres18))


@pytest.fixture(scope="session")
def gateway15(workshop: Path, template: Deployment, postgres15: EmbeddedPostgres) -> Iterator[Deployment]:
    """The gateway in front of PostgreSQL 15."""
    yield from running(copy_of(template, workshop / "gateway15", postgres15))


@pytest.fixture(params=["18", "15"])
def gateway(request: pytest.FixtureRequest) -> Deployment:
    """Each upstream version in turn."""
    found: Deployment = request.getfixturevalue(f"gateway{request.param}")
    return found


@pytest.fixture(scope="session")
def desk(workshop: Path, template: Deployment) -> Iterator[Deployment]:
    """A gateway that holds deletes of notes, with decisions from the shell."""
    made = copy_of(template, workshop / "desk", template.postgres)
    (made.folder / "policies" / "approvals.cedar").write_text(POLICY)
    made.cli("principal", "add", "etl", "--kind", "service")
    made.issued["etl"] = made.issue("etl")
    yield from running(made)


@pytest.fixture
def own_gateway(workshop: Path, template: Deployment) -> Iterator[Deployment]:
    """A deployment of the test's own, not started: for tests that kill it, fill its disk or configure it otherwise."""
    copy = copy_of(template, Path(tempfile.mkdtemp(prefix="own-", dir=workshop)) / "deployment", template.postgres)
    yield copy
    copy.kill()


def furnish_database(server: EmbeddedPostgres) -> None:
    """The demo's tables and what the differential scripts need, made once so that object ids agree between runs."""
    load(server, UPSTREAM_PASSWORD, SMALL)
    server.execute(
        """
        set role shop_admin;
        create table plain (n integer primary key, t text, at timestamptz, amount numeric, raw bytea);
        create table notes (n serial primary key, note text not null);
        create type colour as enum ('red', 'green');
        create function complain(what text) returns void language plpgsql as
            $$ begin raise notice 'notice: %', what; raise warning 'warning: %', what; end $$;
        create function fail(what text) returns void language plpgsql as $$ begin raise exception '%', what; end $$;
        """,
        database="shop",
    )
