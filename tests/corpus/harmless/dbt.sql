-- dbt-core 1.10, dbt-postgres 1.11: debug, seed, run twice, snapshot twice, test, source freshness, show, docs generate; recorded from the server's log

--@ who analyst, agent
select 1 as id

--@ who analyst, agent
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "connection_name": "list_shop"} */
    select distinct nspname from pg_namespace

--@ who analyst, agent
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "connection_name": "list_shop_analytics"} */
select
      'shop' as database,
      tablename as name,
      schemaname as schema,
      'table' as type
    from pg_tables
    where schemaname ilike 'analytics'
    union all
    select
      'shop' as database,
      viewname as name,
      schemaname as schema,
      'view' as type
    from pg_views
    where schemaname ilike 'analytics'
    union all
    select
      'shop' as database,
      matviewname as name,
      schemaname as schema,
      'materialized_view' as type
    from pg_matviews
    where schemaname ilike 'analytics'
    union all
    select distinct
     'shop' as database,
     proname as name,
     ns.nspname as schema,
     'function' as type
    from pg_proc
     join pg_namespace as ns on pronamespace = ns.oid
    where ns.nspname ilike 'analytics'

--@ who analyst, agent
ROLLBACK

--@ who analyst, agent
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "connection_name": "master"} */
select distinct
        dependent_namespace.nspname as dependent_schema,
        dependent_class.relname as dependent_name,
        referenced_namespace.nspname as referenced_schema,
        referenced_class.relname as referenced_name
    -- Query for views: views are entries in pg_class with an entry in pg_rewrite, but we avoid
    -- a seq scan on pg_rewrite by leveraging the fact there is an "internal" row in pg_depend for
    -- the view...
    from pg_class as dependent_class
    join pg_namespace as dependent_namespace on dependent_namespace.oid = dependent_class.relnamespace
    join pg_depend as dependent_depend on dependent_depend.refobjid = dependent_class.oid
        and dependent_depend.classid = 'pg_rewrite'::regclass
        and dependent_depend.refclassid = 'pg_class'::regclass
        and dependent_depend.deptype = 'i'
    -- ... and via pg_depend (that has a row per column, hence the need for "distinct" above, and
    -- making sure to exclude the internal row to avoid a view appearing to depend on itself)...
    join pg_depend as joining_depend on joining_depend.objid = dependent_depend.objid
        and joining_depend.classid = 'pg_rewrite'::regclass
        and joining_depend.refclassid = 'pg_class'::regclass
        and joining_depend.refobjid != dependent_depend.refobjid
    -- ... we can find the tables they query from in pg_class, but excluding system tables. Note we
    -- don't need need to exclude _dependent_ system tables, because they only query from other
    -- system tables, and so are automatically excluded by excluding _referenced_ system tables
    join pg_class as referenced_class on referenced_class.oid = joining_depend.refobjid
    join pg_namespace as referenced_namespace on referenced_namespace.oid = referenced_class.relnamespace
        and referenced_namespace.nspname != 'information_schema'
        and referenced_namespace.nspname not like 'pg\_%'
    order by
        dependent_schema, dependent_name, referenced_schema, referenced_name;

--@ who analyst, agent
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "node_id": "model.shop.order_totals"} */
      select
          column_name,
          data_type,
          character_maximum_length,
          numeric_precision,
          numeric_scale
      from "shop".INFORMATION_SCHEMA.columns
      where table_name = 'order_totals'
        and table_schema = 'analytics'
      order by ordinal_position

--@ who analyst, agent
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "node_id": "model.shop.recent_orders"} */
      select
          column_name,
          data_type,
          character_maximum_length,
          numeric_precision,
          numeric_scale
      from INFORMATION_SCHEMA.columns
      where table_name = 'recent_orders__dbt_tmp172143687020'
      order by ordinal_position

--@ who analyst, agent
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "node_id": "model.shop.recent_orders"} */
      select
          column_name,
          data_type,
          character_maximum_length,
          numeric_precision,
          numeric_scale
      from "shop".INFORMATION_SCHEMA.columns
      where table_name = 'recent_orders'
        and table_schema = 'analytics'
      order by ordinal_position

--@ who analyst, agent
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "node_id": "snapshot.shop.orders_history"} */
select * from (
    select *,
        md5(coalesce(cast(id as varchar ), '')
         || '|' || coalesce(cast(now()::timestamp without time zone as varchar ), '')
        ) as dbt_scd_id,
        now()::timestamp without time zone as dbt_updated_at,
        now()::timestamp without time zone as dbt_valid_from,
  coalesce(nullif(now()::timestamp without time zone, now()::timestamp without time zone), null)
  as dbt_valid_to
from (
select id, status from "shop"."public"."orders"
    ) sbq
    ) as __dbt_sbq
    where false
    limit 0

--@ who analyst, agent
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "node_id": "snapshot.shop.orders_history"} */
select * from (
        select now()::timestamp without time zone as dbt_snapshot_time
    ) as __dbt_sbq
    where false
    limit 0

--@ who analyst, agent
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "node_id": "snapshot.shop.orders_history"} */
select * from (
        select status from (
select id, status from "shop"."public"."orders"
            ) subq
    ) as __dbt_sbq
    where false
    limit 0

--@ who analyst, agent
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "node_id": "snapshot.shop.orders_history"} */
      select
          column_name,
          data_type,
          character_maximum_length,
          numeric_precision,
          numeric_scale
      from "shop".INFORMATION_SCHEMA.columns
      where table_name = 'orders_history'
        and table_schema = 'analytics'
      order by ordinal_position

--@ who analyst, agent
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "node_id": "snapshot.shop.orders_history"} */
      select
          column_name,
          data_type,
          character_maximum_length,
          numeric_precision,
          numeric_scale
      from INFORMATION_SCHEMA.columns
      where table_name = 'orders_history__dbt_tmp172200964693'
      order by ordinal_position

--@ who analyst, agent
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "node_id": "test.shop.source_not_null_public_orders_id.27015be807"} */
    select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select id
from "shop"."public"."orders"
where id is null
    ) dbt_internal_test

--@ who analyst, agent
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "node_id": "test.shop.source_unique_public_orders_id.73d769d156"} */
    select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select
    id as unique_field,
    count(*) as n_records
from "shop"."public"."orders"
where id is not null
group by id
having count(*) > 1
    ) dbt_internal_test

--@ who analyst, agent
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "node_id": "source.shop.public.orders"} */
select
      max(now()) as max_loaded_at,
      now() as snapshotted_at
    from "shop"."public"."orders"

--@ who analyst, agent
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "node_id": "model.shop.order_totals"} */
  select customer_id, sum(total) as total from "shop"."public"."orders" group by 1
  limit 5

--@ who analyst, agent
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "connection_name": "shop.information_schema"} */
    select
        'shop' as table_database,
        sch.nspname as table_schema,
        tbl.relname as table_name,
        case tbl.relkind
            when 'v' then 'VIEW'
            when 'm' then 'MATERIALIZED VIEW'
            else 'BASE TABLE'
        end as table_type,
        tbl_desc.description as table_comment,
        col.attname as column_name,
        col.attnum as column_index,
        pg_catalog.format_type(col.atttypid, col.atttypmod) as column_type,
        col_desc.description as column_comment,
        pg_get_userbyid(tbl.relowner) as table_owner
    from pg_catalog.pg_namespace sch
    join pg_catalog.pg_class tbl on tbl.relnamespace = sch.oid
    join pg_catalog.pg_attribute col on col.attrelid = tbl.oid
    left outer join pg_catalog.pg_description tbl_desc on (tbl_desc.objoid = tbl.oid and tbl_desc.objsubid = 0)
    left outer join pg_catalog.pg_description col_desc on (col_desc.objoid = tbl.oid and col_desc.objsubid = col.attnum)
    where ((upper(sch.nspname) = upper('analytics') and
           upper(tbl.relname) = upper('orders_history')) or (upper(sch.nspname) = upper('analytics') and
           upper(tbl.relname) = upper('total_copy')) or (upper(sch.nspname) = upper('analytics') and
           upper(tbl.relname) = upper('recent_orders')) or (upper(sch.nspname) = upper('analytics') and
           upper(tbl.relname) = upper('order_totals')) or (upper(sch.nspname) = upper('public') and
           upper(tbl.relname) = upper('customers')) or (upper(sch.nspname) = upper('analytics') and
           upper(tbl.relname) = upper('statuses')) or (upper(sch.nspname) = upper('analytics') and
           upper(tbl.relname) = upper('customer_table')) or (upper(sch.nspname) = upper('public') and
           upper(tbl.relname) = upper('orders')))
      and not pg_is_other_temp_schema(sch.oid) -- not a temporary schema belonging to another session
      and tbl.relpersistence in ('p', 'u') -- [p]ermanent table or [u]nlogged table. Exclude [t]emporary tables
      and tbl.relkind in ('r', 'v', 'f', 'p', 'm') -- o[r]dinary table, [v]iew, [f]oreign table, [p]artitioned table, [m]aterialized view. Other values are [i]ndex, [S]equence, [c]omposite type, [t]OAST table
      and col.attnum > 0 -- negative numbers are used for system columns such as oid
      and not col.attisdropped -- column as not been dropped
    order by
        sch.nspname,
        tbl.relname,
        col.attnum

-- deny for agent: agents-never-change: create on datasource shop is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits create on datasource shop
-- deny for writer: default-deny: no policy permits create on datasource shop
--@ who dba
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "connection_name": "create_shop_analytics"} */
create schema if not exists "analytics"

-- deny for agent: agents-never-change: create on table analytics.statuses is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits create on table analytics.statuses
-- deny for writer: default-deny: no policy permits create on table analytics.statuses
--@ who dba
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "node_id": "seed.shop.statuses"} */
    create table "shop"."analytics"."statuses" ("code" text,"label" text)

-- deny for agent: agents-never-change: create on table analytics.order_totals__dbt_tmp is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits create on table analytics.order_totals__dbt_tmp
-- deny for writer: default-deny: no policy permits create on table analytics.order_totals__dbt_tmp
--@ who dba
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "node_id": "model.shop.order_totals"} */
  create view "shop"."analytics"."order_totals__dbt_tmp"
  as (
    select customer_id, sum(total) as total from "shop"."public"."orders" group by 1
  );

-- deny for agent: agents-never-change: drop on table analytics.order_totals__dbt_backup is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits drop on table analytics.order_totals__dbt_backup
-- deny for writer: default-deny: no policy permits drop on table analytics.order_totals__dbt_backup
--@ who dba
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "node_id": "model.shop.order_totals"} */
drop view if exists "shop"."analytics"."order_totals__dbt_backup" cascade

-- deny for agent: agents-never-change: create on table analytics.recent_orders is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits create on table analytics.recent_orders
-- deny for writer: default-deny: no policy permits create on table analytics.recent_orders
--@ who dba
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "node_id": "model.shop.recent_orders"} */
  create  table "shop"."analytics"."recent_orders"
    as
  (
select id, status, total from "shop"."public"."orders"
  );

-- deny for agent: agents-never-change: drop on table analytics.customer_table__dbt_backup is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits drop on table analytics.customer_table__dbt_backup
-- deny for writer: default-deny: no policy permits drop on table analytics.customer_table__dbt_backup
--@ who dba
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "node_id": "model.shop.customer_table"} */
drop table if exists "shop"."analytics"."customer_table__dbt_backup" cascade

-- deny for agent: agents-never-change: drop on table analytics.total_copy__dbt_backup is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits drop on table analytics.total_copy__dbt_backup
-- deny for writer: default-deny: no policy permits drop on table analytics.total_copy__dbt_backup
--@ who dba
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "node_id": "model.shop.total_copy"} */
drop materialized view if exists "shop"."analytics"."total_copy__dbt_backup" cascade

-- deny for agent: agents-never-change: drop on table analytics.total_copy__dbt_tmp is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits drop on table analytics.total_copy__dbt_tmp
-- deny for writer: default-deny: no policy permits drop on table analytics.total_copy__dbt_tmp
--@ who dba
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "node_id": "model.shop.total_copy"} */
drop materialized view if exists "shop"."analytics"."total_copy__dbt_tmp" cascade

-- deny for agent: agents-never-change: create on table analytics.orders_history is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits create on table analytics.orders_history
-- deny for writer: default-deny: no policy permits create on table analytics.orders_history
--@ who dba
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "node_id": "snapshot.shop.orders_history"} */
  create  table "shop"."analytics"."orders_history"
    as
  (
    select *,
        md5(coalesce(cast(id as varchar ), '')
         || '|' || coalesce(cast(now()::timestamp without time zone as varchar ), '')
        ) as dbt_scd_id,
        now()::timestamp without time zone as dbt_updated_at,
        now()::timestamp without time zone as dbt_valid_from,
  coalesce(nullif(now()::timestamp without time zone, now()::timestamp without time zone), null)
  as dbt_valid_to
from (
select id, status from "shop"."public"."orders"
    ) sbq
  );

-- one session: what needs what came before it; dba is the first who may run all of it
--@ who dba
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "node_id": "seed.shop.statuses"} */
    create table "shop"."analytics"."statuses" ("code" text,"label" text)
--> allow
insert into "shop"."analytics"."statuses" ("code", "label") values
          ('new','New'),('paid','Paid')
--> allow
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "node_id": "model.shop.order_totals"} */
  create view "shop"."analytics"."order_totals__dbt_tmp"
  as (
    select customer_id, sum(total) as total from "shop"."public"."orders" group by 1
  );
--> allow
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "node_id": "model.shop.order_totals"} */
alter table "shop"."analytics"."order_totals__dbt_tmp" rename to "order_totals"
--> allow
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "node_id": "model.shop.order_totals"} */
  comment on view "shop"."analytics"."order_totals" is $dbt_comment_literal_block$Totals$dbt_comment_literal_block$;
--> allow
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "node_id": "model.shop.order_totals"} */
    comment on column "shop"."analytics"."order_totals".customer_id is $dbt_comment_literal_block$who$dbt_comment_literal_block$;
--> allow
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "node_id": "model.shop.recent_orders"} */
  create  table "shop"."analytics"."recent_orders"
    as
  (
select id, status, total from "shop"."public"."orders"
  );
--> allow
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "node_id": "model.shop.recent_orders"} */
    create unique index if not exists
  "5bc3ff6a7b5da10344323e9bed2e486c"
  on "shop"."analytics"."recent_orders"
  (id)
--> allow
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "node_id": "model.shop.customer_table"} */
  create  table "shop"."analytics"."customer_table__dbt_tmp"
    as
  (
select c.id, c.name, t.total from "shop"."public"."customers" c left join "shop"."analytics"."order_totals" t on t.customer_id = c.id
  );
--> allow
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "node_id": "model.shop.customer_table"} */
alter table "shop"."analytics"."customer_table__dbt_tmp" rename to "customer_table"
--> allow
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "node_id": "model.shop.total_copy"} */
    create materialized view if not exists "shop"."analytics"."total_copy" as
select total from "shop"."analytics"."order_totals";
--> allow
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "node_id": "model.shop.order_totals"} */
alter table "shop"."analytics"."order_totals" rename to "order_totals__dbt_backup"
--> allow
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "node_id": "model.shop.recent_orders"} */
  create temporary table "recent_orders__dbt_tmp172143687020"
    as
  (
select id, status, total from "shop"."public"."orders"
 where id > (select max(id) from "shop"."analytics"."recent_orders")
  );
--> allow
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "node_id": "model.shop.recent_orders"} */
        delete from "shop"."analytics"."recent_orders" as DBT_INTERNAL_DEST
        where (id) in (
            select distinct id
            from "recent_orders__dbt_tmp172143687020" as DBT_INTERNAL_SOURCE
        );
    insert into "shop"."analytics"."recent_orders" ("id", "status", "total")
    (
        select "id", "status", "total"
        from "recent_orders__dbt_tmp172143687020"
    )
--> allow
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "node_id": "model.shop.customer_table"} */
alter table "shop"."analytics"."customer_table" rename to "customer_table__dbt_backup"
--> allow
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "node_id": "snapshot.shop.orders_history"} */
  create  table "shop"."analytics"."orders_history"
    as
  (
    select *,
        md5(coalesce(cast(id as varchar ), '')
         || '|' || coalesce(cast(now()::timestamp without time zone as varchar ), '')
        ) as dbt_scd_id,
        now()::timestamp without time zone as dbt_updated_at,
        now()::timestamp without time zone as dbt_valid_from,
  coalesce(nullif(now()::timestamp without time zone, now()::timestamp without time zone), null)
  as dbt_valid_to
from (
select id, status from "shop"."public"."orders"
    ) sbq
  );
--> allow
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "node_id": "snapshot.shop.orders_history"} */
  create temporary table "orders_history__dbt_tmp172200964693"
    as
  (
    with snapshot_query as (
select id, status from "shop"."public"."orders"
    ),
    snapshotted_data as (
        select *,
        id as dbt_unique_key
        from "shop"."analytics"."orders_history"
        where
                dbt_valid_to is null
    ),
    insertions_source_data as (
        select *,
        id as dbt_unique_key
,
            now()::timestamp without time zone as dbt_updated_at,
            now()::timestamp without time zone as dbt_valid_from,
  coalesce(nullif(now()::timestamp without time zone, now()::timestamp without time zone), null)
  as dbt_valid_to
,
            md5(coalesce(cast(id as varchar ), '')
         || '|' || coalesce(cast(now()::timestamp without time zone as varchar ), '')
        ) as dbt_scd_id
        from snapshot_query
    ),
    updates_source_data as (
        select *,
        id as dbt_unique_key
,
            now()::timestamp without time zone as dbt_updated_at,
            now()::timestamp without time zone as dbt_valid_from,
            now()::timestamp without time zone as dbt_valid_to
        from snapshot_query
    ),
    insertions as (
        select
            'insert' as dbt_change_type,
            source_data.*
        from insertions_source_data as source_data
        left outer join snapshotted_data
            on
        snapshotted_data.dbt_unique_key = source_data.dbt_unique_key
            where
        snapshotted_data.dbt_unique_key is null
            or (
        snapshotted_data.dbt_unique_key is not null
 and (
               (snapshotted_data."status" != source_data."status"
        or
        (
            ((snapshotted_data."status" is null) and not (source_data."status" is null))
            or
            ((not snapshotted_data."status" is null) and (source_data."status" is null))
        ))
            )
        )
    ),
    updates as (
        select
            'update' as dbt_change_type,
            source_data.*,
            snapshotted_data.dbt_scd_id
        from updates_source_data as source_data
        join snapshotted_data
            on
        snapshotted_data.dbt_unique_key = source_data.dbt_unique_key
        where (
            (snapshotted_data."status" != source_data."status"
        or
        (
            ((snapshotted_data."status" is null) and not (source_data."status" is null))
            or
            ((not snapshotted_data."status" is null) and (source_data."status" is null))
        ))
        )
    )
    select * from insertions
    union all
    select * from updates
  );
--> allow
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "node_id": "snapshot.shop.orders_history"} */
select * from (
    with snapshot_query as (
select id, status from "shop"."public"."orders"
    ),
    snapshotted_data as (
        select *,
        id as dbt_unique_key
        from "shop"."analytics"."orders_history"
        where
                dbt_valid_to is null
    ),
    insertions_source_data as (
        select *,
        id as dbt_unique_key
,
            now()::timestamp without time zone as dbt_updated_at,
            now()::timestamp without time zone as dbt_valid_from,
  coalesce(nullif(now()::timestamp without time zone, now()::timestamp without time zone), null)
  as dbt_valid_to
,
            md5(coalesce(cast(id as varchar ), '')
         || '|' || coalesce(cast(now()::timestamp without time zone as varchar ), '')
        ) as dbt_scd_id
        from snapshot_query
    ),
    updates_source_data as (
        select *,
        id as dbt_unique_key
,
            now()::timestamp without time zone as dbt_updated_at,
            now()::timestamp without time zone as dbt_valid_from,
            now()::timestamp without time zone as dbt_valid_to
        from snapshot_query
    ),
    insertions as (
        select
            'insert' as dbt_change_type,
            source_data.*
        from insertions_source_data as source_data
        left outer join snapshotted_data
            on
        snapshotted_data.dbt_unique_key = source_data.dbt_unique_key
            where
        snapshotted_data.dbt_unique_key is null
            or (
        snapshotted_data.dbt_unique_key is not null
 and (
               (snapshotted_data."status" != source_data."status"
        or
        (
            ((snapshotted_data."status" is null) and not (source_data."status" is null))
            or
            ((not snapshotted_data."status" is null) and (source_data."status" is null))
        ))
            )
        )
    ),
    updates as (
        select
            'update' as dbt_change_type,
            source_data.*,
            snapshotted_data.dbt_scd_id
        from updates_source_data as source_data
        join snapshotted_data
            on
        snapshotted_data.dbt_unique_key = source_data.dbt_unique_key
        where (
            (snapshotted_data."status" != source_data."status"
        or
        (
            ((snapshotted_data."status" is null) and not (source_data."status" is null))
            or
            ((not snapshotted_data."status" is null) and (source_data."status" is null))
        ))
        )
    )
    select * from insertions
    union all
    select * from updates
    ) as __dbt_sbq
    where false
    limit 0
--> allow
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "node_id": "snapshot.shop.orders_history"} */
      update "shop"."analytics"."orders_history"
    set dbt_valid_to = DBT_INTERNAL_SOURCE.dbt_valid_to
    from "orders_history__dbt_tmp172200964693" as DBT_INTERNAL_SOURCE
    where DBT_INTERNAL_SOURCE.dbt_scd_id::text = "shop"."analytics"."orders_history".dbt_scd_id::text
      and DBT_INTERNAL_SOURCE.dbt_change_type::text in ('update'::text, 'delete'::text)
        and "shop"."analytics"."orders_history".dbt_valid_to is null;
    insert into "shop"."analytics"."orders_history" ("id", "status", "dbt_updated_at", "dbt_valid_from", "dbt_valid_to", "dbt_scd_id")
    select DBT_INTERNAL_SOURCE."id",DBT_INTERNAL_SOURCE."status",DBT_INTERNAL_SOURCE."dbt_updated_at",DBT_INTERNAL_SOURCE."dbt_valid_from",DBT_INTERNAL_SOURCE."dbt_valid_to",DBT_INTERNAL_SOURCE."dbt_scd_id"
    from "orders_history__dbt_tmp172200964693" as DBT_INTERNAL_SOURCE
    where DBT_INTERNAL_SOURCE.dbt_change_type::text = 'insert'::text;
--> allow
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "node_id": "test.shop.accepted_values_recent_orders_status__new__paid.820455b13a"} */
    select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
with all_values as (
    select
        status as value_field,
        count(*) as n_records
    from "shop"."analytics"."recent_orders"
    group by status
)
select *
from all_values
where value_field not in (
    'new','paid'
)
    ) dbt_internal_test
--> allow
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "node_id": "test.shop.not_null_order_totals_customer_id.9ba12e8434"} */
    select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select customer_id
from "shop"."analytics"."order_totals"
where customer_id is null
    ) dbt_internal_test
--> allow
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "node_id": "test.shop.relationships_recent_orders_status__code__ref_statuses_.13b1b1f245"} */
    select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
with child as (
    select status as from_field
    from "shop"."analytics"."recent_orders"
    where status is not null
),
parent as (
    select code as to_field
    from "shop"."analytics"."statuses"
)
select
    from_field
from child
left join parent
    on child.from_field = parent.to_field
where parent.to_field is null
    ) dbt_internal_test
--> allow
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "node_id": "test.shop.unique_order_totals_customer_id.80db0e9a05"} */
    select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select
    customer_id as unique_field,
    count(*) as n_records
from "shop"."analytics"."order_totals"
where customer_id is not null
group by customer_id
having count(*) > 1
    ) dbt_internal_test
--> allow
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "node_id": "test.shop.not_null_order_totals_customer_id.9ba12e8434"} */
select customer_id
from "shop"."analytics"."order_totals"
where customer_id is null
  limit 5
--> allow
/* {"app": "dbt", "dbt_version": "1.10.23", "profile_name": "shop", "target_name": "dev", "node_id": "test.shop.unique_order_totals_customer_id.80db0e9a05"} */
select
    customer_id as unique_field,
    count(*) as n_records
from "shop"."analytics"."order_totals"
where customer_id is not null
group by customer_id
having count(*) > 1
  limit 5
--> allow
