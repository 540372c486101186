"""What principals, groups and labels may be called. Checked where a name enters; inside, names are trusted."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tidewaiter.errors import UsageError

NAME_CHARACTERS = 63  # what PostgreSQL keeps of a user name (NAMEDATALEN - 1), so a name is whole in every view and log
LABEL_CHARACTERS = 200  # a remark for people, one line of a listing
DATASOURCES = 64  # per credential; longer lists are what "all datasources" is for

_PLAIN = re.compile(r"[a-z][a-z0-9._-]*")
_E_MAIL = re.compile(r"[a-z0-9][a-z0-9._+-]*@[a-z0-9-]+(\.[a-z0-9-]+)*")


def principal_name(name: str) -> str:
    """The name itself: `alice`, `nightly-etl`, or an e-mail address as identity providers give it.

    Lower case ASCII only, so that no two names look alike and none needs quoting in SQL role maps or Cedar ids.
    Raises UsageError.
    """
    if len(name) <= NAME_CHARACTERS and (_PLAIN.fullmatch(name) or _E_MAIL.fullmatch(name)):
        return name
    raise UsageError(
        f"{name!r} is not a name: use a-z first, then a-z 0-9 . _ - (at most {NAME_CHARACTERS}), or an e-mail address"
        " in lower case"
    )


def group_name(name: str) -> str:
    """The name itself, `analysts` or `dba`. Raises UsageError."""
    if len(name) <= NAME_CHARACTERS and _PLAIN.fullmatch(name):
        return name
    raise UsageError(f"{name!r} is not a group name: use a-z first, then a-z 0-9 . _ - (at most {NAME_CHARACTERS})")


def datasource_names(names: Iterable[str]) -> tuple[str, ...]:
    """Sorted, without repetition. Whether they exist is the caller's question. Raises UsageError."""
    unique = tuple(sorted(set(names)))
    if len(unique) > DATASOURCES:
        raise UsageError(f"at most {DATASOURCES} datasources per credential; none at all means every datasource")
    for name in unique:
        if not name or len(name) > NAME_CHARACTERS or not name.isprintable():
            raise UsageError(f"{name!r} is not a datasource name")
    return unique


def label(text: str) -> str:
    """The text itself, one printable line. Raises UsageError."""
    if len(text) <= LABEL_CHARACTERS and text.isprintable():
        return text
    raise UsageError(f"a label is one printable line of at most {LABEL_CHARACTERS} characters")
