"""What the names of columns and tables say, in several languages. A name is a hint that values must bear out."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

_LONG: Final = 6  # letters from which a word is looked for inside compounds without separators, as in "kundentelefon"
Table = Mapping[str, tuple[tuple[str, ...], ...]]


def _read() -> tuple[Table, Table, Table, frozenset[str]]:
    root = tomllib.loads(files("tidewaiter.discovery").joinpath("words.toml").read_text(encoding="utf-8"))
    strong, weak, against = (
        MappingProxyType({kind: tuple(tuple(word.split()) for word in text.split(",")) for kind, text in part.items()})
        for part in (root["strong"], root["weak"], root["against"])
    )
    return strong, weak, against, frozenset(root["tables"]["people"].replace(",", " ").split())


STRONG, WEAK, AGAINST, PEOPLE = _read()


@dataclass(frozen=True, slots=True)
class Hints:
    """What a name says: kinds it names, kinds it may mean, kinds it speaks against."""

    strong: frozenset[str]
    weak: frozenset[str]
    against: frozenset[str]
    is_of_people: bool


@lru_cache(maxsize=4096)
def plain(text: str) -> str:
    """Without accents, lower case."""
    text = text.translate({0xF8: "o", 0xD8: "O", 0xDF: "ss", 0x142: "l", 0x141: "L", 0xE6: "ae", 0xC6: "Ae"})
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).lower()


def tokens(name: str) -> tuple[str, ...]:
    """`customerEMail_2` → customer, e, mail, 2."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return tuple(re.findall(r"[^\W\d_]+|\d+", plain(parted)))


@lru_cache(maxsize=4096)
def hints(table: str, column: str) -> Hints:
    """What the names of a column and its table say."""
    words = tokens(column)
    strong = _said(STRONG, words)
    return Hints(
        strong=strong,
        weak=_said(WEAK, words) - strong,
        against=_said(AGAINST, words, compounds=False),
        is_of_people=not PEOPLE.isdisjoint(tokens(table)),
    )


def _said(table: Table, words: tuple[str, ...], *, compounds: bool = True) -> frozenset[str]:
    joined = "".join(words)
    return frozenset(
        kind
        for kind, entries in table.items()
        if any(
            _contains(words, entry) or (compounds and len("".join(entry)) >= _LONG and "".join(entry) in joined)
            for entry in entries
        )
    )


def _contains(words: tuple[str, ...], entry: tuple[str, ...]) -> bool:
    size = len(entry)
    return any(words[start : start + size] == entry for start in range(len(words) - size + 1))
