"""`tidewaiter floor`: the SQL that it prints is run, and then the database itself refuses."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from rig import Deployment

from tidewaiter.demo.postgres import EmbeddedPostgres

SCHEMA = r"""
create role floor_owner nologin;
create role floor_read nologin;
create role floor_app login password 'app';
create role "floor ""odd"" one" login password 'odd';
create role floor_other login password 'other';
grant floor_read to floor_app, floor_other;
create schema "Vault";
alter schema "Vault" owner to floor_owner;
set role floor_owner;
create table "Vault"."Pe""ople" (id integer primary key, "na'me" text, "s s n" text, born date, tagsum text
    generated always as (upper("s s n")) stored);
insert into "Vault"."Pe""ople" values (1, 'Amy', '721-07-4426', '1980-02-03'), (2, 'Bo', '219-09-9999', '1990-05-06');
create table "Vault".pay (at date not null, card text, amount integer) partition by range (at);
create table "Vault".pay_1 partition of "Vault".pay for values from ('2020-01-01') to ('2030-01-01');
insert into "Vault".pay values ('2024-01-01', '4111111111111111', 5);
create view "Vault".shown as select id, "s s n" from "Vault"."Pe""ople";
create view "Vault".counted as select count(*) filter (where "s s n" like '7%') n from "Vault"."Pe""ople";
create materialized view "Vault".kept as select left("s s n", 9) s from "Vault"."Pe""ople";
create function "Vault".peek(integer) returns text language sql security definer
    as 'select "s s n" from "Vault"."Pe""ople" where id = $1';
grant usage on schema "Vault" to floor_read, "floor ""odd"" one", public;
grant select, trigger, references on all tables in schema "Vault" to floor_read;
grant select ("na'me", "s s n"), update on "Vault"."Pe""ople" to "floor ""odd"" one";
grant select on "Vault".pay to public;
reset role;
analyze "Vault"."Pe""ople";
"""
TAGS = """
[tags.ssn]
mask = { name = "partial", keep_last = 4 }
[tags.card]
mask = { name = "partial", keep_last = 4 }
[tags.birth]
mask = { name = "truncate", unit = "year" }
[datasource.shop.'"Vault"."Pe""ople"']
"s s n" = ["ssn"]
born = ["birth"]
[datasource.shop.'"Vault".pay']
card = ["card"]
"""
SECRETS = ("721-07", "219-09", "4111111111111111", "1980-02-03", "1990-05-06")
PEOPLE = '"Vault"."Pe""ople"'
ATTACKS = (
    f'select "s s n" from {PEOPLE}',
    f"select * from {PEOPLE}",
    f"select p from {PEOPLE} p",
    f"select to_jsonb(p) from {PEOPLE} p",
    f"copy {PEOPLE} to stdout",
    f'copy {PEOPLE} ("s s n") to stdout',
    f"copy (select born from {PEOPLE}) to stdout",
    f"""select id from {PEOPLE} where "s s n" like '7%'""",
    f"select tagsum from {PEOPLE}",
    f"update {PEOPLE} set id = id returning *",
    'select "s s n" from "Vault".shown',
    'select * from "Vault".counted',
    'select * from "Vault".kept',
    'select "Vault".peek(1)',
    'select card from "Vault".pay',
    'select card from "Vault".pay_1',
    'copy "Vault".pay_1 to stdout',
    f"create trigger t before update on {PEOPLE} for each row execute function suppress_redundant_updates_trigger()",
    "set role floor_owner",
)
HARMLESS = {
    "floor_app": (
        (f"""select id, "na'me" from {PEOPLE} order by 1""", "1|Amy\n2|Bo"),
        ('select amount from "Vault".pay', "5"),
        ('select id from "Vault".shown where id = 2', "2"),
        (
            """select "s s n", born from "masked_Vault"."Pe""ople" order by id""",
            "*******4426|1980-01-01\n*******9999|1990-01-01",
        ),
        ('select card from "masked_Vault".pay', "************1111"),
    ),
    'floor "odd" one': ((f"""select "na'me" from {PEOPLE} order by 1""", "Amy\nBo"),),
}


@pytest.fixture(scope="module")
def vault(postgres18: EmbeddedPostgres) -> Iterator[EmbeddedPostgres]:
    postgres18.execute(SCHEMA, database="shop")
    yield postgres18
    postgres18.execute(
        """drop schema "Vault" cascade; drop schema if exists "masked_Vault" cascade;
        drop owned by floor_read, floor_app; drop role floor_app, floor_other, "floor ""odd"" one", floor_read;
        drop role floor_owner;""",
        database="shop",
    )


def run(server: EmbeddedPostgres, role: str, sql: str) -> subprocess.CompletedProcess[str]:
    """psql past the gateway, logged in as the role itself."""
    password = {"floor_app": "app", 'floor "odd" one': "odd", "floor_other": "other"}[role]
    where = ["-h", server.host, "-p", str(server.port), "-U", role, "-d", "shop"]
    return subprocess.run(
        [str(server.binaries.tool("psql")), "-XAtq", "-v", "ON_ERROR_STOP=1", *where, "-c", sql],
        capture_output=True, text=True, check=False, env={"PGPASSWORD": password, "LC_ALL": "C.UTF-8"},
    )  # fmt: skip


def test_the_printed_sql_holds_and_can_be_run_again(vault: EmbeddedPostgres, own_gateway: Deployment) -> None:
    (own_gateway.folder / "classification.toml").write_text(TAGS)  # without the demo's own tables, which others use
    assert run(vault, "floor_app", f'select "s s n" from {PEOPLE}').stdout  # it could, before
    roles = ["--role", "floor_app", "--role", 'floor "odd" one']
    told: dict[str, Any] = own_gateway.json("floor", "shop", *roles)
    assert (told["held"], told["not_held"]) == (["floor_app", 'floor "odd" one'], {})
    assert "-- through floor_read also: floor_other" in told["sql"]
    for _ in range(2):
        vault.execute(told["sql"], database="shop")
    vault.execute(own_gateway.cli("floor", "shop", *roles).stdout, database="shop")  # made anew, it is right still
    for role in ("floor_app", 'floor "odd" one'):
        for attack in ATTACKS:
            done = run(vault, role, attack)
            assert done.returncode != 0 and "permission denied" in done.stderr, (role, attack, done.stdout, done.stderr)
            assert not any(secret in done.stdout + done.stderr for secret in SECRETS), (role, attack)
    stats = run(vault, "floor_app", "select * from pg_stats where schemaname = 'Vault'")
    assert not any(secret in stats.stdout for secret in SECRETS)
    for role, questions in HARMLESS.items():
        for sql, answer in questions:
            assert run(vault, role, sql).stdout.strip() == answer, sql


def test_a_floor_that_does_not_hold_undoes_itself(vault: EmbeddedPostgres, own_gateway: Deployment) -> None:
    (own_gateway.folder / "classification.toml").write_text(TAGS)  # without the demo's own tables, which others use
    vault.execute('grant execute on function "Vault".peek(integer) to floor_app', database="shop")
    sql = own_gateway.cli("floor", "shop", "--role", "floor_app").stdout
    lines = [line for line in sql.splitlines() if not line.startswith("REVOKE EXECUTE")]
    done = vault.run("psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-f", "-", database="shop", text_in="\n".join(lines))
    assert done.returncode and 'the floor does not hold: floor_app may run "Vault".peek' in done.stderr
    vault.execute("grant pg_read_all_data to floor_read", database="shop")
    try:
        done = vault.run("psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-f", "-", database="shop", text_in=sql)
        assert done.returncode and "the floor does not hold: floor_app may read" in done.stderr
        refused = own_gateway.cli("floor", "shop", "--role", "floor_app", check=False)
        assert refused.returncode == 1
        assert "floor_app cannot be held: it is a member of pg_read_all_data" in refused.stderr
    finally:
        vault.execute("revoke pg_read_all_data from floor_read", database="shop")


def test_check_says_what_can_be_read_without_the_gateway(vault: EmbeddedPostgres, own_gateway: Deployment) -> None:
    found = [one["said"] for one in own_gateway.json("check")["findings"] if "without the gateway" in one["said"]]
    assert found and found[0].startswith("without the gateway, tidewaiter can read ")
    assert "(as shop_admin, shop_ro, shop_rw, tidewaiter)" in found[0]
    owners = own_gateway.cli("floor", "shop", check=False)
    assert "-- NOT HELD: shop_admin owns public." in owners.stdout
    assert "-- NOT HELD: tidewaiter can become shop_admin, the owner of public." in owners.stdout
    assert 'REVOKE SELECT, REFERENCES, TRIGGER ON TABLE "public"."customers" FROM "shop_ro";' in owners.stdout
