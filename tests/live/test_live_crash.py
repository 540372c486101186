"""kill -9 and a full disk: nothing that was answered may be missing, nothing unrecorded may be answered."""

from __future__ import annotations

import contextlib
import resource
import threading
import time

import psycopg
import pytest
from rawwire import Refused, errors_of, query, types_of
from rig import PATIENCE, Deployment, configure, eventually

WRITERS = 4


def hammer(gateway: Deployment, writer: int, answered: list[str], stop: threading.Event) -> None:
    """Statements with a mark of their own, until the gateway is gone. Every other one is a write."""
    with contextlib.suppress(psycopg.Error), psycopg.connect(gateway.dsn(), autocommit=True) as connection:
        for number in range(100_000):
            mark = f"mark-{writer}-{number}."
            if number % 2:
                connection.execute(f"insert into analyst_notes (note) values ('{mark}')")
            else:
                connection.execute(f"select count(*) from customers where name = '{mark}'")
            answered.append(mark)
            if stop.is_set():
                return


@pytest.mark.parametrize("wait_s", [0.6, 1.7])
def test_kill_9_under_load_loses_no_answered_statement(own_gateway: Deployment, wait_s: float) -> None:
    own_gateway.start()
    answered: list[list[str]] = [[] for _ in range(WRITERS)]
    stop = threading.Event()
    threads = [
        threading.Thread(target=hammer, args=(own_gateway, writer, answered[writer], stop)) for writer in range(WRITERS)
    ]
    for thread in threads:
        thread.start()
    eventually(lambda: sum(map(len, answered)) > 20)  # on a busy machine the logins alone take a while
    time.sleep(wait_s)
    own_gateway.kill()
    stop.set()
    for thread in threads:
        thread.join()
    assert sum(map(len, answered)) > 20
    assert own_gateway.verify()["ok"]
    own_gateway.start()
    try:
        recorded = "\n".join(row["statement"] or "" for row in own_gateway.search("--principal", "alice"))
        missing = [mark for marks in answered for mark in marks if mark not in recorded]
        assert missing == []
        with own_gateway.raw("alice") as client:
            assert client.rows("select 1") == [["1"]]
        assert own_gateway.verify()["ok"]
    finally:
        own_gateway.psql("delete from analyst_notes where note like 'mark-%'")


def test_many_crashes_in_a_row_recover_each_time(own_gateway: Deployment) -> None:
    for number in range(4):
        own_gateway.start()
        with own_gateway.raw("alice") as client:
            client.rows(f"select 'crash {number}'")
            own_gateway.kill()
        assert own_gateway.verify()["ok"]
    own_gateway.start()
    told = "\n".join(row["statement"] or "" for row in own_gateway.search("--principal", "alice"))
    assert all(f"'crash {number}'" in told for number in range(4))


def ledger_size(gateway: Deployment) -> int:
    """Size of the largest file that the gateway writes, to set a limit just above it."""
    return max(path.stat().st_size for path in (gateway.folder / "state").rglob("*") if path.is_file())


def limit_files(gateway: Deployment, size: int) -> None:
    """A full disk for one process: writes beyond `size` fail with EFBIG, as they would with ENOSPC."""
    resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="limits of another process can be set on Linux only")
@pytest.mark.parametrize("durability", ["balanced", "strict"])
def test_full_disk_stops_traffic_with_58030_and_resumes_after_repair(own_gateway: Deployment, durability: str) -> None:
    configure(own_gateway, "[ledger]", f'durability = "{durability}"')
    own_gateway.start()
    with own_gateway.raw("dora") as client:
        client.rows("select 1")
    limit_files(own_gateway, ledger_size(own_gateway) + 20_000)
    refused = drive_until_refused(own_gateway)
    assert refused == "58030"
    count = own_gateway.postgres.execute("select count(*) from analyst_notes where note like 'full-%'", database="shop")
    limit_files(own_gateway, resource.RLIM_INFINITY)

    def answers() -> bool:
        with contextlib.suppress(Refused, OSError), own_gateway.raw("dora") as again:
            return again.rows("select count(*) from analyst_notes where note like 'full-%'") == [[count.strip()]]
        return False

    eventually(answers, 15, own_gateway.log)
    assert own_gateway.stop() == 0
    assert own_gateway.verify()["ok"]
    own_gateway.start()
    recorded = "\n".join(row["statement"] or "" for row in own_gateway.search("--principal", "dora"))
    written = own_gateway.postgres.execute("select note from analyst_notes where note like 'full-%'", database="shop")
    assert [note for note in written.split() if note not in recorded] == []
    own_gateway.postgres.execute("delete from analyst_notes where note like 'full-%'", database="shop")


def drive_until_refused(gateway: Deployment) -> str:
    """SQLSTATE of the first answer that is an error, over as many connections as it takes."""
    for number in range(3000):
        try:
            with gateway.raw("dora") as client:
                for part in range(50):
                    mark = f"full-{number}-{part}-{'x' * 200}"
                    told = client.ask(query(f"insert into analyst_notes (note) values ('{mark}')"))
                    if errors_of(told):
                        return errors_of(told)[0]
        except ConnectionError:
            continue
        except Refused as refused:
            return refused.sqlstate
    raise AssertionError("the limit was never reached")


def is_closed(gateway: Deployment) -> bool:
    """Whether nobody is let in any more."""
    with contextlib.suppress(OSError, Refused), gateway.raw("dora"):
        return False
    return True


def test_sigterm_waits_for_running_statements(own_gateway: Deployment) -> None:
    server = own_gateway.start().server
    assert server
    with own_gateway.raw("dora") as client, own_gateway.raw_direct() as other:
        other.rows("select pg_advisory_lock(20)")
        client.send(query("select pg_advisory_lock(20), 'finished'"))
        eventually(lambda: own_gateway.backends("wait_event = 'advisory' and query like '%finished%'"))
        server.terminate()
        eventually(lambda: is_closed(own_gateway))
        assert server.poll() is None
        other.rows("select pg_advisory_unlock(20)")
        assert types_of(client.ends()) == "TDCZE"
    assert server.wait(20 * PATIENCE) == 0
    assert own_gateway.verify()["ok"]


def test_second_sigterm_does_not_wait(own_gateway: Deployment) -> None:
    server = own_gateway.start().server
    assert server
    with own_gateway.raw("dora") as client:
        client.send(query("select pg_sleep(40), 'never finished'"))
        eventually(lambda: own_gateway.backends("state = 'active' and query like '%never finished%'"))
        server.terminate()
        eventually(lambda: is_closed(own_gateway))
        assert server.poll() is None
        server.terminate()
        assert server.wait(10 * PATIENCE) == 0, own_gateway.log()
        client.ends()
    assert own_gateway.verify()["ok"]


def test_two_servers_do_not_share_one_ledger(own_gateway: Deployment) -> None:
    own_gateway.start()
    done = own_gateway.cli("serve", check=False)
    assert done.returncode in (1, 2)
    with own_gateway.raw("alice") as client:
        assert client.rows("select 1") == [["1"]]


def test_database_that_dies_ends_its_sessions_with_an_error(own_gateway: Deployment) -> None:
    own_gateway.start()
    with own_gateway.raw("dora") as client:
        client.rows("select 1")
        pid = int.from_bytes(client.key[:4], "big")
        own_gateway.postgres.execute(f"select pg_terminate_backend({pid})")
        assert errors_of(client.ends()) == ["57P01"]
    with own_gateway.raw("dora") as other:
        assert other.rows("select 1") == [["1"]]
