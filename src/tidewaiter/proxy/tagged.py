"""The masks of every tagged column of a datasource, for eyes of which nobody knows whose they are. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from tidewaiter.config import Classification
from tidewaiter.masking.forms import column_mask, misfit, unmaskable
from tidewaiter.model import Column, ColumnMask
from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.entities import Path
from tidewaiter.sql.rewrite import labels_of

Masks = Mapping[Path, Mapping[str, ColumnMask]]


def masks_of_all(classification: Classification, datasource: str, catalog: Catalog) -> Masks:
    """Column → mask for each relation that holds tagged data, wherever it flows; remembered with the catalog.

    A column with several tags, and one that its mask does not fit, is NULL. Takes milliseconds per hundred views.
    """
    key = ("masks of all", datasource, id(classification))
    known: tuple[Classification, Masks] | None = catalog.remembered.get(key)
    if known is not None and known[0] is classification:
        return known[1]
    masks = {
        path: {
            column.name: _mask(classification, column, tags[column.name])
            for column in catalog.columns.get(path, ())
            if tags.get(column.name)
        }
        for path, tags in classification.by_relation(datasource).items()
    }
    found: Masks = labels_of(catalog, masks).masks
    catalog.remembered[key] = (classification, found)
    return found


def _mask(classification: Classification, column: Column, tags: tuple[str, ...]) -> ColumnMask:
    if len(tags) > 1 or misfit(classification.tags[tags[0]], column) is not None:
        return unmaskable(tags[0], column)
    return column_mask(tags[0], classification.tags[tags[0]], column)
