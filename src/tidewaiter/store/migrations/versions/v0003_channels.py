"""Approval channels: accounts of principals, deliveries, messages received."""

import sqlalchemy as sa

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the tables of approval channels."""
    op.create_table(
        "accounts",
        sa.Column("realm", sa.String(16), primary_key=True),
        sa.Column("account", sa.String(254), primary_key=True),
        sa.Column(
            "principal", sa.String(63), sa.ForeignKey("principals.name", name="accounts_principal"), nullable=False
        ),
    )
    op.create_index("accounts_by_principal", "accounts", ["principal"])
    op.create_table(
        "channel_marks",
        sa.Column("channel", sa.String(63), primary_key=True),
        sa.Column("seen", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "deliveries",
        sa.Column("request", sa.String(16), primary_key=True),
        sa.Column("channel", sa.String(63), primary_key=True),
        sa.Column("wanted", sa.BigInteger, nullable=False),
        sa.Column("told", sa.BigInteger, nullable=False),
        sa.Column("reference", sa.String, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("since_s", sa.Double, nullable=False),
        sa.Column("next_at_s", sa.Double, nullable=False),
        sa.Column("told_at_s", sa.Double, nullable=True),
        sa.Column("problem", sa.String, nullable=False),
        sa.Column("given_up", sa.Boolean, nullable=False),
    )
    op.create_index("deliveries_by_time", "deliveries", ["channel", "next_at_s"])
    op.create_table(
        "received",
        sa.Column("channel", sa.String(63), primary_key=True),
        sa.Column("message", sa.String(64), primary_key=True),
        sa.Column("at_s", sa.Double, nullable=False),
    )
    op.create_index("received_by_time", "received", ["at_s"])
