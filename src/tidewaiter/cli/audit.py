"""`tidewaiter audit`: what was done, by whom, and proof that the log is whole."""

from __future__ import annotations

from tidewaiter.cli.shell import group

audit = group("audit", "What was done, by whom, and proof that the log is whole.")
