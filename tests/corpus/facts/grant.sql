grant select on orders to ada
--> grant_right table public.orders
--> effect define

grant select (ssn), update (name) on customers to ada with grant option
--> grant_right table public.customers (name, ssn)
--> effect define

grant all on all tables in schema hr to ada
--> grant_right schema hr
--> grant_right table hr.employees via hr
--> effect define

grant execute on function purge() to public
--> grant_right function public.purge
--> effect define

grant usage on schema hr, public to ada
--> grant_right schema hr
--> grant_right schema public
--> effect define

grant all on database d to ada
--> grant_right datasource
--> effect define

grant usage on sequence ticket_numbers to ada
--> grant_right table public.ticket_numbers
--> effect define

grant usage on type mood to ada
--> grant_right schema public
--> effect define

grant set on parameter work_mem to ada
--> grant_right setting work_mem
--> effect define

grant shop_admin, shop_ro to ada
--> grant_right role shop_admin
--> grant_right role shop_ro
--> effect define

revoke all on customers from ada cascade
--> revoke_right table public.customers
--> effect define

revoke grant option for select on orders from ada
--> revoke_right table public.orders
--> effect define

revoke shop_admin from ada
--> revoke_right role shop_admin
--> effect define

grant select on no_such_table to ada
--> unknown table no_such_table is not in the catalog
--> fault 42P01 table "no_such_table" does not exist
--> effect define
