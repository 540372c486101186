"""Text from others made safe to look at: nothing in it can move a cursor, colour, hide or reorder what people read."""

from __future__ import annotations

import unicodedata

HIDDEN = frozenset(("Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Cn"))
"""Unicode categories that a display may act upon or not show: controls, formats (bidi), separators, surrogates."""


def harmless(text: str) -> str:
    """`text` on one line with every character that could move the cursor, hide or reorder written as an escape."""
    if text.isprintable() and not any(unicodedata.category(c) in HIDDEN for c in text if c > "~"):
        return text
    return "".join(c if unicodedata.category(c) not in HIDDEN else _escaped(c) for c in text)


def harmless_lines(text: str) -> str:
    """The same for a text of several lines: its line feeds stay, a carriage return before one is dropped."""
    return "\n".join(harmless(line) for line in text.replace("\r\n", "\n").split("\n"))


def shortened(text: str, characters: int) -> str:
    """`text`, or its beginning and an ellipsis, within so many characters."""
    return text if len(text) <= characters else text[: characters - 1] + "…"


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
