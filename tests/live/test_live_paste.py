"""What `credential issue --format …` prints is pasted as it is, and connects; so does `tidewaiter connect`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from rig import NO_15, SYSTEM_15, Deployment

WHO = "select current_setting('application_name') like 'tidewaiter:alice:%'"
PROGRAM = """
import java.sql.*;
public class Paste {
    public static void main(String[] arguments) throws Exception {
        try (Connection connection = DriverManager.getConnection(arguments[0]);
             PreparedStatement asked = connection.prepareStatement("select count(*) from customers where id <= ?")) {
            asked.setInt(1, 7);
            ResultSet found = asked.executeQuery();
            found.next();
            System.out.println(found.getInt(1));
        }
    }
}
"""


def issued(gateway: Deployment, form: str) -> str:
    """What the command prints."""
    return gateway.cli(
        "credential", "issue", "--principal", "alice", "--datasource", "shop", "--format", form
    ).stdout.strip("\n")


def shell(gateway: Deployment, lines: str, **more: str) -> str:
    """What a shell prints for the lines, with a psql on its PATH that has TLS."""
    if not SYSTEM_15.is_dir():
        pytest.skip(f"{NO_15}: the psql of the wheel has no TLS")
    path = f"{SYSTEM_15}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["/bin/sh", "-ec", lines], env=gateway.environment(PATH=path, **more), capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_psql_s_line_starts_psql(gateway18: Deployment) -> None:
    assert shell(gateway18, f'{issued(gateway18, "psql")} -XAtc "{WHO}"') == "t"


def test_the_url_connects_psql_and_a_driver(gateway18: Deployment) -> None:
    url = issued(gateway18, "url")
    assert shell(gateway18, f"psql '{url}' -XAtc \"{WHO}\"") == "t"
    with psycopg.connect(url) as connection:
        assert connection.execute(WHO).fetchone() == (True,)


def test_the_environment_connects_whatever_reads_it(gateway18: Deployment) -> None:
    assert shell(gateway18, f'{issued(gateway18, "env")}\npsql -XAtc "{WHO}"') == "t"


def test_the_line_for_pgpass_is_found(gateway18: Deployment, tmp_path: Path) -> None:
    passfile = tmp_path / "pgpass"
    passfile.write_text(issued(gateway18, "pgpass") + "\n")
    passfile.chmod(0o600)
    asked = f'psql -XAtw -h 127.0.0.1 -p {gateway18.port} -U alice -d shop -c "{WHO}"'
    assert shell(gateway18, asked, PGPASSFILE=str(passfile)) == "t"


def test_the_service_is_found(gateway18: Deployment, tmp_path: Path) -> None:
    services = tmp_path / "pg_service.conf"
    services.write_text(issued(gateway18, "service") + "\n")
    assert shell(gateway18, f'psql service=shop -XAtc "{WHO}"', PGSERVICEFILE=str(services)) == "t"


def test_the_jdbc_url_connects_the_java_driver(gateway18: Deployment, java: list[str], tmp_path: Path) -> None:
    program = tmp_path / "Paste.java"
    program.write_text(PROGRAM)
    asked = [*java, str(program), issued(gateway18, "jdbc")]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=120, check=False)
    assert (done.stdout.strip(), done.returncode) == ("7", 0), done.stderr


def test_connect_becomes_psql_with_a_fresh_credential(gateway18: Deployment) -> None:
    before = len(gateway18.json("credential", "ls"))
    command = "tidewaiter connect shop --principal alice"
    tidewaiter = f'{sys.executable} -c "import sys; from tidewaiter.cli import main; sys.exit(main())"'
    told = shell(gateway18, f'cd {gateway18.folder}\n{command.replace("tidewaiter", tidewaiter, 1)} -- -XAtc "{WHO}"')
    assert told == "t"
    assert len(gateway18.json("credential", "ls")) == before + 1
    (row,) = [row for row in gateway18.search("--text", "like 'tidewaiter:alice:%'", "--limit", "1")]
    assert (row["principal"], row["datasource"], row["status"]) == ("alice", "shop", "ok")


def test_connect_says_who_one_is_not(gateway18: Deployment) -> None:
    done = gateway18.cli("connect", "shop", "--principal", "nobody-here", check=False)
    assert done.returncode == 1
    assert "nobody-here" in done.stderr
