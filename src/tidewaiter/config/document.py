"""A TOML file with the line of every key, so that each complaint says where it is."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

Path = tuple[str | int, ...]
"""Where a value is: ("gateway", "postgres"), ("datasource", 1, "address")."""

ELSEWHERE = 1 << 62  # sorts behind every line
SYNTAX = re.compile(r"^(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$", re.S)


class Document:
    """A parsed file. `problems` are the syntax error, or whatever readers report, in the order of the lines."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self._found: list[tuple[int, str]] = []
        self.root: dict[str, Any] = {}
        try:
            self.root = tomllib.loads(text)
        except (ValueError, RecursionError) as error:
            line, what = _syntax(error, text)
            self._found.append((line, f"{file}:{line}: {what}"))
        self._lines = _lines(text) if self.root else {}

    def line(self, path: Path) -> int:
        """1-based line of the value, else of the nearest table around it."""
        for end in range(len(path), 0, -1):
            found = self._lines.get(path[:end])
            if found is not None:
                return found
        return 1

    def place(self, path: Path) -> str:
        """How complaints about a value begin: `file:line: [section] key: `."""
        return f"{self.file}:{self.line(path)}: {label(path)}"

    def report(self, path: Path, what: str) -> None:
        """Add a problem: `file:line: [section] key: what`."""
        self._found.append((self.line(path), f"{self.place(path)}{what}"))

    def report_elsewhere(self, place: str, what: str) -> None:
        """Add a problem whose cause is not in the file: `place: what`."""
        self._found.append((ELSEWHERE, f"{place}: {what}"))

    @property
    def problems(self) -> list[str]:
        """All problems so far."""
        return [text for _, text in sorted(self._found, key=lambda found: found[0])]


def label(path: Path) -> str:
    """How complaints call a place: `[gateway] postgres: `, `[datasource] address: `, empty for the whole file."""
    names = [part for part in path if isinstance(part, str)]
    if not names:
        return ""
    key = ".".join(names[1:])
    return f"[{names[0]}] {key}: " if key else f"[{names[0]}]: "


def suggestion(word: str, known: Iterable[str]) -> str:
    """`; did you mean "x"?` when something known looks alike, else what is known."""
    options = sorted(known)
    close = get_close_matches(word, options, n=1, cutoff=0.6)
    return f'; did you mean "{close[0]}"?' if close else f"; known are: {', '.join(options)}"


def _syntax(error: ValueError | RecursionError, text: str) -> tuple[int, str]:
    """(line, what is wrong). For what the TOML reader fails on by itself, the likeliest line."""
    match = SYNTAX.match(str(error))
    if match is not None:
        return int(match["line"] or text.count("\n") + 1), match["what"]
    lines = text.split("\n")
    if isinstance(error, RecursionError):
        return 1 + max(range(len(lines)), key=lambda at: len(re.findall(r"[\[{.]", lines[at]))), "is nested too deeply"
    return 1 + max(range(len(lines)), key=lambda at: len(re.findall(r"[0-9_]", lines[at]))), str(error)


def _lines(text: str) -> dict[Path, int]:
    """Line of each header and key. Lines inside multi-line values are read as if they were keys: harmless here."""
    found: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    prefix: Path = ()
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if stripped.startswith("["):
            path = _names(stripped)
            if path is None:
                continue
            is_array = stripped.startswith("[[")
            if is_array:
                counts[path] = counts.get(path, -1) + 1
            prefix = _indexed(path, counts)
            for end in range(1, len(prefix) + 1):
                found.setdefault(prefix[:end], number)
        elif "=" in stripped:
            path = _names(stripped.partition("=")[0] + "=0")
            for end in range(1, len(path or ()) + 1):
                found.setdefault(prefix + (path or ())[:end], number)
    return found


def _names(line: str) -> Path | None:
    """The names in one header or key, read by the TOML reader itself; None when it is neither."""
    try:
        value: Any = tomllib.loads(line)
    except (tomllib.TOMLDecodeError, RecursionError):
        return None
    names: list[str] = []
    while isinstance(value, dict) and value:
        name, value = next(iter(value.items()))
        names.append(name)
        value = value[0] if isinstance(value, list) else value
    return tuple(names)


def _indexed(path: Path, counts: dict[Path, int]) -> Path:
    """Put the number of the present element behind each name that is an array of tables."""
    result: Path = ()
    for end in range(1, len(path) + 1):
        result = (*result, path[end - 1])
        if path[:end] in counts:
            result = (*result, counts[path[:end]])
    return result
