"""SQLAlchemy and Alembic through the gateway: reflection, the ORM, migrations up and down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from rig import Deployment
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    pass


class Note(Base):
    __tablename__ = "analyst_notes"
    id: Mapped[int] = mapped_column(primary_key=True)
    note: Mapped[str]


def engine_of(gateway: Deployment, principal: str, driver: str = "psycopg") -> sa.Engine:
    return sa.create_engine(gateway.dsn(principal).replace("postgresql://", f"postgresql+{driver}://"))


@pytest.fixture
def engine(gateway: Deployment) -> Iterator[sa.Engine]:
    found = engine_of(gateway, "alice")
    yield found
    found.dispose()


def test_reflection_finds_tables_views_keys_and_types(engine: sa.Engine) -> None:
    metadata = sa.MetaData()
    metadata.reflect(engine, views=True)
    assert {"customers", "orders", "customer_contacts", "payments"} <= set(metadata.tables)
    orders = metadata.tables["orders"]
    assert [key.column.table.name for key in orders.foreign_keys] == ["customers"]
    inspector = sa.inspect(engine)
    assert inspector.get_pk_constraint("order_lines")["constrained_columns"] == ["order_id", "line"]
    assert {index["name"] for index in inspector.get_indexes("customers")} == {"customers_email"}
    assert "computed" in {column["name"]: column for column in inspector.get_columns("order_lines")}["amount"]


def test_orm_reads_and_writes(engine: sa.Engine) -> None:
    with Session(engine) as session:
        session.add_all([Note(note=f"orm {number}") for number in range(50)])
        session.flush()
        found = session.scalars(sa.select(Note).where(Note.note.like("orm %")).order_by(Note.id)).all()
        assert len(found) == 50
        found[0].note = "orm changed"
        session.delete(found[1])
        session.flush()
        assert session.scalar(sa.select(sa.func.count()).where(Note.note.like("orm %"))) == 49
        session.rollback()


def test_denied_statement_is_a_programming_error(engine: sa.Engine) -> None:
    with engine.connect() as connection, pytest.raises(sa.exc.ProgrammingError, match="salaries-are-for-the-dba"):
        connection.execute(sa.text("select * from employees"))
    with engine.connect() as connection:
        assert connection.scalar(sa.text("select 1")) == 1


def test_server_side_results_stream(engine: sa.Engine) -> None:
    with engine.connect().execution_options(stream_results=True, max_row_buffer=50) as connection:
        assert len(connection.execute(sa.text("select id from customers")).all()) == 500


MIGRATIONS = {
    "env.py": """
from alembic import context
import sqlalchemy as sa
engine = sa.create_engine(context.config.get_main_option("sqlalchemy.url"), poolclass=sa.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=None)
    with context.begin_transaction():
        context.run_migrations()
""",
    "versions/one.py": """
from alembic import op
import sqlalchemy as sa
revision, down_revision = "one", None
def upgrade():
    table = op.create_table("ships", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.Text))
    op.bulk_insert(table, [{"id": 1, "name": "Anna"}, {"id": 2, "name": "Berta"}])
    op.create_index("ships_name", "ships", ["name"])
def downgrade():
    op.drop_table("ships")
""",
    "versions/two.py": """
from alembic import op
import sqlalchemy as sa
revision, down_revision = "two", "one"
def upgrade():
    op.add_column("ships", sa.Column("tons", sa.Integer, server_default="0", nullable=False))
    op.execute("update ships set tons = id * 100 where id > 0")
    op.alter_column("ships", "name", new_column_name="title")
    op.create_check_constraint("light", "ships", "tons < 1000")
def downgrade():
    op.drop_constraint("light", "ships")
    op.alter_column("ships", "title", new_column_name="name")
    op.drop_column("ships", "tons")
""",
}


def migrations(folder: Path, gateway: Deployment, principal: str) -> Config:
    (folder / "versions").mkdir()
    for name, text in MIGRATIONS.items():
        (folder / name).write_text(text)
    found = Config()
    found.set_main_option("script_location", str(folder))
    url = engine_of(gateway, principal).url.render_as_string(hide_password=False)
    found.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return found


def test_alembic_migrates_up_and_down(gateway: Deployment, tmp_path: Path) -> None:
    """Each migration creates, then uses what it created in the same transaction."""
    config = migrations(tmp_path, gateway, "dora")
    command.upgrade(config, "head")
    done = gateway.psql("select * from ships order by id", principal="dora")
    assert (done.stdout.splitlines(), done.stderr) == (["1|Anna|100", "2|Berta|200"], "")
    command.downgrade(config, "base")
    assert gateway.psql("select to_regclass('ships')", principal="dora").stdout == "\n"
    gateway.psql("drop table alembic_version", principal="dora")


def test_alembic_of_an_analyst_is_refused_and_leaves_nothing(gateway: Deployment, tmp_path: Path) -> None:
    with pytest.raises(sa.exc.ProgrammingError, match="InsufficientPrivilege"):
        command.upgrade(migrations(tmp_path, gateway, "alice"), "head")
    assert gateway.psql("select to_regclass('ships')").stdout == "\n"
