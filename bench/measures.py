"""What is measured at each target: one number per call, so that targets can take turns."""

from __future__ import annotations

import contextlib
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench import machine, stall
from bench.client import Client, Login
from bench.targets import SCALE, Target
from tidewaiter.demo.postgres import Binaries

SCRIPTS = {
    "repeated": "SELECT abalance FROM pgbench_accounts WHERE aid = 4711;\n",
    "random": (f"\\set aid random(1, {SCALE * 100000})\nSELECT abalance FROM pgbench_accounts WHERE aid = :aid;\n"),
}
RESULT_SQL = "select id, name, email, city, amount, at from narrow"
STREAM_SQL = "select * from pgbench_accounts limit 300000"
WARM_UP_CONNECTIONS = 20
STREAMS = 9  # of some 0.2 s each; the first rows of fewer tell more of the scheduler than of the proxy
SETTLE_S = 1.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One number, and the processor time that the process in between spent per statement, where that was measured."""

    value: float
    processor_us: float | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """One line of the table. `per_round` is false for what is measured once; `take` returns None when it cannot."""

    name: str
    unit: str
    higher_is_better: bool
    take: Callable[[Target], Sample | None]
    per_round: bool = True
    budget: tuple[str, float] | None = None
    """(target to compare with, ratio that the gateway must reach); ("", limit) for an absolute figure."""


def scripts(folder: Path) -> None:
    """Write pgbench's scripts."""
    for name, text in SCRIPTS.items():
        (folder / f"{name}.sql").write_text(text)


def throughput(
    folder: Path, binaries: Binaries, script: str, mode: str, clients: int, seconds: int
) -> Callable[[Target], Sample]:
    """Transactions per second of pgbench, each one SELECT by primary key."""

    def take(target: Target) -> Sample:
        login = target.login
        where = ["-h", login.host, "-p", str(login.port), "-U", login.user]
        how = ["-n", "-M", mode, "-f", str(folder / f"{script}.sql"), "-c", str(clients), "-T", str(seconds)]
        environment = {"PGPASSWORD": login.password, "PGSSLMODE": "disable", "LC_ALL": "C"}
        command = [str(binaries.tool("pgbench")), *where, *how, login.database]
        before = machine.processor_s(target.pid) if target.pid else 0.0
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        found = re.search(r"^tps = ([0-9.]+)", done.stdout, re.MULTILINE)
        ran = re.search(r"^number of transactions actually processed: ([0-9]+)", done.stdout, re.MULTILINE)
        if done.returncode or not found or not ran or "number of failed transactions: 0 " not in done.stdout:
            raise RuntimeError(f"pgbench failed at {target.name}: {done.stderr or done.stdout}")
        spent = (machine.processor_s(target.pid) - before) / int(ran[1]) * 1e6 if target.pid else None
        return Sample(float(found[1]), spent)

    return take


def result_ms(times: int) -> Callable[[Target], Sample]:
    """Milliseconds for 5,000 rows of 6 columns by the simple protocol, the median of `times`."""

    def take(target: Target) -> Sample:
        with _client(target.login) as client:
            client.query(RESULT_SQL)
            return Sample(median(client.query(RESULT_SQL).total_s for _ in range(times)) * 1e3)

    return take


def stream(first_row: bool) -> Callable[[Target], Sample]:
    """A result of 300,000 rows: milliseconds until its first row, or megabytes per second over all of it."""

    def take(target: Target) -> Sample:
        with _client(target.login) as client:
            client.query(RESULT_SQL)
            answers = [client.query(STREAM_SQL) for _ in range(STREAMS)]
        if first_row:
            return Sample(median(answer.first_row_s for answer in answers) * 1e3)
        return Sample(median(answer.size_bytes / answer.total_s for answer in answers) / 1e6)

    return take


def logins_per_s(seconds: float) -> Callable[[Target], Sample]:
    """Logins per second, one after another, each with a SCRAM exchange and a goodbye."""

    def take(target: Target) -> Sample:
        started, count = time.perf_counter(), 0
        while (spent := time.perf_counter() - started) < seconds:
            Client(target.login).close()
            count += 1
        return Sample(count / spent)

    return take


def waits(text: str) -> Callable[[Target], Sample]:
    """Milliseconds that one client waited at most while another sent a hostile statement."""

    def take(target: Target) -> Sample:
        return Sample(stall.longest_wait_s(target, text) * 1e3)

    return take


def idle_kib(connections: int) -> Callable[[Target], Sample | None]:
    """KiB of resident memory that each of many idle, logged-in connections adds to the process in between."""

    def take(target: Target) -> Sample | None:
        if target.pid is None or machine.raise_file_limit(4 * connections) < 3 * connections:
            return None
        with contextlib.ExitStack() as stack:
            for _ in range(WARM_UP_CONNECTIONS):
                stack.enter_context(_client(target.login))
        time.sleep(SETTLE_S)
        before = machine.resident_bytes(target.pid)
        with contextlib.ExitStack() as stack:
            for _ in range(connections):
                stack.enter_context(_client(target.login))
            time.sleep(SETTLE_S)
            return Sample((machine.resident_bytes(target.pid) - before) / connections / 1024)

    return take


def all_measures(folder: Path, binaries: Binaries, seconds: int, connections: int) -> Iterator[Measure]:
    """Every line of the table, in its order."""
    modes = (
        ("simple, one text repeated", "repeated", "simple", 0.85),
        ("simple, ever new literals", "random", "simple", 0.70),
        ("extended, parsed each time", "random", "extended", None),
        ("prepared", "random", "prepared", 0.90),
    )
    for label, script, mode, share in modes:
        for clients in (1, 8):
            take = throughput(folder, binaries, script, mode, clients, seconds)
            who = f"{clients} client" + ("s" if clients > 1 else "")
            budget = ("relay", share) if share else None
            yield Measure(f"{label}, {who}", "statements/s", True, take, budget=budget)
    yield Measure("5,000 rows × 6 columns", "ms", False, result_ms(40))
    yield Measure("first row of 300,000", "ms", False, stream(first_row=True))
    yield Measure("stream of 300,000 rows", "MB/s", True, stream(first_row=False))
    yield Measure("logins, one after another", "1/s", True, logins_per_s(min(seconds, 3)))
    for what, text in stall.hostile().items():
        yield Measure(f"longest wait of a bystander, {what}", "ms", False, waits(text), budget=("", 20.0))
    idle = idle_kib(connections)
    yield Measure(f"memory per idle connection ({connections:,})", "KiB", False, idle, False, ("", 20.0))


@contextlib.contextmanager
def _client(login: Login) -> Iterator[Client]:
    client = Client(login)
    try:
        yield client
    finally:
        client.close()
