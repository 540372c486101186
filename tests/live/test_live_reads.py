"""Reads of tagged relations while the ledger's disk is slow: they run at once, and nothing of them leaves before it."""

from __future__ import annotations

import contextlib
import select
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rawwire import Client, Refused, errors_of, query, rows_of, types_of
from rig import MASKED, Deployment, copy_of, eventually, running

SLOW_DISK = """
import os, sys, time
from tidewaiter.ledger.files import Files

def fdatasync(files, fd):
    while os.path.exists("hold"):
        if os.path.exists("fail"):
            raise OSError(5, "injected")
        time.sleep(0.005)
    os.fdatasync(fd)

Files.fdatasync = fdatasync
from tidewaiter.cli import main
sys.exit(main())
"""
"""A gateway whose disk syncs nothing while there is a file `hold`, and fails when there is a file `fail` too."""
LONG = "select repeat(address, 1000) from customers, generate_series(1, 400)"


@pytest.fixture(scope="module")
def gate(workshop: Path, template: Deployment) -> Iterator[Deployment]:
    made = copy_of(template, workshop / "reads", template.postgres)
    made.serve = (sys.executable, "-c", SLOW_DISK, "serve")
    for started in running(made):
        with started.raw("alice") as client:
            assert client.rows("select 1") == [["1"]]  # the day's key is on the disk
        yield started


@pytest.fixture
def hold(gate: Deployment) -> Iterator[Path]:
    """What holds the disk while it is there."""
    yield gate.folder / "hold"
    for name in ("hold", "fail"):
        (gate.folder / name).unlink(missing_ok=True)


def is_silent(gate: Deployment, client: Client) -> bool:
    """Whether nothing comes, though the gateway has long read what the server answered."""
    with gate.raw("alice") as other:
        for number in range(20):
            assert other.rows(f"select {number}") == [[str(number)]]  # nobody else waits
    return not select.select([client.sock], [], [], 0.1)[0]


def ran(gate: Deployment, mark: str) -> bool:
    return bool(gate.backends(f"state = 'idle' and query like '%{mark}%'"))


@pytest.mark.parametrize("who", ["alice", MASKED])
def test_it_runs_at_once_and_its_answer_waits_for_the_disk(gate: Deployment, hold: Path, who: str) -> None:
    with gate.raw(who) as client:
        hold.touch()
        client.send(query(f"select email as for_{who} from customers order by id limit 3"))
        eventually(lambda: ran(gate, f"for_{who}"))
        assert is_silent(gate, client)
        hold.unlink()
        assert len(list(rows_of(list(client.until())))) == 3


def test_an_error_waits_too(gate: Deployment, hold: Path) -> None:
    with gate.raw("alice") as client:
        hold.touch()
        client.send(query("select email::int as erring from customers"))
        eventually(lambda: ran(gate, "erring"))
        assert is_silent(gate, client)
        hold.unlink()
        assert errors_of(list(client.until())) == ["22P02"]


def test_a_write_does_not_run_before_the_disk_has_it(gate: Deployment, hold: Path) -> None:
    with gate.raw("dora") as client:
        client.rows("select 1")
        hold.touch()
        client.send(query("insert into notes (note) select email from customers limit 0 /* written */"))
        assert is_silent(gate, client)
        assert not gate.backends("query like '%/* written */%'")
        hold.unlink()
        assert errors_of(list(client.until())) == []


def test_a_long_answer_fills_no_memory_meanwhile_and_can_be_cancelled(gate: Deployment, hold: Path) -> None:
    with gate.raw("alice") as client:
        base = gate.resident_bytes()
        hold.touch()
        client.send(query(LONG))
        eventually(lambda: gate.backends("state = 'active' and wait_event = 'ClientWrite' and query like '%repeat%'"))
        assert is_silent(gate, client)
        assert gate.resident_bytes() - base < 16 << 20
        client.cancel("127.0.0.1", gate.port)
        hold.unlink()
        told = list(client.until())
        assert errors_of(told) == ["57014"]
        assert client.rows("select 1") == [["1"]]


def test_a_disk_that_fails_ends_the_session_and_gives_nothing_of_the_answer(gate: Deployment, hold: Path) -> None:
    with gate.raw("alice") as client:
        client.rows("select 1")
        hold.touch()
        client.send(query("select email as never from customers order by id limit 3"))
        eventually(lambda: ran(gate, "never"))
        assert is_silent(gate, client)
        (gate.folder / "fail").touch()
        told = client.ends()
        assert (types_of(told), errors_of(told)) == ("E", ["58030"])
    hold.unlink()
    (gate.folder / "fail").unlink()

    def answers() -> bool:
        with contextlib.suppress(Refused, OSError), gate.raw("alice") as again:
            return again.rows("select 1") == [["1"]]
        return False

    eventually(answers, 15, gate.log)


def test_what_ran_when_the_process_was_killed_is_in_the_ledger(gate: Deployment, hold: Path) -> None:
    """Run last: what survives the death of the process was written before it was forwarded."""
    with gate.raw("alice") as client:
        client.rows("select 1")
        hold.touch()
        client.send(query("select email as killed from customers order by id limit 3"))
        eventually(lambda: ran(gate, "killed"))
        gate.kill()
        assert client.ends() == []
    hold.unlink()
    assert gate.verify()["ok"]
    gate.start()
    (found,) = [row for row in gate.search("--principal", "alice") if "as killed" in str(row["statement"])]
    # Its outcome is there, too, if something else was written between the server's answer and the end.
    assert found["status"] in ("open", "lost", "ok"), found
