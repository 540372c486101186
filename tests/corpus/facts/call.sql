call close_day(1)
--> call function public.close_day is opaque, volatile
--> effect setting

call close_day((select max(id) from orders))
--> call function public.close_day is opaque, volatile
--> select table public.orders (id)
--> effect setting

call hr.no_such_procedure(1)
--> call function hr.no_such_procedure is opaque
--> unknown procedure hr.no_such_procedure is not in the catalog
--> fault 42883 procedure hr.no_such_procedure does not exist @6
--> effect setting

do $$ begin delete from orders; end $$
--> do datasource is opaque
--> effect setting

do language plpgsql 'begin perform 1; end'
--> do datasource is opaque
--> effect setting

-- what the code renamed nobody knows
do $$ begin alter table orders rename to x; end $$; select * from customers
--> do datasource is opaque
--> select table public.customers * #1
--> unknown what names mean is not known after an earlier statement of this text
--> effect setting
--> parts 2
