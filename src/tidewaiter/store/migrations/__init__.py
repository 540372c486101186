"""Alembic's script folder of the control store. `tidewaiter.store.engine` runs it when a store is opened."""
