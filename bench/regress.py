"""`python -m bench.regress SOURCE`: PostgreSQL's own regression suite, directly and through the gateway, compared.

SOURCE is an unpacked PostgreSQL source tree of the server's major version. Each run has a fresh cluster, so that object
ids agree; the files run one after the other, in the order of the parallel schedule. Per file: the same or not, and the
time through the gateway over the time directly. Files whose output differs between two direct runs are named, and so
are those that differ only in what depends on the session (VOLATILE). Exit code 1 when another file differs.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.client import Login
from bench.machine import processor_s, resident_bytes
from bench.targets import TIDEWAITER, await_ready, running, tidewaiter
from tidewaiter.demo.postgres import Binaries, EmbeddedPostgres, free_port
from tidewaiter.model import Secret

DATABASE = "regression"
FILE_S = 600.0  # the longest file takes some 10 s directly
SYSTEM_15 = Path("/usr/lib/postgresql/15/bin")

# What depends on which backend a session got, and not on what it said. Object ids do where catalogs grew in another
# order; times in EXPLAIN ANALYZE and process ids in notices are masked by the suite itself.
VOLATILE: Mapping[str, re.Pattern[str]] = {
    "number of the temporary schema": re.compile(r"pg_(toast_)?temp_\d+"),
    "address of the client": re.compile(r'at ("?127\.0\.0\.1"?|port)[^\n]*'),
    "process id": re.compile(r"\bPID \d+|process \d+"),
}

CONFIG = """
[gateway]
postgres = "127.0.0.1:{port}"
require_tls = "never"
[console]
listen = "127.0.0.1:{console}"
[ledger]
durability = "balanced"
[store]
url = "sqlite:///state/control.sqlite"
[[datasource]]
name = "{database}"
kind = "postgres"
address = "{host}:{upstream}"
database = "{database}"
user = "postgres"
tls = "disable"
password = "env:REGRESS_PASSWORD"
mode = "{mode}"
allow_superuser = true
"""
POLICY = '@id("everything")\npermit (principal, action, resource);\n'

# What pg_regress sets for its database and its clients.
SETTINGS = {
    "lc_messages": "C", "lc_monetary": "C", "lc_numeric": "C", "lc_time": "C", "bytea_output": "hex",
    "timezone_abbreviations": "Default",
}  # fmt: skip
CLIENT = {
    "PGTZ": "PST8PDT",
    "PGDATESTYLE": "Postgres, MDY",
    "PGOPTIONS": "-c intervalstyle=postgres_verbose",
    "PSQLRC": os.devnull,
    "LC_ALL": "C",
    "PGCLIENTENCODING": "UTF8",
}


@dataclass(frozen=True, slots=True)
class Suite:
    """The suite's files and the libraries built for it."""

    folder: Path
    libraries: Path
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one file printed, with standard error, and how long it took."""

    text: str
    seconds: float


Run = dict[str, Outcome]


def main() -> None:
    """Run and compare; see the module."""
    given = arguments()
    with tempfile.TemporaryDirectory(prefix="tw-regress-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        suite = prepare(given.source, given.binaries, folder, given.only)
        direct = run_suite(suite, given, folder / "direct", mode=None)
        through = run_suite(suite, given, folder / "gateway", mode=given.mode)
        again = run_suite(suite, given, folder / "again", mode=None) if given.twice else {}
        sys.exit(1 if report(direct, through, again, show=given.diff) else 0)


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.regress", description=__doc__)
    parser.add_argument("source", type=Path, help="PostgreSQL source tree of the server's major version")
    parser.add_argument("--binaries", type=Path, default=SYSTEM_15, help=f"server programs (default {SYSTEM_15})")
    parser.add_argument("--mode", choices=("observe", "enforce"), default="observe")
    parser.add_argument("--only", default="", help="comma-separated files; test_setup is always run first")
    parser.add_argument("--twice", action="store_true", help="run directly a second time, to know what is unstable")
    parser.add_argument("--keep", type=Path, help="write every output, its time and the gateway's log into this folder")
    parser.add_argument("--diff", action="store_true", help="print the differences")
    return parser.parse_args(given)


# -- preparing --------------------------------------------------------------------------------------------------------
def prepare(source: Path, binaries: Path, folder: Path, only: str) -> Suite:
    """Build the suite's C functions and lay out what its scripts expect. Raises SystemExit with what is missing."""
    regress = source.resolve() / "src" / "test" / "regress"
    if not (regress / "parallel_schedule").is_file():
        sys.exit(f"{source} is not a PostgreSQL source tree: no src/test/regress/parallel_schedule")
    copy = folder / "suite"
    shutil.copytree(regress, copy)
    libraries = folder / "lib"
    libraries.mkdir()
    spi = source.resolve() / "contrib" / "spi"
    for path in (regress / "regress.c", spi / "refint.c", spi / "autoinc.c"):
        build(path, libraries / f"{path.stem}.so", binaries)
    for path in (copy / "results", copy / "testtablespace"):
        path.mkdir(exist_ok=True)
        path.chmod(0o777)
    return Suite(copy, libraries, scheduled(copy / "parallel_schedule", {name for name in only.split(",") if name}))


def build(path: Path, target: Path, binaries: Path) -> None:
    """Compile one C file as a loadable library, against the server's headers."""
    said = subprocess.run([binaries / "pg_config", "--includedir-server"], capture_output=True, text=True, check=True)
    command = ["cc", "-shared", "-fPIC", "-O2", "-w", f"-I{said.stdout.strip()}", "-o", str(target), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{path.name} does not compile; the server's headers are needed:\n{done.stderr}")


def scheduled(schedule: Path, only: set[str]) -> tuple[str, ...]:
    """Files in the schedule's order."""
    found = [
        name for line in schedule.read_text().splitlines() if line.startswith("test:") for name in line.split()[1:]
    ]
    return tuple(name for name in found if not only or name in only or name == "test_setup")


# -- running ----------------------------------------------------------------------------------------------------------
def run_suite(suite: Suite, given: argparse.Namespace, folder: Path, *, mode: str | None) -> Run:
    """Every file on a fresh cluster, through a gateway in `mode`, or directly for None."""
    folder.mkdir()
    server = EmbeddedPostgres(folder / "server", Secret("regress"), binaries=Binaries(given.binaries))
    # As a server is set by default: VACUUM leaves behind what has not been flushed yet, and plans would depend on luck.
    server.settings = {"max_prepared_transactions": "2", "max_connections": "40", "synchronous_commit": "on"}
    with server, contextlib.ExitStack() as stack:
        server.execute(f"create database {DATABASE} template template0")
        for name, value in SETTINGS.items():
            server.execute(f"alter database {DATABASE} set {name} to '{value}'")
        login = Login(server.host, server.port, "postgres", server.password.value, DATABASE)
        if mode is not None:
            login = stack.enter_context(gateway(server, folder / "deployment", mode, given.keep))
        print(f"{folder.name}:", end=" ", flush=True)
        found: Run = {}
        for name in suite.files:
            found[name] = run_file(suite, given.binaries, name, login)
            if given.keep:  # at once: a run of an hour may be ended before its report
                keep(given.keep / folder.name, name, found[name])
            print(name, end=" ", flush=True)
        print()
    return found


@contextlib.contextmanager
def gateway(server: EmbeddedPostgres, folder: Path, mode: str, kept: Path | None) -> Iterator[Login]:
    """`tidewaiter serve` with the superuser as its login, for a principal of the same name; its log goes to `kept`."""
    port, environment = free_port(), {**os.environ, "REGRESS_PASSWORD": server.password.value}
    tidewaiter(["init", str(folder)], environment)
    text = CONFIG.format(
        port=port, console=free_port(), database=DATABASE, host=server.host, upstream=server.port, mode=mode
    )
    (folder / "tidewaiter.toml").write_text(text)
    for policy in (folder / "policies").glob("*.cedar"):
        policy.unlink()
    (folder / "policies" / "everything.cedar").write_text(POLICY)
    config = ["--config", str(folder / "tidewaiter.toml")]
    tidewaiter(["principal", "add", "postgres", *config], environment)
    lines = tidewaiter(["credential", "issue", "--principal", "postgres", "--format", "env", *config], environment)
    password = re.search(r"PGPASSWORD='?([^'\s]+)", lines)
    assert password is not None, "credential issue --format env prints PGPASSWORD"
    log = folder / "log"
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        log = kept.resolve() / "gateway.log"
    with running([*TIDEWAITER, "serve", *config], log, environment) as process:
        await_ready(process, log)
        before = resident_bytes(process.pid)
        yield Login("127.0.0.1", port, "postgres", password[1], DATABASE)
        print(f"\n{costs(process.pid, before)}", end="", flush=True)


def costs(pid: int, before: int) -> str:
    """What the gateway has taken, in a line: `before` is its memory when it was ready, bytes."""
    after = resident_bytes(pid)
    spent = processor_s(pid)
    return f"gateway: {before >> 20} MiB when ready, {after >> 20} MiB after the suite, {spent:.0f} s of processor time"


def run_file(suite: Suite, binaries: Path, name: str, login: Login) -> Outcome:
    """One file through psql, as pg_regress runs it."""
    command = [str(binaries / "psql"), "-X", "-a", "-q", "-h", login.host, "-p", str(login.port), "-U", login.user]
    command += ["-d", DATABASE, "-v", "HIDE_TABLEAM=on", "-v", "HIDE_TOAST_COMPRESSION=on"]
    environment = {
        **CLIENT, "PATH": os.defpath, "PGPASSWORD": login.password, "PG_ABS_SRCDIR": str(suite.folder),
        "PG_ABS_BUILDDIR": str(suite.folder), "PG_LIBDIR": str(suite.libraries), "PG_DLSUFFIX": ".so",
        "PGAPPNAME": f"pg_regress/{name}",
    }  # fmt: skip
    began = time.monotonic()
    with (suite.folder / "sql" / f"{name}.sql").open("rb") as script:
        try:
            done = subprocess.run(
                command, stdin=script, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment,
                cwd=suite.folder, timeout=FILE_S, check=False,
            )  # fmt: skip
            said = done.stdout
        except subprocess.TimeoutExpired as late:
            said = (late.stdout or b"") + b"\nnot done in time\n"
    seconds = time.monotonic() - began
    text = said.decode("utf-8", "backslashreplace")
    return Outcome(re.sub(rf'(\bport:? "?){login.port}\b', r"\1PORT", text), seconds)  # not digits of other numbers


# -- comparing --------------------------------------------------------------------------------------------------------
def report(direct: Run, through: Run, again: Run, *, show: bool) -> int:
    """Print one line per file; return how many differ for no reason that is named."""
    differing = 0
    print(f"\n{'file':<24}{'direct s':>9}{'gateway s':>10}{'ratio':>7}  output")
    for name, one in direct.items():
        other = through[name]
        verdict = compared(one.text, other.text, again[name].text if name in again else one.text)
        differing += verdict == "DIFFERS"
        ratio = other.seconds / one.seconds
        print(f"{name:<24}{one.seconds:>9.2f}{other.seconds:>10.2f}{ratio:>7.1f}  {verdict}")
        if show and verdict == "DIFFERS":
            print("".join(difference(one.text, other.text)))
    total, more = (sum(outcome.seconds for outcome in run.values()) for run in (direct, through))
    print(f"{'all ' + str(len(direct)):<24}{total:>9.2f}{more:>10.2f}{more / total:>7.1f}  {differing} differ")
    return differing


def compared(direct: str, through: str, again: str) -> str:
    """The same, DIFFERS, or the reason why a difference is none of the gateway's."""
    if direct == through:
        return "same"
    if direct != again:
        return "differs between two direct runs too"
    for reason, pattern in VOLATILE.items():
        direct, through = pattern.sub(reason, direct), pattern.sub(reason, through)
        if direct == through:
            return f"same but for the {reason}"
    return "DIFFERS"


def difference(direct: str, through: str) -> list[str]:
    """A unified diff."""
    return list(
        difflib.unified_diff(
            direct.splitlines(keepends=True), through.splitlines(keepends=True), "direct", "gateway", n=2
        )
    )


def keep(folder: Path, name: str, outcome: Outcome) -> None:
    """Write what a file printed to NAME.out, and add how long it took to `seconds`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.out").write_text(outcome.text)
    with (folder / "seconds").open("a") as times:
        times.write(f"{name} {outcome.seconds:.3f}\n")


if __name__ == "__main__":
    main()
