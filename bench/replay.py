"""How long `tidewaiter policy replay` takes over a generated ledger: `python -m bench.replay [STATEMENTS]`."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from tidewaiter.app.deployment import Deployment, open_log
from tidewaiter.app.founding import found
from tidewaiter.config import load
from tidewaiter.ledger.entry import Body, members
from tidewaiter.model import Allow, Kind
from tidewaiter.proxy.pipeline import statement_members
from tidewaiter.sql.declared import declared
from tidewaiter.sql.facts import Scope, understand

STATEMENTS = 100_000
TABLES = 200
PEOPLE = 20
POLICIES = 50
SHAPES = (
    "select id, a, b from t{n} where id = {i}",
    "select count(*) from t{n} join t{m} using (id) where t{n}.a > {i}",
    "update t{n} set a = {i} where id = {i}",
    "insert into t{n} values ({i}, 1, 2)",
    "delete from t{n}",
)
DATASOURCE = '\n[[datasource]]\nname = "shop"\naddress = "127.0.0.1:1"\nuser = "gate"\ntls = "disable"\n'


def make(folder: Path, statements: int) -> None:
    """A deployment whose ledger has that many statements of a thousand facts, and new policies beside its own."""
    found(folder, "bench", "localhost", datetime.now(UTC), {})
    with (folder / "tidewaiter.toml").open("a") as file:
        file.write(DATASOURCE)
    config = load(folder / "tidewaiter.toml", {})
    with Deployment(config, {}) as site:
        for number in range(PEOPLE):
            site.directory.add_principal(f"p{number}", Kind.USER, now_s=time.time(), groups=("writers",))
    new = folder / "new"
    new.mkdir()
    for path in config.policies.glob("*.cedar"):
        (new / path.name).write_text(path.read_text())
    table = '@id("no-t{n}") forbid (principal in Group::"writers", action, resource == Table::"shop.public.t{n}");\n'
    (new / "more.cedar").write_text("".join(table.format(n=n) for n in range(POLICIES)))
    catalog = declared({("public", f"t{n}"): ("id", "a", "b") for n in range(TABLES)})
    scope = Scope(("pg_catalog", "public"), {}, {}, {})
    told = []
    for number in range(TABLES * len(SHAPES)):
        sql = SHAPES[number % len(SHAPES)].format(n=number // len(SHAPES), m=(number + 7) % TABLES, i=number)
        facts = statement_members(understand(sql, catalog, scope), Allow(("writers-read-and-write",)), None)
        told.append((facts, Body(sql.encode()).encode()))
    log = open_log(config, time.time_ns, announce=False)
    for number in range(statements):
        who = {"session": f"s{number % 100}", "principal": f"p{number % PEOPLE}", "datasource": "shop"}
        facts, body = told[(number * 7919) % len(told)]
        log.append("execution", members(who) + b"," + facts + b',"status":"ok","rows":1', body)
        if not number % 1000:
            log.write()
    log.write()
    log.sync()
    log.close()


def main() -> None:
    """Make, index, replay; print seconds."""
    statements = int(sys.argv[1]) if len(sys.argv) > 1 else STATEMENTS
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "gateway"
        make(folder, statements)
        program = "from tidewaiter.cli import main; main()"
        asked = ["--config", str(folder), "policy", "replay", "--policies", str(folder / "new"), "--json"]
        command = [sys.executable, "-c", program, *asked]
        for what in ("indexing and replaying", "replaying"):
            began, spent = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode not in (0, 1):
                sys.exit(done.stderr)
            used = resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu_s = used.ru_utime + used.ru_stime - spent.ru_utime - spent.ru_stime
            wall_s = time.monotonic() - began
            sys.stdout.write(f"{what} {statements} statements: {wall_s:.1f} s, {cpu_s:.1f} s of CPU\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
