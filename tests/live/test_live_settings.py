"""Settings that the database itself gives a session, past the gateway: by a login trigger, or for the role.

Each is either harmless, because its value is read or nothing depends on it, or refused by an error that names it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from rawwire import Client, errors_of, query, rows_of
from rig import MASKED, Deployment

from tidewaiter.demo.postgres import EmbeddedPostgres

TRIGGER = """
create function settle() returns event_trigger language plpgsql security definer as $$
declare number integer := substring(current_setting('application_name') from 'set ([0-9]+)$');
begin
    perform set_config(name, value, false) from elsewhere.settings where id = number;
end $$;
create schema elsewhere;
create table elsewhere.settings (id integer, name text, value text);
create event trigger settling on login execute function settle();
grant usage on schema elsewhere to public;
create function elsewhere.lower(text) returns text language sql as 'select max(email) from public.customers';
create table elsewhere.customers (id integer, email text, ssn text, date_of_birth date);
grant select on elsewhere.customers to public;
"""
UNDO = "drop event trigger settling; drop function settle(); drop schema elsewhere cascade"
READ = "select email, ssn, date_of_birth from public.customers order by id limit 1"
TEXTS = (
    READ,
    "select id, email, ssn, date_of_birth from customers order by id limit 1",
    "select date_of_birth::text, interval '90 minutes', '\\x00ff'::bytea from public.customers limit 1",
    "select 0.1::float8 + 0.2",
    "select id from public.customers where email = null",
    "select '\\', ' || ssn --'\n from public.customers order by id limit 1",
    "select lower(email) from public.customers order by id limit 1",
    "show timezone",
)
HARMLESS = (
    "DateStyle=German, DMY", "DateStyle=SQL, MDY", "IntervalStyle=iso_8601", "bytea_output=escape",
    "extra_float_digits=-15", "TimeZone=Asia/Tokyo", "client_encoding=LATIN1", "client_encoding=SQL_ASCII",
    "search_path=elsewhere,public", "search_path=elsewhere,pg_catalog", "search_path=pg_temp,public",
    "search_path=", "row_security=off", "xmloption=document", "quote_all_identifiers=on", "array_nulls=off",
    "transform_null_equals=on", "backslash_quote=on", "lc_monetary=C", "debug_print_plan=on", "plan_cache_mode=auto",
    "default_transaction_isolation=serializable", "client_min_messages=debug5", "client_min_messages=error",
)  # fmt: skip
REFUSED = ("standard_conforming_strings=off", "client_encoding=SJIS", "client_encoding=GBK", "client_encoding=BIG5")
"""With these a text may be read otherwise by the server."""
OF_A_ROLE = (
    "bytea_output=escape", "TimeZone='Asia/Tokyo'", "IntervalStyle=iso_8601", "search_path=elsewhere,public",
    "DateStyle=German", "standard_conforming_strings=off", "client_encoding=SJIS", "client_min_messages=debug5",
)  # fmt: skip


def named(setting: str) -> dict[str, str]:
    """The startup parameters of who wants a setting: PostgreSQL cuts names of applications short."""
    return {"application_name": f"set {(*HARMLESS, *REFUSED).index(setting)}"}


@pytest.fixture(scope="module")
def gate(gateway18: Deployment, postgres18: EmbeddedPostgres) -> Iterator[Deployment]:
    """A database with a login trigger that sets what a client's name says."""
    rows = ", ".join(
        f"({number}, '{name}', '{value}')"
        for number, setting in enumerate((*HARMLESS, *REFUSED))
        for name, value in [setting.split("=")]
    )
    postgres18.execute(f"{TRIGGER}; insert into elsewhere.settings values {rows}", database="shop")
    yield gateway18
    postgres18.execute(UNDO, database="shop")


@pytest.fixture(scope="module")
def secrets(gate: Deployment) -> list[bytes]:
    """What nobody who sees masks may get, however it is written."""
    told = gate.postgres.execute(f"{READ}; select max(email) from customers", database="shop")
    german = "select to_char(date_of_birth, 'DD.MM.YYYY') from customers order by id limit 1"
    born = gate.postgres.execute(german, database="shop")
    found = [value.encode() for line in told.splitlines() for value in line.split("|")]
    return [*found, born.strip().encode()]


def answers(client: Client) -> list[list[list[str | None]] | list[str]]:
    """Rows of each text, or what its error says."""
    found: list[list[list[str | None]] | list[str]] = []
    for text in TEXTS:
        got = client.ask(query(text))
        found.append([one.fields["M"] for one in got if one.type == b"E"] or list(rows_of(got)))
    return found


@pytest.mark.parametrize("setting", [*HARMLESS, *REFUSED])
def test_nothing_real_comes_whatever_a_login_trigger_sets(gate: Deployment, secrets: list[bytes], setting: str) -> None:
    with gate.raw(MASKED, options=named(setting)) as client:
        told = [client.ask(query(text)) for text in TEXTS]
        said = b"".join(one.body for got in told for one in got)
        assert [value for value in secrets if value in said] == []
        if setting in HARMLESS:
            ((email, ssn, _),) = rows_of(told[0])
            assert re.fullmatch(r".\*\*\*@example\.(com|org|net)", str(email)) and str(ssn).startswith("*******")
        else:
            name = setting.partition("=")[0]
            assert all(name in next(one.fields["M"] for one in got if one.type == b"E") for got in told), told


@pytest.mark.parametrize("setting", HARMLESS)
def test_without_masks_a_session_answers_as_the_server_would(gate: Deployment, setting: str) -> None:
    with gate.raw_direct(options=named(setting)) as direct, gate.raw("dora", options=named(setting)) as client:
        assert answers(client) == answers(direct)


@pytest.mark.parametrize("setting", REFUSED)
def test_a_text_that_may_be_read_otherwise_is_refused_with_the_settings_name(gate: Deployment, setting: str) -> None:
    name, value = setting.split("=")
    with gate.raw("alice", options=named(setting)) as client:
        for (said,) in answers(client):
            assert f"{name} is {value}" in str(said)
        usual = "on" if value == "off" else "UTF8"
        assert not errors_of(client.ask(query(f"set {name} = {usual}")))
        assert errors_of(client.ask(query(READ))) == []


@pytest.mark.parametrize("setting", OF_A_ROLE)
def test_what_a_role_is_given_changes_nothing_either(gate: Deployment, secrets: list[bytes], setting: str) -> None:
    name, value = setting.split("=")
    admin = gate.postgres
    admin.execute(f"alter role tidewaiter in database shop set {name} = {value}", database="shop")
    try:
        with gate.raw(MASKED) as client:
            said = b"".join(one.body for text in TEXTS for one in client.ask(query(text)))
            assert [value for value in secrets if value in said] == []
            ((email, _, _),) = client.rows(READ)  # what changes how texts are read is pinned
            assert "***" in str(email)
    finally:
        admin.execute(f"alter role tidewaiter in database shop reset {name}", database="shop")
