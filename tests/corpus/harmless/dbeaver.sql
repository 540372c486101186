-- DBeaver: what its PostgreSQL extension sends, written down after its source of 2025 and sent by psql; recorded from the server's log

--@ who analyst, agent
select current_database();

--@ who analyst, agent
SELECT version();

--@ who analyst, agent
select * from pg_catalog.pg_settings;

--@ who analyst, agent
select * from pg_catalog.pg_settings where name='standard_conforming_strings';

--@ who analyst, agent
SELECT current_schema(),session_user;

--@ who analyst, agent
SHOW search_path;

--@ who analyst, agent
SET search_path = public,"$user";

--@ who analyst, agent
SET application_name = 'DBeaver 25.3.0 - Main <shop>';

--@ who analyst, agent
SELECT typcategory FROM pg_catalog.pg_type WHERE 1<>1 LIMIT 1;

--@ who analyst, agent
SELECT reltype FROM pg_catalog.pg_class WHERE 1<>1 LIMIT 1;

--@ who analyst, agent
SELECT db.oid,db.* FROM pg_catalog.pg_database db WHERE datallowconn AND NOT datistemplate OR db.datname='shop' ORDER BY db.datname;

--@ who analyst, agent
SELECT db.datname,pg_database_size(db.oid) FROM pg_catalog.pg_database db WHERE db.oid=5;

--@ who analyst, agent
select description from pg_shdescription join pg_database on objoid = pg_database.oid where datname = 'shop';

--@ who analyst, agent
SELECT n.oid,n.*,d.description FROM pg_catalog.pg_namespace n
LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid=n.oid AND d.objsubid=0 AND d.classoid='pg_namespace'::regclass ORDER BY nspname;

--@ who analyst, agent
SELECT s.oid as schema_id from pg_catalog.pg_namespace s WHERE s.nspname ='public';

--@ who analyst, agent
SELECT t.oid,t.*,c.relkind,format_type(nullif(t.typbasetype, 0), t.typtypmod) as base_type_name, d.description
FROM pg_catalog.pg_type t
LEFT OUTER JOIN pg_catalog.pg_type et ON et.oid=t.typelem
LEFT OUTER JOIN pg_catalog.pg_class c ON c.oid=t.typrelid
LEFT OUTER JOIN pg_catalog.pg_description d ON t.oid=d.objoid
WHERE t.typname IS NOT NULL AND (c.relkind IS NULL OR c.relkind = 'c') AND (et.typcategory IS NULL OR et.typcategory <> 'C') AND t.typnamespace=11;

--@ who analyst, agent
SELECT t.oid,t.*,c.relkind,format_type(nullif(t.typbasetype, 0), t.typtypmod) as base_type_name FROM pg_catalog.pg_type t
LEFT OUTER JOIN pg_class c ON c.oid=t.typrelid
LEFT OUTER JOIN pg_catalog.pg_description d ON t.oid=d.objoid WHERE t.oid=23;

--@ who analyst, agent
SELECT t.oid,t.*,format_type(nullif(t.typbasetype, 0), t.typtypmod) as base_type_name FROM pg_catalog.pg_type t
LEFT OUTER JOIN pg_class c ON c.oid=t.typrelid
LEFT OUTER JOIN pg_catalog.pg_description d ON t.oid=d.objoid WHERE t.typname='mood';

--@ who analyst, agent
SELECT e.enumlabel FROM pg_catalog.pg_enum e WHERE e.enumtypid=1 ORDER BY e.enumsortorder;

--@ who analyst, agent
SELECT concat(c.conname, ' ', pg_catalog.pg_get_constraintdef(oid, true)) FROM pg_catalog.pg_constraint c WHERE contypid = 1;

--@ who analyst, agent
SELECT c.oid,c.*,d.description,pg_catalog.pg_get_expr(c.relpartbound, c.oid) as partition_expr, pg_catalog.pg_get_partkeydef(c.oid) as partition_key
FROM pg_catalog.pg_class c
LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid=c.oid AND d.objsubid=0 AND d.classoid='pg_class'::regclass
WHERE c.relnamespace=2200 AND c.relkind not in ('i','I','c');

--@ who analyst, agent
SELECT c.relname,a.*,pg_catalog.pg_get_expr(ad.adbin, ad.adrelid, true) as def_value,dsc.description,dep.objid
FROM pg_catalog.pg_attribute a
INNER JOIN pg_catalog.pg_class c ON (a.attrelid=c.oid)
LEFT OUTER JOIN pg_catalog.pg_attrdef ad ON (a.attrelid=ad.adrelid AND a.attnum = ad.adnum)
LEFT OUTER JOIN pg_catalog.pg_description dsc ON (c.oid=dsc.objoid AND a.attnum = dsc.objsubid)
LEFT OUTER JOIN pg_depend dep on dep.refobjid = a.attrelid AND dep.deptype = 'i' and dep.refobjsubid = a.attnum and dep.classid = dep.refclassid
WHERE NOT a.attisdropped AND c.relkind not in ('i','I','c') AND c.oid='orders'::regclass ORDER BY a.attnum;

--@ who analyst, agent
SELECT c.relname,row_number() OVER (ORDER BY a.attnum) as attnum,a.*,pg_catalog.pg_get_expr(ad.adbin, ad.adrelid, true) as def_value,dsc.description
FROM pg_catalog.pg_attribute a
INNER JOIN pg_catalog.pg_class c ON (a.attrelid=c.oid)
LEFT OUTER JOIN pg_catalog.pg_attrdef ad ON (a.attrelid=ad.adrelid AND a.attnum = ad.adnum)
LEFT OUTER JOIN pg_catalog.pg_description dsc ON (c.oid=dsc.objoid AND a.attnum = dsc.objsubid)
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.oid=1 ORDER BY a.attnum;

--@ who analyst, agent
SELECT c.oid,c.*,t.relname as tabrelname,rt.relnamespace as refnamespace,d.description,
case when c.contype='c' then "substring"(pg_get_constraintdef(c.oid), 7) else null end consrc_copy
FROM pg_catalog.pg_constraint c
INNER JOIN pg_catalog.pg_class t ON t.oid=c.conrelid
LEFT OUTER JOIN pg_catalog.pg_class rt ON rt.oid=c.confrelid
LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid=c.oid AND d.objsubid=0 AND d.classoid='pg_constraint'::regclass
WHERE t.relnamespace=2200 ORDER BY c.oid;

--@ who analyst, agent
SELECT i.*,i.indkey as keys,c.relname,c.relnamespace,c.relam,c.reltablespace,tc.relname as tabrelname,dsc.description,
pg_catalog.pg_get_expr(i.indpred, i.indrelid) as pred_expr,pg_catalog.pg_get_expr(i.indexprs, i.indrelid, true) as expr,
pg_catalog.pg_relation_size(i.indexrelid) as index_rel_size,pg_catalog.pg_stat_get_numscans(i.indexrelid) as index_num_scans
FROM pg_catalog.pg_index i
INNER JOIN pg_catalog.pg_class c ON c.oid=i.indexrelid
INNER JOIN pg_catalog.pg_class tc ON tc.oid=i.indrelid
LEFT OUTER JOIN pg_catalog.pg_description dsc ON i.indexrelid=dsc.objoid
WHERE i.indrelid='orders'::regclass ORDER BY c.relname;

--@ who analyst, agent
SELECT p.oid as poid,p.*,pg_catalog.pg_get_expr(p.proargdefaults, 0) as arg_defaults,d.description
FROM pg_catalog.pg_proc p
LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid=p.oid and d.classoid='pg_proc'::regclass AND d.objsubid = 0
WHERE p.pronamespace=2200 ORDER BY p.proname;

--@ who analyst, agent
SELECT p.oid AS proc_oid,p.proname AS proc_name,a.* FROM pg_catalog.pg_aggregate a,pg_catalog.pg_proc p
WHERE p.oid=a.aggfnoid AND p.pronamespace=2200 ORDER BY p.proname;

--@ who analyst, agent
SELECT (pg_identify_object('pg_proc'::regclass, aggfnoid, 0)).identity, aggtransfn::regproc, format_type(aggtranstype, NULL) as aggtranstype,
CASE aggfinalfn WHEN '-'::regproc THEN NULL ELSE aggfinalfn::text END, CASE aggsortop WHEN 0 THEN NULL ELSE oprname END, agginitval,
aggmtransfn, aggminvtransfn, aggfinalextra, aggserialfn, aggdeserialfn, format_type(aggmtranstype, NULL) as aggmtranstype, aggfinalmodify
FROM pg_aggregate LEFT JOIN pg_operator ON pg_operator.oid = aggsortop WHERE aggfnoid = 'longest'::regproc;

--@ who analyst, agent
SELECT prosrc FROM pg_proc where oid = 'purge'::regproc;

--@ who analyst, agent
SELECT pg_get_functiondef('purge'::regproc);

--@ who analyst, agent
SELECT x.oid,x.*,p.pronamespace as func_schema_id,d.description FROM pg_catalog.pg_trigger x
LEFT OUTER JOIN pg_catalog.pg_proc p ON p.oid=x.tgfoid
LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid=x.oid AND d.objsubid=0
WHERE x.tgrelid = 'orders'::regclass AND NOT x.tgisinternal;

--@ who analyst, agent
SELECT r.oid,r.*, pg_get_ruledef(r.oid) AS definition FROM pg_rewrite r WHERE r.ev_class='letters'::regclass AND r.rulename <> '_RETURN'::name;

--@ who analyst, agent
SELECT pg_get_viewdef('revenue'::regclass, true);

--@ who analyst, agent
SELECT i.inhrelid relid, pc.relnamespace parent_ns, pc.oid parent_oid, i.inhseqno FROM pg_catalog.pg_inherits i, pg_class rc, pg_class pc
WHERE rc.oid=i.inhrelid AND rc.relnamespace=2200 AND pc.oid=i.inhparent;

--@ who analyst, agent
SELECT i.*,c.relnamespace FROM pg_catalog.pg_inherits i,pg_catalog.pg_class c WHERE i.inhrelid=1 AND c.oid=i.inhparent ORDER BY i.inhseqno;

--@ who analyst, agent
SELECT i.*,c.relnamespace FROM pg_catalog.pg_inherits i,pg_catalog.pg_class c WHERE i.inhparent='payments'::regclass AND c.oid=i.inhrelid;

--@ who analyst, agent
select pg_get_expr(c.relpartbound, c.oid, true) as partition_range from "pg_catalog".pg_class c where relname = 'payments_2026' and relnamespace = 2200;

--@ who analyst, agent
select pg_catalog.pg_total_relation_size('orders'::regclass) as total_rel_size,pg_catalog.pg_relation_size('orders'::regclass) as rel_size;

--@ who analyst, agent
select c.oid,pg_catalog.pg_total_relation_size(c.oid) as total_rel_size,pg_catalog.pg_relation_size(c.oid) as rel_size FROM pg_class c WHERE c.relnamespace=2200;

--@ who analyst, agent
SELECT * from public.ticket_numbers;

--@ who analyst, agent
SELECT * FROM pg_default_acl WHERE defaclnamespace = 2200;

--@ who analyst, agent
SELECT e.oid, cfg.tbls, n.nspname as schema_name, e.* FROM pg_catalog.pg_extension e join pg_namespace n on n.oid =e.extnamespace
left join (select ARRAY_AGG(ns.nspname || '.' || cls.relname) tbls, oid_ext
  from (select unnest(e1.extconfig) oid , e1.oid oid_ext from pg_catalog.pg_extension e1 ) c
  join pg_class cls on cls.oid = c.oid join pg_namespace ns on ns.oid = cls.relnamespace group by oid_ext) cfg on cfg.oid_ext = e.oid
ORDER BY e.oid;

--@ who analyst, agent
SELECT name,default_version,installed_version,comment FROM pg_catalog.pg_available_extensions ORDER BY name;

--@ who analyst, agent
SELECT am.oid,am.* FROM pg_catalog.pg_am am ORDER BY am.oid;

--@ who analyst, agent
SELECT c.oid,c.*,pg_catalog.pg_encoding_to_char(c.collencoding) FROM pg_catalog.pg_collation c ORDER BY c.oid;

--@ who analyst, agent
SELECT l.oid,l.* FROM pg_catalog.pg_language l ORDER BY l.oid;

--@ who analyst, agent
SELECT c.contid as encid, pg_catalog.pg_encoding_to_char(c.contid) as encname FROM pg_catalog.generate_series(0, 41, 1) as c(contid);

--@ who analyst, agent
SELECT t.oid,t.*,pg_tablespace_location(t.oid) loc FROM pg_catalog.pg_tablespace t ORDER BY t.oid;

--@ who analyst, agent
SELECT l.oid,l.*,p.pronamespace as handler_schema_id FROM pg_catalog.pg_foreign_data_wrapper l LEFT OUTER JOIN pg_catalog.pg_proc p ON p.oid=l.fdwhandler ORDER BY l.fdwname;

--@ who analyst, agent
SELECT l.oid,l.* FROM pg_catalog.pg_foreign_server l ORDER BY l.srvname;

--@ who analyst, agent
SELECT pet.*, d.description FROM pg_catalog.pg_event_trigger pet LEFT OUTER JOIN pg_catalog.pg_description d ON pet."oid" = d.objoid;

--@ who analyst, agent
SELECT a.oid,a.*,pd.description FROM pg_catalog.pg_roles a left join pg_catalog.pg_shdescription pd on a.oid = pd.objoid ORDER BY a.rolname;

--@ who analyst, agent
SELECT a.oid FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles a ON a.oid=m.roleid WHERE m.member=10;

--@ who analyst, agent
SELECT * FROM information_schema.table_privileges WHERE table_catalog='shop' AND grantee='ada';

--@ who analyst, agent
SELECT * FROM information_schema.routine_privileges WHERE specific_catalog='shop' AND grantee='ada';

--@ who analyst, agent
SELECT * FROM (SELECT DISTINCT relnamespace, relacl, relname, relkind, (aclexplode(relacl)).grantee as granteeI FROM pg_class
  WHERE relacl IS NOT NULL AND relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname NOT LIKE 'pg_%' AND nspname != 'information_schema')
  UNION ALL SELECT DISTINCT n.oid AS relnamespace, nspacl AS relacl, n.nspname AS relname, cast('C' as "char") AS relkind, (aclexplode(nspacl)).grantee as granteeI
  FROM pg_catalog.pg_namespace n WHERE n.nspacl IS NOT NULL) AS tr WHERE tr.granteeI=10 AND tr.relkind IN('S', 'm', 'C');

--@ who analyst, agent
SELECT DISTINCT dep.deptype, dep.classid, dep.objid, cl.relkind, attr.attname,pg_get_expr(ad.adbin, ad.adrelid) adefval,
  CASE WHEN cl.relkind IS NOT NULL THEN cl.relkind::text || COALESCE(dep.objsubid::text, '')::text WHEN tg.oid IS NOT NULL THEN 'T'::text
  WHEN ty.oid IS NOT NULL THEN 'y'::text WHEN co.oid IS NOT NULL THEN 'C'::text || contype::text ELSE '' END AS type,
  COALESCE(coc.relname, clrw.relname, tgr.relname) AS ownertable, COALESCE(nsc.nspname, nso.nspname, nsp.nspname) AS nspname
FROM pg_depend dep
LEFT JOIN pg_class cl ON dep.objid=cl.oid LEFT JOIN pg_namespace nsc ON cl.relnamespace=nsc.oid
LEFT JOIN pg_proc pr ON dep.objid=pr.oid LEFT JOIN pg_namespace nsp ON pr.pronamespace=nsp.oid
LEFT JOIN pg_trigger tg ON dep.objid=tg.oid LEFT JOIN pg_class tgr ON tg.tgrelid=tgr.oid
LEFT JOIN pg_type ty ON dep.objid=ty.oid
LEFT JOIN pg_constraint co ON dep.objid=co.oid LEFT JOIN pg_class coc ON co.conrelid=coc.oid LEFT JOIN pg_namespace nso ON co.connamespace=nso.oid
LEFT JOIN pg_rewrite rw ON dep.objid=rw.oid LEFT JOIN pg_class clrw ON clrw.oid=rw.ev_class
LEFT JOIN pg_attrdef ad ON ad.oid=dep.objid LEFT JOIN pg_attribute attr ON attr.attrelid=ad.adrelid and attr.attnum=ad.adnum
WHERE dep.refobjid=1 ORDER BY type;

--@ who analyst, agent
SELECT pc.oid,pc.relname,pc.relnamespace,pc.relkind,pd.description FROM pg_catalog.pg_class pc
LEFT JOIN pg_description pd ON pc.oid = pd.objoid AND pd.objsubid = 0
WHERE pc.relkind in('r','v','m','f','p') AND (pc.relname ILIKE 'ord%' ) AND pc.relnamespace IN (2200, 11) ORDER BY pc.relname LIMIT 200;

--@ who analyst, agent
SELECT DISTINCT pp.oid,pp.proname,pp.pronamespace FROM pg_catalog.pg_proc pp WHERE pp.proname ILIKE 'ord%' AND pp.pronamespace IN (2200) ORDER BY pp.proname LIMIT 200;

--@ who analyst, agent
select coalesce(db.datname,'') as datname, coalesce(lock.locktype,'') as locktype, coalesce(lock.relation::regclass::varchar,'') as relation,
coalesce(lock.mode,'') as mode, coalesce(lock.transactionid::varchar,'') as tid, lock.page as page, lock.tuple as tuple, lock.pid as pid, lock.granted
from pg_catalog.pg_locks lock left join pg_catalog.pg_database db on db.oid = lock.database where lock.pid = 1;

--@ who analyst, agent
SELECT x.* FROM public.orders x;

--@ who analyst, agent
SELECT x.* FROM public.orders x WHERE x.status = 'new' ORDER BY x.id DESC;

--@ who analyst, agent
SELECT count(*) FROM public.orders;

--@ who analyst, agent
SELECT id,status FROM public.orders ORDER BY status LIMIT 200;

--@ who analyst, agent
EXPLAIN select * from orders;

--@ who analyst, agent
EXPLAIN (FORMAT XML, VERBOSE, COSTS) select id from orders where id = 1;

-- deny for agent: no-data-in-catalogs: select on table pg_catalog.pg_stat_activity is forbidden by policy "no-data-in-catalogs": Statistics, passwords, files and other sessions' statements are for DBAs
-- deny for analyst: no-data-in-catalogs: select on table pg_catalog.pg_stat_activity is forbidden by policy "no-data-in-catalogs": Statistics, passwords, files and other sessions' statements are for DBAs
-- deny for writer: no-data-in-catalogs: select on table pg_catalog.pg_stat_activity is forbidden by policy "no-data-in-catalogs": Statistics, passwords, files and other sessions' statements are for DBAs
--@ who dba
SELECT sa.* FROM pg_catalog.pg_stat_activity sa;

-- deny for agent: no-data-in-catalogs: select on table pg_catalog.pg_user_mapping is forbidden by policy "no-data-in-catalogs": Statistics, passwords, files and other sessions' statements are for DBAs
-- deny for analyst: no-data-in-catalogs: select on table pg_catalog.pg_user_mapping is forbidden by policy "no-data-in-catalogs": Statistics, passwords, files and other sessions' statements are for DBAs
-- deny for writer: no-data-in-catalogs: select on table pg_catalog.pg_user_mapping is forbidden by policy "no-data-in-catalogs": Statistics, passwords, files and other sessions' statements are for DBAs
--@ who dba
select distinct srvname, case when rolname is null then 'public' else rolname end rolname, srvoptions, umoptions
from pg_user_mapping um join pg_foreign_server fs on um.umserver = fs.OID left join pg_authid pa on um.umuser = pa.OID where fs.OID = 1 ORDER BY srvname;
