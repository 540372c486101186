listen news
--> listen channel news

notify news, 'payload'
--> notify channel news

notify "News"
--> notify channel "News"

unlisten news
--> listen channel news

unlisten *
--> listen channel "*"

select pg_notify('news', name) from customers
--> select table public.customers (name)
--> notify channel news

select pg_notify(name, 'x') from customers
--> select table public.customers (name)
--> unknown pg_notify on a channel that is not named by a constant
