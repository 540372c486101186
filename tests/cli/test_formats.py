"""An issued credential in the words of each client."""

from __future__ import annotations

import json
import shlex
import subprocess
from dataclasses import replace
from urllib.parse import parse_qs, unquote, urlsplit

import psycopg.conninfo
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.cli import formats

LOGIN = formats.Login("127.0.0.1", 15432, "shop", "ana", "tw_s3cret", "require")
HOSTILE = formats.Login(
    "::1", 15432, "sh op's", "a:na@x\\y", "p:a/s?s#w'o\"rd\\ $HOME", "verify-full", "/keys/my root.crt"
)
_words = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=20)


def _parsed(conninfo: str) -> dict[str, str]:
    return {key: str(value) for key, value in psycopg.conninfo.conninfo_to_dict(conninfo).items()}


def _expected(login: formats.Login, *, password: bool) -> dict[str, str]:
    values = {"host": login.host, "port": str(login.port), "dbname": login.dbname, "user": login.user}
    values |= {"sslmode": login.sslmode} | ({"sslrootcert": login.root_cert} if login.root_cert else {})
    return values | ({"password": login.password} if password else {})


@pytest.mark.parametrize("login", [LOGIN, HOSTILE])
def test_psql_line_reads_back_in_a_shell_and_in_libpq(login: formats.Login) -> None:
    password, command, conninfo = shlex.split(formats.psql(login))
    assert password == f"PGPASSWORD={login.password}"
    assert command == "psql"
    assert _parsed(conninfo) == _expected(login, password=False)


def test_psql_line_of_an_ordinary_login_is_easy_to_read() -> None:
    assert formats.psql(LOGIN) == (
        "PGPASSWORD=tw_s3cret psql 'host=127.0.0.1 port=15432 dbname=shop user=ana sslmode=require'"
    )


@given(_words, _words, _words)
def test_url_reads_back_in_libpq(dbname: str, user: str, password: str) -> None:
    for login in (replace(LOGIN, dbname=dbname, user=user, password=password), replace(HOSTILE, dbname=dbname)):
        assert _parsed(formats.url(login)) == _expected(login, password=True)


@given(_words, _words)
def test_conninfo_reads_back_in_libpq(dbname: str, user: str) -> None:
    login = replace(LOGIN, dbname=dbname, user=user)
    assert _parsed(formats.conninfo(login)) == _expected(login, password=False)


def test_env_lines_survive_a_real_shell() -> None:
    script = (
        formats.env(HOSTILE)
        + '\nprintf "%s|" "$PGHOST" "$PGPORT" "$PGDATABASE" "$PGUSER" "$PGPASSWORD" "$PGSSLROOTCERT"'
    )
    out = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True).stdout
    assert out.split("|")[:-1] == ["::1", "15432", "sh op's", "a:na@x\\y", HOSTILE.password, "/keys/my root.crt"]


def test_pgpass_escapes_colons_and_backslashes() -> None:
    assert formats.pgpass(LOGIN) == "127.0.0.1:15432:shop:ana:tw_s3cret"
    assert formats.pgpass(HOSTILE).startswith("\\:\\:1:15432:sh op's:a\\:na@x\\\\y:p\\:a/s")


def test_service_is_a_section_named_after_the_datasource() -> None:
    lines = formats.service(LOGIN).splitlines()
    assert lines[0] == "[shop]"
    assert lines[1:] == [
        "host=127.0.0.1",
        "port=15432",
        "dbname=shop",
        "user=ana",
        "sslmode=require",
        "password=tw_s3cret",
    ]


@pytest.mark.parametrize("login", [LOGIN, HOSTILE])
def test_jdbc_url_carries_everything_encoded(login: formats.Login) -> None:
    text = formats.jdbc(login)
    assert text.startswith("jdbc:postgresql://")
    parts = urlsplit(text.removeprefix("jdbc:"))
    assert unquote(parts.path) == "/" + login.dbname
    assert parts.hostname == login.host
    query = {key: value[0] for key, value in parse_qs(parts.query).items()}
    assert (query["user"], query["password"], query["sslmode"]) == (login.user, login.password, login.sslmode)
    assert query.get("sslrootcert", "") == login.root_cert


def test_every_text_format_has_a_name() -> None:
    assert set(formats.TEXT) == {"psql", "url", "env", "pgpass", "service", "jdbc"}
    assert all(formats.TEXT[name](LOGIN) for name in formats.TEXT)


def test_json_is_one_document() -> None:
    assert json.loads(formats.as_json({"id": "c1", "user": "zoë"})) == {"id": "c1", "user": "zoë"}
