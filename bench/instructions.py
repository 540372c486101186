"""Count the instructions of one statement's road: `python -m bench.instructions [--mode prepared] [--write]`.

A session with links of our own and a real ledger runs statements under `valgrind --tool=callgrind`, which counts what
the processor would execute, whatever else the machine does. No event loop, no kernel, no database. Needs valgrind, and
compiled modules. Valgrind offers no SHA instructions, so hashing counts as several times what it costs where they are.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

from bench import report, steps
from bench.__main__ import PAGE
from tidewaiter.extensions import Build, found
from tidewaiter.ledger.commit import Recorder
from tidewaiter.ledger.keys import create_keys
from tidewaiter.ledger.log import Log
from tidewaiter.model import Context
from tidewaiter.proxy.clock import monotonic_us
from tidewaiter.proxy.footing import Footing, Judges
from tidewaiter.proxy.holding import Holding
from tidewaiter.proxy.link import Link
from tidewaiter.proxy.names import Names
from tidewaiter.proxy.session import Session
from tidewaiter.proxy.standing import Standing
from tidewaiter.proxy.trail import Trail, who
from tidewaiter.sql.catalog import Catalog
from tidewaiter.wire import postgres

BEGIN = "<!-- instructions: begin (written by `python -m bench.instructions --write`) -->"
END = "<!-- instructions: end -->"
STATEMENTS = 2000
WARM_UP = 300
ROW = postgres.row_description((postgres.Column(b"abalance", 16385, 3, 23, 4),))
ANSWER = ROW + postgres.data_row((b"-1234",)) + postgres.command_complete("SELECT 1") + postgres.ready_for_query("I")

PARTS = (
    ("take the client's messages, judge (remembered), forward", "lane_asked"),
    ("find and settle the answer, make its entry", "lane_answered"),
    ("seal, frame and hash it", "batch_append"),
    ("add it to the tree, with 255 others", "CPyDef_log___Log____hash"),
    ("write to the system, hand on the answer", "CPyDef_outlet___Outlet___say_now"),
)
"""What is counted, by the function that does it; those without a module are in proxy/_lane.c and ledger/_batch.h."""
INSIDE = {
    "lane_answered": ("batch_append", "CPyDef_outlet___Outlet___say_now"),
    "CPyDef_outlet___Outlet___say_now": ("CPyDef_log___Log____hash",),
}
"""Of these, which others have a line of their own."""


class Sink(asyncio.Transport):
    """A transport into nothing."""

    protocol: Any = None

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """It is gone."""

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """There is no buffer."""

    def close(self) -> None:
        """Nothing is open."""


class Watch:
    """A catalog that does not change."""

    completed = 1

    def __init__(self, catalog: Catalog) -> None:
        self.current = self.settled = catalog


def statements(mode: str) -> Iterator[tuple[bytes, bytes]]:
    """(what the client sends, what the server answers), without end."""
    number = 0
    while True:
        number += 1
        if mode == "prepared":
            binds = postgres.bind(b"", b"P0_1", (), (b"%d" % number,), ())
            asked = binds + postgres.describe("P", b"") + postgres.execute(b"") + postgres.sync()
            yield asked, postgres.bind_complete() + ANSWER
        else:
            text = steps.TEXT if mode == "simple" else steps.TEXT.replace(b"4711", b"%d" % number)
            yield postgres.query(text), ANSWER


async def run(folder: Path, mode: str, count: int, switch: Callable[[str], object]) -> None:
    """Run that many statements through a session, with `switch("on")` before and `switch("off")` after them."""
    ground = steps.ground()
    keys = create_keys(folder / "keys", "bench/instructions")
    log = Log.open(folder / "ledger", origin="bench/instructions", keys=keys, clock_ns=time.time_ns)
    recorder = Recorder(log)
    footing = Footing(
        "bench", False, False, cast(Any, Watch(ground.catalog)), lambda: ground.policies, Judges(),
        Context("127.0.0.1", "pgbench"), time.time_ns,
    )  # fmt: skip
    standing = Standing(ground.principal, footing, Names())
    standing.set_path(steps.PATH)
    trail = Trail(recorder, "full", who("0123456789ab", ground.principal, "bench"))
    client, server, to_client, to_server = Link(), Link(), Sink(), Sink()
    client.connection_made(to_client)
    server.connection_made(to_server)
    nobody = cast(Any, None)  # nothing is held, estimated or cancelled
    holding = Holding(nobody, nobody, "0123456789ab", "bench", client.write, time.monotonic)
    session = Session("0123456789ab", client, server, standing, trail, recorder, monotonic_us, 1 << 20, nobody, holding)
    async with asyncio.TaskGroup() as group:
        group.create_task(session.run())
        await asyncio.sleep(0)
        from_client, from_server = to_client.protocol.data_received, to_server.protocol.data_received
        from_client(postgres.parse(b"P0_1", steps.PREPARED) + postgres.sync())
        from_server(postgres.parse_complete() + postgres.ready_for_query("I"))
        going = statements(mode)
        for number in range(WARM_UP + count):
            if number == WARM_UP:
                before = log.size
                switch("on")
            asked, answer = next(going)
            from_client(asked)
            from_server(answer)
            await asyncio.sleep(0)
        switch("off")
        assert log.size == before + count, f"{log.size - before} entries of {count} statements; {session.ended}"
        session.end("done")
    log.close()


def counted(mode: str, folder: Path, count: int = STATEMENTS) -> Counter[str]:
    """Instructions per statement, by function, callees included."""
    output = folder / "callgrind.out"
    command = ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={output}", sys.executable]
    environment = {**os.environ, "TIDEWAITER_MYPYC": "1", "PYTHONHASHSEED": "0"}
    inner = [*command, "-m", "bench.instructions", "--mode", mode, "--inside", str(folder), "--count", str(count)]
    done = subprocess.run(inner, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return Counter({name: total // count for name, total in inclusive(output).items()})


def inclusive(output: Path) -> Counter[str]:
    """Instructions by function, callees included, of a callgrind file.

    Format: https://valgrind.org/docs/manual/cl-format.html (names are given once and numbered, calls precede costs).
    """
    names: dict[str, str] = {}
    own: Counter[str] = Counter()
    called: defaultdict[str, Counter[str]] = defaultdict(Counter)
    function = callee = ""
    for line in output.open():
        match = re.match(r"(c?fn)=(\(\d+\))(?: (.*))?$", line.rstrip())
        if match:
            name = names.setdefault(match[2], match[3] or match[2])
            function, callee = (name, "") if match[1] == "fn" else (function, name)
        elif line[:1] in "+-*0123456789" and len(line.split()) > 1:
            cost = int(line.split()[-1])
            if callee:
                called[function][callee] += cost
                callee = ""
            else:
                own[function] += cost
    return Counter({name: own[name] + sum(called[name].values()) for name in {*own, *called}})


def table(mode: str, counts: Counter[str]) -> Iterator[str]:
    """Markdown: the parts of the road, each without the parts that have lines of their own."""
    yield from (f"| part of a {mode} statement, compiled | instructions |", "| --- | ---: |")
    total = 0
    for what, function in PARTS:
        cost = counts[function] - sum(counts[other] for other in INSIDE.get(function, ()))
        total += cost
        yield f"| {what} | {cost:,} |"
    yield f"| all of it | {total:,} |"


def main() -> None:
    """Count, print, and with --write update docs/benchmarks.md."""
    parser = argparse.ArgumentParser(prog="python -m bench.instructions", description=__doc__)
    parser.add_argument("--mode", choices=("prepared", "simple", "literals"), default="prepared")
    parser.add_argument("--count", type=int, default=STATEMENTS)
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--write", action="store_true", help="write the table into docs/benchmarks.md")
    given = parser.parse_args()
    if found() is not Build.COMPILED:
        sys.exit("the modules are not compiled: run `make compiled`")
    if given.inside is not None:

        def switch(word: str) -> None:
            subprocess.run(["callgrind_control", "-i", word, str(os.getpid())], stdout=subprocess.DEVNULL, check=True)

        asyncio.run(run(given.inside, given.mode, given.count, switch))
        return
    with tempfile.TemporaryDirectory(prefix="tidewaiter-bench-") as name:
        lines = list(table(given.mode, counted(given.mode, Path(name), given.count)))
    print("\n".join(lines))
    if given.write:
        report.write(PAGE, {}, lines, (BEGIN, END))


if __name__ == "__main__":
    main()
