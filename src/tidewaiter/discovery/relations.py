"""Which relations and columns are looked at: rows are kept once, so each is sampled once, where it is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tidewaiter.model import Column
from tidewaiter.sql.catalog import SYSTEM_SCHEMAS, Catalog

Path = tuple[str, str]
Classified = Mapping[Path, Mapping[str, tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class Source:
    """A relation that keeps rows of its own, with the columns that are looked at here and nowhere else."""

    path: Path
    kind: str
    columns: tuple[Column, ...]

    @property
    def is_foreign(self) -> bool:
        """Whether another server keeps the rows."""
        return self.kind == "f"


def sources(catalog: Catalog) -> Iterator[Source]:
    """Tables, partitioned tables as a whole, foreign tables, and materialized views whose origin is not seen.

    Left out, because tags flow to them: views, partitions, the inherited columns of children, generated columns,
    materialized views over tables of this database.
    """
    parents: dict[Path, list[Path]] = {}
    for child, parent in catalog.inheritance:
        parents.setdefault(child, []).append(parent)
    for path, relation in catalog.relations.items():
        if path[0] in SYSTEM_SCHEMAS or relation.kind not in ("r", "p", "f", "m"):
            continue
        if relation.kind == "m" and relation.base:
            continue
        inherited = {name for parent in parents.get(path, ()) for name in catalog.relations[parent].columns}
        inherited |= {generated for generated, _ in catalog.generated.get(path, ())}
        own = tuple(column for column in catalog.columns.get(path, ()) if column.name not in inherited)
        if own:
            yield Source(path, relation.kind, own)


def unclassified(catalog: Catalog, classified: Classified) -> list[tuple[Path, str]]:
    """(relation, column) of everything that `sources` looks at and that nobody has classified yet."""
    return [
        (source.path, column.name)
        for source in sources(catalog)
        for column in source.columns
        if column.name not in classified.get(source.path, {})
    ]
