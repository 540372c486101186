"""Tidewaiter: an identity-aware proxy in front of every database connection."""

from tidewaiter.extensions import choose

__version__ = "0.1.0"

BUILD = choose()
"""Whether this process runs compiled modules."""
