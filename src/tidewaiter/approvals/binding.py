"""What an approval holds for, as one digest: who, where, exactly which text with which values, and what it means. Pure.

The names in a statement mean what they meant when it was held: the search_path, every relation that it touches (with
columns, triggers and rules, and a view's definition) and every function that it calls are part of the digest, so that
an approved text cannot run against another table of the same name. So are the settings of the session that give a text
or its constants another meaning, and the role that it runs in.
"""

from __future__ import annotations

from hashlib import sha256

import orjson

from tidewaiter.model import Facts, Principal, Resource, ResourceType
from tidewaiter.sql.catalog import Catalog

VERSION = "tidewaiter approval v2"


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
    settings: tuple[tuple[str, str], ...],
    names: tuple[tuple[str, str], ...] = (),
) -> str:
    """The digest, 64 hexadecimal digits. `parameters` is Bind's parameter section; `transaction` is none or block.

    `settings` are the session's with their values, its role among them; `names` are the prepared statements and cursors
    of the session with what they stand for, where the text uses any.
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
        settings,
        [_meaning(facts, catalog)],
        *([names] if names else []),
    ]
    return sha256(orjson.dumps(told)).hexdigest()


def _meaning(facts: Facts, catalog: Catalog) -> list[object]:
    """What the statement does to what, as far as it is understood, with each relation and function as it is now."""
    told: list[object] = [facts.unknown]
    for touch in facts.touches:
        resource = touch.resource
        is_table = resource.type is ResourceType.TABLE
        defined = _relation(resource.path, catalog) if is_table else _functions(resource, catalog)
        told.append([touch.action, resource.type.value, resource.path, touch.columns, touch.star, defined])
    for one in facts.indirect:
        called = _functions(Resource(ResourceType.FUNCTION, one.path), catalog) if one.action == "function" else None
        told.append([one.kind, one.name, one.action, one.path, one.cause, called])
    return told


def _relation(path: tuple[str, ...], catalog: Catalog) -> list[object] | None:
    """What a relation is, None where the catalog does not have it. Another one of the same name has another number."""
    key = (path[0], path[1])
    found = catalog.relations.get(key)
    if found is None:
        return None
    number = next((oid for oid, one in catalog.relation_oids.items() if one == key), 0)
    types = [(column.name, column.type) for column in catalog.columns.get(key, ())]
    triggers = [
        (one.name, one.function, sorted(one.events), one.text, one.body) for one in catalog.triggers.get(key, ())
    ]
    rules = [(one.name, one.event, one.text) for one in catalog.rules.get(key, ())]
    return [number, found.kind, found.columns, types, catalog.view_definitions.get(key), triggers, rules]


def _functions(resource: Resource, catalog: Catalog) -> list[object] | None:
    """What the functions of a name are; the server's own stay as they are."""
    if resource.type is not ResourceType.FUNCTION or len(resource.path) != 2:
        return None
    schema, name = resource.path
    return [
        (one.oid, one.kind, one.language, one.security_definer, one.parameters, one.body, one.settings, one.owner)
        for one in catalog.functions.get(name, ())
        if one.schema == schema
    ]
