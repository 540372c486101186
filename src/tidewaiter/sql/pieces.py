"""A text of several statements in its pieces, as the server would run them one after another. Pure."""

from __future__ import annotations

from tidewaiter.sql.parse import Parsed, parse


def pieces(text: str) -> list[tuple[str, int]]:
    """Each statement with the number of characters before it; the whole text where it cannot be taken apart.

    Blocks for a long text (`parse.needs_thread`): call it off the event loop then.
    """
    encoded = text.encode("utf-8", "surrogatepass")
    parsed = parse(encoded)
    if not isinstance(parsed, Parsed) or len(parsed.spans) < 2:
        return [(text, 0)]
    return [
        (encoded[begin:end].decode("utf-8", "surrogatepass"), len(encoded[:begin].decode("utf-8", "surrogatepass")))
        for begin, end in parsed.spans
    ]
