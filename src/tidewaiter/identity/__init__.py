"""Principals and their credentials: who may log in with what, how often they may fail, and what is kept of a secret."""

from tidewaiter.identity.credentials import (
    DEFAULT_TTL_S,
    ITERATIONS,
    MAX_TTL_S,
    Credential,
    Issued,
    Verifier,
    rfc3339,
)
from tidewaiter.identity.directory import Directory
from tidewaiter.identity.failed_logins import FailedLogins, source_of
from tidewaiter.identity.rejections import THE_REST, Rejected, Rejections
from tidewaiter.identity.snapshot import Account

__all__ = [
    "DEFAULT_TTL_S",
    "ITERATIONS",
    "MAX_TTL_S",
    "THE_REST",
    "Account",
    "Credential",
    "Directory",
    "FailedLogins",
    "Issued",
    "Rejected",
    "Rejections",
    "Verifier",
    "rfc3339",
    "source_of",
]
