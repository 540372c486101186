from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, Connection, Engine, create_engine, inspect, text

from tidewaiter.approvals.book import Book, Readable
from tidewaiter.approvals.desk import Event
from tidewaiter.channels.outbox import Delivery, Outbox
from tidewaiter.errors import ConfigError
from tidewaiter.store import open_store
from tidewaiter.store.schema import MIGRATIONS, revision_of
from tidewaiter.store.tables import HEAD, VERSION_TABLE, metadata

URL = "sqlite:///control.sqlite"


def test_head_is_the_newest_migration() -> None:
    assert ScriptDirectory(str(MIGRATIONS)).get_current_head() == HEAD


def shape(connection: Connection) -> dict[str, list[object]]:
    """All that a database tells of its tables, but the names of primary keys: they tell what a table was called once,
    so no migration may go by them."""
    found = inspect(connection)

    def told(table: str) -> list[object]:
        columns = [(one["name"], str(one["type"]), one["nullable"], one["default"]) for one in found.get_columns(table)]
        more = (found.get_foreign_keys(table), found.get_indexes(table), found.get_check_constraints(table))
        return [
            sorted(columns),
            found.get_pk_constraint(table)["constrained_columns"],
            *(sorted(map(str, each)) for each in more),
        ]

    return {table: told(table) for table in found.get_table_names()}


def test_the_migrations_make_exactly_the_tables_that_the_code_uses(tmp_path: Path) -> None:
    at("head", tmp_path)
    with closing(create_engine(f"sqlite:///{tmp_path}/control.sqlite").connect()) as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
        assert compare_metadata(context, metadata) == []
        found = inspect(connection)
        for table in metadata.tables.values():
            named = {check["name"] for check in found.get_check_constraints(table.name)}
            assert named == {each.name for each in table.constraints if isinstance(each, CheckConstraint)}


def test_a_new_store_is_as_the_migrations_make_it(tmp_path: Path) -> None:
    at("head", tmp_path)
    (tmp_path / "new").mkdir()
    store = open_store(URL, tmp_path / "new")
    with store.reading() as new, closing(create_engine(f"sqlite:///{tmp_path}/control.sqlite").connect()) as migrated:
        assert shape(new) == shape(migrated)
        assert revision_of(new) == revision_of(migrated) == HEAD
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


def test_opening_a_new_or_current_store_does_not_import_alembic(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib, tidewaiter.store as s; "
        "[s.open_store(sys.argv[1], pathlib.Path(sys.argv[2])).close() for _ in range(2)];"
        "assert 'alembic' not in sys.modules"
    )
    program_of = [sys.executable, "-c", f"import sys; sys.path[:] = {sys.path!r}; {program}", URL, str(tmp_path)]
    subprocess.run(program_of, check=True)


def at(revision: str, folder: Path, *statements: str) -> None:
    """A store as an older version left it."""
    migrate(create_engine(f"sqlite:///{folder}/control.sqlite"), revision, *statements)


def migrate(engine: Engine, revision: str, *statements: str) -> None:
    """Bring a database to a revision with Alembic."""
    with engine.begin() as connection:
        settings = Config(attributes={"connection": connection})
        settings.set_main_option("script_location", str(MIGRATIONS))
        settings.set_main_option("path_separator", "os")
        command.upgrade(settings, revision)
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


def test_deliveries_outlive_the_upgrade_that_gives_them_members(tmp_path: Path) -> None:
    at("0003", tmp_path, "insert into deliveries values ('AR-2222222', 'ops', 7, 7, 'ref', 0, 0, 0, 0, '', false)")
    store = open_store(URL, tmp_path)
    delivery = Delivery("AR-2222222", "ops", "", 7, 7, "ref", 0, 0.0, 0.0, 0.0, "", False)
    assert Outbox(store).of_request("AR-2222222") == [delivery]
    store.close()


VOTE = {
    "approver": "dora", "is_approval": True, "groups": ["dba"], "at_s": 20.0, "channel": "ops", "place": "there",
    "note": "fine",
}  # fmt: skip
OLD = {
    "id": "AR-1", "principal": "bot", "on_behalf_of": "alice", "datasource": "shop", "rule": "r", "message": "m",
    "statement": "delete from t", "parameters": [], "binding": "b", "needs": [{"groups": ["dba"], "quorum": 1}],
    "session": "s1", "created_s": 10.0, "expires_s": 90.0, "state": "consumed", "votes": [VOTE], "facts": None,
    "blast_radius": None, "reason": "", "glass": "",
}  # fmt: skip


def test_requests_outlive_the_upgrade_that_gives_them_a_history(tmp_path: Path) -> None:
    ends: list[dict[str, Any]] = [
        OLD,
        OLD | {"id": "AR-2", "state": "expired", "votes": [], "reason": "nobody decided in time"},
        OLD | {"id": "AR-3", "state": "closed", "votes": [], "glass": "fire", "reason": "closed by dora: right"},
        OLD | {"id": "AR-4", "state": "denied", "votes": [VOTE | {"is_approval": False}], "on_behalf_of": None},
    ]
    rows = [
        f"insert into requests values ('{one['id']}', '{one['state']}', 'b', 10, 90, {number}, '{json.dumps(one)}')"
        for number, one in enumerate(ends)
    ]
    at("0004", tmp_path, *rows)
    store = open_store(URL, tmp_path)
    book = Book(store, lambda size: "A" * size)
    asked = Event("open", 10.0, "bot", "session", "s1")
    assert {one.id: one.history for one in book.all()} == {
        "AR-1": (asked, Event("approve", 20.0, "dora", "ops", "there", "fine"), Event("consumed", None, "bot")),
        "AR-2": (asked, Event("expired", 90.0, note="nobody decided in time")),
        "AR-3": (
            asked,
            Event("break_glass", None, "bot", "session", "s1", "fire"),
            Event("close", None, "dora", note="right"),
        ),
        "AR-4": (asked, Event("deny", 20.0, "dora", "ops", "there", "fine")),
    }
    assert [one.id for one in book.newest(9, "", Readable(frozenset(), "alice"))] == ["AR-1", "AR-2", "AR-3"]
    assert [version for _, version in book.changed(-1)] == [0, 1, 2, 3]
    store.close()
