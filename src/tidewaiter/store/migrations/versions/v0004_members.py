"""Deliveries to members of a group, beside those to a channel's own place."""

import sqlalchemy as sa

from alembic import op

revision = "0004"
down_revision = "0003"
KEPT = "request, channel, wanted, told, reference, attempts, since_s, next_at_s, told_at_s, problem, given_up"


def upgrade() -> None:
    """Make the table of deliveries anew, as its primary key grows."""
    op.create_table(
        "deliveries_next",
        sa.Column("request", sa.String(16), primary_key=True),
        sa.Column("channel", sa.String(63), primary_key=True),
        sa.Column("member", sa.String(63), primary_key=True),
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
    op.execute(f"insert into deliveries_next (member, {KEPT}) select '', {KEPT} from deliveries")  # noqa: S608 - constants
    op.drop_table("deliveries")
    op.rename_table("deliveries_next", "deliveries")
    op.create_index("deliveries_by_time", "deliveries", ["channel", "next_at_s"])
