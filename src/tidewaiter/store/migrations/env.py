"""Runs the migrations on the connection that `tidewaiter.store.engine` hands over, inside its transaction."""

from alembic import context
from tidewaiter.store.tables import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,  # SQLite alters a table by making it anew
)
context.run_migrations()
