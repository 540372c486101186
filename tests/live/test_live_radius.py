"""What approvers see of held statements, measured against a real server: numbers, cascades, masked rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from rig import Deployment, copy_of, eventually

POLICY = """
@id("changes-wait") @hold("dba") @measure("run") @message("Changes wait for a DBA")
forbid (principal == Service::"etl", action in [Action::"write", Action::"define"], resource in Datasource::"shop")
unless { resource in Schema::"shop.slow" };
@id("slow-changes-wait") @hold("dba") @message("Changes wait for a DBA")
forbid (principal == Service::"etl", action in [Action::"write", Action::"define"], resource in Schema::"shop.slow");
@id("veiled-waits") @hold("dba") @measure("run")
forbid (principal == Service::"veiled", action in Action::"write", resource in Datasource::"shop");
@id("veiled-reads-and-writes")
permit (principal == Service::"veiled", action in [Action::"read", Action::"write"], resource in Datasource::"shop");
@id("etl-does-all")
permit (principal == Service::"etl", action, resource in Datasource::"shop");
@id("etl-breaks-glass")
permit (principal == Service::"etl", action == Action::"break_glass", resource == Datasource::"shop");
"""
SCHEMA = """
set role shop_admin;
create schema slow; create schema radius;
create table radius.folder (id int primary key, name text, owner_email text);
create table radius.file (id serial primary key, folder int references radius.folder on delete cascade, size int);
create index on radius.file (folder);
create table radius.watched (id int primary key, note text);
create function radius.notice() returns trigger language plpgsql as $$ begin return new; end $$;
create function radius.touch() returns trigger language plpgsql as $$ begin new.note = 'touched'; return new; end $$;
create table radius.touched (id int primary key, note text);
create trigger touch before update on radius.touched for each row execute function radius.touch();
insert into radius.touched select generate_series(1, 7);
create table radius.fussy (id int primary key, owner_email text);
create function radius.fuss() returns trigger language plpgsql as
    $$ begin raise exception 'not %', old.owner_email using errcode = 'check_violation'; end $$;
create trigger fuss before update on radius.fussy for each row execute function radius.fuss();
insert into radius.fussy values (1, 'fussy@example.com');
create table radius.docs (id int primary key, doc jsonb, raw bytea, note text);
insert into radius.docs values (1, '{"mail": "doc@example.com"}', 'raw@example.com', 'write to note@example.com now');
create table radius.part (id int, mail text, up text generated always as (upper(mail)) stored) partition by range (id);
create table radius.part1 partition of radius.part for values from (0) to (100);
insert into radius.part (id, mail) values (1, 'part@example.com');
create view radius.contacts as select id, name, owner_email as contact from radius.folder;
create trigger watch before update on radius.watched for each row execute function radius.notice();
create table slow.heap (id int);
insert into radius.folder select i, 'folder ' || i, 'owner' || i || '@example.com' from generate_series(1, 40) i;
insert into radius.file (folder, size) select 1 + i % 40, i from generate_series(1, 400) i;
insert into radius.watched values (1, 'seen');
insert into slow.heap select generate_series(1, 100);
"""
CLASSES = """
[datasource.shop."radius.folder"]
owner_email = ["email"]
[datasource.shop."radius.docs"]
doc = ["email"]
raw = ["email"]
[datasource.shop."radius.part"]
mail = ["email"]
[datasource.shop."radius.fussy"]
owner_email = ["email"]
"""


@pytest.fixture(scope="module")
def desk(workshop: Path, template: Deployment) -> Iterator[Deployment]:
    """A gateway that holds whatever the service changes."""
    template.postgres.execute(SCHEMA, database="shop")
    made = copy_of(template, workshop / "radius", template.postgres)
    (made.folder / "policies" / "radius.cedar").write_text(POLICY)
    with (made.folder / "classification.toml").open("a") as file:
        file.write(CLASSES)
    settings = made.folder / "tidewaiter.toml"
    declared = 'mode = "enforce"\nside_effect_free = ["radius.touch", "radius.fuss"]'
    settings.write_text(settings.read_text().replace('mode = "enforce"', declared))
    made.cli("principal", "add", "etl", "--kind", "service", "--group", "dba")
    made.cli("principal", "add", "veiled", "--kind", "service", "--group", "analysts", "--group", "masked")
    made.issued |= {name: made.issue(name) for name in ("etl", "veiled")}
    yield made.start()
    made.kill()
    template.postgres.execute("drop schema radius cascade; drop schema slow cascade", database="shop")


def held(desk: Deployment, sql: str, values: tuple[object, ...] = (), who: str = "etl") -> dict[str, Any]:
    """The blast radius of a statement that the service asked for, with the request's id."""
    refused = pytest.raises(psycopg.errors.InsufficientPrivilege, match="request AR-")
    with psycopg.connect(desk.dsn(who), autocommit=True) as connection, refused as error:
        connection.execute(sql.encode(), values or None)
    (id_,) = set(re.findall("AR-[A-Z0-9]+", str(error.value)))
    told: dict[str, Any] = desk.json("request", "show", id_)["blast_radius"]
    return {**told, "id": id_}


def count(desk: Deployment, table: str) -> int:
    return int(desk.postgres.execute(f"select count(*) from {table}", database="shop"))


def test_a_delete_is_measured_with_its_cascades_and_nothing_of_it_stays(desk: Deployment) -> None:
    told = held(desk, "delete from radius.folder where id <= 10")
    assert (told["basis"], told["rows"], told["total_rows"]) == ("measured", 10, 110), told
    (cascade,) = told["cascades"]
    assert (cascade["table"], cascade["does"], cascade["rows"]) == ("radius.file", "delete", 100)
    tables = {one["table"]: one for one in told["tables"]}
    assert tables["radius.folder"]["share"] == 0.25
    assert (tables["radius.folder"]["rows"], tables["radius.folder"]["rows_are"]) == (40, "counted")
    assert (count(desk, "radius.folder"), count(desk, "radius.file")) == (40, 400)
    assert told["reversible"]["word"] == "no"


def test_rows_are_shown_before_and_after_and_tagged_columns_masked(desk: Deployment) -> None:
    told = held(desk, "update radius.folder set name = %s, owner_email = %s where id = %s", ("new", "x@y.org", 3))
    assert (told["basis"], told["rows"]) == ("measured", 1)
    (row,) = told["sample"]
    assert row["before"] == {"id": "3", "name": "folder 3", "owner_email": "o***@example.com"}
    assert row["after"] == {"name": "new", "owner_email": "(hidden)"}
    copied = held(desk, "update radius.folder set name = owner_email where id = 4")
    assert copied["sample"][0]["after"] == {"name": "(hidden)"}
    assert "owner4@example.com" not in str((told, copied))


def test_what_could_leave_something_behind_is_estimated_and_says_why(desk: Deployment) -> None:
    told = held(desk, "update radius.watched set note = 'x'")
    assert (told["basis"], told["total_rows"]) == ("counted", None)
    assert any("trigger watch" in reason for reason in told["not_measured"])
    assert told["triggers"][0]["function"] == "radius.notice"
    inserted = held(desk, "insert into radius.file (folder, size) values (1, 1)")
    assert inserted["basis"] != "measured"
    assert any("nextval" in reason for reason in inserted["not_measured"])
    assert desk.postgres.execute("select last_value from radius.file_id_seq", database="shop").strip() == "400"


ATTACKS = (
    "update radius.contacts set name = contact where id = 5",
    "update radius.folder set name = row_to_json(folder)::text where id = 6",
    "update radius.folder set (name, owner_email) = (select mail, mail from radius.part limit 1) where id = 7",
    "with m as (select mail from radius.part) update radius.folder set name = (select mail from m) where id = 8",
    "update radius.folder f set name = g.owner_email from radius.folder g where g.id = f.id + 1 and f.id = 9",
    "update radius.docs set note = doc ->> 'mail'",
    "update radius.docs set note = convert_from(raw, 'utf8')",
    "update radius.part set mail = lower(mail)",
    "delete from radius.part",
    "merge into radius.folder f using radius.part p on f.id = p.id when matched then update set name = p.mail",
    "insert into radius.folder select 1, mail from radius.part on conflict (id) do update set name = excluded.name",
)


def test_no_statement_shows_approvers_a_masked_value_by_carrying_it_elsewhere(desk: Deployment) -> None:
    with psycopg.connect(desk.dsn("etl"), autocommit=True) as connection:
        for sql in ATTACKS:
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="request AR-"):
                connection.execute(sql.encode())
    told = {one["statement"]: one["blast_radius"] for one in desk.json("request", "ls")}
    assert set(ATTACKS) <= set(told)
    assert sum(bool(told[sql]["sample"]) for sql in ATTACKS) >= 7, "rows are shown"
    raw = re.compile(r"(owner\d+|doc|raw|note|part)@example\.com", re.I)
    assert {sql: raw.findall(str(told[sql])) for sql in ATTACKS if raw.search(str(told[sql]))} == {}


def test_what_a_function_says_of_a_masked_value_is_not_told(desk: Deployment) -> None:
    told = held(desk, "update radius.fussy set owner_email = 'x' where owner_email is not null")
    assert told["fails"] == {"sqlstate": "23514", "message": ""}
    assert "fussy@" not in str(told) + desk.cli("request", "show", told["id"]).stdout


def test_a_trigger_that_is_declared_free_of_side_effects_runs_and_is_rolled_back(desk: Deployment) -> None:
    told = held(desk, "update radius.touched set id = id + 100 where id > 2")
    assert (told["basis"], told["rows"]) == ("measured", 5)
    assert desk.postgres.execute("select max(id), max(note) from radius.touched", database="shop").strip() == "7|"


def test_a_rule_that_does_not_allow_a_run_gets_an_estimate(desk: Deployment) -> None:
    told = held(desk, "delete from slow.heap where id > 0")
    assert told["basis"] == "estimated"
    assert "its rule does not allow it to be run and rolled back" in told["not_measured"]


def test_a_statement_that_would_fail_says_so(desk: Deployment) -> None:
    told = held(desk, "insert into radius.watched values (1, 'again')")
    assert told["fails"]["sqlstate"] == "23505"


def test_who_sees_masks_is_measured_as_masked_so_that_no_number_tells_a_value(desk: Deployment) -> None:
    desk.postgres.execute("grant usage on schema radius to shop_rw", database="shop")
    desk.postgres.execute("grant all on all tables in schema radius to shop_rw", database="shop")
    value, mask = "owner3@example.com", "o***@example.com"
    told = [held(desk, f"delete from radius.folder where owner_email = '{one}'", who="veiled") for one in (value, mask)]
    assert [(one["basis"], one["rows"]) for one in told] == [("measured", 0), ("measured", 40)]
    assert held(desk, f"delete from radius.folder where owner_email = '{value}' and true")["rows"] == 1
    assert value not in str([one["sample"] for one in told])


def test_a_definition_tells_its_lock_the_tables_size_and_the_rewrite(desk: Deployment) -> None:
    told = held(desk, "alter table radius.file alter column size type bigint")
    (lock,) = (one for one in told["locks"] if one["table"] == "radius.file")
    assert lock["mode"] == "AccessExclusiveLock" and lock["bytes"] > 8192
    assert told["storage"] == ["rewrites radius.file: the type of column size changes"]
    dropped = held(desk, "drop table radius.watched")
    assert (dropped["basis"], dropped["rows"]) == ("counted", 1)


def test_what_others_lock_is_not_waited_for(desk: Deployment) -> None:
    with psycopg.connect(desk.direct_dsn()) as other:
        other.execute("select * from radius.folder where id = 7 for update")
        told = held(desk, "delete from radius.folder where id = 7")
    assert told["basis"] == "estimated"
    assert "others hold locks that it needs" in told["not_measured"]


def test_what_drifted_since_its_approval_is_held_again_with_a_new_radius(desk: Deployment) -> None:
    sql = "delete from radius.file where size > 1000"
    id_ = held(desk, sql)["id"]
    desk.cli("request", "approve", id_, "--as", "dora")
    grow = "insert into radius.file (id, folder, size) select 1000 + i, 1, 2000 from generate_series(1, 5) i"
    desk.postgres.execute(grow, database="shop")
    again = held(desk, sql)
    assert (again["id"], again["rows"]) == (id_, 5)
    told = desk.json("request", "show", id_)
    assert (told["state"], told["reason"]) == ("open", "it would change 5 rows in all now, 0 when it was approved")
    desk.cli("request", "approve", id_, "--as", "dora")
    with psycopg.connect(desk.dsn("etl"), autocommit=True) as connection:
        assert connection.execute(sql).statusmessage == "DELETE 5"
    assert desk.json("request", "show", id_)["state"] == "consumed"


def test_a_statement_that_knows_when_it_is_measured_is_undone_when_it_does_more(desk: Deployment) -> None:
    sql = "delete from radius.folder where current_setting('application_name') <> 'tidewaiter measures'"
    told = held(desk, sql)
    assert (told["basis"], told["rows"]) == ("measured", 0)
    desk.cli("request", "approve", told["id"], "--as", "dora")
    refused = pytest.raises(psycopg.errors.InsufficientPrivilege, match=r"would change 4[0-9]+ rows; .* limits it to 0")
    with psycopg.connect(desk.dsn("etl"), autocommit=True) as connection, refused:
        connection.execute(sql)
    assert count(desk, "radius.folder") == 40
    eventually(lambda: desk.json("request", "show", told["id"])["state"] == "failed", 10)


def test_a_broken_glass_runs_at_once_loudly_and_stays_for_review(desk: Deployment) -> None:
    notices: list[str] = []
    sql = "/* break glass: payments are down, INC-7 */ update radius.watched set note = 'fixed'"
    with psycopg.connect(desk.dsn("etl"), autocommit=True) as connection:
        connection.add_notice_handler(lambda notice: notices.append(f"{notice.severity}: {notice.message_primary}"))
        assert connection.execute(sql).statusmessage == "UPDATE 1"
    (warning,) = notices
    assert warning.startswith("WARNING: glass broken")
    (review,) = (one for one in desk.json("request", "ls") if one["state"] == "review")
    assert (review["id"] in warning, review["glass"]) == (True, "payments are down, INC-7")
    assert desk.cli("request", "close", review["id"], "--as", "etl", "--note", "mine", check=False).returncode == 1
    desk.cli("request", "close", review["id"], "--as", "dora", "--note", "it was right")
    assert desk.json("request", "show", review["id"])["state"] == "closed"
    changes = [row["fields"] for row in desk.search("--kind", "request.change")]
    assert [one["what"] for one in changes if one["request"] == review["id"]] == ["open", "break_glass", "close"]


def test_request_show_prints_it_all(desk: Deployment) -> None:
    told = held(desk, "delete from radius.folder where id > 20 and name <> 'x'")
    shown = desk.cli("request", "show", told["id"]).stdout
    for words in (
        "DELETE FROM radius.folder\n",
        "measured: 20 rows",
        "220 rows in all",
        "50% of radius.folder",
        "cascade file_folder_fkey: delete on radius.file, 200 rows",
        "o***@example.com",
        "not reversible",
    ):
        assert words in shown, shown
