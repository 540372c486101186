"""The floor as a script: revokes, grants of what is left, masked views, and a check that undoes it all if it fails.

Every identifier is quoted, every literal escaped, and no name can end a comment. The script can be run again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tidewaiter.floor.rights import PUBLIC, Function, Path, Rights, Role, Tagged
from tidewaiter.model import ColumnMask
from tidewaiter.sql.catalog import Catalog, identifier, quoted

SCHEMA: Final = "masked_"
"""Masked views of tables of schema `public` are in schema `masked_public`."""

_OPENERS: Final[Mapping[str, str]] = {
    "pg_read_all_data": "reads every table",
    "pg_read_server_files": "reads the server's files",
    "pg_write_server_files": "writes the server's files",
    "pg_execute_server_program": "runs programs on the server",
}


@dataclass(frozen=True, slots=True)
class Floor:
    """The script, the roles that it holds, and for each of the others why no script can."""

    sql: str
    held: tuple[str, ...]
    not_held: Mapping[str, tuple[str, ...]]


def literal(text: str) -> str:
    """A text as SQL writes it, with standard_conforming_strings on."""
    return "'" + text.replace("'", "''") + "'"


def remark(text: str) -> str:
    """A comment of one line, whatever the text is."""
    return "-- " + "".join(c if c.isprintable() else "?" for c in text)


def masked_view(path: Path) -> Path:
    """Where the masked view of a table is."""
    return f"{SCHEMA}{path[0]}", path[1]


def obstacles(role: Role, rights: Rights, held: Collection[Path]) -> tuple[str, ...]:
    """Why rights cannot keep a role from reading relations."""
    found = []
    if role.is_superuser:
        return ("is a superuser",)
    if role.replicates:
        found.append("may replicate, which reads everything")
    if role.makes_roles:
        found.append("may create roles, and so take any role")
    found += [f"is a member of {name}, which {does}" for name, does in _OPENERS.items() if name in role.reaches]
    supers = sorted(name for name in role.reaches if name in rights.roles and rights.roles[name].is_superuser)
    found += [f"can become the superuser {quoted((name,))}" for name in supers]
    for owner in sorted({rights.owners[path] for path in held if path in rights.owners} & role.reaches):
        own = sorted(quoted(path) for path in held if rights.owners.get(path) == owner)
        who = "owns" if owner == role.name else f"can become {quoted((owner,))}, the owner of"
        found.append(f"{who} {', '.join(own[:3])}{', …' if len(own) > 3 else ''}")
    return tuple(found)


def script(datasource: str, database: str, wanted: Sequence[str], tables: Mapping[Path, Mapping[str, ColumnMask]],
           tagged: Tagged, catalog: Catalog, rights: Rights) -> Floor:  # fmt: skip
    """The floor under some roles. `tables`: the tagged tables themselves, which get masked views."""
    paths = {*tagged.masks, *tagged.closed}
    why = {name: obstacles(rights.roles[name], rights, paths) for name in wanted}
    held = tuple(name for name in wanted if not why[name])
    not_held = {name: reasons for name, reasons in why.items() if reasons}
    owners = sorted({rights.owners[path] for path in paths if path in rights.owners})
    lines = [
        remark(f"The floor of datasource {datasource}: the database itself keeps tagged columns from {_list(held)}."),
        remark("Made by `tidewaiter floor`. Read it, then run it with `psql -v ON_ERROR_STOP=1 -f` in database"),
        remark(f"{quoted((database,))}, as {_list(owners)} or a superuser. It can be run again."),
        remark("It is one transaction; its last statement undoes it all if a tagged column could still be read."),
    ]
    for name, reasons in not_held.items():
        lines += [remark(f"NOT HELD: {quoted((name,))} {reason}") for reason in reasons]
    if not held:
        return Floor("\n".join([*lines, remark("No role is left that rights could hold.")]) + "\n", held, not_held)
    reach = frozenset().union(*(rights.roles[name].reaches for name in held)) | {PUBLIC}
    lines += ["BEGIN;", "SET LOCAL search_path = pg_catalog;", "SET LOCAL standard_conforming_strings = on;",
              "SET LOCAL lock_timeout = '5s';"]  # fmt: skip
    for path in sorted(paths):
        lines += ["", *_relation(path, tagged, catalog, rights, reach)]
    for function in rights.functions:
        lines += _function(function, reach)
    for path in sorted(tables):
        lines += ["", *_view(path, tables[path], catalog, held)]
    lines += ["", *_check(held, tagged, rights), "COMMIT;"]
    return Floor("\n".join(lines) + "\n", held, not_held)


def _relation(path: Path, tagged: Tagged, catalog: Catalog, rights: Rights, reach: Collection[str]) -> Iterator[str]:
    masks = tagged.masks.get(path, {})
    is_closed = path in tagged.closed
    told = ", ".join(f"{quoted((column,))} ({mask.tag})" for column, mask in sorted(masks.items()))
    said = "made from tagged columns" if is_closed else told
    yield remark(f"{quoted(path)}: {said}")
    where = ".".join(map(identifier, path))
    grants = rights.grants.get(path, ())
    columns = catalog.relations[path].columns
    for grantee in sorted({one.grantee for one in grants} & set(reach) - {rights.owners.get(path, "")}):
        own = [one for one in grants if one.grantee == grantee]
        if not any(one.privilege in ("SELECT", "REFERENCES", "TRIGGER") for one in own):
            continue
        readable = {one.column for one in own if one.privilege == "SELECT"}
        left = [c for c in columns if c not in masks and (None in readable or c in readable) and not is_closed]
        yield from _others(grantee, rights, reach, rights.owners.get(path, ""))
        yield f"REVOKE SELECT, REFERENCES, TRIGGER ON TABLE {where} FROM {_who(grantee)};"
        if left:
            yield f"GRANT SELECT ({', '.join(map(identifier, left))}) ON TABLE {where} TO {_who(grantee)};"


def _others(grantee: str, rights: Rights, reach: Collection[str], owner: str) -> Iterator[str]:
    """Roles that have the right through the grantee, and lose it though no floor is asked for them."""
    others = sorted(
        name
        for name, role in rights.roles.items()
        if grantee in role.reaches and not role.is_superuser and name not in reach and owner not in role.reaches
    )
    if grantee == PUBLIC:
        yield remark("everybody has it through PUBLIC")
    elif others:
        yield remark(f"through {quoted((grantee,))} also: {_list(others)}")


def _function(function: Function, reach: Collection[str]) -> Iterator[str]:
    grantees = sorted(set(function.grantees) & set(reach) - {function.owner})
    if not grantees:
        return
    kind = "PROCEDURE" if function.kind == "p" else "FUNCTION"
    name = f"{identifier(function.schema)}.{identifier(function.name)}({function.arguments})"
    yield ""
    owner = quoted((function.owner,))
    yield remark(f"runs with the rights of {owner}, who may read tagged columns; grant it again to whom you trust")
    yield f"REVOKE EXECUTE ON {kind} {name} FROM {', '.join(map(_who, grantees))};"


def _view(path: Path, masks: Mapping[str, ColumnMask], catalog: Catalog, held: Sequence[str]) -> Iterator[str]:
    schema, name = masked_view(path)
    view = f"{identifier(schema)}.{identifier(name)}"
    columns = [
        f"{masks[column].sql.replace('{}', identifier(column))} AS {identifier(column)}" if column in masks
        else identifier(column)
        for column in catalog.relations[path].columns
    ]  # fmt: skip
    roles = ", ".join(map(identifier, held))
    yield remark(f"{quoted(path)} with masks; those with a key are NULL. It reads with the rights of who runs this.")
    yield f"CREATE SCHEMA IF NOT EXISTS {identifier(schema)};"
    yield f"CREATE OR REPLACE VIEW {view} WITH (security_barrier) AS SELECT"
    yield "    " + ",\n    ".join(columns)
    yield f"    FROM {'.'.join(map(identifier, path))};"
    yield f"GRANT USAGE ON SCHEMA {identifier(schema)} TO {roles};"
    yield f"GRANT SELECT ON {view} TO {roles};"


def _check(held: Sequence[str], tagged: Tagged, rights: Rights) -> Iterator[str]:
    rows = [*tagged.columns, *((*path, "") for path in sorted(tagged.closed))]
    columns = ",\n        ".join(f"({', '.join(map(literal, row))})" for row in rows)
    roles = ", ".join(f"({literal(name)})" for name in held)
    body = f"""
DECLARE found pg_catalog.text; counted pg_catalog.int8;
BEGIN
    WITH watched AS (
        SELECT f.role::pg_catalog.name AS role, w.s, w.t, w.c, c.oid AS relation, a.attname AS name, a.attnum AS number
          FROM (VALUES {roles}) f(role)
         CROSS JOIN (VALUES
        {columns}) w(s, t, c)
          JOIN pg_catalog.pg_namespace n ON n.nspname = w.s
          JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w.t
          JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                                        AND (a.attname = w.c OR w.c = ''))
    SELECT count(DISTINCT (w.role, w.s, w.t, w.c)),
           string_agg(DISTINCT format('%I may read %I.%I.%I', r.rolname, w.s, w.t, w.name), E'\\n')
               FILTER (WHERE has_column_privilege(r.oid, w.relation, w.number, 'select')
                          OR has_table_privilege(r.oid, w.relation, 'trigger'))
      INTO counted, found
      FROM watched w JOIN pg_catalog.pg_roles r ON pg_has_role(w.role, r.oid, 'member');
    IF counted <> {len(held) * len(rows)} THEN
        RAISE EXCEPTION 'the tables are no longer as they were when this was made: make it anew';
    END IF;
    IF found IS NOT NULL THEN
        RAISE EXCEPTION 'the floor does not hold: %', found;
    END IF;{_functions_check(rights.functions, roles)}
END """  # noqa: S608 - literals are escaped
    tag = next(tag for tag in ("$floor$", *(f"$floor{n}$" for n in range(len(body)))) if tag not in body)
    yield remark("Nothing tagged can be read now, or all of this is undone.")
    yield f"DO {tag}{body}{tag};"


def _functions_check(functions: Sequence[Function], roles: str) -> str:
    """The part of the check that asks whether a function that was taken away can still be run."""
    if not functions:
        return ""
    rows = ",\n        ".join(
        f"({', '.join(map(literal, (one.schema, one.name, one.arguments)))})" for one in functions
    )
    return f"""
    SELECT string_agg(DISTINCT format('%I may run %I.%I', r.rolname, w.s, w.f), E'\\n') INTO found
      FROM (VALUES {roles}) f(role)
     CROSS JOIN (VALUES
        {rows}) w(s, f, a)
      JOIN pg_catalog.pg_namespace n ON n.nspname = w.s
      JOIN pg_catalog.pg_proc p ON p.pronamespace = n.oid AND p.proname = w.f
                               AND pg_get_function_identity_arguments(p.oid) = w.a
      JOIN pg_catalog.pg_roles r ON pg_has_role(f.role::pg_catalog.name, r.oid, 'member')
     WHERE has_function_privilege(r.oid, p.oid, 'execute');
    IF found IS NOT NULL THEN
        RAISE EXCEPTION 'the floor does not hold: %', found;
    END IF;"""  # noqa: S608 - literals are escaped


def _who(grantee: str) -> str:
    return "PUBLIC" if grantee == PUBLIC else identifier(grantee)


def _list(names: Sequence[str]) -> str:
    return ", ".join(quoted((name,)) for name in names) or "nobody"
