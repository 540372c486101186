"""What live tests stand on: a deployment with a real `tidewaiter serve` process, used as an outsider would use it.

Everything goes through the command line and the wire; nothing here imports the product beyond the demo's data. Commands
run in forks of a process that has imported them, see warm.py; servers are started as anybody starts them.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import warm
from freeports import free_port
from rawwire import Client

from tidewaiter.demo.deployment import NAME, PERSONAS, Listeners, Upstream, furnish
from tidewaiter.demo.postgres import EmbeddedPostgres
from tidewaiter.demo.terminal import Terminal, at_terminal
from tidewaiter.model import Secret

UPSTREAM_PASSWORD = Secret("of the gateway only")
COMMAND = [sys.executable, "-c", "import sys; from tidewaiter.cli import main; sys.exit(main())"]
SYSTEM_15 = Path("/usr/lib/postgresql/15/bin")
NO_15 = f"PostgreSQL 15 is not installed in {SYSTEM_15}"
READY_S = 30.0
PATIENCE = 4  # how much longer a busy machine may take; see `eventually`
TRUSTING = """
@id("analysts-call-harmless-functions")
permit (principal in Group::"analysts", action == Action::"function", resource in Datasource::"shop")
when { ["complain", "fail", "pg_sleep"].contains(resource.name) };

@id("members-see-all")
permit (principal, action == Action::"unmask", resource)
unless { principal in Group::"masked" };
"""
MASKED = "mia"
"""An analyst like alice who sees everything tagged masked."""


@dataclass(frozen=True)
class Issued:
    """A credential as `credential issue --format json` shows it."""

    id: str
    user: str
    password: str


@dataclass
class Deployment:
    """One deployment folder and, while it runs, its gateway process."""

    folder: Path
    postgres: EmbeddedPostgres
    port: int
    console: int
    issued: dict[str, Issued] = field(default_factory=dict)
    server: subprocess.Popen[str] | None = None
    serve: Sequence[str] = (*COMMAND, "serve")
    build: str = os.environ.get("TIDEWAITER_MYPYC", "")  # what is tested here is tested there
    _said: list[str] = field(default_factory=list)

    # -- the command line

    def cli(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `tidewaiter`. Fails the test with its output when `check` and the exit code is not 0."""
        done = warm.run(arguments, self.folder, self.environment())
        assert not check or done.returncode == 0, f"tidewaiter {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done

    def json(self, *arguments: str) -> Any:
        """What a command prints with --json."""
        return json.loads(self.cli(*arguments, "--json").stdout)

    def verify(self) -> dict[str, Any]:
        """`audit verify --json`, whatever its exit code."""
        done = self.cli("audit", "verify", "--json", check=False)
        told: dict[str, Any] = json.loads(done.stdout)
        assert told["ok"] == (done.returncode == 0), done.stderr
        return told

    def touched(self, relation: str, *more: str) -> dict[str, Any]:
        """`audit touched RELATION --json`: of all days, as a run may begin on one and end on the next."""
        told: dict[str, Any] = self.json("audit", "touched", relation, *more)
        return told

    def search(self, *filters: str) -> list[dict[str, Any]]:
        """`audit search --json`."""
        told: list[dict[str, Any]] = self.json("audit", "search", *filters)
        return told

    def issue(self, principal: str, *more: str) -> Issued:
        """A fresh credential."""
        done = self.cli("credential", "issue", "--principal", principal, "--format", "json", *more)
        told = json.loads(done.stdout)
        return Issued(told["id"], told["user"], told["password"])

    # -- the server

    def start(self, *, file_bytes: int | None = None) -> Self:
        """Run `tidewaiter serve` until it says ready. `file_bytes` limits the size of files it may write."""
        self._said.clear()
        log = (self.folder / "serve.log").open("a")
        with log:
            self.server = subprocess.Popen(
                [*self.serve],
                cwd=self.folder,
                env=self.environment(),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        if file_bytes is not None:
            resource.prlimit(self.server.pid, resource.RLIMIT_FSIZE, (file_bytes, resource.RLIM_INFINITY))
        threading.Thread(target=self._read, args=(self.server,), daemon=True).start()
        eventually(lambda: "ready" in self._said or self._ended(), READY_S, self.log)
        assert self.server.poll() is None, self.log()
        return self

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        assert self.server
        self.server.terminate()
        try:
            return self.server.wait(40)
        finally:
            self.kill()

    def kill(self) -> None:
        """kill -9."""
        if self.server:
            self.server.kill()
            self.server.wait()
            if self.server.stdout:
                self.server.stdout.close()
            self.server = None

    def log(self) -> str:
        """The end of what the server wrote to stderr."""
        return (self.folder / "serve.log").read_text()[-6000:]

    def _ended(self) -> bool:
        return self.server is None or self.server.poll() is not None

    def _read(self, server: subprocess.Popen[str]) -> None:
        assert server.stdout
        try:
            self._said.extend(iter(lambda: server.stdout.readline().strip() if server.stdout else "", ""))
        except ValueError:
            return  # closed while the server was killed

    @property
    def pid(self) -> int:
        assert self.server
        return self.server.pid

    def peak_bytes(self) -> int:
        """Largest resident size since the last `forget_peak`."""
        return 1024 * int(_status(self.pid, "VmHWM").split()[0])

    def resident_bytes(self) -> int:
        return 1024 * int(_status(self.pid, "VmRSS").split()[0])

    def forget_peak(self) -> None:
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def ports(self) -> list[int]:
        """Local ports of the server's connections: what tells its backends from those of other gateways."""
        held = set[str]()
        for fd in Path(f"/proc/{self.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed since
                held.add(str(fd.readlink()))
        lines = map(str.split, Path("/proc/net/tcp").read_text().splitlines()[1:])
        return [int(line[1].partition(":")[2], 16) for line in lines if f"socket:[{line[9]}]" in held]

    # -- clients

    def environment(self, **more: str) -> dict[str, str]:
        """What a subprocess sees; nothing of the developer's own PG* variables."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "TIDEWAITER"))}
        kept |= {"TIDEWAITER_MYPYC": self.build}
        return kept | {"PYTHONPATH": os.pathsep.join(sys.path), "PSQLRC": os.devnull, "LC_ALL": "C.UTF-8"} | more

    def dsn(self, principal: str = "alice", database: str = "shop", **options: str) -> str:
        """A postgresql:// URL through the gateway."""
        who = self.issued[principal]
        extra = "&".join(f"{name}={quote(value, safe='')}" for name, value in options.items())
        return f"postgresql://{who.user}:{quote(who.password, safe='')}@127.0.0.1:{self.port}/{database}" + (
            "?" + extra if extra else ""
        )

    def direct_dsn(self, role: str = "shop_admin") -> str:
        """The same database past the gateway, with the role that the gateway would take."""
        url = self.postgres.dsn("shop", user="tidewaiter", password=UPSTREAM_PASSWORD)
        return f"{url}?options={quote(f'-c role={role}', safe='')}"

    def raw(self, principal: str = "alice", database: str = "shop", **more: Any) -> Client:
        """A raw connection through the gateway."""
        who = self.issued[principal]
        return Client.connect("127.0.0.1", self.port, who.user, who.password, database, **more)

    def raw_direct(self, role: str = "shop_admin", **more: Any) -> Client:
        """A raw connection past the gateway."""
        options = {"options": f"-c role={role}", **more.pop("options", {})}
        at = self.postgres
        return Client.connect(at.host, at.port, "tidewaiter", UPSTREAM_PASSWORD.value, "shop", options=options, **more)

    def tool(self, name: str, *arguments: str, principal: str = "alice", database: str = "shop") -> list[str]:
        """Command line of a PostgreSQL client program aimed at the gateway."""
        program = str(self.postgres.binaries.tool(name))
        who = self.issued[principal]
        return [
            program,
            *arguments,
            "-h",
            "127.0.0.1",
            "-p",
            str(self.port),
            "-U",
            who.user,
            *_database(name, database),
        ]

    def run(
        self, name: str, *arguments: str, principal: str = "alice", database: str = "shop", text_in: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a client program through the gateway."""
        return subprocess.run(
            self.tool(name, *arguments, principal=principal, database=database),
            input=text_in,
            env=self.environment(PGPASSWORD=self.issued[principal].password),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def psql(
        self, sql: str, *arguments: str, principal: str = "alice", database: str = "shop"
    ) -> subprocess.CompletedProcess[str]:
        """Feed `sql` to psql as a script; output is unaligned tuples."""
        return self.run("psql", "-XAtq", *arguments, principal=principal, database=database, text_in=sql)

    def psql_at_terminal(self, principal: str = "alice", database: str = "shop") -> AbstractContextManager[Terminal]:
        """psql as a person sees it, without readline."""
        command = self.tool("psql", "-XAtn", principal=principal, database=database)
        return at_terminal(command, self.environment(PGPASSWORD=self.issued[principal].password, PAGER="cat"))

    def backends(self, where: str = "true") -> list[str]:
        """pg_stat_activity of role tidewaiter as superuser: one line of `pid|application_name|state|query` each."""
        sql = "select pid, application_name, state, query from pg_stat_activity where usename = 'tidewaiter'"
        return self.postgres.execute(f"{sql} and {where}", database="shop").splitlines()


def lay_out(folder: Path, postgres: EmbeddedPostgres, *more: str, upstreams: Sequence[Upstream] = ()) -> Deployment:
    """`init`, configure, `principal add` and `credential issue`, as the README says. The gateway is not started."""
    deployment = Deployment(folder, postgres, free_port(), free_port())
    folder.mkdir(parents=True, exist_ok=True)
    deployment.cli("init", ".", "--name", NAME)
    configure(deployment, *more, upstreams=upstreams)
    for persona in PERSONAS:
        owner = ["--owner", persona.owner] if persona.owner else []
        deployment.cli("principal", "add", persona.name, "--kind", persona.kind, "--group", persona.group, *owner)
        deployment.issued[persona.name] = deployment.issue(persona.name)
    deployment.cli("principal", "add", MASKED, "--kind", "user", "--group", "analysts", "--group", "masked")
    deployment.issued[MASKED] = deployment.issue(MASKED)
    return deployment


def configure(deployment: Deployment, *more: str, upstreams: Sequence[Upstream] = ()) -> None:
    """Write configuration and policies. The default: `shop` enforced, and `watched`, the same database observed."""
    address = f"{deployment.postgres.host}:{deployment.postgres.port}"
    both = upstreams or (Upstream("shop", address), Upstream("watched", address, mode="observe"))
    listeners = Listeners(f"127.0.0.1:{deployment.port}", f"127.0.0.1:{deployment.console}")
    furnish(deployment.folder, listeners, both, UPSTREAM_PASSWORD, *more)
    (deployment.folder / "policies" / "live.cedar").write_text(TRUSTING)


def copy_of(
    template: Deployment, folder: Path, postgres: EmbeddedPostgres, *more: str, upstreams: Sequence[Upstream] = ()
) -> Deployment:
    """A deployment of its own with the template's principals, on other ports."""
    shutil.copytree(template.folder, folder)
    copy = Deployment(folder, postgres, free_port(), free_port(), dict(template.issued))
    configure(copy, *more, upstreams=upstreams)
    return copy


def running(deployment: Deployment) -> Iterator[Deployment]:
    """The deployment with its gateway running, for a fixture to yield."""
    deployment.start()
    yield deployment
    deployment.kill()


def eventually(holds: Callable[[], object], limit_s: float = 10.0, otherwise: Callable[[], str] = lambda: "") -> None:
    """Wait until `holds()` is true; fail after `limit_s` seconds with what `otherwise` says.

    `limit_s` is ample for a quiet machine; a busy one gets `PATIENCE` times as long before it counts as never.
    """
    deadline = time.monotonic() + PATIENCE * limit_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {PATIENCE * limit_s} s: {otherwise()}"
        time.sleep(0.02)


def _database(tool: str, database: str) -> list[str]:
    return [database] if tool == "pgbench" else ["-d", database]


def _status(pid: int, key: str) -> str:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == key:
            return value
    raise KeyError(key)
