-- what the server keeps of data outside its tables

select most_common_vals, histogram_bounds from pg_stats where schemaname = 'hr'
--> deny

select * from pg_catalog.pg_stats
--> deny

select stavalues1 from pg_statistic
--> deny

select * from pg_stats_ext
--> deny

select * from pg_stats_ext_exprs
--> deny

select stxdmcv from pg_statistic_ext_data
--> deny

select rolpassword from pg_authid
--> deny

select passwd from pg_shadow
--> deny

select * from pg_user_mapping
--> deny

select * from pg_user_mappings
--> deny

select * from pg_largeobject
--> deny

select query from pg_stat_activity
--> deny

select statement from pg_prepared_statements
--> any

select * from pg_cursors
--> any

select * from pg_hba_file_rules
--> deny

select * from pg_ident_file_mappings
--> deny

select * from pg_file_settings
--> deny

-- the server shows this column to superusers only
select subconninfo from pg_subscription
--> any

select * from pg_replication_slots
--> any

select conninfo from pg_stat_wal_receiver
--> deny

select * from pg_toast.pg_toast_2619
--> deny

select chunk_data from pg_toast.pg_toast_1255
--> deny

-- catalogs themselves as targets
delete from pg_class
--> deny

update pg_proc set prosrc = 'x' where proname = 'purge'
--> deny

insert into pg_authid values (1)
--> deny

select relname from pg_class for update
--> deny

copy pg_authid to stdout
--> deny

copy (select * from pg_stats) to stdout
--> deny

copy pg_class from stdin
--> deny

lock pg_class
--> deny

truncate pg_largeobject
--> deny

-- values in the catalog: attmissingval holds what ADD COLUMN … DEFAULT gave
--@ who agent
select attmissingval from pg_attribute
--> any

select prosrc from pg_proc where proname = 'purge'
--> any

select * from information_schema.sql_features limit 0
--> any

select option_value from information_schema.user_mapping_options
--> deny

select * from information_schema._pg_user_mappings
--> deny

-- the same through a row, a cast, a subquery, a view name in other letters
select s from pg_stats s
--> deny

select to_jsonb(s) from "pg_catalog"."pg_stats" s
--> deny

select (select array_agg(stavalues1::text) from pg_statistic)
--> deny

select * from U&"pg_st\0061ts"
--> deny

with pg_class as (select * from pg_stats) select * from pg_class
--> deny

explain analyze select * from pg_statistic
--> deny
