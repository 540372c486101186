"""Tidewaiter: an identity-aware proxy in front of every database connection."""

__version__ = "0.1.0"
