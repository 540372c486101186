"""Read `classification.toml`: which columns hold what, and which mask each tag has."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any

from tidewaiter.config.document import Document, suggestion
from tidewaiter.config.shape import Classification, Mask, split_relation
from tidewaiter.config.values import NAME

Parameter = tuple[Callable[[object], bool], str, object]
"""Whether a value fits, what is allowed, and the default (None: required)."""


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 10_000


def _is_size(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e18


MASKS: Mapping[str, Mapping[str, Parameter]] = {
    "redact": {},
    "null": {},
    "partial": {
        "keep_first": (_is_count, "a whole number from 0 to 10000", 0),
        "keep_last": (_is_count, "a whole number from 0 to 10000", 0),
        "char": (
            lambda value: isinstance(value, str) and len(value) == 1 and value.isprintable(),
            "one character",
            "*",
        ),
    },
    "email": {},
    "token": {},
    "bucket": {"size": (_is_size, "a number above 0", None)},
    "truncate": {"unit": (lambda value: value in ("year", "month", "day"), "year, month or day", None)},
    "shift": {
        "days": (lambda value: _is_count(value) and value != 0, "a whole number from 1 to 10000", None),
    },
    "fake": {},
    "free_text": {},
}


def read_classification(document: Document, datasources: Collection[str]) -> Classification:
    """Build the classification, reporting every problem to the document."""
    for key in document.root:
        if key not in ("tags", "datasource"):
            document.report((key,), f"unknown section{suggestion(key, ('tags', 'datasource'))}")
    tags = _tags(document)
    columns: dict[str, Mapping[str, Mapping[str, tuple[str, ...]]]] = {}
    lines: dict[tuple[str, str, str, str], int] = {}
    for name, tables in _table(document, "datasource").items():
        if name not in datasources:
            known = suggestion(name, datasources) if datasources else "; there is none in tidewaiter.toml"
            document.report(("datasource", name), f"unknown datasource{known}")
        if isinstance(tables, dict):
            columns[name] = MappingProxyType(_relations(document, name, tables, tags))
            for written, listed in columns[name].items():
                for column in listed:
                    place = ("datasource", name, written, column)
                    lines[name, *split_relation(written), column] = document.line(place)
        else:
            document.report(("datasource", name), 'must be a table, as [datasource.shop."public.customers"]')
    return Classification(MappingProxyType(tags), MappingProxyType(columns), MappingProxyType(lines))


def _tags(document: Document) -> dict[str, Mask]:
    tags: dict[str, Mask] = {}
    for name, table in _table(document, "tags").items():
        place = ("tags", name)
        if not NAME.fullmatch(name):
            document.report(place, "a tag must match [a-z][a-z0-9_-]*")
        if not isinstance(table, dict) or "mask" not in table:
            document.report(place, f'must be a table with a mask, as [tags.{name}] and mask = "redact"')
            tags[name] = Mask("redact")
            continue
        for key in table:
            if key != "mask":
                document.report((*place, key), f"unknown key{suggestion(key, ('mask',))}")
        tags[name] = _mask(document, name, table["mask"])
    return tags


def _mask(document: Document, tag: str, written: object) -> Mask:
    place = ("tags", tag, "mask")
    table = {"name": written} if isinstance(written, str) else written
    name = table.get("name") if isinstance(table, dict) else None
    if not isinstance(table, dict) or not isinstance(name, str):
        document.report(place, "must be the name of a mask, or a table with name and its parameters")
        return Mask("redact")
    if name not in MASKS:
        document.report(place, f'unknown mask "{name}"{suggestion(name, MASKS)}')
        return Mask("redact")
    known = MASKS[name]
    for key in table:
        if key != "name" and key not in known:
            told = suggestion(key, known) if known else f"; {name} takes none"
            document.report(place, f'unknown parameter "{key}" of {name}{told}')
    parameters: dict[str, Any] = {}
    for key, (fits, allowed, default) in known.items():
        value = table.get(key, default)
        if value is None:
            document.report(place, f'{name} needs the parameter "{key}": {allowed}')
        elif not fits(value):
            document.report(place, f'parameter "{key}" of {name} must be {allowed}')
        else:
            parameters[key] = value
    return Mask(name, MappingProxyType(parameters))


def _relations(document: Document, datasource: str, tables: Mapping[str, object],
               tags: Collection[str]) -> dict[str, Mapping[str, tuple[str, ...]]]:  # fmt: skip
    relations: dict[str, Mapping[str, tuple[str, ...]]] = {}
    seen: dict[tuple[str, str], str] = {}
    for written, columns in tables.items():
        place = ("datasource", datasource, written)
        try:
            relation = split_relation(written)
        except ValueError as error:
            document.report(place, str(error))
            continue
        if relation in seen:
            document.report(place, f'names the same table as "{seen[relation]}"')
        seen[relation] = written
        if not isinstance(columns, dict):
            document.report(place, 'must be a table of columns, as email = ["email"]')
            continue
        relations[written] = MappingProxyType(
            {column: _column(document, (*place, column), listed, tags) for column, listed in columns.items()}
        )
    return relations


def _column(document: Document, place: tuple[str, ...], listed: object, tags: Collection[str]) -> tuple[str, ...]:
    if not isinstance(listed, list) or not all(isinstance(tag, str) for tag in listed):
        document.report(place, 'must be a list of tags, as ["email"]; [] says that the column holds nothing')
        return ()
    for tag in listed:
        if tag not in tags:
            told = suggestion(tag, tags) if tags else "; there is none in [tags]"
            document.report(place, f'unknown tag "{tag}"{told}')
    return tuple(dict.fromkeys(listed))


def _table(document: Document, key: str) -> Mapping[str, object]:
    table = document.root.get(key, {})
    if isinstance(table, dict):
        return table
    document.report((key,), "must be a table")
    return {}
