"""The story of the product, told by running it: each step shows a real command with its real output, and is checked."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from tidewaiter.demo.stack import COMMAND, Stack, shown
from tidewaiter.demo.terminal import Terminal, at_terminal
from tidewaiter.errors import EXIT_NO, EXIT_OK, EXIT_TAMPERED

LINES_MAX = 14  # of each output that is printed; what is left out is counted
WAIT_S = 15.0
RUNNING = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'"


@dataclass(frozen=True, slots=True)
class Told:
    """What a command said, both streams together, and its exit code."""

    code: int
    text: str


@dataclass(slots=True)
class Tour:
    """One run: prints as it goes, and counts what did not hold."""

    stack: Stack
    out: TextIO
    broken: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        self.out.write(text + "\n")
        self.out.flush()

    def holds(self, claim: str, is_so: bool) -> None:
        """Print the claim with its outcome and remember a failure."""
        self.say(f"  {'✓' if is_so else '✗ does not hold:'} {claim}")
        if not is_so:
            self.broken.append(claim)

    def run(
        self, words: list[str], *, text_in: str = "", show: bool = True, more: Mapping[str, str] | None = None
    ) -> Told:
        """Run a command in the deployment's folder, print it and what it said."""
        argv = [*COMMAND, *words[1:]] if words[0] == "tidewaiter" else [str(self.stack.psql), *words[1:]]
        if show:
            self._show(words, text_in)
        done = subprocess.run(
            argv,
            cwd=self.stack.folder,
            env={**self.stack.environment, **(more or {})},
            input=text_in,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if show else subprocess.PIPE,  # what is not shown is read as JSON
            text=True,
            timeout=60,
            check=False,
        )
        if show:
            self._print(done.stdout)
        return Told(done.returncode, done.stdout)

    def tidewaiter(self, *words: str) -> Told:
        """Run a command of the product."""
        return self.run(["tidewaiter", *words])

    def psql(self, principal: str, text_in: str, *options: str, password: str | None = None) -> Told:
        """Feed a script to psql as `principal`."""
        secret = password or str(self.stack.credentials[principal]["password"])
        return self.run(["psql", *options, "-U", principal], text_in=text_in, more=self._libpq(secret))

    @contextlib.contextmanager
    def at_work(self, principal: str, password: str, sql: str) -> Iterator[Terminal]:
        """psql at a terminal, with a statement under way."""
        with self.typing(principal, password, sql) as terminal:
            is_running = self._soon(lambda: self.stack.database.execute(RUNNING).strip() == "1")
            self.holds("the statement is running", is_running)
            yield terminal

    @contextlib.contextmanager
    def typing(self, principal: str, password: str, sql: str) -> Iterator[Terminal]:
        """psql at a terminal, with a statement just typed; what the screen showed is printed at the end."""
        words = ["psql", "-n", "-U", principal]
        self._show(words, sql)
        argv = [str(self.stack.psql), *words[1:]]
        with at_terminal(argv, {**self.stack.environment, **self._libpq(password)}) as terminal:
            terminal.shows("=> ", WAIT_S)
            terminal.type(sql)
            yield terminal
            self._print(terminal.seen)

    def _libpq(self, password: str) -> Mapping[str, str]:
        at = {"PGHOST": self.stack.host, "PGPORT": str(self.stack.port), "PGDATABASE": "shop"}
        return at | {"PGPASSWORD": password, "PSQLRC": "/dev/null", "PAGER": "cat"}

    def _soon(self, is_so: Callable[[], bool]) -> bool:
        deadline = time.monotonic() + WAIT_S
        while not is_so():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        return True

    def _show(self, words: list[str], text_in: str) -> None:
        self.say(f"  $ {shown(words)}")
        for line in text_in.strip().splitlines():
            self.say(f"  > {line}")

    def _print(self, text: str) -> None:
        lines = text.rstrip().splitlines()
        for line in lines[:LINES_MAX]:
            self.say(f"    {line}")
        if len(lines) > LINES_MAX:
            self.say(f"    … {len(lines) - LINES_MAX} more lines")


def conduct(stack: Stack, out: TextIO) -> int:
    """Run every step. Returns 0 only if each held."""
    tour = Tour(stack, out)
    tour.say(f"commands run in {stack.folder}; PGHOST={stack.host} PGPORT={stack.port} PGDATABASE=shop\n")
    for number, step in enumerate(STEPS, 1):
        tour.say(f"{number}. {step.__doc__}")
        step(tour)
        tour.say("")
    if tour.broken:
        tour.say(f"{len(tour.broken)} of the claims do not hold: " + "; ".join(tour.broken))
        return EXIT_NO
    tour.say(f"all {len(STEPS)} steps held")
    return EXIT_OK


def logs_in(tour: Tour) -> None:
    """Alice, an analyst, connects with plain psql under her own name."""
    told = tour.psql("alice", "select count(*) from customers;")
    tour.holds("she is in and reads", told.code == 0 and f" {tour.stack.customers}\n" in told.text)


def joins_through_a_view(tour: Tour) -> None:
    """She joins orders with a view over customers."""
    sql = "select t.id, c.name, t.total from order_totals t join customer_contacts c on c.id = t.customer_id limit 3;"
    told = tour.psql("alice", sql)
    tour.holds("three rows came", "(3 rows)" in told.text)


def sees_masks(tour: Tour) -> None:
    """What is personal she sees masked: plain, computed with, copied out, and in an error."""
    real = tour.stack.database.execute("select email, ssn from customers order by id limit 2", database="shop")
    secrets = [value for line in real.splitlines() for value in line.split("|")]
    script = """select name, email, ssn, date_of_birth from customers order by id limit 2;
select upper(email) as computed, email = 'a***@example.com' as compared from customers order by id limit 1;
copy (select id, email from customers order by id limit 2) to stdout;
select email::int from customers where id = 1;"""
    told = tour.psql("alice", script)
    tour.holds("masks came", "***@" in told.text and "*******" in told.text)
    tour.holds("and no address and no number of anybody", not any(value in told.text for value in secrets))


def unmasking_shows(tour: Tour) -> None:
    """Dora may unmask. The log tells the two apart."""
    tour.psql("dora", "select id, email from customers order by id limit 1;")
    told = tour.tidewaiter("audit", "search", "--relation", "customers", "--tagged", "unmasked")
    tour.holds("of those who read personal data only she saw it", "dora" in told.text and "alice" not in told.text)


def agent_is_refused(tour: Tour) -> None:
    """Her AI agent tries to drop the table. It is refused, and its session goes on."""
    told = tour.psql("reporter", "drop table customers;\nselect count(*) from customers;", "-v", "VERBOSITY=verbose")
    tour.holds(
        "refused with SQLSTATE 42501, naming the rule", "42501" in told.text and "agents-never-change" in told.text
    )
    tour.holds("the same session still answers", f" {tour.stack.customers}\n" in told.text)


def policy_explains(tour: Tour) -> None:
    """Which rule says so, without running anything."""
    told = tour.tidewaiter(
        "policy", "explain", "--principal", "reporter", "--datasource", "shop", "drop table customers"
    )
    tour.holds("explain says deny with exit code 1", told.code == EXIT_NO and "agents-never-change" in told.text)


def pipeline_is_atomic(tour: Tour) -> None:
    """A pipeline of an insert that is allowed and a select that is not: neither happens."""
    script = """\\startpipeline
insert into analyst_notes (note) values ($1) \\bind 'half a pipeline' \\sendpipeline
select name, salary from employees \\bind \\sendpipeline
\\endpipeline
select count(*) as rows_left from analyst_notes where note = 'half a pipeline';"""
    told = tour.psql("alice", script)
    tour.holds("the select was refused", "salaries-are-for-the-dba" in told.text)
    tour.holds("the insert left no row", " 0\n" in told.text.split("rows_left")[-1])


def limit_ends_an_answer(tour: Tour) -> None:
    """The agent asks for far too much at once. Its policy limits it to 1,000 rows of one answer."""
    sql = "select c.name, o.id, p.name from customers c, orders o, products p;\nselect count(*) from customers;"
    told = tour.psql("reporter", sql)
    tour.holds("the answer ended with an error that names the limit", 'the limit of policy "agents-read"' in told.text)
    tour.holds("the session goes on", f" {tour.stack.customers}\n" in told.text)


def held_until_approved(tour: Tour) -> None:
    """Alice deletes all her notes: the statement waits in her session until a DBA decides, and then runs, once."""
    password = str(tour.stack.credentials["alice"]["password"])
    with tour.typing("alice", password, "delete from analyst_notes;") as psql:
        waits = psql.shows("Ctrl-C withdraws the request", WAIT_S)
        (request,) = json.loads(tour.run(["tidewaiter", "request", "ls", "--json"], show=False).text)
        tour.holds("she is told whom it waits for", waits and request["id"] in psql.seen)
        tour.tidewaiter("request", "show", request["id"])
        told = tour.tidewaiter("request", "approve", request["id"], "--as", "dora", "--note", "the year is over")
        tour.holds("it ran in the same session", told.code == EXIT_OK and psql.shows("DELETE 2\n", WAIT_S))
        seen = len(psql.seen)
        psql.type("delete from analyst_notes;")
        again = psql.shows("Ctrl-C withdraws the request", WAIT_S, after=seen)
        psql.ctrl_c()
        gone = psql.shows("canceling statement due to user request", WAIT_S)
    tour.holds("the same statement again is held again, and Ctrl-C withdraws it", again and gone)


TIDY = "delete from support_tickets where status = 'closed'"
TIDY_OLD = f"{TIDY} and opened_at < '2024-06-01'"


def agent_asks_for_too_much(tour: Tour) -> None:
    """The agent wants to delete tickets. A DBA sees what that would do, measured and rolled back, and says no."""
    before = _tickets(tour)
    request = _held(tour, TIDY)
    told = tour.tidewaiter("request", "show", request["id"])
    closed = tour.stack.database.execute(
        "select count(*) from support_tickets where status = 'closed'", database="shop"
    ).strip()
    tour.holds(
        "it is told how many rows", f"measured: {closed} rows" in told.text and "of public.support_tickets" in told.text
    )
    shown = [row["before"]["body"] for row in request["blast_radius"]["sample"]]
    tour.holds("and shown some, without what customers wrote", set(shown) == {"***"})
    denied = tour.tidewaiter(
        "request", "deny", request["id"], "--as", "dora", "--reason", "only those before June 2024"
    )
    tour.holds("denied, and nothing is gone", denied.code == EXIT_OK and _tickets(tour) == before)


def agent_runs_what_was_approved(tour: Tour) -> None:
    """It asks for less. That is approved, runs once, and the next time it is held again."""
    before = _tickets(tour)
    request = _held(tour, TIDY_OLD)
    rows = request["blast_radius"]["rows"]
    tour.tidewaiter("request", "approve", request["id"], "--as", "dora", "--note", "these may go")
    told = tour.psql("reporter", f"{TIDY_OLD};")
    tour.holds(
        "it ran, as many rows as were measured", f"DELETE {rows}\n" in told.text and _tickets(tour) == before - rows
    )
    tour.holds("the same again is another request", _held(tour, TIDY_OLD)["id"] != request["id"])


def _held(tour: Tour, sql: str) -> dict[str, Any]:
    """The request that the agent is told of when it runs something that is held."""
    told = tour.psql("reporter", f"{sql};")
    found = re.search("request (AR-[0-9A-Z]+) waits for dba", told.text)
    tour.holds("held, and told at once whom it waits for", found is not None)
    id_ = found[1] if found is not None else ""
    request: dict[str, Any] = json.loads(tour.run(["tidewaiter", "request", "show", id_, "--json"], show=False).text)
    return request


def _tickets(tour: Tour) -> int:
    return int(tour.stack.database.execute("select count(*) from support_tickets", database="shop"))


def wrong_password(tour: Tour) -> None:
    """Somebody guesses a password."""
    told = tour.psql("alice", "select 1;", password="a guess")  # noqa: S106 - meant to be wrong
    tour.holds("refused, and told no more than that", told.code == 2 and "password authentication failed" in told.text)


def ctrl_c_cancels(tour: Tour) -> None:
    """Ctrl-C ends the statement and not the session."""
    with tour.at_work("dora", str(tour.stack.credentials["dora"]["password"]), "select pg_sleep(60);") as psql:
        tour.say("  (Ctrl-C)")
        psql.ctrl_c()
        is_cancelled = psql.shows("canceling statement due to user request", WAIT_S)
        psql.type("select 'the session goes ' || 'on' as and_then;")
        goes_on = psql.shows("the session goes on\n", WAIT_S)
    tour.holds("cancelled, and then answered", is_cancelled and goes_on)


def revoke_ends_sessions(tour: Tour) -> None:
    """A credential is revoked while its session is at work."""
    issued = tour.stack.operate("credential.issue", principal="dora", datasources=[], ttl_s=600.0, label="tour")
    with tour.at_work("dora", str(issued["password"]), "select pg_sleep(60);") as psql:
        told = tour.tidewaiter("credential", "revoke", str(issued["id"]))
        is_over = psql.shows("FATAL", WAIT_S)
    tour.holds("its session ended at once", told.code == EXIT_OK and is_over)


def copies(tour: Tour) -> None:
    """COPY works in both directions."""
    script = """\\copy analyst_notes (note) from stdin
first line of a file
second line of a file
\\.
\\copy (select note from analyst_notes where note like '%of a file') to stdout"""
    told = tour.psql("alice", script)
    tour.holds("two lines in, two lines out", "COPY 2" in told.text and told.text.count("line of a file") == 2)


def who_touched(tour: Tour) -> None:
    """Who touched the customers today?"""
    told = tour.tidewaiter("audit", "touched", "customers", "--on", "today")
    tour.holds("alice and the agent are named", "alice" in told.text and "reporter" in told.text)
    found = tour.run(["tidewaiter", "audit", "touched", "customers", "--on", "today", "--json"], show=False)
    rows = json.loads(found.text)["rows"] if found.code == 0 else []
    seen = {(row["principal"], row["verdict"]) for row in rows}
    tour.holds("with what was allowed, and what was denied", {("alice", "allow"), ("reporter", "deny")} <= seen)
    owners = {row["on_behalf_of"] for row in rows if row["principal"] == "reporter"}
    tour.holds("the agent acted on behalf of alice", owners == {"alice"})


def log_is_whole(tour: Tour) -> None:
    """Is the log whole? Every hash and every signature is computed again from the bytes."""
    told = tour.tidewaiter("audit", "verify")
    tour.holds("it is", told.code == EXIT_OK)


def tampering_shows(tour: Tour) -> None:
    """Somebody changes one byte in a copy of the log."""
    copy = tour.stack.folder.parent / "stolen-ledger"
    shutil.copytree(tour.stack.folder / "state" / "ledger", copy)
    victim = max((path for path in copy.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    flip(victim, victim.stat().st_size // 3)
    tour.say(f"  (one bit of {victim.relative_to(copy)} is flipped)")
    told = tour.tidewaiter("audit", "verify", str(copy))
    tour.holds("verify says tampered, exit code 3", told.code == EXIT_TAMPERED)


def flip(path: Path, at: int) -> None:
    """Change the lowest bit of one byte of a file."""
    with path.open("r+b") as file:
        file.seek(at)
        (byte,) = file.read(1)
        file.seek(at)
        file.write(bytes([byte ^ 1]))


STEPS: tuple[Callable[[Tour], None], ...] = (
    logs_in,
    joins_through_a_view,
    sees_masks,
    unmasking_shows,
    agent_is_refused,
    policy_explains,
    pipeline_is_atomic,
    copies,
    limit_ends_an_answer,
    held_until_approved,
    agent_asks_for_too_much,
    agent_runs_what_was_approved,
    wrong_password,
    ctrl_c_cancels,
    revoke_ends_sessions,
    who_touched,
    log_is_whole,
    tampering_shows,
)
