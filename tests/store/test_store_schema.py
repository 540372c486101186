from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, create_engine, inspect, text

from tidewaiter.channels.outbox import Delivery, Outbox
from tidewaiter.errors import ConfigError
from tidewaiter.store import open_store
from tidewaiter.store.schema import MIGRATIONS, revision_of
from tidewaiter.store.tables import HEAD, VERSION_TABLE, metadata

URL = "sqlite:///control.sqlite"


def test_head_is_the_newest_migration() -> None:
    assert ScriptDirectory(str(MIGRATIONS)).get_current_head() == HEAD


def test_the_migrations_make_exactly_the_tables_that_the_code_uses(tmp_path: Path) -> None:
    store = open_store(URL, tmp_path)
    with store.reading() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
        assert compare_metadata(context, metadata) == []
        found = inspect(connection)
        for table in metadata.tables.values():
            named = {check["name"] for check in found.get_check_constraints(table.name)}
            assert named == {each.name for each in table.constraints if isinstance(each, CheckConstraint)}
    store.close()


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    open_store(URL, tmp_path).close()
    store = open_store(URL, tmp_path)
    with store.reading() as connection:
        assert revision_of(connection) == HEAD
    store.close()


def test_a_store_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    store = open_store(URL, tmp_path)
    with store.changing() as change:
        change.connection.execute(text(f"update {VERSION_TABLE} set version_num = '9999'"))
    with pytest.raises(ConfigError, match="schema revision 9999 is newer than this version"):
        open_store(URL, tmp_path)
    with store.reading() as connection:
        assert revision_of(connection) == "9999"
    store.close()


def test_an_upgrade_that_stopped_before_the_salt_key_is_finished(tmp_path: Path) -> None:
    """DDL and salt key share one transaction: an interrupted first start leaves a database without any table."""
    with pytest.raises(RuntimeError):
        open_store(URL, tmp_path, token_bytes=_fail)
    store = open_store(URL, tmp_path)
    assert len(store.salt_key) == 32
    store.close()


def _fail(_size: int) -> bytes:
    raise RuntimeError


def test_opening_a_current_store_does_not_import_alembic(tmp_path: Path) -> None:
    open_store(URL, tmp_path).close()
    program = (
        "import sys, pathlib, tidewaiter.store as s; s.open_store(sys.argv[1], pathlib.Path(sys.argv[2])).close();"
        "assert 'alembic' not in sys.modules"
    )
    program_of = [sys.executable, "-c", f"import sys; sys.path[:] = {sys.path!r}; {program}", URL, str(tmp_path)]
    subprocess.run(program_of, check=True)


def test_deliveries_outlive_the_upgrade_that_gives_them_members(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/control.sqlite")
    with engine.begin() as connection:
        settings = Config(attributes={"connection": connection})
        settings.set_main_option("script_location", str(MIGRATIONS))
        settings.set_main_option("path_separator", "os")
        command.upgrade(settings, "0003")
        connection.execute(
            text("insert into deliveries values ('AR-2222222', 'ops', 7, 7, 'ref', 0, 0, 0, 0, '', false)")
        )
    engine.dispose()
    store = open_store(URL, tmp_path)
    delivery = Delivery("AR-2222222", "ops", "", 7, 7, "ref", 0, 0.0, 0.0, 0.0, "", False)
    assert Outbox(store).of_request("AR-2222222") == [delivery]
    store.close()
