"""From samples to proposed tags, and from proposals to a classification.toml that keeps what a person wrote."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tomlkit
from tomlkit.items import Table

from tidewaiter.config.classification import MASKS
from tidewaiter.config.shape import Mask, split_relation
from tidewaiter.discovery.documents import score
from tidewaiter.discovery.kinds import Proposal, Sample, tag_for
from tidewaiter.discovery.relations import Path
from tidewaiter.discovery.values import shape
from tidewaiter.sql.catalog import quoted

EXAMPLES = 3
ColumnOf = tuple[Path, str]


def propose(sample: Sample, tags: Mapping[str, Mask]) -> Proposal | None:
    """The tag for a column, if it holds anything known. `tags` are those that are defined already."""
    found = score(sample)
    if found is None:
        return None
    tag, mask = tag_for(found.kind, sample.column, tags)
    shown = dict.fromkeys(example(found.kind, value) for value in sample.values)
    examples = tuple(shown)[:EXAMPLES]
    return Proposal(sample.path, sample.column.name, tag, mask, found.sureness, found.reasons, examples)


def example(kind: str, value: str) -> str:
    """What may be shown of a value: its shape; of a secret its length alone."""
    return f"{len(value)} characters" if kind == "secret" else shape(value)


@dataclass(frozen=True, slots=True)
class Merged:
    """A classification.toml with additions, and what was added: columns, tags."""

    text: str
    columns: tuple[ColumnOf, ...]
    tags: tuple[str, ...]


def merge(text: str, datasource: str, proposals: Sequence[Proposal], empty: Collection[ColumnOf] = ()) -> Merged:
    """Add proposals, and columns that hold nothing as `[]`, to a classification.toml.

    Nothing that is there is changed, moved or removed: neither lines nor comments, neither tags of a column nor masks
    of a tag. A column that is there keeps what was decided about it. Raises tomlkit's ParseError for what is no TOML.
    """
    document = tomlkit.parse(text)
    known = document.unwrap().get("datasource", {}).get(datasource, {})
    written = {split_relation(name): name for name in known}
    wanted: dict[ColumnOf, list[str]] = {column: [] for column in empty}
    wanted |= {(one.path, one.column): [one.tag] for one in proposals}
    new = [(path, name) for path, name in sorted(wanted) if name not in known.get(written.get(path, ""), {})]
    if not new:
        return Merged(text, (), ())
    kept = {tag for column in new for tag in wanted[column]}
    added = _add_tags(document, {one.tag: one.mask for one in proposals if one.tag in kept})
    tables = _child(_child(document, "datasource"), datasource)
    for path, column in new:
        table = _child(tables, written.setdefault(path, quoted(path)))
        table.append(column, wanted[path, column])
    return Merged(tomlkit.dumps(document), tuple(new), added)


def _add_tags(document: tomlkit.TOMLDocument, masks: Mapping[str, Mask]) -> tuple[str, ...]:
    new = sorted(tag for tag in masks if tag not in document.unwrap().get("tags", {}))
    if not new:
        return ()
    tags = _child(document, "tags")
    for tag in new:
        table = tomlkit.table()
        table.append("mask", _mask(masks[tag]))
        tags.append(tag, table)
    return tuple(new)


def _mask(mask: Mask) -> Any:
    """As a person would write it: parameters that are the default are left out."""
    defaults = {key: default for key, (_, _, default) in MASKS[mask.name].items()}
    said = {key: value for key, value in mask.parameters.items() if value != defaults[key]}
    if not said:
        return mask.name
    inline = tomlkit.inline_table()
    for key, value in {"name": mask.name, **said}.items():
        inline.append(key, value)
    return inline


def _child(parent: Any, name: str) -> Any:
    """The table of that name, made at the end if it is not there. It has a heading only if it holds values."""
    if name not in parent:
        made: Table = tomlkit.table(is_super_table=not isinstance(parent, Table) or parent.is_super_table())
        parent.append(name, made)
    return parent[name]
