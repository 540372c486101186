"""`/approve`, `/deny` and `/close` in comments, wherever comments can be written. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tidewaiter.approvals.desk import Word

COMMAND = re.compile(r"/(approve|deny|close)(?:[ \t]+(AR-[0-9A-Z]+))?(?:[ \t]+(.*))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Command:
    """`/approve [AR-…] [remark]`, `/deny [AR-…] reason`, `/close [AR-…] finding`: with more in later lines."""

    word: Word
    request: str
    note: str


def command_of(text: str) -> Command | None:
    """The command that a comment begins with, None when it begins with anything else."""
    first, _, rest = text.strip().replace("\r\n", "\n").partition("\n")
    found = COMMAND.fullmatch(first.strip())
    if found is None:
        return None
    note = " ".join(part for part in ((found[3] or "").strip(), " ".join(rest.split())) if part)
    return Command(Word(found[1].lower()), (found[2] or "").upper(), note)
