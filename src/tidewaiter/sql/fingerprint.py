"""Fingerprints of statements, for reports only.

Two texts with one fingerprint are alike, not equal: `a.t` and `b.t`, `1=1` and `1=2`, any two DO bodies share theirs.
Never a cache key, never an approval's binding.
"""

from __future__ import annotations

from tidewaiter.sql import parse


def fingerprint(text: str | bytes) -> str | None:
    """16 hexadecimal digits that statements of one shape share; None for texts that the grammar refuses."""
    return parse.fingerprint(text)
