"""Principals, their groups, and the verifiers of their credentials."""

import sqlalchemy as sa

from alembic import op

revision = "0001"
down_revision: str | None = None


def upgrade() -> None:
    """Create every table of the first release."""
    op.create_table(
        "meta",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("salt_key", sa.LargeBinary(32), nullable=False),
        sa.CheckConstraint("id = 1", name="meta_has_one_row"),
    )
    op.create_table(
        "principals",
        sa.Column("name", sa.String(63), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("owner", sa.String(63), sa.ForeignKey("principals.name", name="principals_owner"), nullable=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("credentials_version", sa.BigInteger, nullable=False),
        sa.Column("created_at_s", sa.Double, nullable=False),
        sa.CheckConstraint("kind in ('user', 'service', 'agent')", name="principals_kind"),
        sa.CheckConstraint("owner is null or kind = 'agent'", name="principals_only_agents_have_owners"),
    )
    op.create_index("principals_by_owner", "principals", ["owner"])
    op.create_index("principals_by_version", "principals", ["version"])
    op.create_index("principals_by_credentials_version", "principals", ["credentials_version"])
    op.create_table(
        "memberships",
        sa.Column(
            "principal",
            sa.String(63),
            sa.ForeignKey("principals.name", name="memberships_principal"),
            primary_key=True,
        ),
        sa.Column("group_name", sa.String(63), primary_key=True),
    )
    op.create_table(
        "credentials",
        sa.Column("id", sa.String(8), primary_key=True),
        sa.Column(
            "principal", sa.String(63), sa.ForeignKey("principals.name", name="credentials_principal"), nullable=False
        ),
        sa.Column("datasources", sa.JSON, nullable=False),
        sa.Column("stored_key", sa.LargeBinary(32), nullable=False),
        sa.Column("server_key", sa.LargeBinary(32), nullable=False),
        sa.Column("label", sa.String(200), nullable=False),
        sa.Column("created_at_s", sa.Double, nullable=False),
        sa.Column("expires_at_s", sa.Double, nullable=False),
        sa.Column("revoked_at_s", sa.Double, nullable=True),
    )
    op.create_index("credentials_by_principal", "credentials", ["principal"])
    op.create_index("credentials_by_expiry", "credentials", ["expires_at_s"])
