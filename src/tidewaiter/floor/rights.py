"""Who may read what by the database's own rules: queries, and their answers as values."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from tidewaiter.config import Classification
from tidewaiter.masking.forms import column_mask, misfit, unmaskable
from tidewaiter.model import Column, ColumnMask
from tidewaiter.sql.catalog import SYSTEM_SCHEMAS, Catalog
from tidewaiter.sql.rewrite import labels_of

Path = tuple[str, str]
PUBLIC: Final = ""
"""The grantee that everybody is; no role has an empty name."""

_WANTED = """unnest($1::text[], $2::text[], $3::text[]) w(s, t, c)
          join pg_namespace wn on wn.nspname = w.s
          join pg_class wc on wc.relnamespace = wn.oid and wc.relname = w.t
          join pg_attribute wa on wa.attrelid = wc.oid and wa.attname = w.c and wa.attnum > 0 and not wa.attisdropped"""

# role, is superuser, may create roles, may replicate, may log in, every role whose rights it has or can take
ROLES: Final = """
    select r.rolname::text, r.rolsuper, r.rolcreaterole and current_setting('server_version_num')::int4 < 160000,
           r.rolreplication, r.rolcanlogin,
           array(select m.rolname::text from pg_roles m where pg_has_role(r.oid, m.oid, 'member') order by 1)
      from pg_roles r where r.rolname !~ '^pg_' order by 1"""

# schema, relation, owner, grantee ("" for PUBLIC), privilege, column (null: the whole relation)
GRANTS: Final = """
    select n.nspname::text, c.relname::text, pg_get_userbyid(c.relowner)::text,
           case when x.grantee = 0 then '' else pg_get_userbyid(x.grantee)::text end, x.privilege_type::text, x.name
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
     cross join lateral (
           select e.grantee, e.privilege_type, null::text as name
             from aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) e
           union all
           select e.grantee, e.privilege_type, a.attname::text
             from pg_attribute a cross join lateral aclexplode(a.attacl) e
            where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) x
     where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname not in ('pg_catalog', 'information_schema')
     order by 1, 2, 4, 5, 6"""

# schema, name, kind, arguments, owner, grantees: functions with their owner's rights, where the owner may read a column
FUNCTIONS: Final = f"""
    select n.nspname::text, p.proname::text, p.prokind::text, pg_get_function_identity_arguments(p.oid),
           pg_get_userbyid(p.proowner)::text,
           array(select case when e.grantee = 0 then '' else pg_get_userbyid(e.grantee)::text end
                   from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) e
                   where e.privilege_type = 'EXECUTE')
      from pg_proc p join pg_namespace n on n.oid = p.pronamespace
     where p.prosecdef and p.oid >= 16384
       and exists (select from {_WANTED} where has_column_privilege(p.proowner, wc.oid, wa.attnum, 'select'))
     order by 1, 2, 4"""  # noqa: S608 - constants

# role, schema, relation, column: what the login itself, or a role that it can take, may read
EXPOSED: Final = f"""
    select r.rolname::text, w.s, w.t, w.c
      from {_WANTED}
      join pg_roles r on pg_has_role(session_user, r.oid, 'member') and r.rolname !~ '^pg_'
     where has_schema_privilege(r.oid, wn.oid, 'usage') and has_column_privilege(r.oid, wc.oid, wa.attnum, 'select')
     order by 1, 2, 3, 4"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class Role:
    """A role. `reaches`: every role whose rights it has or can take with SET ROLE, itself included."""

    name: str
    is_superuser: bool
    makes_roles: bool
    replicates: bool
    logs_in: bool
    reaches: frozenset[str]


@dataclass(frozen=True, slots=True)
class Grant:
    """A right on a relation. `column` is None for all of it."""

    grantee: str
    privilege: str
    column: str | None


@dataclass(frozen=True, slots=True)
class Function:
    """A function with its owner's rights, who may read tagged columns."""

    schema: str
    name: str
    kind: str
    arguments: str
    owner: str
    grantees: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rights:
    """The answers. `grants` is by relation; the owner's own are among them."""

    roles: Mapping[str, Role]
    owners: Mapping[Path, str]
    grants: Mapping[Path, tuple[Grant, ...]]
    functions: tuple[Function, ...] = ()
    exposed: tuple[tuple[str, str, str, str], ...] = ()

    @classmethod
    def of(cls, answers: Mapping[str, Sequence[Sequence[Any]]]) -> Rights:
        """From the rows of `roles`, `grants`, `functions` and `exposed`."""
        grants: dict[Path, list[Grant]] = {}
        owners = {}
        for schema, name, owner, grantee, privilege, column in answers["grants"]:
            grants.setdefault((schema, name), []).append(Grant(grantee, privilege, column))
            owners[schema, name] = owner
        roles = {row[0]: Role(row[0], row[1], row[2], row[3], row[4], frozenset(row[5])) for row in answers["roles"]}
        functions = tuple(
            Function(row[0], row[1], row[2], row[3], row[4], tuple(row[5])) for row in answers["functions"]
        )
        exposed = tuple((row[0], row[1], row[2], row[3]) for row in answers["exposed"])
        return cls(roles, owners, MappingProxyType({k: tuple(v) for k, v in grants.items()}), functions, exposed)


@dataclass(frozen=True, slots=True)
class Tagged:
    """What must not be read: columns with their masks, of relations and of all that they flow to; and `closed`
    relations, which hold something of them in a form of their own."""

    masks: Mapping[Path, Mapping[str, ColumnMask]]
    closed: frozenset[Path]

    @property
    def columns(self) -> list[tuple[str, str, str]]:
        """(schema, relation, column) of every masked column."""
        return sorted((*path, column) for path, masks in self.masks.items() for column in masks)


def tagged(catalog: Catalog, classification: Classification, datasource: str, but: Collection[Path] = ()) -> Tagged:
    """Every tagged column and what it flows to. `but` are relations of the floor's own, which hold masked values."""
    masked: dict[Path, dict[str, ColumnMask]] = {}
    for path, columns in classification.by_relation(datasource).items():
        for column in catalog.columns.get(path, ()):
            tags = columns.get(column.name, ())
            if tags:
                masked.setdefault(path, {})[column.name] = _mask(classification, column, tags)
    labels = labels_of(catalog, masked)
    ours = {path for path in (*labels.masks, *labels.inlined, *labels.closed) if path[0] not in SYSTEM_SCHEMAS}
    ours -= set(but)
    masks = {
        path: found
        for path in sorted(ours)
        if (
            found := {
                name: mask
                for name, mask in labels.masks.get(path, {}).items()
                if name in catalog.relations[path].columns
            }
        )
    }
    return Tagged(masks, frozenset(ours & (labels.inlined.keys() | labels.closed.keys())))


def _mask(classification: Classification, column: Column, tags: tuple[str, ...]) -> ColumnMask:
    """A column with several tags, and one that its mask does not fit, is NULL."""
    mask = classification.tags[tags[0]]
    if len(tags) > 1 or misfit(mask, column) is not None:
        return unmaskable(tags[0], column)
    return column_mask(tags[0], mask, column)
