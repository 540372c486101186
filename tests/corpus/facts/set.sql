set work_mem = '64MB'
--> set setting work_mem
--> effect setting work_mem

set local statement_timeout = 1000
--> set setting statement_timeout
--> effect setting statement_timeout

set search_path = hr, public
--> set setting search_path
--> effect setting search_path

set search_path to default
--> set setting search_path
--> effect setting search_path

reset search_path
--> set setting search_path
--> effect setting search_path

reset all
--> set setting all
--> effect setting

set time zone 'UTC'
--> set setting timezone
--> effect setting timezone

set names 'utf8'
--> set setting client_encoding
--> effect setting client_encoding

SET "Standard_Conforming_Strings" = off
--> set setting standard_conforming_strings
--> effect setting standard_conforming_strings

set myapp.user_id = '7'
--> set setting "myapp.user_id"
--> effect setting myapp.user_id

set session characteristics as transaction read only
--> set setting default_transaction_read_only
--> effect setting default_transaction_read_only

select set_config('search_path', 'hr', false)
--> set setting search_path
--> effect setting search_path

select set_config('ROLE', 'postgres', true)
--> set_role role postgres
--> effect role postgres

-- which setting it is only shows when it runs
select set_config(name, 'x', false) from customers
--> select table public.customers (name)
--> unknown set_config of a setting that is not named by a constant
--> effect setting

-- as pg_dump writes it
select set_config(name, 'view, foreign-table', false) from pg_settings where name = 'restrict_nonsystem_relation_kind'
--> select table pg_catalog.pg_settings (name)
--> set setting restrict_nonsystem_relation_kind
--> effect setting restrict_nonsystem_relation_kind

select set_config(name, 'x', false) from pg_settings where setting = 'work_mem'
--> select table pg_catalog.pg_settings (name, setting)
--> unknown set_config of a setting that is not named by a constant
--> effect setting

select set_config(name, 'x', false) from pg_settings where name <> 'work_mem'
--> select table pg_catalog.pg_settings (name)
--> unknown set_config of a setting that is not named by a constant
--> effect setting

select set_config(name, 'x', false) from pg_settings where name = 'work_mem' or true
--> select table pg_catalog.pg_settings (name)
--> unknown set_config of a setting that is not named by a constant
--> effect setting

-- elsewhere a collation may call different names equal
select set_config(name, 'x', false) from customers where name = 'work_mem'
--> select table public.customers (name)
--> unknown set_config of a setting that is not named by a constant
--> effect setting

select set_config(name, 'x', false) from pg_settings, orders where name = 'work_mem'
--> select table pg_catalog.pg_settings (name)
--> select table public.orders
--> unknown set_config of a setting that is not named by a constant
--> effect setting

select pg_catalog.set_config('search_path', '', false)
--> set setting search_path
--> effect setting search_path

select current_setting('work_mem')
--> reads only
--> shareable

set role shop_admin
--> set_role role shop_admin
--> effect role shop_admin

set role none
--> set_role role none
--> effect role none

reset role
--> set_role role none
--> effect role

set session authorization 'ada'
--> set_role role ada
--> effect role ada

reset session authorization
--> set_role role none
--> effect role

set search_path = hr; select salary from employees
--> set setting search_path
--> select table hr.employees (salary) #1
--> effect setting search_path
--> parts 2

-- the first schema may be closed to the role: then the name means the next one's table
set search_path = shadow, public; select * from orders
--> set setting search_path
--> select table shadow.orders * #1
--> select table public.orders * #1
--> effect setting search_path
--> parts 2

set search_path = shadow; select id from customers
--> set setting search_path
--> unknown relation customers is not in the catalog
--> fault 42P01 relation "customers" does not exist @42
--> effect setting search_path
--> parts 2

select set_config('search_path', 'shadow', true); select pub from orders
--> set setting search_path
--> select table shadow.orders (pub) #1
--> effect setting search_path
--> parts 2

--@ user hr
set search_path = "$user", public; select salary from employees
--> set setting search_path
--> select table hr.employees (salary) #1
--> effect setting search_path
--> parts 2

set search_path = "$user", public; select * from orders
--> set setting search_path
--> unknown what names mean is not known after an earlier statement of this text
--> effect setting search_path
--> parts 2

set search_path = hr; rollback; select * from orders
--> set setting search_path
--> unknown what names mean is not known after an earlier statement of this text
--> effect setting search_path
--> parts 3

reset all; select * from orders
--> set setting all
--> unknown what names mean is not known after an earlier statement of this text
--> effect setting
--> parts 2

reset all; select * from public.orders
--> set setting all
--> select table public.orders * #1
--> effect setting
--> parts 2

set role shop_ro; select * from orders
--> set_role role shop_ro
--> unknown what names mean is not known after an earlier statement of this text
--> effect role shop_ro
--> parts 2

discard all
--> set setting all
--> effect discard all

discard temp
--> effect discard temp

discard plans
--> reads only

discard sequences
--> reads only

alter system set work_mem = '1GB'
--> system datasource
--> set setting work_mem

alter database shop set work_mem = '1GB'
--> alter datasource
--> set setting work_mem

alter role ada set search_path = shadow
--> alter_role role ada
--> set setting search_path
--> effect define
