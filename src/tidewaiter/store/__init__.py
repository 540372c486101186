"""The control store: principals and verifiers of credentials, in SQLite or PostgreSQL. Audit facts are never here."""

from tidewaiter.store.engine import Change, Store, check_url, open_store

__all__ = ["Change", "Store", "check_url", "open_store"]
