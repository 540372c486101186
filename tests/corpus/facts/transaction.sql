begin
--> control begin
--> reads only

start transaction isolation level serializable read only
--> control begin
--> reads only

commit
--> control commit
--> reads only
--> ends failed

end
--> control commit
--> reads only
--> ends failed

rollback
--> control rollback
--> reads only
--> ends failed

abort
--> control rollback
--> reads only
--> ends failed

rollback and chain
--> control rollback
--> reads only
--> ends failed

savepoint a
--> control savepoint
--> reads only

release savepoint a
--> control release
--> reads only

rollback to savepoint a
--> control rollback_to
--> reads only
--> ends failed

prepare transaction 'x'
--> control prepare_transaction
--> reads only

commit prepared 'x'
--> control commit_prepared
--> reads only

rollback prepared 'x'
--> control rollback_prepared
--> reads only

set transaction isolation level repeatable read
--> control set_transaction
--> reads only

set constraints all deferred
--> control set_constraints
--> reads only

begin; commit
--> control begin
--> parts 2
--> reads only

begin; select 1; commit
--> parts 3
--> reads only

rollback; delete from orders
--> delete_all table public.orders #1
--> parts 2
--> no where
