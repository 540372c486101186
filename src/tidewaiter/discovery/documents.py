"""JSON columns: every path of the sampled documents is judged like a column named by its last key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from tidewaiter.discovery.kinds import Finding, Sample, Sureness
from tidewaiter.discovery.score import best
from tidewaiter.masking.forms import JSONS
from tidewaiter.model import Column

PATHS: Final = 500  # looked at, of documents whose keys are data
DEPTH: Final = 20
SPANS: Final = frozenset({"email", "phone", "ssn", "card", "iban", "ip", "free_text"})
"""Kinds that the mask `free_text` finds in documents, if they are written in the usual way."""

_TYPES: Final = {str: ("text", 25), int: ("int8", 20), float: ("numeric", 1700)}


def leaves(value: object, path: tuple[str, ...] = (), depth: int = 0) -> Iterator[tuple[tuple[str, ...], object]]:
    """(keys, scalar) of every text and number; elements of an array share its path."""
    if depth > DEPTH:
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key), depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, path, depth + 1)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield path, value


def score(sample: Sample) -> Finding | None:
    """What a column holds, None for nothing that is known.

    For JSON: `free_text` when its mask finds what the documents hold, `personal_json` when it would miss something.
    """
    if sample.column.base not in JSONS or sample.column.is_array:
        return best(sample)
    found: dict[str, Finding] = {}
    columns: dict[tuple[str, ...], list[object]] = {}
    for text in sample.values:
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):  # cut off, or nested beyond reason: judged as the text it is
            columns.setdefault(("",), []).append(text)
            continue
        for path, value in leaves(document):
            if path in columns or len(columns) < PATHS:
                columns.setdefault(path, []).append(value)
    for path, values in columns.items():
        base, oid = _TYPES[type(values[0])]
        name = path[-1] if path and path[-1] else sample.column.name
        column = Column(name, sample.column.number, base, oid, base)
        table = "_".join((sample.path[1], sample.column.name, *path[:-1]))
        inner = replace(sample, path=(sample.path[0], table), column=column, values=tuple(map(_written, values)))
        finding = best(inner)
        if finding is not None:
            found[".".join(("$", *path)) if path != ("",) else "$"] = finding
    return _together(found)


def _written(value: object) -> str:
    """A scalar as text; lone surrogates, which JSON may escape and UTF-8 has not, become question marks."""
    return str(value).encode(errors="replace").decode()


def _together(found: dict[str, Finding]) -> Finding | None:
    if not found:
        return None
    likely = {path: one for path, one in found.items() if one.sureness is Sureness.LIKELY}
    kinds = {one.kind for one in (likely or found).values()}
    reasons = tuple(f"{path} holds {one.kind}: {one.reasons[0]}" for path, one in found.items())
    sureness = Sureness.LIKELY if likely else Sureness.POSSIBLE
    return Finding("free_text" if kinds <= SPANS else "personal_json", sureness, reasons)
