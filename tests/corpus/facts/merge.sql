merge into orders o using shadow.orders s on s.id = o.id
when matched then update set status = s.pub
when not matched then insert (id, status) values (s.id, s.pub)
--> merge table public.orders (id)
--> select table shadow.orders (id, pub)
--> update table public.orders (status)
--> insert table public.orders (id, status)
--> sets off trigger orders_logged function public.log_change by public.orders

merge into orders o using shadow.orders s on s.id = o.id when matched and o.status = 'x' then delete
--> merge table public.orders (id, status)
--> select table shadow.orders (id)
--> delete table public.orders

merge into orders o using shadow.orders s on true when matched then delete
--> merge_all table public.orders
--> select table shadow.orders
--> delete table public.orders
--> no where

merge into orders o using (select 1 as id) s on 1 = 1 when matched and o.id = 7 then update set total = 0
--> merge table public.orders (id)
--> update table public.orders (total)
--> sets off trigger orders_logged function public.log_change by public.orders

merge into orders o using shadow.orders s on s.id = o.id when matched then do nothing when not matched then insert values (s.id, 1, 1, 'x')
--> merge table public.orders (id)
--> select table shadow.orders (id)
--> insert table public.orders *

-- PostgreSQL 17
merge into orders o using shadow.orders s on s.id = o.id when not matched by source then delete
--> merge_all table public.orders (id)
--> select table shadow.orders (id)
--> delete table public.orders
--> no where

merge into orders o using shadow.orders s on s.id = o.id when matched then update set total = 1 returning merge_action(), o.total
--> merge table public.orders (id)
--> select table shadow.orders (id)
--> update table public.orders (total)
--> select table public.orders (total)
--> sets off trigger orders_logged function public.log_change by public.orders

with s as (select 1 as id) merge into orders o using s on s.id = o.id when matched then delete
--> merge table public.orders (id)
--> delete table public.orders
