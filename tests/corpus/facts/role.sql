create role ada login password 'x'
--> alter_role role ada
--> effect define

create user bea in role shop_admin
--> alter_role role bea
--> effect define

create group g
--> alter_role role g
--> effect define

alter role ada superuser
--> alter_role role ada
--> effect define

alter role current_user password 'x'
--> alter_role role current_user
--> effect define

alter user all set work_mem = '1GB'
--> alter_role role all
--> set setting work_mem
--> effect define

alter role ada reset all
--> alter_role role ada
--> set setting all
--> effect define

alter group g add user ada
--> alter_role role g
--> effect define

drop role if exists ada
--> drop role ada
--> alter_role role ada
--> effect define

drop user bea
--> drop role bea
--> alter_role role bea
--> effect define

reassign owned by ada to bea
--> alter_destructive datasource
--> alter_role role ada
--> effect define
