selec 1
--> unknown syntax error
--> fault 42601 syntax error at or near "selec" @1

select from where
--> unknown syntax error
--> fault 42601 syntax error at or near "where" @13

select * from
--> unknown syntax error
--> fault 42601 syntax error at end of input @14

'unterminated
--> unknown syntax error
--> fault 42601 unterminated quoted string at or near "'unterminated" @1

select 1 1
--> unknown syntax error
--> fault 42601 syntax error at or near "1" @10

insert into
--> unknown syntax error
--> fault 42601 syntax error at end of input @12

create table (
--> unknown syntax error
--> fault 42601 syntax error at or near "(" @14

select $1$2
--> unknown syntax error
--> fault 42601 syntax error at or near "$2" @10
