"""What is looked for: each kind is a tag, with the mask that is proposed where the tag is not defined yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final

from tidewaiter.config.shape import Mask
from tidewaiter.discovery.relations import Path
from tidewaiter.masking.forms import misfit
from tidewaiter.model import Column


def _mask(name: str, **parameters: int | float | str) -> Mask:
    return Mask(name, MappingProxyType(parameters))


MASKS: Final[Mapping[str, Mask]] = MappingProxyType({
    "email": _mask("email"),
    "phone": _mask("partial", keep_first=0, keep_last=2, char="*"),
    "ssn": _mask("partial", keep_first=0, keep_last=4, char="*"),
    "national_id": _mask("redact"),
    "card": _mask("partial", keep_first=0, keep_last=4, char="*"),
    "iban": _mask("partial", keep_first=0, keep_last=4, char="*"),
    "ip": _mask("redact"),
    "birth": _mask("truncate", unit="year"),
    "name": _mask("redact"),
    "address": _mask("redact"),
    "salary": _mask("null"),
    "special": _mask("null"),
    "secret": _mask("redact"),
    "free_text": _mask("free_text"),
    "personal_json": _mask("redact"),
})  # fmt: skip
"""Kind → mask. `special`: health, religion and the like (GDPR, article 9). `personal_json`: documents that hold what
the mask `free_text` cannot find."""


class Sureness(Enum):
    """How sure a proposal is. LIKELY is what `classify --write` writes."""

    POSSIBLE = "possible"
    LIKELY = "likely"


@dataclass(frozen=True, slots=True)
class Sample:
    """What was read of one column: values as text, NULLs counted but left out. `is_read` is false when nobody could."""

    path: Path
    column: Column
    values: tuple[str, ...] = ()
    nulls: int = 0
    is_read: bool = True


@dataclass(frozen=True, slots=True)
class Finding:
    """What a column holds, and why. Reasons name counts and places, never values."""

    kind: str
    sureness: Sureness
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A tag for a column, with the mask that the tag has or is to get. `examples` show no character of a value."""

    path: Path
    column: str
    tag: str
    mask: Mask
    sureness: Sureness
    reasons: tuple[str, ...]
    examples: tuple[str, ...]


def tag_for(kind: str, column: Column, tags: Mapping[str, Mask]) -> tuple[str, Mask]:
    """The tag for a kind, with a mask that fits the column: the tag of that name where it does, else one beside it."""
    wanted = tags.get(kind, MASKS[kind])
    if misfit(wanted, column) is None:
        return kind, wanted
    for name in ("redact", "null"):
        mask, tag = _mask(name), f"{kind}_{name}"
        if misfit(tags.get(tag, mask), column) is None:
            return tag, tags.get(tag, mask)
    raise AssertionError(f"null fits every type, {column.type} too")
