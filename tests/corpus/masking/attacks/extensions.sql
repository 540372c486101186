-- what extensions bring: types, operators, functions, index support
select mail from members order by id
select nick, mail from members where mail = 'AMY@MAIL1.example'
select mail = 'x'::citext, mail like 'a%', mail ~ 'A', mail ~~* 'b%' from members order by id
select mail::text, mail::citext || '', upper(mail), reverse(mail::text) from members
select regexp_match(mail, '^.(...)') from members
select regexp_replace(mail, '@.*', ''), replace(mail, 'a', 'b'), split_part(mail, '@', 1), strpos(mail, 'x'), translate(mail, 'ab', 'cd') from members
select citext_eq(mail, 'x'), citext_cmp(mail, 'm'), citext_hash(mail) from members
select min(mail), max(mail), citext_smaller(mail, 'm') from members group by mail
select count(*) from members where mail > 'm'
select id from members order by mail
select id from members order by mail using <
select distinct mail from members
select extra -> 'k', extra ? 'k', extra @> 'k=>a', akeys(extra), avals(extra), hstore_to_json(extra) from members
select (each(extra)).* from members
select key, value from members, each(extra)
select extra::text, extra || 'a=>b', extra - 'k', extra #= null from members
select hstore(m) from members m
select hstore(m) -> 'mail', hstore(m.*) -> 'extra' from members m
select each(hstore(m)) from members m
select (hstore(c) -> 'ssn') from customers c
select populate_record(null::customers, hstore(c)) from customers c
select null::customers #= hstore(c) from customers c
select row(null::text, null::text) #= hstore(c) from customers c
select hstore_to_array(hstore(c)), hstore_to_matrix(hstore(c)), skeys(hstore(c)), svals(hstore(c)) from customers c
select extra['k'] from members
select %% extra, %# extra from members
select slice(extra, array['k']), defined(extra, 'k'), exist(extra, 'n') from members
select extra = 'k=>a', hstore_hash(extra) from members
select similarity(ssn, '4'), word_similarity('abc', email), show_trgm(ssn) from customers
select ssn % '4', '4' <% email, ssn <-> '405', bio <->> 'x' from customers, members where members.id = customers.id
select id from customers order by ssn <-> '450-12-4007' limit 3
select id from members where bio % 'reach me at' order by similarity(bio, 'abc') desc, id
select id, show_trgm(bio) from members
select count(*) from members where bio like '%abc%'
select count(*) from members where bio ~ 'a.c' and bio ilike '%B%'
select set_limit(0.1), show_limit() ;; select id from customers where email % 'amy@mail1.example'
set pg_trgm.similarity_threshold = 0.1 ;; select id from customers where email % 'amy@mail1.example'
select salary <-> 50000, dob <-> '1970-01-01', joined <-> timestamp '2026-01-01' from customers
select int4_dist(salary, 0), cash_dist(null, null) from customers
select id from customers order by salary <-> 50000, id limit 3
insert into members (id, mail) values (77, 'a***@Mail1.example')
update members set nick = mail returning nick
update members set mail = lower(mail)
update members set mail = 'x@y.z' where mail like 'A%' returning id
update members set bio = bio || 'x'
update members set nick = (extra -> 'k')::citext returning nick
update members set extra = extra || 'a=>b'
update members set extra = hstore('a', mail::text)
update members set nick = hstore(members)::text returning nick
insert into members (id, during) values (1, '[1,3)')
insert into members (id, during) values (99, '[3,1)')
insert into members (id, nick) select id + 100, mail from members returning nick
select members::text, m.mail::text from members join members m using (id)
select to_json(m), hstore_to_jsonb(hstore(m)) from members m
copy members to stdout
copy members to stdout (format binary)
copy members (mail, bio) to stdout csv header
@extended,binary select id, nick, mail, extra, bio, during from members order by id
explain select id from members where bio like '%abc%'
explain select * from members where mail = 'x'
create extension dblink
create extension file_fdw
alter extension citext update
drop extension hstore cascade
select gin_extract_value_trgm(bio, null) from members
select gbt_text_compress(null)
select hstore_out(extra), hstore_send(extra), citext_send(mail) from members
select citextin('x'), citext(mail::bpchar), citext(true) from members
select citext_pattern_lt(mail, 'm') from members
select mail ~<~ 'm' from members
