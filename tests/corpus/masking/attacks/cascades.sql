-- what foreign keys do to masked tables because of a write elsewhere
delete from notices where id = 1
delete from notices
delete from owners where id = 1
delete from owners where id = 10
delete from owners where id = 1 returning name
update owners set id = 200 where id = 1
update owners set id = 50 where id = 1
update owners set name = 'x' where id = 1
delete from keepers where id = 1
update keepers set id = 300 where id = 1
update keepers set name = 'y'
merge into owners o using orders r on o.id = r.id when matched then delete
merge into owners o using orders r on o.id = r.id and r.id = 1 when matched then update set id = 300
with d as (delete from owners where id = 1 returning *) select * from d
truncate keepers cascade
delete from owners where id = 1 ;; select 1
prepare p as delete from owners where id = 1 ;; execute p
explain (analyze, costs off, timing off, summary off, buffers off) delete from owners where id = 1
@extended delete from owners where id = 1
