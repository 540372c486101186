"""What the catalog snapshot is read with: PostgreSQL 15 to 18, any role (the catalogs used are readable by all).

Every query runs in one repeatable-read transaction with search_path = pg_catalog. Temporary and TOAST relations are
left out: they belong to sessions, and their coming and going must not look like a change of the catalog.
"""

# ruff: noqa: S608 - the pieces are constants of this file

from __future__ import annotations

from collections.abc import Mapping

_ORDINARY_SCHEMA = "n.nspname !~ '^pg_(toast|temp_|toast_temp_)'"
_USER_SCHEMA = "n.nspname not in ('pg_catalog', 'information_schema')"
_NOT_OF_EXTENSION = (
    "not exists (select from pg_depend e where e.classid = '{0}'::regclass and e.objid = {1} and e.deptype = 'e')"
)

QUERIES: Mapping[str, str] = {
    # schema, name, kind, columns, NOT NULL columns, is a partition
    "relations": f"""
        select n.nspname::text, c.relname::text, c.relkind::text,
               coalesce(a.names, '{{}}'), coalesce(a.required, '{{}}'), c.relispartition
          from pg_class c
          join pg_namespace n on n.oid = c.relnamespace
          left join lateral (
                select array_agg(t.attname::text order by t.attnum) as names,
                       array_agg(t.attname::text order by t.attnum) filter (where t.attnotnull) as required
                  from pg_attribute t
                 where t.attrelid = c.oid and t.attnum > 0 and not t.attisdropped) a on true
         where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S', 'i', 'I') and {_ORDINARY_SCHEMA}
         order by 1, 2""",
    "schemas": f"select n.nspname::text from pg_namespace n where {_ORDINARY_SCHEMA} order by 1",
    # child schema, child, parent schema, parent: inheritance and partitions; indexes left out
    "inheritance": """
        select cn.nspname::text, c.relname::text, pn.nspname::text, p.relname::text
          from pg_inherits i
          join pg_class c on c.oid = i.inhrelid join pg_namespace cn on cn.oid = c.relnamespace
          join pg_class p on p.oid = i.inhparent join pg_namespace pn on pn.oid = p.relnamespace
         where c.relkind in ('r', 'p', 'f') and c.relpersistence <> 't' order by 1, 2, 3, 4""",
    # index schema, index, table schema, table
    "indexes": f"""
        select n.nspname::text, c.relname::text, tn.nspname::text, t.relname::text
          from pg_index x
          join pg_class c on c.oid = x.indexrelid join pg_namespace n on n.oid = c.relnamespace
          join pg_class t on t.oid = x.indrelid join pg_namespace tn on tn.oid = t.relnamespace
         where {_ORDINARY_SCHEMA} and {_USER_SCHEMA} order by 1, 2""",
    # view schema, view, used schema, used relation, used columns (null: none in particular), uses a whole row
    # (dependencies do not show whole-row references, the stored tree does)
    "view_uses": """
        select vn.nspname::text, v.relname::text, un.nspname::text, u.relname::text,
               array_agg(distinct a.attname::text order by a.attname::text),
               bool_or(r.ev_action::text ~ ':varattno 0 ')
          from pg_rewrite r
          join pg_class v on v.oid = r.ev_class and v.relkind in ('v', 'm') and v.relpersistence <> 't'
          join pg_namespace vn on vn.oid = v.relnamespace
          join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
                          and d.refclassid = 'pg_class'::regclass and d.refobjid <> r.ev_class
          join pg_class u on u.oid = d.refobjid and u.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
          join pg_namespace un on un.oid = u.relnamespace
          left join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid and d.refobjsubid <> 0
         where r.ev_type = '1' group by 1, 2, 3, 4 order by 1, 2, 3, 4""",
    # view schema, view, function schema, function: what a view calls besides built-ins
    "view_calls": f"""
        select distinct vn.nspname::text, v.relname::text, n.nspname::text, p.proname::text
          from pg_rewrite r
          join pg_class v on v.oid = r.ev_class and v.relkind in ('v', 'm') and v.relpersistence <> 't'
          join pg_namespace vn on vn.oid = v.relnamespace
          join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
                          and d.refclassid = 'pg_proc'::regclass
          join pg_proc p on p.oid = d.refobjid join pg_namespace n on n.oid = p.pronamespace
         where r.ev_type = '1' and {_USER_SCHEMA} order by 1, 2, 3, 4""",
    # referencing schema, table, referenced schema, table, ON DELETE action, ON UPDATE action
    "foreign_keys": """
        select n.nspname::text, c.relname::text, fn.nspname::text, f.relname::text,
               k.confdeltype::text, k.confupdtype::text
          from pg_constraint k
          join pg_class c on c.oid = k.conrelid and c.relpersistence <> 't'
          join pg_namespace n on n.oid = c.relnamespace
          join pg_class f on f.oid = k.confrelid join pg_namespace fn on fn.oid = f.relnamespace
         where k.contype = 'f' order by 1, 2, 3, 4, 5, 6""",
    # schema, name, oid, kind, language, volatility, security definer, extension, callable as column notation
    "functions": f"""
        select n.nspname::text, p.proname::text, p.oid::int8, p.prokind::text, l.lanname::text, p.provolatile::text,
               p.prosecdef, coalesce(x.extname::text, ''),
               p.pronargs > 0 and p.pronargs - p.pronargdefaults <= 1
                 and (p.provariadic <> 0 or t.typtype in ('c', 'd', 'p'))
          from pg_proc p
          join pg_namespace n on n.oid = p.pronamespace
          join pg_language l on l.oid = p.prolang
          left join pg_type t on t.oid = p.proargtypes[0]
          left join pg_depend d on d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
          left join pg_extension x on x.oid = d.refobjid and d.refclassid = 'pg_extension'::regclass
         where {_USER_SCHEMA} and {_ORDINARY_SCHEMA} order by 1, 2, 3""",
    # schema, name, oids, is any of that name volatile
    "builtins": """
        select n.nspname::text, p.proname::text, array_agg(p.oid::int8 order by p.oid), bool_or(p.provolatile = 'v')
          from pg_proc p join pg_namespace n on n.oid = p.pronamespace
         where n.nspname in ('pg_catalog', 'information_schema') group by 1, 2 order by 1, 2""",
    # operator, function schema, function: operators outside pg_catalog that no extension brought
    "operators": f"""
        select distinct o.oprname::text, fn.nspname::text, p.proname::text
          from pg_operator o
          join pg_namespace n on n.oid = o.oprnamespace
          join pg_proc p on p.oid = o.oprcode join pg_namespace fn on fn.oid = p.pronamespace
         where {_USER_SCHEMA} and {_NOT_OF_EXTENSION.format("pg_operator", "o.oid")} order by 1, 2, 3""",
    # target type, function schema, function, source type, is the source a system type: casts by functions outside
    # pg_catalog that no extension brought
    "casts": f"""
        select distinct t.typname::text, n.nspname::text, p.proname::text, s.typname::text, s.oid < 16384
          from pg_cast c
          join pg_type t on t.oid = c.casttarget
          join pg_type s on s.oid = c.castsource
          join pg_proc p on p.oid = c.castfunc join pg_namespace n on n.oid = p.pronamespace
         where {_USER_SCHEMA} and {_NOT_OF_EXTENSION.format("pg_cast", "c.oid")} order by 1, 2, 3, 4""",
    # source type of such a cast, schema, relation: the relations whose rows are of that type or hold values of it
    "cast_sources": """
        select distinct s.typname::text, n.nspname::text, r.relname::text
          from pg_cast c
          join pg_type s on s.oid = c.castsource
          join pg_class r on r.relkind in ('r', 'p', 'v', 'm', 'f') and r.relpersistence <> 't'
          join pg_namespace n on n.oid = r.relnamespace
         where c.castfunc >= 16384 and s.oid >= 16384
           and (s.typrelid = r.oid or exists (
                select from pg_attribute a left join pg_type t on t.oid = a.atttypid
                 where a.attrelid = r.oid and a.attnum > 0 and s.oid in (a.atttypid, t.typelem, t.typbasetype)))
         order by 1, 2, 3""",
    # schema, type: not the row types of relations, not arrays
    "types": f"""
        select n.nspname::text, t.typname::text
          from pg_type t join pg_namespace n on n.oid = t.typnamespace
          left join pg_class c on c.oid = t.typrelid
         where t.typtype in ('b', 'd', 'e', 'r', 'm', 'c') and t.typcategory <> 'A'
           and (t.typrelid = 0 or c.relkind = 'c') and {_ORDINARY_SCHEMA} order by 1, 2""",
}

SIGNATURE = """
    select (select count(*)::text || ':' || coalesce(sum(c.xmin::text::int8 * 31 + c.oid::int8), 0)::text
              from pg_class c where c.oid >= 16384 and c.relpersistence <> 't' and c.relkind <> 't')
        || '/' ||
           (select count(*)::text || ':' || coalesce(sum(a.xmin::text::int8 * 31 + a.attnum), 0)::text
              from pg_attribute a join pg_class c on c.oid = a.attrelid
             where c.oid >= 16384 and c.relpersistence <> 't' and c.relkind in ('r', 'p', 'v', 'm', 'f')
               and a.attnum > 0)
        || '/' ||
           (select count(*)::text || ':' || coalesce(sum(r.xmin::text::int8 * 31 + r.oid::int8), 0)::text
              from pg_rewrite r join pg_class c on c.oid = r.ev_class
             where r.oid >= 16384 and c.relpersistence <> 't')
        || '/' ||
           (select count(*)::text || ':' || coalesce(sum(p.xmin::text::int8 * 31 + p.oid::int8), 0)::text
              from pg_proc p where p.oid >= 16384)
        || '/' ||
           (select count(*)::text || ':' || coalesce(sum(n.xmin::text::int8 * 31 + n.oid::int8), 0)::text
              from pg_namespace n where n.nspname !~ '^pg_(temp_|toast_temp_)')
        || '/' ||
           (select count(*)::text || ':' || coalesce(sum(i.xmin::text::int8 * 31 + i.inhparent::int8), 0)::text
              from pg_inherits i)
        || '/' ||
           (select count(*)::text || ':' || coalesce(sum(k.xmin::text::int8 * 31 + k.oid::int8), 0)::text
              from pg_constraint k where k.contype = 'f')
        || '/' ||
           (select count(*)::text || ':' || coalesce(sum(t.xmin::text::int8 * 31 + t.oid::int8), 0)::text
              from pg_type t where t.oid >= 16384 and t.typtype in ('d', 'e', 'r', 'm'))
        || '/' ||
           (select count(*)::text || ':' || coalesce(sum(o.xmin::text::int8 * 31 + o.oid::int8), 0)::text
              from pg_operator o where o.oid >= 16384)
        || '/' ||
           (select count(*)::text || ':' || coalesce(sum(s.xmin::text::int8 * 31 + s.oid::int8), 0)::text
              from pg_cast s where s.oid >= 16384)"""
"""One short text that changes with every DDL that the snapshot shows.

Each change of a catalog row writes a row version with a new xmin, so the count with the sum of xmins tells inserted,
deleted and rewritten rows apart; a maximum would go wrong when transaction ids wrap, an age grows with every
transaction. VACUUM and ANALYZE update pg_class in place and do not show. Only objects above FirstNormalObjectId (16384)
count: the rest comes with initdb. A collision of the sum is made good by reading everything once a minute.
"""
