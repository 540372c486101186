"""The whole product at work on one machine, with company data: by hand (`make demo`) or by itself (`make tour`)."""

from __future__ import annotations

import shutil
import signal
import sys
import time
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from tidewaiter.demo.data import Size
from tidewaiter.demo.deployment import PERSONAS
from tidewaiter.errors import EXIT_NO, EXIT_OK

if TYPE_CHECKING:
    from tidewaiter.demo.stack import Stack

LOOK_S = 0.3  # how often the demo looks whether the gateway still lives


def main(tour: bool) -> int:
    """Start the stack and wait for Ctrl-C, or run the tour. Returns the exit code. Raises TidewaiterError."""
    from tidewaiter.demo.stack import running

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    signal.signal(signal.SIGTERM, _leave)
    began = time.monotonic()
    print("starting PostgreSQL with the data of a company, the gateway and the console …", flush=True)
    try:
        with running(Size()) as stack:
            print(f"ready after {time.monotonic() - began:.1f} s\n", flush=True)
            return _show(stack, tour)
    except KeyboardInterrupt:
        return EXIT_OK
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _show(stack: Stack, tour: bool) -> int:
    from tidewaiter.demo.tour import conduct

    if tour:
        return conduct(stack, sys.stdout)
    print(welcome(stack), flush=True)
    try:
        return _wait(stack)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave a database behind
        print("\nstopping, and deleting everything …", flush=True)


def _wait(stack: Stack) -> int:
    while stack.gateway.poll() is None:
        time.sleep(LOOK_S)
    print(f"the gateway ended:\n{(stack.folder / 'serve.log').read_text()}")
    return EXIT_NO


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    """SIGTERM is Ctrl-C without a keyboard."""
    raise KeyboardInterrupt


def welcome(stack: Stack) -> str:
    """What to paste, and what to try."""
    from tidewaiter.demo.stack import installed

    command = f"{installed('tidewaiter')} --config {stack.folder}"
    lines = [
        f"gateway  {stack.host}:{stack.port}    console  {stack.console}    deployment  {stack.folder}",
        "",
        *(
            line
            for persona in PERSONAS
            for line in (f"{persona.name}, {persona.who}:", f"  {psql_line(stack, persona.name)}")
        ),
        "",
        "Try",
        "  select * from customer_contacts limit 5;     a view over customers: anyone",
        "  select name, email, ssn from customers limit 5;   masked for alice and reporter, not for dora",
        "  select * from employees;                     refused for alice: it holds salaries",
        "  drop table customers;                        refused for reporter, and the session goes on",
        "",
        "Decide on what waits, as dora, in a browser or in the shell",
        "  delete from analyst_notes;                   held for alice until dora says yes; psql shows the link",
        f"  {stack.console}/requests    sign in as dora with {stack.credentials['dora']['password']}",
        f"  {command} request ls",
        "",
        "Then ask who touched the customers, and whether the log is whole",
        f"  {command} audit touched customers --on today",
        f"  {command} audit verify",
        f'  {command} policy explain --principal reporter --datasource shop "drop table customers"',
        "",
        "Ctrl-C ends the demo and deletes everything.",
    ]
    return "\n".join(lines)


def psql_line(stack: Stack, principal: str) -> str:
    """A line that connects as `principal`; with the psql of the wheel where the machine has none."""
    issued = stack.credentials[principal]
    program = "psql" if shutil.which("psql") else str(stack.psql)
    return f"PGPASSWORD={issued['password']} {program} -h {stack.host} -p {stack.port} -U {issued['user']} shop"
