"""What happened to requests, whose they are in columns, and sessions at the console."""

from typing import Any

import sqlalchemy as sa

from alembic import op

revision = "0005"
down_revision = "0004"
INDEXES = {"state": ["state", "expires_s"], "binding": ["binding"], "version": ["version"], "age": ["created_s"]}


def upgrade() -> None:
    """Make the table of requests anew, with what is known of their history, and one of sessions."""
    old = sa.table(
        "requests",
        *(sa.column(name) for name in ("id", "state", "binding", "created_s", "expires_s", "version")),
        sa.column("document", sa.JSON),
    )
    new = op.create_table(
        "requests_next",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("binding", sa.String(64), nullable=False),
        sa.Column("principal", sa.String(63), nullable=False),
        sa.Column("on_behalf_of", sa.String(63), nullable=True),
        sa.Column("datasource", sa.String(63), nullable=False),
        sa.Column("created_s", sa.Double, nullable=False),
        sa.Column("expires_s", sa.Double, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("document", sa.JSON, nullable=False),
    )
    connection = op.get_bind()
    for row in connection.execute(sa.select(old)).mappings().all():
        document = row["document"]
        document["history"] = history(document)
        whose = {name: document[name] for name in ("principal", "on_behalf_of", "datasource")}
        connection.execute(new.insert().values(**{**row, **whose, "document": document}))
    op.drop_table("requests")
    op.rename_table("requests_next", "requests")
    for name, columns in INDEXES.items():
        op.create_index(f"requests_by_{name}", "requests", columns)
    op.create_table(
        "console_sessions",
        sa.Column("key_digest", sa.String(64), primary_key=True),
        sa.Column("id", sa.String(12), nullable=False),
        sa.Column(
            "principal",
            sa.String(63),
            sa.ForeignKey("principals.name", name="console_sessions_principal"),
            nullable=False,
        ),
        sa.Column("credential", sa.String(8), nullable=False),
        sa.Column("datasources", sa.JSON, nullable=False),
        sa.Column("origin", sa.String, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("ends_s", sa.Double, nullable=False),
        sa.Column("seen_s", sa.Double, nullable=False),
    )
    op.create_index("console_sessions_by_principal", "console_sessions", ["principal"])


def history(document: dict[str, Any]) -> list[dict[str, Any]]:
    """What a request of before says of how it came to where it is. When it ended was not kept."""
    who, session, state = document["principal"], document["session"], document["state"]
    by_session = {"channel": "session", "place": session}
    told = [{"what": "open", "at_s": document["created_s"], "who": who, **by_session}]
    for vote in document["votes"]:
        kept = {name: vote[name] for name in ("at_s", "channel", "place", "note")}
        told.append({"what": "approve" if vote["is_approval"] else "deny", "who": vote["approver"], **kept})
    if document["glass"]:
        told.append({"what": "break_glass", "at_s": None, "who": who, "note": document["glass"], **by_session})
    if state == "closed":
        closer, _, note = document["reason"].removeprefix("closed by ").partition(": ")
        told.append({"what": "close", "at_s": None, "who": closer, "note": note})
    elif state == "expired":
        told.append({"what": state, "at_s": document["expires_s"], "note": document["reason"]})
    elif state in ("withdrawn", "consumed", "failed"):
        told.append({"what": state, "at_s": None, "who": "" if state == "failed" else who, "note": document["reason"]})
    return told
