"""The floor's SQL as text; tests/live/test_live_floor.py runs it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidewaiter.floor.rights import Function, Grant, Rights, Role, Tagged
from tidewaiter.floor.script import Floor, literal, masked_view, remark, script
from tidewaiter.model import ColumnMask, Relation
from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.parse import Parsed, parse

PEOPLE, KEPT = ("public", "people"), ("public", "kept")
MASK = ColumnMask("ssn", "left({}, 1)::text")
TAGGED = Tagged({PEOPLE: {"ssn": MASK}}, frozenset({KEPT}))
CATALOG = Catalog(
    relations={PEOPLE: Relation(*PEOPLE, "r", ("id", "ssn")), KEPT: Relation(*KEPT, "m", ("s",))},
)


def role(name: str, *reaches: str, superuser: bool = False, replicates: bool = False, makes: bool = False) -> Role:
    return Role(name, superuser, makes, replicates, True, frozenset({name, *reaches}))


def rights(*grants: Grant, functions: tuple[Function, ...] = (), kept: tuple[Grant, ...] = ()) -> Rights:
    roles = [
        role("amy", "readers"),
        role("bob", "readers"),
        role("readers"),
        role("owner"),
        role("root", superuser=True),
        role("copy", replicates=True),
        role("boss", "owner"),
        role("all", "pg_read_all_data"),
        role("heir", "root"),
        role("maker", makes=True),
    ]
    return Rights(
        {one.name: one for one in roles}, {PEOPLE: "owner", KEPT: "owner"}, {PEOPLE: grants, KEPT: kept}, functions
    )


def made(found: Rights, *wanted: str) -> Floor:
    return script("shop", "shop", wanted, {PEOPLE: {"ssn": MASK}}, TAGGED, CATALOG, found)


def test_what_is_granted_through_others_is_taken_from_them_and_said() -> None:
    floor = made(rights(Grant("readers", "SELECT", None), Grant("owner", "SELECT", None)), "amy")
    lines = floor.sql.splitlines()
    at = lines.index('REVOKE SELECT, REFERENCES, TRIGGER ON TABLE "public"."people" FROM "readers";')
    assert lines[at - 1] == "-- through readers also: bob"
    assert lines[at + 1] == 'GRANT SELECT ("id") ON TABLE "public"."people" TO "readers";'
    assert 'FROM "owner"' not in floor.sql


def test_only_what_somebody_had_is_granted_again() -> None:
    floor = made(rights(Grant("amy", "SELECT", "ssn"), Grant("", "TRIGGER", None), Grant("amy", "UPDATE", None)), "amy")
    assert 'ON TABLE "public"."people" FROM "amy";' in floor.sql
    assert 'ON TABLE "public"."people" FROM PUBLIC;' in floor.sql
    assert "GRANT SELECT (" not in floor.sql


def test_what_is_made_from_tagged_columns_is_closed_whole() -> None:
    floor = made(rights(kept=(Grant("amy", "SELECT", None),)), "amy")
    assert 'REVOKE SELECT, REFERENCES, TRIGGER ON TABLE "public"."kept" FROM "amy";' in floor.sql
    assert 'TO "amy";\n' not in floor.sql.partition("CREATE SCHEMA")[0]


def test_functions_with_the_owner_s_rights_are_taken_away() -> None:
    peek = Function("public", "peek", "f", "integer", "owner", ("", "owner", "amy"))
    run = Function("public", "run", "p", "", "owner", ("readers", "bob"))
    floor = made(rights(functions=(peek, run, Function("public", "x", "f", "", "owner", ("bob",)))), "amy")
    assert 'REVOKE EXECUTE ON FUNCTION "public"."peek"(integer) FROM PUBLIC, "amy";' in floor.sql
    assert 'REVOKE EXECUTE ON PROCEDURE "public"."run"() FROM "readers";' in floor.sql
    assert '"x"' not in floor.sql
    assert "('public', 'peek', 'integer'),\n        ('public', 'run', ''),\n" in floor.sql
    assert "may run" not in made(rights(), "amy").sql


def test_masked_views_are_granted_to_those_who_are_held() -> None:
    floor = made(rights(), "amy", "bob", "boss")
    assert '    "id",\n    left("ssn", 1)::text AS "ssn"\n    FROM "public"."people";' in floor.sql
    assert 'GRANT SELECT ON "masked_public"."people" TO "amy", "bob";' in floor.sql
    assert masked_view(PEOPLE) == ("masked_public", "people")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("root", "is a superuser"),
        ("copy", "may replicate, which reads everything"),
        ("boss", "can become owner, the owner of public.kept, public.people"),
        ("owner", "owns public.kept, public.people"),
        ("all", "is a member of pg_read_all_data, which reads every table"),
        ("heir", "can become the superuser root"),
        ("maker", "may create roles, and so take any role"),
    ],
)
def test_some_roles_no_right_can_hold(name: str, why: str) -> None:
    floor = made(rights(Grant(name, "SELECT", None)), name)
    assert (floor.held, floor.not_held) == ((), {name: (why,)})
    assert f"-- NOT HELD: {name} {why}\n" in floor.sql
    assert all(line.startswith("-- ") for line in floor.sql.splitlines())


def test_the_check_is_last_and_in_the_transaction() -> None:
    lines = made(rights(), "amy").sql.splitlines()
    assert lines.index("BEGIN;") < next(at for at, line in enumerate(lines) if line.startswith("DO $floor$"))
    assert lines[-1] == "COMMIT;" and lines[-2].endswith("$floor$;")
    assert "counted <> 2 THEN" in "\n".join(lines)


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)


def test_names_in_remarks_and_reasons_are_quoted_as_in_sql() -> None:
    path, owner, other = ("Harbour log", "People"), "The Owner", "Bob, amy"
    roles = [role("Amy", "Readers"), role(other, "Readers"), role("Readers"), role(owner), role("Boss", owner, "Top")]
    roles.append(role("Top", superuser=True))
    peek = Function("public", "peek", "f", "", owner, ("Amy",))
    found = Rights(
        {one.name: one for one in roles}, {path: owner}, {path: (Grant("Readers", "SELECT", None),)}, (peek,)
    )
    marked = Tagged({path: {"Soc. sec.": MASK}}, frozenset())
    known = Catalog(relations={path: Relation(*path, "r", ("id", "Soc. sec."))})
    floor = script("shop", "Shop 2", ["Amy", "Boss"], marked.masks, marked, known, found)
    remarks = [line for line in floor.sql.splitlines() if line.startswith("-- ")]
    assert remarks == [
        '-- The floor of datasource shop: the database itself keeps tagged columns from "Amy".',
        "-- Made by `tidewaiter floor`. Read it, then run it with `psql -v ON_ERROR_STOP=1 -f` in database",
        '-- "Shop 2", as "The Owner" or a superuser. It can be run again.',
        "-- It is one transaction; its last statement undoes it all if a tagged column could still be read.",
        '-- NOT HELD: "Boss" can become the superuser "Top"',
        '-- NOT HELD: "Boss" can become "The Owner", the owner of "Harbour log"."People"',
        '-- "Harbour log"."People": "Soc. sec." (ssn)',
        '-- through "Readers" also: "Bob, amy"',
        '-- runs with the rights of "The Owner", who may read tagged columns; grant it again to whom you trust',
        '-- "Harbour log"."People" with masks; those with a key are NULL. It reads with the rights of who runs this.',
        "-- Nothing tagged can be read now, or all of this is undone.",
    ]


@settings(max_examples=50)
@given(NAMES, NAMES, NAMES, NAMES.filter(lambda name: name not in ("none", "public")))  # no role is called so
def test_no_name_can_break_out(schema: str, table: str, column: str, who: str) -> None:
    path = (schema, table)
    found = Rights({who: role(who)}, {path: "owner" + who}, {path: (Grant(who, "SELECT", None),)})
    marked = Tagged({path: {column: ColumnMask(column, "NULL::text")}}, frozenset())
    known = Catalog(relations={path: Relation(schema, table, "r", (column, column + "2"))})
    sql = script(who, who, [who], marked.masks, marked, known, found).sql
    assert "$floor$" not in (schema, table, column, who)
    tree = parse(sql)
    assert isinstance(tree, Parsed), tree
    kinds = [next(iter(statement)) for statement in tree.statements]
    assert kinds == [
        "TransactionStmt", "VariableSetStmt", "VariableSetStmt", "VariableSetStmt", "GrantStmt", "GrantStmt",
        "CreateSchemaStmt", "ViewStmt", "GrantStmt", "GrantStmt", "DoStmt", "TransactionStmt",
    ]  # fmt: skip


def test_a_name_that_holds_the_dollar_quote() -> None:
    path = ("public", "$floor$")
    marked = Tagged({path: {"c": ColumnMask("x", "NULL::text")}}, frozenset())
    known = Catalog(relations={path: Relation(*path, "r", ("c",))})
    sql = script("shop", "shop", ["amy"], {}, marked, known, rights()).sql
    assert "DO $floor0$" in sql and sql.count("$floor0$") == 2


def test_quoting() -> None:
    assert literal("a'b\\") == "'a''b\\'"
    assert remark("a\nDROP TABLE b;\u2028") == "-- a?DROP TABLE b;?"
