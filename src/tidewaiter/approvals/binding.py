"""What an approval holds for, as one digest: who, where, exactly which text with which values, and what it means. Pure.

The names in a statement mean what they meant when it was held: the search_path and every relation that it touches, with
its columns, are part of the digest, so that an approved text cannot run against another table of the same name.
"""

from __future__ import annotations

from hashlib import sha256

import orjson

from tidewaiter.model import Facts, Principal, ResourceType
from tidewaiter.sql.catalog import Catalog

VERSION = "tidewaiter approval v1"


def binding_of(
    principal: Principal,
    datasource: str,
    text: bytes,
    parameters: bytes,
    parameter_types: tuple[int, ...],
    transaction: str,
    facts: Facts,
    catalog: Catalog,
    search_path: tuple[str, ...],
    names: tuple[tuple[str, str], ...] = (),
) -> str:
    """The digest, 64 hexadecimal digits. `parameters` is Bind's parameter section; `transaction` is none or block.

    `names` are the prepared statements and cursors of the session with what they stand for, where the text uses any.
    """
    told = [
        VERSION,
        principal.name,
        principal.on_behalf_of,
        datasource,
        sha256(text).hexdigest(),
        sha256(parameters).hexdigest(),
        parameter_types,
        transaction,
        search_path,
        [_meaning(facts, catalog)],
        *([names] if names else []),
    ]
    return sha256(orjson.dumps(told)).hexdigest()


def _meaning(facts: Facts, catalog: Catalog) -> list[object]:
    """What the statement does to what, as far as it is understood, with each relation as it is now."""
    told: list[object] = [facts.unknown, [(one.kind, one.name, one.action, one.path) for one in facts.indirect]]
    for touch in facts.touches:
        resource = touch.resource
        relation = None
        if resource.type is ResourceType.TABLE:
            found = catalog.relations.get((resource.path[0], resource.path[1]))
            relation = (found.kind, found.columns) if found is not None else None
        told.append([touch.action, resource.type.value, resource.path, touch.columns, touch.star, relation])
    return told
