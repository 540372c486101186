-- what hides a statement from a scanner of words: comments, quotes, escapes, encodings

drop/**/table orders
--> deny

DROP  TABLE   orders
--> deny

dRoP
	taBLe
oRdErs
--> deny

/* where id = 1 */ delete from orders
--> deny

delete from orders -- where id = 1
--> deny

/* a /* nested */ comment */ delete from orders where id = 1
--> deny

select 1 /* nested /* delete from orders */ still */
--> allow

-- the end of a comment by a carriage return, which PostgreSQL takes for a line's end
--@ escaped
select 1 --\r; delete from orders
--> deny

-- form feed and vertical tab are white space
--@ escaped
delete\x0cfrom\x0corders where id = 1
--> deny

--@ escaped
select 1;\x0bdelete from orders
--> deny

-- U&"…" is an identifier
select * from hr.U&"employ\0065es"
--> deny hr-is-closed

select * from U&"\0068r"."employees"
--> deny hr-is-closed

select * from U&"h!0072" uescape '!' . "employees"
--> deny

select * from U&"h!0072".U&"employ!0065es" uescape '!'
--> deny

select * from "hr"."employees"
--> deny hr-is-closed

select * from HR.EMPLOYEES
--> deny hr-is-closed

-- a different table: quoted names do not fold
select * from "HR"."EMPLOYEES"
--> deny

-- a database name before the schema
select * from postgres.hr.employees
--> deny

select postgres.hr.employees.salary from hr.employees
--> deny

select * from hr . /* the schema */ employees
--> deny hr-is-closed

table hr.employees
--> deny hr-is-closed

-- strings that end elsewhere than a scanner thinks
select E'a\' ; delete from orders; -- '
--> allow

select E'a\'', 1; delete from orders; -- '
--> deny

select 'a\'; delete from orders; -- '
--> deny

select $q$ ) ; delete from orders $q$
--> allow

select $a$ $b$ $a$; delete from orders; select $b$ $b$
--> deny

select $q$ ' $q$; delete from orders where id = 1 -- '
--> deny

select U&'\0027; delete from orders; --'
--> allow

select 'a'
'b'; delete from orders
--> deny

select B'1'; delete from orders
--> deny

select n'x'; delete from orders
--> deny

-- after this the server's lexer reads other strings than ours
set standard_conforming_strings = off
--> any
select 'a\'' ; delete from orders; -- '
--> deny

select set_config('standard_conforming_strings', 'off', false)
--> any
select 'a\'' ; delete from orders; -- '
--> deny

begin
--> allow
set local standard_conforming_strings to off
--> any
select 'a\'' ; delete from orders; -- '
--> deny
rollback
--> allow

-- within one text: the rest is lexed before the setting changes
set standard_conforming_strings = off; select 'a\'; delete from orders; -- '
--> deny

set backslash_quote = on
--> any
select E'a\'; delete from orders; --'
--> any

set client_encoding = 'SJIS'
--> any
--@ escaped
select '\x83\'; delete from orders; --'
--> deny

set client_encoding to 'BIG5'
--> any
--@ escaped
select '\xa5\'; delete from orders; --'
--> deny

set names 'GBK'
--> any
--@ escaped
select '\x95\'; delete from orders; --'
--> deny

select set_config('client_encoding', 'GB18030', false)
--> any
--@ escaped
select '\x95\'; delete from orders; --'
--> deny

-- bytes that are no text
--@ escaped
select '\xc0\xa7; delete from orders; --'
--> deny

--@ escaped
select 1\xff; delete from orders
--> deny

--@ escaped
delete from orders where id = 1 -- \xe2\x80
--> deny

-- a byte order mark before the first word
--@ escaped
\xef\xbb\xbfdelete from orders
--> deny

-- zero-width space, no-break space: letters to PostgreSQL, so another name or a syntax error
--@ escaped
delete\xe2\x80\x8bfrom orders
--> deny

--@ escaped
delete\xc2\xa0from orders
--> deny

--@ escaped
select * from hr.employees\xe2\x80\x8b
--> deny

-- look-alikes: Cyrillic е, full-width letters
--@ escaped
select * from hr.\xd0\xb5mployees
--> deny

--@ escaped
d\xef\xbd\x85lete from orders
--> deny

-- Turkish dotless ı does not fold to i, K (Kelvin) does not fold to k
--@ escaped
select * from h\xe2\x84\xaa.employees
--> deny

-- a right-to-left override in a comment
--@ escaped
delete from orders /* \xe2\x80\xae */ where true
--> deny

-- names are cut to 63 bytes by the server, so these two are one
select * from hr.employees_________________________________________________________________
--> deny

with hr.x as (select 1) select 1
--> deny

-- the cut happens in the middle of nothing: a CTE of 64 letters hides a table of 63
with aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab as (select * from hr.employees) select * from aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac
--> deny hr-is-closed

-- numbers glued to words
select 1delete from orders
--> deny

select 1;delete from orders
--> deny

;;;delete from orders;;;
--> deny

-- an operator that begins a comment
select 1 +-- delete
1; delete from orders
--> deny

select 2 /-- +*/ 1
1; delete from orders
--> deny

select 1 as "delete from orders"
--> allow

select 'TRUNCATE orders; DROP TABLE orders'
--> allow

select 1 as drop
--> allow
