"""Which mask fits which column, and its SQL form: an expression of the column's exact type over a column reference.

NULL stays NULL in every mask. Names are qualified, so that nothing in a session can take them over; the final cast
keeps the types of parameters and results what they were.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from tidewaiter.config.shape import Mask
from tidewaiter.masking.spans import DETECTORS
from tidewaiter.model import Column, ColumnMask, Premise

TEXTS: Final = frozenset({"text", "varchar", "bpchar", "name"})
INTEGERS: Final[Mapping[str, int]] = {"int2": 16, "int4": 32, "int8": 64}
FLOATS: Final = frozenset({"float4", "float8"})
MOMENTS: Final = frozenset({"date", "timestamp", "timestamptz"})
JSONS: Final = frozenset({"json", "jsonb"})
REDACTED: Final = "***"

_FITS: Final[Mapping[str, frozenset[str]]] = {
    "partial": TEXTS,
    "email": TEXTS,
    "token": TEXTS | frozenset(INTEGERS) | {"uuid"},
    "bucket": frozenset(INTEGERS) | FLOATS | {"numeric"},
    "truncate": MOMENTS,
    "shift": MOMENTS,
    "fake": TEXTS,
    "free_text": TEXTS | JSONS,
}
"""Mask → base types; `redact` and `null` fit every type."""

_OF_THE_SERVER: Final = re.compile(
    r"pg_catalog\.(?:text|name|bpchar|date)|character(?: varying)?(?:\(\d+\))?|numeric(?:\(\d+,\d+\))?"
    r"|timestamp(?:\(\d\))? with(?:out)? time zone"
)
"""Types of which it is known what a cast to them does. A domain may cut, or round, as the type below it is declared."""

LATE_ONLY: Final = frozenset({"token", "shift", "fake", "free_text"})
"""Masks with a key, or beyond SQL: NULL wherever a value is used in SQL."""

_EXTENSION_TEXT: Final = re.compile(r'.*\."?citext"?\Z')


def base_of(column: Column) -> str:
    """The type that decides: domains looked through; "" for arrays and for all types that are none of the server's."""
    if column.is_array or column.kind != "b":
        return ""
    return "text" if _EXTENSION_TEXT.match(column.base) else column.base


def misfit(mask: Mask, column: Column) -> str | None:
    """Why a mask cannot be used for a column, as the end of a sentence; None when it can."""
    if column.is_constrained and mask.name != "null":
        return f"does not fit {column.type}, a domain that refuses some values: use null"
    fits = _FITS.get(mask.name)
    if fits is not None and base_of(column) not in fits:
        return f"does not fit {column.type}: it is for {', '.join(sorted(fits))}"
    if mask.name == "bucket" and base_of(column) in INTEGERS:
        size = mask.parameters["size"]
        if size != int(size) or int(size) >= 1 << INTEGERS[base_of(column)] - 1:
            return f"of size {size} does not fit {column.type}: whole numbers of the type's range"
    if mask.name == "bucket" and base_of(column) in FLOATS and float(mask.parameters["size"]) < 1:
        return f"of size {mask.parameters['size']} does not fit {column.type}: 1 or more"
    return None


def column_mask(tag: str, mask: Mask, column: Column) -> ColumnMask:
    """The mask of a column. Raises ValueError when it does not fit: what fits is checked before anything is served."""
    problem = misfit(mask, column)
    if problem is not None:
        raise ValueError(f"mask {mask.name} of tag {tag} {problem}")
    premise: Premise = ""
    is_late = mask.name in LATE_ONLY
    if not is_late and (_OF_THE_SERVER.fullmatch(column.type) or column.type == column.base):
        is_late, premise = _late(mask, column)
    return ColumnMask(tag, _sql(mask, column), is_late, _trace(mask) if base_of(column) in TEXTS else "", premise)


def _late(mask: Mask, column: Column) -> tuple[bool, Premise]:
    """Whether a mask that SQL can do is done later: where its expression costs more than a constant, and the bytes that
    the server sends say all that it takes."""
    base = base_of(column)
    if mask.name in ("partial", "email"):
        return True, "utf8"
    if mask.name == "truncate":  # where a day of timestamptz begins depends on the session's time zone
        return True, "utc" if base == "timestamptz" else "iso"
    if mask.name == "bucket" and base == "numeric":
        return float(mask.parameters["size"]).is_integer(), ""
    return False, ""


def unmaskable(tag: str, column: Column) -> ColumnMask:
    """The mask for a column whose own mask does not fit: NULL, always."""
    return ColumnMask(tag, f"NULL::{column.type}")


def _sql(mask: Mask, column: Column) -> str:
    base = base_of(column)
    if mask.name == "redact":
        constant = redacted(base)
        return (
            f"NULL::{column.type}"
            if constant is None
            else f"(CASE WHEN {{}} IS NULL THEN NULL ELSE {constant} END)::{column.type}"
        )
    if mask.name == "partial":
        return f"({_partial(mask)})::{column.type}"
    if mask.name == "email":
        return f"({_EMAIL})::{column.type}"
    if mask.name == "bucket":
        return f"({_bucket(base, float(mask.parameters['size']))})::{column.type}"
    if mask.name == "truncate":
        return f"({_truncate(base, str(mask.parameters['unit']))})::{column.type}"
    return f"NULL::{column.type}"


def redacted(base: str) -> str | None:
    """The SQL constant that stands for a redacted value of a base type; None: NULL."""
    if base in TEXTS:
        return f"'{REDACTED}'"
    if base in INTEGERS or base in FLOATS or base == "numeric":
        return "0"
    if base in JSONS:
        return f"""'"{REDACTED}"'"""
    return None


_TEXT: Final = "{}::pg_catalog.text"
_AT: Final = f"pg_catalog.strpos({_TEXT} COLLATE pg_catalog.\"C\", '@')"
"""Not in the column's collation: some have no way to look for a part, or take other characters for an @."""
_EMAIL: Final = (
    f"CASE WHEN {{}} IS NULL THEN NULL WHEN {_AT} OPERATOR(pg_catalog.>) 1 "
    f"THEN (pg_catalog.left({_TEXT}, 1) OPERATOR(pg_catalog.||) '***') OPERATOR(pg_catalog.||) "
    f"pg_catalog.substr({_TEXT}, {_AT}) ELSE '***' END"
)


def _partial(mask: Mask) -> str:
    """Values no longer than what is kept are masked whole."""
    first, last = int(mask.parameters["keep_first"]), int(mask.parameters["keep_last"])
    char = str(mask.parameters["char"]).replace("'", "''").replace("\\", "*")
    length = f"pg_catalog.char_length({_TEXT})"
    return (
        f"CASE WHEN {length} OPERATOR(pg_catalog.<=) {first + last} THEN pg_catalog.repeat('{char}', {length}) "
        f"ELSE (pg_catalog.left({_TEXT}, {first}) OPERATOR(pg_catalog.||) "
        f"pg_catalog.repeat('{char}', {length} OPERATOR(pg_catalog.-) {first + last})) "
        f"OPERATOR(pg_catalog.||) pg_catalog.right({_TEXT}, {last}) END"
    )


def _bucket(base: str, size: float) -> str:
    """The multiple of `size` towards zero: never beyond what the type holds."""
    number = str(int(size)) if size == int(size) else repr(float(size))
    if base in FLOATS:
        value, step = "{}::pg_catalog.float8", f"{number}::pg_catalog.float8"
        return (
            f"CASE WHEN pg_catalog.abs({value}) OPERATOR(pg_catalog.<) {step} THEN 0::pg_catalog.float8 ELSE "
            f"pg_catalog.trunc({value} OPERATOR(pg_catalog./) {step}) OPERATOR(pg_catalog.*) {step} END"
        )
    if base == "numeric":
        return f"{{}} OPERATOR(pg_catalog.-) ({{}} OPERATOR(pg_catalog.%) {number}::pg_catalog.numeric)"
    return f"{{}} OPERATOR(pg_catalog.-) ({{}} OPERATOR(pg_catalog.%) {number}::pg_catalog.{base})"


def _truncate(base: str, unit: str) -> str:
    if base == "date":
        # Not date_trunc: it goes through timestamp, which ends earlier than date.
        part = {"year": "doy", "month": "day"}.get(unit)
        if part is None:
            return "{}"
        back = f"pg_catalog.\"extract\"('{part}', {{}})::pg_catalog.int4 OPERATOR(pg_catalog.-) 1"
        return f"CASE WHEN pg_catalog.isfinite({{}}) THEN {{}} OPERATOR(pg_catalog.-) ({back}) ELSE {{}} END"
    return f"pg_catalog.date_trunc('{unit}', {{}})"


def _trace(mask: Mask) -> str:
    """What masked values look like, for refusing to write one back over the real value."""
    if mask.name == "redact":
        return re.escape(REDACTED)
    if mask.name == "email":
        return r".?\*\*\*(@.*)?"
    if mask.name == "partial":
        first, last = mask.parameters["keep_first"], mask.parameters["keep_last"]
        return f"(?s:.{{{first}}}){re.escape(str(mask.parameters['char']))}+(?s:.{{{last}}})"
    if mask.name == "token":
        return r"tok_[a-z2-7]{26}"
    if mask.name == "free_text":
        kinds = "|".join(re.escape(one.kind) for one in DETECTORS)
        return rf"(?s:.*)\[(?:{kinds})\](?s:.*)"
    return ""
