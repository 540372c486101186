from __future__ import annotations

import datetime
import os
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tidewaiter.demo import postgres as launcher
from tidewaiter.demo.data import Size, load
from tidewaiter.demo.postgres import Binaries, EmbeddedPostgres, bundled, free_port, self_signed
from tidewaiter.errors import UpstreamError
from tidewaiter.model import Secret

PASSWORD = Secret("pass word'@1")
SYSTEM = Path("/usr/lib/postgresql/15/bin")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that the server's user may enter; pytest's own lie under a private one when root runs the tests."""
    with tempfile.TemporaryDirectory(prefix="tw-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_server_starts_answers_and_stops(open_folder: Path) -> None:
    with EmbeddedPostgres(open_folder / "pg", PASSWORD) as server:
        running = server.pid
        assert server.execute("select 1 + 1").strip() == "2"
        assert server.binaries.version == 18
        assert server.pgdata.stat().st_uid != 0
        assert stat.S_IMODE(server.pgdata.stat().st_mode) == 0o700
    assert (running, server.pid) == (running or "never ran", None)
    assert "database system is shut down" in server.log_tail()


def test_second_start_keeps_the_data(open_folder: Path) -> None:
    server = EmbeddedPostgres(open_folder / "pg", PASSWORD, durable=True)
    with server:
        server.execute("create table kept as select 7 as n")
    server.port = 0
    with server:
        assert server.execute("select n from kept; show fsync").split() == ["7", "on"]


def test_demo_data_loads_and_the_gateway_role_is_no_superuser(open_folder: Path) -> None:
    size = Size(customers=20, orders=60, products=5, employees=8, tickets=12)
    with EmbeddedPostgres(open_folder / "pg", PASSWORD) as server:
        load(server, Secret("gate'way"), size)
        as_gateway = server.run(
            "psql", "-XqAt", "-c", "set role shop_ro; select count(*) from customer_contacts",
            database="shop", user="tidewaiter", password=Secret("gate'way"),
        )  # fmt: skip
        assert (as_gateway.stdout.strip(), as_gateway.stderr) == ("20", "")
        assert server.execute("select rolsuper from pg_roles where rolname = 'tidewaiter'").strip() == "f"
        with pytest.raises(UpstreamError, match="already exists"):
            load(server, Secret("gate'way"), size)


def test_load_reports_what_psql_said(open_folder: Path) -> None:
    with (
        EmbeddedPostgres(open_folder / "pg", PASSWORD) as server,
        pytest.raises(UpstreamError, match=r"could not be loaded: .*shop_ro"),
    ):
        server.execute("create role shop_ro")
        load(server, PASSWORD, Size(customers=1, orders=1, products=1, employees=1, tickets=1))


def test_wrong_password_is_refused(open_folder: Path) -> None:
    with EmbeddedPostgres(open_folder / "pg", PASSWORD) as server:
        done = server.run("psql", "-c", "select 1", password=Secret("wrong"))
        assert done.returncode == 2
        assert "password authentication failed" in done.stderr


def test_dsn_quotes_what_urls_reserve(open_folder: Path) -> None:
    server = EmbeddedPostgres(open_folder, PASSWORD, port=5555)
    assert server.dsn("a/b") == "postgresql://postgres:pass%20word%27%401@127.0.0.1:5555/a%2Fb"
    assert server.dsn(user="u", password=Secret("p")) == "postgresql://u:p@127.0.0.1:5555/postgres"


def test_taken_port_is_an_error_that_shows_the_log(open_folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        server = EmbeddedPostgres(open_folder / "pg", PASSWORD, port=taken.getsockname()[1])
        with pytest.raises(UpstreamError, match="could not bind"):
            server.start()
    assert server.pid is None
    server.stop()


def test_free_port_that_is_lost_to_another_process_is_tried_again(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        offers = iter([taken.getsockname()[1], free_port()])
        monkeypatch.setattr(launcher, "free_port", lambda: next(offers))
        with EmbeddedPostgres(open_folder / "pg", PASSWORD) as server:
            assert server.port != taken.getsockname()[1]


def test_status_file_that_goes_while_it_is_awaited_is_no_error(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = open_folder / "postmaster.pid"
    monkeypatch.setattr(Path, "exists", lambda path: True)  # what a look before the reading may have seen
    assert launcher._lines(gone) == []
    gone.write_text("1\n2\n")
    assert launcher._lines(gone) == ["1", "2"]


def test_interrupted_start_leaves_no_server(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = []

    def interrupt(server: EmbeddedPostgres, process: subprocess.Popen[bytes]) -> bool:
        started.append(process)
        raise KeyboardInterrupt

    monkeypatch.setattr(EmbeddedPostgres, "_accepts", interrupt)
    server = EmbeddedPostgres(open_folder / "pg", PASSWORD)
    with pytest.raises(KeyboardInterrupt):
        server.start()
    assert server.pid is None
    assert [process.returncode for process in started] == [-signal.SIGKILL]


def test_bad_setting_is_an_error_that_shows_the_log(open_folder: Path) -> None:
    with pytest.raises(UpstreamError, match="no_such_setting"):
        EmbeddedPostgres(open_folder / "pg", PASSWORD, settings={"no_such_setting": "1"}).start()


def test_bad_user_name_is_an_error_of_initdb(open_folder: Path) -> None:
    with pytest.raises(UpstreamError, match="initdb failed"):
        EmbeddedPostgres(open_folder / "pg", PASSWORD, superuser="pg_reserved").start()


def test_server_that_ignores_sigint_is_killed(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = EmbeddedPostgres(open_folder / "pg", PASSWORD).start()
    pid = server.pid
    assert pid is not None
    monkeypatch.setattr(launcher, "STOP_S", 0.1)
    os.kill(pid, 19)  # SIGSTOP: a stopped process sees no SIGINT
    server.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_server_that_never_gets_ready_is_given_up(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "START_S", -1.0)
    monkeypatch.setattr(launcher, "PORT_TRIES", 1)
    server = EmbeddedPostgres(open_folder / "pg", PASSWORD)
    with pytest.raises(UpstreamError, match="did not start"):
        server.start()
    assert server.pid is None


def test_installation_without_a_program_says_which(tmp_path: Path) -> None:
    with pytest.raises(UpstreamError, match="has no postgres"):
        Binaries(tmp_path).tool("postgres")


def test_installation_whose_server_gives_no_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "postgres").write_text("#!/bin/sh\necho strange\n")
    (tmp_path / "postgres").chmod(0o755)
    with pytest.raises(UpstreamError, match="gives no version: strange"):
        _ = Binaries(tmp_path).version


def test_missing_wheel_names_the_extra_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "find_spec", lambda name: None)
    with pytest.raises(UpstreamError, match=r"tidewaiter\[demo\]"):
        bundled()


def test_wheel_has_no_tls_and_the_system_server_has() -> None:
    assert not bundled().has_tls
    if SYSTEM.is_dir():
        assert Binaries(SYSTEM).has_tls


@pytest.mark.skipif(not SYSTEM.is_dir(), reason="PostgreSQL 15 of the system is not installed")
def test_tls_server_shows_the_certificate_that_was_made_for_it(open_folder: Path) -> None:
    with EmbeddedPostgres(open_folder / "pg", PASSWORD, binaries=Binaries(SYSTEM), tls=True) as server:
        context = ssl.create_default_context(cadata=server.certificate.read_text())
        with socket.create_connection((server.host, server.port)) as plain:
            plain.sendall(b"\x00\x00\x00\x08\x04\xd2\x16\x2f")  # SSLRequest
            assert plain.recv(1) == b"S"
            with context.wrap_socket(plain, server_hostname="localhost") as secured:
                assert secured.version() is not None


def test_self_signed_certificate_verifies_for_its_name() -> None:
    key, certificate = self_signed("db.example", datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC))
    assert b"PRIVATE KEY" in key
    assert ssl.create_default_context(cadata=certificate.decode()).cert_store_stats()["x509_ca"] == 1


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives the server another user")


@needs_root
def test_private_installation_is_copied_for_the_server_user(open_folder: Path) -> None:
    private = open_folder / "private"  # a stand-in for a virtual environment below /root
    installed = bundled().folder.parents[1]
    for part in (installed / "pginstall", installed.with_name(installed.name + ".libs")):
        shutil.copytree(part, private / part.relative_to(installed.parent), symlinks=True)
    private.chmod(0o700)
    hidden = Binaries(private / installed.name / "pginstall" / "bin")
    with EmbeddedPostgres(open_folder / "pg", PASSWORD, binaries=hidden) as server:
        assert server.execute("select 1").strip() == "1"


@needs_root
def test_folder_that_nobody_may_enter_is_refused_with_advice(open_folder: Path) -> None:
    (open_folder / "shut").mkdir(mode=0o700)
    with pytest.raises(UpstreamError, match=r"may not enter .*shut: take a folder under /tmp"):
        EmbeddedPostgres(open_folder / "shut" / "pg", PASSWORD).start()


def test_long_folders_go_without_a_unix_socket(open_folder: Path) -> None:
    with EmbeddedPostgres(open_folder / ("x" * 100) / "pg", PASSWORD) as server:
        assert server.execute("show unix_socket_directories").strip() == ""
