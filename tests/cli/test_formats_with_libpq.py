"""The two file formats, read back by libpq itself: it finds services by PQconndefaults and passwords in a passfile."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import pq

from tidewaiter.cli import formats

LOGIN = formats.Login("127.0.0.1", 1, "shop", "ana@example.com", "tw1_Ab3dEf9h_secret", "verify-full", "/keys/root.crt")
WORDS = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x24F, exclude_categories=("Cc", "Zs")), min_size=1, max_size=30
)


def password_found(login: formats.Login, passfile: Path) -> str:
    """What libpq takes from the file for this connection. Port 1 refuses at once, before anything is sent."""
    unnamed = formats.url(replace(login, password="", sslmode="disable", root_cert=""))
    wanted = unnamed.replace(":@", "@", 1) + f"&passfile={passfile}"
    connection = pq.PGconn.connect_start(wanted.encode())
    try:
        return (connection.password or b"").decode()
    finally:
        connection.finish()


@settings(max_examples=60, deadline=None)
@given(dbname=WORDS, user=WORDS, password=WORDS)
def test_libpq_finds_the_password_in_the_pgpass_line(dbname: str, user: str, password: str) -> None:
    login = replace(LOGIN, dbname=dbname, user=user, password=password)
    with tempfile.TemporaryDirectory() as folder:
        passfile = Path(folder) / "pgpass"
        passfile.write_text("other:1:a:b:c\n" + formats.pgpass(login) + "\n*:*:*:*:fallback\n")
        passfile.chmod(0o600)
        assert password_found(login, passfile) == password
        assert password_found(replace(login, user=user + "x"), passfile) == "fallback"


@pytest.mark.parametrize("dbname", ["shop", "shop-2", "crm.eu"])
def test_libpq_reads_the_service_section(dbname: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    login = replace(LOGIN, dbname=dbname, port=15432)
    (tmp_path / "services").write_text(f"[first]\nhost=elsewhere\n\n{formats.service(login)}\n\n[last]\nport=7\n")
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    monkeypatch.setenv("PGSERVICE", dbname)
    read = {option.keyword.decode(): (option.val or b"").decode() for option in pq.Conninfo.get_defaults()}
    assert {key: read[key] for key in ("host", "port", "dbname", "user", "password", "sslmode", "sslrootcert")} == {
        "host": "127.0.0.1",
        "port": "15432",
        "dbname": dbname,
        "user": "ana@example.com",
        "password": "tw1_Ab3dEf9h_secret",
        "sslmode": "verify-full",
        "sslrootcert": "/keys/root.crt",
    }
