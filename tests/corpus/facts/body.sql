select forget_customer(7)
--> function function public.forget_customer is volatile
--> delete table public.orders (customer_id) via public.forget_customer
--> delete table public.customers (id) via public.forget_customer
--> sets off cascade orders_customer_id_fkey delete public.orders by public.customers
--> shareable

select forget_all()
--> function function public.forget_all is volatile
--> delete_all table public.customers via public.forget_all
--> sets off cascade orders_customer_id_fkey delete public.orders by public.customers
--> no where
--> shareable

-- each function once, by the first way that leads to it
select forget_twice(1)
--> function function public.forget_twice is volatile
--> function function public.forget_customer via public.forget_twice is volatile
--> delete table public.orders (customer_id) via public.forget_twice > public.forget_customer
--> delete table public.customers (id) via public.forget_twice > public.forget_customer
--> sets off cascade orders_customer_id_fkey delete public.orders by public.customers
--> shareable

select staff_size()
--> function function public.staff_size is security_definer
--> select table hr.employees via public.staff_size
--> shareable

select here()
--> function function public.here
--> select table shadow.orders via public.here
--> shareable

-- the search_path that the body leaves behind is not this one's
select elsewhere(); select * from orders
--> function function public.elsewhere is volatile
--> set setting search_path via public.elsewhere
--> select table public.orders * #1
--> unknown what names mean is not known after an earlier statement of this text
--> effect setting search_path
--> parts 2

select elsewhere(), order_total(1)
--> function function public.elsewhere is opaque, volatile
--> function function public.order_total is opaque
--> set setting search_path via public.elsewhere
--> select table public.orders (id, total) via public.order_total
--> effect setting search_path
--> effect setting
--> shareable

select odd_one()
--> function function public.odd_one is volatile
--> select table public.customers via public.odd_one
--> shareable

-- a body that calls itself
select round_and_round(1)
--> function function public.round_and_round is volatile
--> function function public.round_and_round via public.round_and_round is volatile
--> shareable

-- all overloads count: one is in PL/pgSQL
select mixed(1)
--> function function public.mixed is opaque, volatile
--> effect setting
--> shareable

select tidy()
--> function function public.tidy is opaque, volatile
--> function function public.purge via public.tidy is opaque, volatile
--> effect setting
--> shareable

call archive('2020-01-01')
--> call function public.archive is volatile
--> delete table public.payments (paid_at) via public.archive

select longest(name) from customers
--> select table public.customers (name)
--> function function public.longest
--> function function public.longer via public.longest is opaque
--> effect setting
--> shareable

select bulk(s) from shops s
--> select table public.shops *
--> function function public.bulk is volatile
--> shareable

select s.bulk from shops s
--> select table public.shops *
--> function function public.bulk is volatile
--> shareable

select * from wet()
--> function function public.wet is volatile
--> select table public.shops (id, name) via public.wet
--> shareable

select * from busy_shops
--> select table public.busy_shops *
--> select table public.shops (id) via public.busy_shops
--> function function public.round_and_round via public.busy_shops is opaque, volatile
--> function function public.tidy via public.busy_shops is opaque, volatile
--> function function public.round_and_round via public.busy_shops > public.round_and_round is opaque, volatile
--> function function public.purge via public.busy_shops > public.tidy is opaque, volatile
--> effect setting
--> shareable

select * from same_orders
--> select table public.same_orders *
--> select table public.orders (id) * via public.same_orders
--> function function public.same_order via public.same_orders is volatile
--> shareable

select hr.raise_all(3)
--> function function hr.raise_all is security_definer, volatile
--> update_all table hr.employees (salary) via hr.raise_all
--> no where
--> shareable

-- with another path the body means another table
--@ search_path pg_catalog, shadow, public
select order_total(1)
--> function function public.order_total
--> select table shadow.orders (id, total) via public.order_total
--> shareable

set search_path = shadow, public; select order_total(1)
--> set setting search_path
--> function function public.order_total #1 is opaque
--> effect setting search_path
--> effect setting
--> parts 2

prepare p as select forget_customer($1)
--> function function public.forget_customer is volatile
--> delete table public.orders (customer_id) via public.forget_customer
--> delete table public.customers (id) via public.forget_customer
--> effect prepare p = function function public.forget_customer is volatile, delete table public.orders (customer_id) via public.forget_customer, delete table public.customers (id) via public.forget_customer
--> sets off cascade orders_customer_id_fkey delete public.orders by public.customers

--@ prepared p = select forget_customer($1)
execute p(1)
--> function function public.forget_customer is volatile
--> delete table public.orders (customer_id) via public.forget_customer
--> delete table public.customers (id) via public.forget_customer
--> sets off cascade orders_customer_id_fkey delete public.orders by public.customers
--> session bound

-- a prepared statement that moves the path shakes the rest of its text
--@ prepared p = select set_config('search_path', 'shadow', false)
execute p; select * from orders
--> set setting search_path
--> select table public.orders * #1
--> unknown what names mean is not known after an earlier statement of this text
--> effect setting search_path
--> parts 2
--> session bound

--@ prepared p = select purge()
execute p; select * from orders
--> function function public.purge is opaque, volatile
--> select table public.orders * #1
--> unknown what names mean is not known after an earlier statement of this text
--> effect setting
--> parts 2
--> session bound

declare c cursor for select forget_all()
--> function function public.forget_all is volatile
--> delete_all table public.customers via public.forget_all
--> effect declare c = function function public.forget_all is volatile, delete_all table public.customers via public.forget_all
--> sets off cascade orders_customer_id_fkey delete public.orders by public.customers
--> no where

explain select forget_all()
--> function function public.forget_all is volatile
--> explain table public.customers via public.forget_all
--> no where

explain analyze select forget_all()
--> function function public.forget_all is volatile
--> delete_all table public.customers via public.forget_all
--> sets off cascade orders_customer_id_fkey delete public.orders by public.customers
--> no where

copy (select forget_customer(1)) to stdout
--> function function public.forget_customer is volatile
--> delete table public.orders (customer_id) via public.forget_customer
--> delete table public.customers (id) via public.forget_customer
--> sets off cascade orders_customer_id_fkey delete public.orders by public.customers

insert into audit_trail select id, forget_twice(id)::text from customers
--> insert table public.audit_trail *
--> select table public.customers (id)
--> function function public.forget_twice is volatile
--> function function public.forget_customer via public.forget_twice is volatile
--> delete table public.orders (customer_id) via public.forget_twice > public.forget_customer
--> delete table public.customers (id) via public.forget_twice > public.forget_customer
--> sets off cascade orders_customer_id_fkey delete public.orders by public.customers
--> shareable

update orders set total = order_total(id) where id = 1
--> update table public.orders (id, total)
--> function function public.order_total
--> select table public.orders (id, total) via public.order_total
--> sets off trigger orders_logged function public.log_change by public.orders
--> shareable

select '5'::price
--> function function public.check_price is opaque
--> effect setting
--> shareable

select 5::price
--> function function public.check_price is opaque
--> effect setting
--> shareable
