"""What the catalog snapshot is read with: PostgreSQL 15 to 18, any role (the catalogs used are readable by all).

Every query runs in one repeatable-read transaction with search_path = pg_catalog. Temporary and TOAST relations are
left out: they belong to sessions, and their coming and going must not look like a change of the catalog.

What came with initdb (oids below 16384) is most of a small catalog and never changes but by a superuser: a query with
the mark `of: oid` has a half of its own for that. Further marks, for `catalog_reading`: `: owner | oids || array` after
SELECT says whose rows these are and what else a row is made from; `in: oid` where reading can be limited to some
owners, on each side of a join, as the planner does not carry it over; `scoped: …` is said only then.
"""

# ruff: noqa: S608 - the pieces are constants of this file

from __future__ import annotations

from collections.abc import Mapping

_ORDINARY_SCHEMA = "n.nspname !~ '^pg_(toast|temp_|toast_temp_)'"
_USER_SCHEMA = "n.nspname not in ('pg_catalog', 'information_schema')"
_EXTENSION = """coalesce((select x.extname::text from pg_depend e join pg_extension x on x.oid = e.refobjid
                  where e.classid = '{0}'::regclass and e.objid = {1} and e.deptype = 'e' limit 1), '')"""
# What a stored expression calls: functions, and the functions of operators.
_CALLED = """and d.refclassid in ('pg_proc'::regclass, 'pg_operator'::regclass)
          join pg_proc p on p.oid = case d.refclassid when 'pg_proc'::regclass then d.refobjid
                                    else (select o.oprcode from pg_operator o where o.oid = d.refobjid) end"""

# Checks of domains, with every type that holds one: domains over it, arrays of it, composites and rows with it.
_CHECKED = """with recursive within(type, part) as materialized (
            select t.oid, t.typbasetype from pg_type t where t.typbasetype >= 16384
            union all
            select t.oid, t.typelem from pg_type t where t.typelem >= 16384
            union all
            select c.reltype, a.atttypid from pg_attribute a join pg_class c on c.oid = a.attrelid
             where a.atttypid >= 16384 and a.attnum > 0 and not a.attisdropped and c.reltype <> 0),
        checked(type, "check") as (
            select k.contypid, k.oid from pg_constraint k where k.contypid <> 0 and k.oid >= 16384
            union
            select w.type, h.check from checked h join within w on w.part = h.type)"""

_USED = "array(select u.refobjid from pg_depend u where u.classid = '{}'::regclass and u.objid = {})"
_VIEW_RULE = "(select v.oid from pg_rewrite v where v.ev_class = c.oid and v.ev_type = '1')"

_GRAMMAR_TYPE = "'^(integer|smallint|bigint|real|double precision|numeric|boolean|character|bit|time|interval)'"

QUERIES: Mapping[str, str] = {
    # schema, name, kind, columns, NOT NULL columns, is a partition
    "relations": f"""
        select /*: c.oid */ n.nspname::text, c.relname::text, c.relkind::text,
               coalesce(a.names, '{{}}'), coalesce(a.required, '{{}}'), c.relispartition
          from pg_class c
          join pg_namespace n on n.oid = c.relnamespace
          left join lateral (
                select array_agg(t.attname::text order by t.attnum) as names,
                       array_agg(t.attname::text order by t.attnum) filter (where t.attnotnull) as required
                  from pg_attribute t
                 where t.attrelid = c.oid and t.attnum > 0 and not t.attisdropped) a on true
         where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S', 'i', 'I') and {_ORDINARY_SCHEMA} /* of: c.oid */
           /* in: c.oid */
         order by 1, 2""",
    "schemas": f"""
        select /*: n.oid */ n.nspname::text from pg_namespace n where {_ORDINARY_SCHEMA} /* in: n.oid */ order by 1""",
    # child schema, child, parent schema, parent: inheritance and partitions; indexes left out
    "inheritance": """
        select /*: c.oid | p.oid */ cn.nspname::text, c.relname::text, pn.nspname::text, p.relname::text
          from pg_inherits i
          join pg_class c on c.oid = i.inhrelid join pg_namespace cn on cn.oid = c.relnamespace
          join pg_class p on p.oid = i.inhparent join pg_namespace pn on pn.oid = p.relnamespace
         where c.relkind in ('r', 'p', 'f') and c.relpersistence <> 't' /* in: i.inhrelid */ /* in: c.oid */
         order by 1, 2, 3, 4""",
    # index schema, index, table schema, table
    "indexes": f"""
        select /*: c.oid | t.oid */ n.nspname::text, c.relname::text, tn.nspname::text, t.relname::text
          from pg_index x
          join pg_class c on c.oid = x.indexrelid join pg_namespace n on n.oid = c.relnamespace
          join pg_class t on t.oid = x.indrelid join pg_namespace tn on tn.oid = t.relnamespace
         where {_ORDINARY_SCHEMA} and {_USER_SCHEMA} /* in: x.indexrelid */ /* in: c.oid */ order by 1, 2""",
    # view schema, view, used schema, used relation, used columns (null: none in particular), uses a whole row
    # (dependencies do not show whole-row references, the stored tree does)
    "view_uses": """
        select /*: v.oid | u.oid */ vn.nspname::text, v.relname::text, un.nspname::text, u.relname::text,
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
         where r.ev_type = '1' /* of: r.oid */ /* in: r.ev_class */ /* in: v.oid */
         group by vn.nspname, v.relname, un.nspname, u.relname, v.oid, u.oid order by 1, 2, 3, 4""",
    # view schema, view, function schema, function: what a view calls besides built-ins
    "view_calls": f"""
        select distinct /*: v.oid | p.oid */ vn.nspname::text, v.relname::text, n.nspname::text, p.proname::text
          from pg_rewrite r
          join pg_class v on v.oid = r.ev_class and v.relkind in ('v', 'm') and v.relpersistence <> 't'
          join pg_namespace vn on vn.oid = v.relnamespace
          join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid {_CALLED}
          join pg_namespace n on n.oid = p.pronamespace
         where r.ev_type = '1' and {_USER_SCHEMA} /* of: r.oid */ /* in: r.ev_class */ /* in: v.oid */
         order by 1, 2, 3, 4""",
    # referencing schema, table, referenced schema, table, ON DELETE action, ON UPDATE action, name, referencing and
    # referenced columns, standing: "own", "child" (repeated for a partition of the referencing table), "parent" (for
    # one of the referenced table)
    "foreign_keys": """
        select /*: c.oid | k.oid, f.oid, o.oid */ n.nspname::text, c.relname::text, fn.nspname::text, f.relname::text,
               k.confdeltype::text, k.confupdtype::text, k.conname::text,
               (select array_agg(a.attname::text order by u.at) from unnest(k.conkey) with ordinality u(num, at)
                  join pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.num),
               (select array_agg(a.attname::text order by u.at) from unnest(k.confkey) with ordinality u(num, at)
                  join pg_attribute a on a.attrelid = k.confrelid and a.attnum = u.num),
               case when k.conparentid = 0 then 'own' when o.confrelid = k.confrelid then 'child' else 'parent' end
          from pg_constraint k
          join pg_class c on c.oid = k.conrelid and c.relpersistence <> 't'
          join pg_namespace n on n.oid = c.relnamespace
          join pg_class f on f.oid = k.confrelid join pg_namespace fn on fn.oid = f.relnamespace
          left join pg_constraint o on o.oid = k.conparentid
         where k.contype = 'f' /* in: k.conrelid */ /* in: c.oid */ order by 1, 2, 3, 4, 7, 10""",
    # schema, table, trigger, function schema, function, tgtype, UPDATE OF columns, repeated for a partition, its text,
    # the function's body when that is in PL/pgSQL
    "triggers": f"""
        select /*: c.oid | t.oid, p.oid || {_USED.format("pg_trigger", "t.oid")} */
               n.nspname::text, c.relname::text, t.tgname::text, fn.nspname::text, p.proname::text, t.tgtype::int4,
               coalesce((select array_agg(a.attname::text order by a.attnum) from pg_attribute a
                          where a.attrelid = t.tgrelid and a.attnum = any (t.tgattr::int2[])), '{{}}'),
               t.tgparentid <> 0, pg_get_triggerdef(t.oid), case l.lanname when 'plpgsql' then p.prosrc else '' end
          from pg_trigger t
          join pg_class c on c.oid = t.tgrelid and c.relpersistence <> 't'
          join pg_namespace n on n.oid = c.relnamespace
          join pg_proc p on p.oid = t.tgfoid join pg_namespace fn on fn.oid = p.pronamespace
          join pg_language l on l.oid = p.prolang
         where not t.tgisinternal and t.tgenabled <> 'D' /* in: t.tgrelid */ /* in: c.oid */ order by 1, 2, 3""",
    # name, function schema, function, event
    "event_triggers": """
        select /*: e.oid | p.oid */ e.evtname::text, n.nspname::text, p.proname::text, e.evtevent::text
          from pg_event_trigger e join pg_proc p on p.oid = e.evtfoid join pg_namespace n on n.oid = p.pronamespace
         where e.evtenabled <> 'D' and e.evtevent <> 'login' /* in: e.oid */ order by 1""",
    # schema, relation, rule, event (2 update, 3 insert, 4 delete), INSTEAD, its text
    "rules": f"""
        select /*: c.oid || {_USED.format("pg_rewrite", "r.oid")} */
               n.nspname::text, c.relname::text, r.rulename::text, r.ev_type::text, r.is_instead,
               pg_get_ruledef(r.oid)
          from pg_rewrite r
          join pg_class c on c.oid = r.ev_class and c.relpersistence <> 't'
          join pg_namespace n on n.oid = c.relnamespace
         where r.ev_type <> '1' and r.ev_enabled <> 'D' /* in: r.ev_class */ /* in: c.oid */ order by 1, 2, 3""",
    # schema, table, what calls ("default", "generated", "constraint", "domain", "policy", "index", "operator class",
    # "partition key", "statistics"), its name, function schema, function: what reading, writing or planning a table
    # calls beyond triggers
    "table_calls": f"""
        {_CHECKED}, caller as (
            select d.adrelid as relid, case a.attgenerated when '' then 'default' else 'generated' end as kind,
                   a.attname::text as name, 'pg_attrdef'::regclass as classid,
                   d.oid as objid
              from pg_attrdef d join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
             where true /* in: d.adrelid */
            union all
            select k.conrelid, 'constraint', k.conname::text, 'pg_constraint'::regclass, k.oid
              from pg_constraint k where k.contype in ('c', 'x') and k.conrelid <> 0 /* in: k.conrelid */
            union all
            select a.attrelid, 'domain', k.conname::text, 'pg_constraint'::regclass, k.oid
              from checked h join pg_constraint k on k.oid = h.check
              join pg_attribute a on a.atttypid = h.type and not a.attisdropped /* in: a.attrelid */
            union all
            select y.polrelid, 'policy', y.polname::text, 'pg_policy'::regclass, y.oid from pg_policy y
             where true /* in: y.polrelid */
            union all
            select x.indrelid, 'index', i.relname::text, 'pg_class'::regclass, i.oid
              from pg_index x join pg_class i on i.oid = x.indexrelid where true /* in: x.indrelid */
            union all
            select p.partrelid, 'partition key', t.relname::text, 'pg_class'::regclass, p.partrelid
              from pg_partitioned_table p join pg_class t on t.oid = p.partrelid
             where true /* in: p.partrelid */
            union all
            select s.stxrelid, 'statistics', s.stxname::text, 'pg_statistic_ext'::regclass, s.oid
              from pg_statistic_ext s where true /* in: s.stxrelid */)
        select distinct /*: c.oid | w.objid, p.oid */
               n.nspname::text, c.relname::text, w.kind, w.name, fn.nspname::text, p.proname::text
          from caller w
          join pg_class c on c.oid = w.relid and c.relpersistence <> 't' and c.relkind in ('r', 'p', 'f', 'v')
          join pg_namespace n on n.oid = c.relnamespace
          join pg_depend d on d.classid = w.classid and d.objid = w.objid {_CALLED}
          join pg_namespace fn on fn.oid = p.pronamespace
         where {_USER_SCHEMA.replace("n.", "fn.")} /* in: c.oid */
         union
        select /*: c.oid | i.oid, p.oid */
               n.nspname::text, c.relname::text, 'operator class', i.relname::text, fn.nspname::text, p.proname::text
          from (select x.indexrelid, x.indrelid, m.amproc::oid as proc
                  from pg_amproc m
                  join pg_opclass o on o.opcfamily = m.amprocfamily
                  join pg_index x on o.oid = any (x.indclass::oid[])
                 where m.amproc::oid >= 16384 /* in: x.indrelid */
                 union
                select x.indexrelid, x.indrelid, r.rngsubdiff::oid
                  from pg_range r
                  join pg_attribute a on a.atttypid = r.rngtypid
                  join pg_index x on x.indexrelid = a.attrelid
                 where r.rngsubdiff::oid >= 16384 /* in: x.indrelid */) w
          join pg_class i on i.oid = w.indexrelid
          join pg_class c on c.oid = w.indrelid and c.relpersistence <> 't'
          join pg_namespace n on n.oid = c.relnamespace
          join pg_proc p on p.oid = w.proc
          join pg_namespace fn on fn.oid = p.pronamespace
         where {_USER_SCHEMA.replace("n.", "fn.")} /* in: c.oid */ order by 1, 2, 3, 4, 5, 6""",
    # operator class, function schema, function: what an index of that class calls, those of extensions left out
    "operator_classes": f"""
        select distinct /*: o.oid | p.oid */ o.opcname::text, n.nspname::text, p.proname::text
          from pg_opclass o
          join pg_amproc m on m.amprocfamily = o.opcfamily
          join pg_proc p on p.oid = m.amproc join pg_namespace n on n.oid = p.pronamespace
         where m.amproc::oid >= 16384 and {_USER_SCHEMA} and not exists (
               select from pg_depend e
                where e.classid = 'pg_opclass'::regclass and e.objid = o.oid and e.deptype = 'e')
         /* in: o.oid */ order by 1, 2, 3""",
    # schema, table, policy, schema and name of another relation that the policy reads to decide about rows
    "policy_reads": """
        select distinct /*: c.oid | y.oid, r.oid */
               n.nspname::text, c.relname::text, y.polname::text, rn.nspname::text, r.relname::text
          from pg_policy y
          join pg_class c on c.oid = y.polrelid and c.relpersistence <> 't'
          join pg_namespace n on n.oid = c.relnamespace
          join pg_depend d on d.classid = 'pg_policy'::regclass and d.objid = y.oid
                          and d.refclassid = 'pg_class'::regclass and d.refobjid <> y.polrelid
          join pg_class r on r.oid = d.refobjid and r.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
          join pg_namespace rn on rn.oid = r.relnamespace
         where true /* in: y.polrelid */ /* in: c.oid */ order by 1, 2, 3, 4, 5""",
    # type, function schema, function: what a cast calls to check the value of a domain, or of a domain inside
    "domain_calls": f"""
        {_CHECKED}
        select distinct /*: t.oid | k.oid, p.oid */ t.typname::text, n.nspname::text, p.proname::text
          from checked h
          join pg_type t on t.oid = h.type
          join pg_constraint k on k.oid = h.check
          join pg_depend d on d.classid = 'pg_constraint'::regclass and d.objid = k.oid {_CALLED}
          join pg_namespace n on n.oid = p.pronamespace
         where {_USER_SCHEMA} /* in: t.oid */ order by 1, 2, 3""",
    # schema, function, schema, function that it calls without its body: what an aggregate is made of, what defaults of
    # parameters call; besides built-ins
    "made_of": f"""
        select distinct /*: a.oid | p.oid */ an.nspname::text, a.proname::text, n.nspname::text, p.proname::text
          from pg_proc a
          join pg_namespace an on an.oid = a.pronamespace
          join pg_depend d on d.classid = 'pg_proc'::regclass and d.objid = a.oid {_CALLED}
          join pg_namespace n on n.oid = p.pronamespace
         where {_USER_SCHEMA} /* in: a.oid */ order by 1, 2, 3, 4""",
    # schema, name, oid, kind, language, volatility, security definer, extension, callable as column notation, and for
    # those in SQL: parameter names, body (BEGIN ATOMIC as the server prints it), settings of its own, owner
    "functions": f"""
        select /*: p.oid | t.oid || case when p.prosqlbody is not null then {_USED.format("pg_proc", "p.oid")} end */
               n.nspname::text, p.proname::text, p.oid::int8, p.prokind::text, l.lanname::text, p.provolatile::text,
               p.prosecdef, coalesce(x.extname::text, ''),
               p.pronargs > 0 and p.pronargs - p.pronargdefaults <= 1
                 and (p.provariadic <> 0 or t.typtype in ('c', 'd', 'p')),
               case when l.lanname = 'sql' then coalesce(p.proargnames, '{{}}') else '{{}}' end,
               case when l.lanname = 'sql' then coalesce(pg_get_function_sqlbody(p.oid), p.prosrc) else '' end,
               case when l.lanname = 'sql' then coalesce(p.proconfig, '{{}}') else '{{}}' end,
               case when l.lanname = 'sql' then pg_get_userbyid(p.proowner)::text else '' end
          from pg_proc p
          join pg_namespace n on n.oid = p.pronamespace
          join pg_language l on l.oid = p.prolang
          left join pg_type t on t.oid = p.proargtypes[0]
          left join pg_depend d on d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
          left join pg_extension x on x.oid = d.refobjid and d.refclassid = 'pg_extension'::regclass
         where {_USER_SCHEMA} and {_ORDINARY_SCHEMA} /* in: p.oid */ order by 1, 2, 3""",
    # "relation", "function" or "type", its schema and name; schema and name of a table that loses something when it is
    # dropped with CASCADE: a rule, policy, trigger, constraint, default, index or column. Views are in view_uses.
    "attached": """
        with part(relid, classid, objid) as (
            select k.conrelid, 'pg_constraint'::regclass, k.oid from pg_constraint k
             where k.conrelid <> 0 /* in: k.conrelid */
            union all
            select y.polrelid, 'pg_policy'::regclass, y.oid from pg_policy y where true /* in: y.polrelid */
            union all
            select g.tgrelid, 'pg_trigger'::regclass, g.oid from pg_trigger g where true /* in: g.tgrelid */
            union all
            select f.adrelid, 'pg_attrdef'::regclass, f.oid from pg_attrdef f where true /* in: f.adrelid */
            union all
            select w.ev_class, 'pg_rewrite'::regclass, w.oid from pg_rewrite w
             where w.ev_type <> '1' /* in: w.ev_class */
            union all
            select x.indrelid, 'pg_class'::regclass, x.indexrelid from pg_index x where true /* in: x.indrelid */
            union all
            select c.oid, 'pg_class'::regclass, c.oid from pg_class c where c.relkind <> 'i' /* in: c.oid */)
        select distinct /*: c.oid | d.objid, d.refobjid */ case d.refclassid when 'pg_class'::regclass then 'relation'
                             when 'pg_proc'::regclass then 'function' else 'type' end,
               rn.nspname::text, coalesce(r.relname, p.proname, t.typname)::text, n.nspname::text, c.relname::text
          from part w
          join pg_class c on c.oid = w.relid and c.relkind in ('r', 'p', 'f', 'v') and c.relpersistence <> 't'
          join pg_namespace n on n.oid = c.relnamespace
          join pg_depend d on d.classid = w.classid and d.objid = w.objid and d.refobjid >= 16384 and d.deptype = 'n'
          left join pg_class r on d.refclassid = 'pg_class'::regclass and r.oid = d.refobjid
          left join pg_proc p on d.refclassid = 'pg_proc'::regclass and p.oid = d.refobjid
          left join pg_type t on d.refclassid = 'pg_type'::regclass and t.oid = d.refobjid
          join pg_namespace rn on rn.oid = coalesce(r.relnamespace, p.pronamespace, t.typnamespace)
         where c.oid is distinct from r.oid /* in: c.oid */
         order by 1, 2, 3, 4, 5""",
    # schema, name, oids, is any of that name volatile
    "builtins": """
        select /*: p.oid */ n.nspname::text, p.proname::text, array[p.oid::int8], p.provolatile = 'v'
          from pg_proc p join pg_namespace n on n.oid = p.pronamespace
         where n.nspname in ('pg_catalog', 'information_schema') /* of: p.oid */ /* in: p.oid */ order by 1, 2, 3""",
    # operator, function schema, function, extension: operators that did not come with the server
    "operators": f"""
        select distinct /*: o.oid | p.oid */
               o.oprname::text, fn.nspname::text, p.proname::text, {_EXTENSION.format("pg_operator", "o.oid")}
          from pg_operator o
          join pg_namespace n on n.oid = o.oprnamespace
          join pg_proc p on p.oid = o.oprcode join pg_namespace fn on fn.oid = p.pronamespace
         where ({_USER_SCHEMA} or o.oid >= 16384) /* in: o.oid */ order by 1, 2, 3, 4""",
    # target type, function schema, function, source type, is the source a system type, context (e explicit,
    # a assignment, i implicit), extension: casts by functions outside pg_catalog
    "casts": f"""
        select distinct /*: c.oid | t.oid, s.oid, p.oid */
               t.typname::text, n.nspname::text, p.proname::text, s.typname::text, s.oid < 16384,
               c.castcontext::text, {_EXTENSION.format("pg_cast", "c.oid")}
          from pg_cast c
          join pg_type t on t.oid = c.casttarget
          join pg_type s on s.oid = c.castsource
          join pg_proc p on p.oid = c.castfunc join pg_namespace n on n.oid = p.pronamespace
         where {_USER_SCHEMA} /* in: c.oid */ order by 1, 2, 3, 4, 6, 7""",
    # source or target type of such a cast, schema, relation: those whose rows are of that type or hold values of it
    "cast_sources": """
        with cast_type as (
            select distinct s.oid, s.typname, s.typrelid
              from pg_cast c join pg_type s on s.oid in (c.castsource, c.casttarget)
             where c.castfunc >= 16384 and s.oid >= 16384),
        source(name, relid, oid) as (
            select s.typname, s.typrelid, s.oid from cast_type s
            union
            select s.typname, a.attrelid, s.oid
              from cast_type s
              join pg_type t on s.oid in (t.oid, t.typelem, t.typbasetype)
              join pg_attribute a on a.atttypid = t.oid and a.attnum > 0 and not a.attisdropped
               /* in: a.attrelid */)
        select /*: r.oid | s.oid */ s.name::text, n.nspname::text, r.relname::text
          from source s
          join pg_class r on r.oid = s.relid and r.relkind in ('r', 'p', 'v', 'm', 'f') and r.relpersistence <> 't'
          join pg_namespace n on n.oid = r.relnamespace
         where true /* in: r.oid */ order by 1, 2, 3""",
    # schema, relation, oid, and for each column in order: its number, its type as a cast names it, the type's oid.
    # Types of pg_catalog that the grammar itself names are written as the grammar wants them, all others with schema.
    "columns": f"""
        select /*: c.oid || array_agg(e.oid) || array_agg(a.atttypid) */
               n.nspname::text, c.relname::text, c.oid::int8, array_agg(a.attnum::int4 order by a.attnum),
               array_agg(case
                   when e.typnamespace = 'pg_catalog'::regnamespace and f.said ~ {_GRAMMAR_TYPE} then f.said
                   else quote_ident(en.nspname) || '.' || quote_ident(e.typname)
                        || coalesce(substring(f.said from '\\(.*\\)'), '')
                        || case when e.oid = a.atttypid then '' else '[]' end end order by a.attnum),
               array_agg(a.atttypid::int8 order by a.attnum)
          from pg_class c
          join pg_namespace n on n.oid = c.relnamespace
          join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
          join pg_type t on t.oid = a.atttypid
          join pg_type e on e.oid = case when t.typcategory = 'A' and t.typelem <> 0 then t.typelem else t.oid end
          join pg_namespace en on en.oid = e.typnamespace
         cross join lateral (select format_type(a.atttypid, a.atttypmod) as said) f
         where c.relkind in ('r', 'p', 'v', 'm', 'f') and c.relpersistence <> 't' and {_USER_SCHEMA}
           and {_ORDINARY_SCHEMA} /* in: c.oid */
         group by n.nspname, c.relname, c.oid order by 1, 2""",
    # type oid, ultimate base type, its kind as pg_type.typtype, is an array, has a domain with constraints on the way:
    # of every type that a column has
    "column_types": """
        with recursive used as (
            select distinct a.atttypid as oid from pg_attribute a where a.attrelid >= 16384 and a.attnum > 0
               and not a.attisdropped /* in: a.attrelid */ /* scoped: union select t.oid from pg_type t
             where t.oid = any ($1::oid[]) */),
        way as (
            select u.oid, t.oid as at, t.typtype, t.typbasetype, false as is_constrained
              from used u join pg_type t on t.oid = u.oid
            union all
            select w.oid, b.oid, b.typtype, b.typbasetype,
                   w.is_constrained or (select d.typnotnull from pg_type d where d.oid = w.at)
                   or exists (select from pg_constraint k where k.contypid = w.at)
              from way w join pg_type b on b.oid = w.typbasetype where w.typtype = 'd')
        select /*: w.oid || array(select v.at from way v where v.oid = w.oid) */ w.oid::int8,
               case when t.typnamespace = 'pg_catalog'::regnamespace then t.typname::text
                    else quote_ident(n.nspname) || '.' || quote_ident(t.typname) end,
               t.typtype::text, t.typcategory = 'A', w.is_constrained
          from way w join pg_type t on t.oid = w.at join pg_namespace n on n.oid = t.typnamespace
         where w.typtype <> 'd' order by 1""",
    # schema, table, columns of the primary key
    "primary_keys": f"""
        select /*: c.oid */ n.nspname::text, c.relname::text,
               array_agg(a.attname::text order by a.attnum)
          from pg_constraint k
          join pg_class c on c.oid = k.conrelid and c.relpersistence <> 't'
          join pg_namespace n on n.oid = c.relnamespace
          join pg_attribute a on a.attrelid = k.conrelid and a.attnum = any (k.conkey)
         where k.contype = 'p' and {_USER_SCHEMA} /* in: k.conrelid */ /* in: c.oid */
         group by n.nspname, c.relname, c.oid order by 1, 2""",
    # schema, table, what looks at its rows when they are written ("unique", also exclusions; "check", "references",
    # "referenced", "policy"), the columns that it looks at, and for "references" where: schema, table, columns there
    "guarded": """
        select /*: c.oid | f.oid */ n.nspname::text, c.relname::text, g.kind,
               array(select a.attname::text from pg_attribute a where a.attrelid = c.oid and not a.attisdropped
                        and a.attnum > 0 and g.key && array[0::int2, a.attnum] order by a.attnum),
               coalesce(fn.nspname::text, ''), coalesce(f.relname::text, ''),
               array(select attname::text from pg_attribute where attrelid = f.oid and attnum = any (others) order by 1)
          from (select x.indrelid as relid, 'unique' as kind,
                       array_remove(x.indkey::int2[], 0::int2) || array(
                         select d.refobjsubid::int2 from pg_depend d where d.classid = 'pg_class'::regclass
                            and d.objid = x.indexrelid and d.refobjid = x.indrelid and d.refobjsubid > 0) as key,
                       0::oid as other, '{}'::int2[] as others
                  from pg_index x where x.indisunique or x.indisexclusion
                union all select k.conrelid, case k.contype when 'c' then 'check' else 'references' end, k.conkey,
                       k.confrelid, k.confkey
                  from pg_constraint k where k.contype in ('c', 'f') and k.conrelid <> 0
                union all
                select k.confrelid, 'referenced', k.confkey, 0, '{}' from pg_constraint k where k.contype = 'f'
                union all select y.polrelid, 'policy', array_agg(d.refobjsubid::int2 order by d.refobjsubid), 0, '{}'
                  from pg_policy y join pg_depend d on d.classid = 'pg_policy'::regclass and d.objid = y.oid
                 where d.refclassid = 'pg_class'::regclass and d.refobjid = y.polrelid and d.refobjsubid > 0
                 group by y.oid, y.polrelid
                union all
                select p.partrelid, 'partition', array_remove(p.partattrs::int2[], 0::int2) || array(
                         select d.refobjsubid::int2 from pg_depend d where d.classid = 'pg_class'::regclass
                            and d.objid = p.partrelid and d.objsubid = 0
                            and d.refobjid = p.partrelid and d.refobjsubid > 0), 0, '{}'
                  from pg_partitioned_table p) g
          join pg_class c on c.oid = g.relid and c.relkind in ('r', 'p', 'f') and c.relpersistence <> 't'
           and c.oid >= 16384 join pg_namespace n on n.oid = c.relnamespace
          left join pg_class f on f.oid = g.other left join pg_namespace fn on fn.oid = f.relnamespace
         where true /* in: g.relid */ /* in: c.oid */ order by 1, 2, 3, 4, 5, 6, 7""",
    # schema, table, generated column, a column that it is computed from
    "generated": """
        select /*: c.oid */ n.nspname::text, c.relname::text, g.attname::text, a.attname::text
          from pg_attrdef d
          join pg_attribute g on g.attrelid = d.adrelid and g.attnum = d.adnum and g.attgenerated <> ''
          join pg_class c on c.oid = d.adrelid and c.relpersistence <> 't'
          join pg_namespace n on n.oid = c.relnamespace
          join pg_depend e on e.classid = 'pg_attrdef'::regclass and e.objid = d.oid
                          and e.refclassid = 'pg_class'::regclass and e.refobjid = c.oid
          join pg_attribute a on a.attrelid = c.oid and a.attnum = e.refobjsubid and a.attnum not in (0, d.adnum)
         where true /* in: d.adrelid */ /* in: c.oid */ order by 1, 2, 3, 4""",
    # schema, view, its query as the server prints it
    "view_definitions": f"""
        select /*: c.oid || {_USED.format("pg_rewrite", _VIEW_RULE)} */
               n.nspname::text, c.relname::text, pg_get_viewdef(c.oid)
          from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where c.relkind in ('v', 'm') and c.relpersistence <> 't' and {_USER_SCHEMA} /* in: c.oid */ order by 1, 2""",
    # schema, type: not the row types of relations, not arrays
    "types": f"""
        select /*: t.oid | t.typbasetype, t.typelem */ n.nspname::text, t.typname::text
          from pg_type t join pg_namespace n on n.oid = t.typnamespace
          left join pg_class c on c.oid = t.typrelid
         where t.typtype in ('b', 'd', 'e', 'r', 'm', 'c') and t.typcategory <> 'A'
           and (t.typrelid = 0 or c.relkind = 'c') and {_ORDINARY_SCHEMA} /* of: t.oid */
           /* in: t.oid */ order by 1, 2""",
}
