delete from customers where id = 1
--> delete table public.customers (id)
--> sets off cascade orders_customer_id_fkey delete public.orders by public.customers
--> shareable

delete from regions where code = 'n'
--> delete table public.regions (code)
--> sets off cascade shops_region_fkey update public.shops by public.regions
--> sets off trigger shop_region_changed function public.note_shop by public.shops
--> shareable

-- no column that a key refers to
update regions set name = 'x' where code = 'n'
--> update table public.regions (code, name)
--> shareable

update regions set code = 'm' where code = 'n'
--> update table public.regions (code)
--> sets off cascade shops_region_fkey update public.shops by public.regions
--> sets off trigger shop_region_changed function public.note_shop by public.shops
--> shareable

update shops set name = 'x' where id = 1
--> update table public.shops (id, name)
--> shareable

update shops set region = 'x' where id = 1
--> update table public.shops (id, region)
--> sets off trigger shop_region_changed function public.note_shop by public.shops
--> shareable

-- ON UPDATE NO ACTION
update shops set id = 2 where id = 1
--> update table public.shops (id)
--> shareable

delete from shops where id = 3
--> delete table public.shops (id)
--> sets off cascade shelves_shop_fkey delete public.shelves by public.shops
--> sets off cascade notes_shop_label_fkey delete public.notes by public.shelves
--> sets off trigger notes_gone function public.note_shop by public.notes
--> shareable

update shelves set label = 'x' where shop = 1
--> update table public.shelves (label, shop)
--> sets off cascade notes_shop_label_fkey update public.notes by public.shelves
--> shareable

truncate shops
--> truncate table public.shops
--> sets off trigger shops_emptied function public.note_shop by public.shops
--> locks public.shops AccessExclusiveLock

truncate shops cascade
--> truncate table public.shops
--> truncate table public.shelves via public.shops
--> truncate table public.notes via public.shops
--> sets off trigger shops_emptied function public.note_shop by public.shops
--> locks public.shops AccessExclusiveLock
--> locks public.shelves AccessExclusiveLock
--> locks public.notes AccessExclusiveLock

insert into notes values (1)
--> insert table public.notes *
--> shareable

insert into payments values (1, '2026-02-01', 3)
--> insert table public.payments *
--> sets off trigger payments_seen function public.note_shop by public.payments
--> shareable

insert into payments_2026 values (1, '2026-02-01', 3)
--> insert table public.payments_2026 *
--> insert table public.payments * via public.payments_2026
--> sets off trigger payments_seen function public.note_shop by public.payments_2026
--> shareable

insert into prices (amount) values (3)
--> insert table public.prices (amount)
--> sets off constraint prices_amount_check function public.check_price by public.prices
--> sets off default id function public.next_number by public.prices
--> sets off policy own_prices function public.check_price by public.prices
--> shareable

update prices set amount = 3 where id = 1
--> update table public.prices (amount, id)
--> sets off constraint prices_amount_check function public.check_price by public.prices
--> sets off policy own_prices function public.check_price by public.prices
--> shareable

delete from prices where id = 1
--> delete table public.prices (id)
--> sets off policy own_prices function public.check_price by public.prices
--> shareable

select amount from prices
--> select table public.prices (amount)
--> sets off policy own_prices function public.check_price by public.prices
--> reads only
--> shareable

insert into offers values (1, 2)
--> insert table public.offers *
--> sets off domain price_check function public.check_price by public.offers
--> shareable

insert into letters values (1, 'x')
--> insert table public.letters *
--> sets off rule letters_logged insert public.audit_trail by public.letters
--> shareable

delete from letters where id = 1
--> delete table public.letters (id)
--> update table public.letters (body, id) via public.letters
--> sets off rule letters_kept update public.letters by public.letters
--> shareable

update letters set body = 'x' where id = 1
--> update table public.letters (body, id)
--> shareable

insert into open_letters values (1, 'x')
--> insert table public.open_letters *
--> insert table public.letters (body, id) via public.open_letters
--> sets off rule open_letters_written insert public.letters by public.open_letters
--> sets off rule letters_logged insert public.audit_trail by public.letters
--> shareable

delete from open_letters where id = 1
--> delete table public.open_letters (id)
--> delete table public.letters (body, id) via public.open_letters
--> update table public.letters (body, id) via public.letters
--> sets off rule letters_kept update public.letters by public.letters
--> shareable

update shop_names set name = 'x' where id = 1
--> update table public.shop_names (id, name)
--> update table public.shops (id, name, region) via public.shop_names
--> sets off trigger shop_region_changed function public.note_shop by public.shops
--> shareable

delete from shop_names where id = 1
--> delete table public.shop_names (id)
--> delete table public.shops (id, name, region) via public.shop_names
--> sets off cascade shelves_shop_fkey delete public.shelves by public.shops
--> sets off cascade notes_shop_label_fkey delete public.notes by public.shelves
--> sets off trigger notes_gone function public.note_shop by public.notes
--> shareable

insert into all_shops values (1, 'x')
--> insert table public.all_shops *
--> insert table public.regions (code, name) via public.all_shops
--> insert table public.shops (id, region) via public.all_shops
--> sets off trigger all_shops_written function public.note_shop by public.all_shops
--> shareable

merge into shops s using regions r on s.region = r.code when matched then delete when not matched then insert (id) values (1)
--> merge table public.shops (region)
--> select table public.regions (code)
--> delete table public.shops
--> insert table public.shops (id)
--> sets off cascade shelves_shop_fkey delete public.shelves by public.shops
--> sets off cascade notes_shop_label_fkey delete public.notes by public.shelves
--> sets off trigger notes_gone function public.note_shop by public.notes

merge into shops s using regions r on s.region = r.code when matched then update set region = 'x'
--> merge table public.shops (region)
--> select table public.regions (code)
--> update table public.shops (region)
--> sets off trigger shop_region_changed function public.note_shop by public.shops

copy letters from stdin
--> copy_in table public.letters *
--> sets off rule letters_logged insert public.audit_trail by public.letters

copy payments from stdin
--> copy_in table public.payments *
--> sets off trigger payments_seen function public.note_shop by public.payments

with gone as (delete from shops where id = 1 returning id) select * from gone
--> delete table public.shops (id)
--> select table public.shops (id)
--> sets off cascade shelves_shop_fkey delete public.shelves by public.shops
--> sets off cascade notes_shop_label_fkey delete public.notes by public.shelves
--> sets off trigger notes_gone function public.note_shop by public.notes
--> shareable

explain delete from shops where id = 1
--> explain table public.shops (id)
--> reads only

explain analyze delete from shops where id = 1
--> delete table public.shops (id)
--> sets off cascade shelves_shop_fkey delete public.shelves by public.shops
--> sets off cascade notes_shop_label_fkey delete public.notes by public.shelves
--> sets off trigger notes_gone function public.note_shop by public.notes

insert into shops values (1) on conflict (id) do update set region = 'x'
--> insert table public.shops *
--> update table public.shops (region)
--> sets off trigger shop_region_changed function public.note_shop by public.shops
--> shareable

insert into shops values (1) on conflict (id) do update set name = 'x'
--> insert table public.shops *
--> update table public.shops (name)
--> shareable

insert into shops values (1) on conflict do nothing
--> insert table public.shops *
--> shareable

insert into people values (1)
--> insert table public.people *
--> insert table public.managers * via public.people
--> shareable

prepare p as delete from shops where id = $1
--> delete table public.shops (id)
--> effect prepare p = delete table public.shops (id)
--> sets off cascade shelves_shop_fkey delete public.shelves by public.shops
--> sets off cascade notes_shop_label_fkey delete public.notes by public.shelves
--> sets off trigger notes_gone function public.note_shop by public.notes

--@ prepared p = delete from shops
execute p
--> delete_all table public.shops
--> sets off cascade shelves_shop_fkey delete public.shelves by public.shops
--> sets off cascade notes_shop_label_fkey delete public.notes by public.shelves
--> sets off trigger notes_gone function public.note_shop by public.notes
--> no where
--> session bound

delete from shops; delete from orders where id = 1
--> delete_all table public.shops
--> delete table public.orders (id) #1
--> sets off cascade shelves_shop_fkey delete public.shelves by public.shops
--> sets off cascade notes_shop_label_fkey delete public.notes by public.shelves
--> sets off trigger notes_gone function public.note_shop by public.notes
--> parts 2
--> no where
--> shareable

-- generated columns are computed again
update members set name = 'x' where id = 1
--> update table public.members (id, name)
--> sets off generated initial function public.initials by public.members
--> shareable

insert into members (id, name) values (1, 'x')
--> insert table public.members (id, name)
--> sets off generated initial function public.initials by public.members
--> shareable

-- row security that looks elsewhere
select id from secrets
--> select table public.secrets (id)
--> sets off policy granted_secrets select public.secret_grants by public.secrets
--> reads only
--> shareable

select id from open_secrets
--> select table public.open_secrets (id)
--> select table public.secrets (id) via public.open_secrets
--> sets off policy granted_secrets select public.secret_grants by public.secrets
--> reads only
--> shareable

delete from secrets where id = 1
--> delete table public.secrets (id)
--> sets off policy granted_secrets select public.secret_grants by public.secrets
--> shareable

insert into secrets values (1, 'a', 'b')
--> insert table public.secrets *
--> sets off policy granted_secrets select public.secret_grants by public.secrets
--> shareable

-- what an index calls: of a range type, of an operator class
insert into spans values (1, '[a,b)')
--> insert table public.spans *
--> sets off operator class spans_by_words function public.gap by public.spans
--> shareable

insert into titles values (1, 'x')
--> insert table public.titles *
--> sets off trigger titles_seen function public.log_change by public.titles
--> sets off operator class titles_by_length function public.by_length by public.titles
--> shareable

update titles set title = 'x' where id = 1
--> update table public.titles (id, title)
--> sets off operator class titles_by_length function public.by_length by public.titles
--> shareable

select id from titles where id = 1
--> select table public.titles (id)
--> sets off operator class titles_by_length function public.by_length by public.titles
--> reads only
--> shareable
