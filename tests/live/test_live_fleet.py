"""Two gateways on one store in PostgreSQL: what is held at one and decided at the other runs once, whatever fails.

The second gateway's clock is ten minutes slow in all of it.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psycopg
import pytest
from freeports import free_port
from heldrig import POLICY, Running
from lane import Lane
from rig import Deployment, configure, copy_of, eventually
from test_live_console import fields

from tidewaiter.demo.deployment import NAME
from tidewaiter.demo.postgres import EmbeddedPostgres
from tidewaiter.model import Secret

pytestmark = pytest.mark.timeout(300)  # six servers start and are killed in it
SLOW = """
import sys, time
real = time.time_ns
time.time_ns = lambda: real() - 600 * 10**9
from tidewaiter.cli import main
sys.exit(main())
"""
ONE = "delete from analyst_notes where id = (select min(id) from analyst_notes where note = 'to go')"
OFTEN = ("[limits]", "failed_logins_per_minute = 100000")  # the tests log in until it works, from one address
ROWS = "select count(*) from analyst_notes where note = 'to go'"


class Fleet:
    """Gateways `a` and `b`; `b` reaches the store over `lane`."""

    def __init__(self, folder: Path, template: Deployment, store: EmbeddedPostgres) -> None:
        self.store = store
        self.lane = Lane(store.port)
        url = store.dsn("control")
        postgres = template.postgres
        self.a = copy_of(template, folder / "a", postgres, "[store]", f'url = "{url}"', *OFTEN)
        self.b = Deployment(folder / "b", postgres, free_port(), free_port(), self.a.issued)  # who can log in at both
        self.b.serve = (sys.executable, "-c", SLOW, "serve")
        self.b.folder.mkdir()
        self.b.cli("init", ".", "--name", "second")
        over_lane = url.replace(str(store.port), str(self.lane.port))
        configure(self.b, "[store]", f'url = "{over_lane}"', *OFTEN)
        file = self.b.folder / "tidewaiter.toml"
        file.write_text(file.read_text().replace(f'name = "{NAME}"', 'name = "second"', 1))
        self.front = Lane(self.a.console)  # a load balancer for browsers
        for one in (self.a, self.b):
            (one.folder / "policies" / "approvals.cedar").write_text(POLICY)
            file = one.folder / "tidewaiter.toml"
            told = f'[console]\nurl = "http://127.0.0.1:{self.front.port}"'
            file.write_text(file.read_text().replace("[console]", told))
        self.a.cli("principal", "add", "dora", "--group", "dba")
        for name, kind, group in (("alice", "user", "analysts"), ("etl", "service", "loaders")):
            self.a.cli("principal", "add", name, "--kind", kind, "--group", group)
            self.a.issued[name] = self.a.issue(name)

    def rows(self) -> int:
        return int(self.a.postgres.execute(ROWS, database="shop"))

    def kill(self) -> None:
        self.a.kill()
        self.b.kill()


@pytest.fixture(scope="module")
def fleet(workshop: Path, template: Deployment) -> Iterator[Fleet]:
    with EmbeddedPostgres(workshop / "store", Secret("of the store")) as store:
        store.execute("create database control")
        made = Fleet(workshop / "fleet", template, store)
        made.a.start()
        made.b.start()
        yield made
        made.kill()


@pytest.fixture(autouse=True)
def notes_to_go(fleet: Fleet) -> None:
    for request in fleet.a.json("request", "ls"):
        fleet.a.cli("request", "deny", request["id"], "--as", "dora", "--reason", "cleaning up")
    fleet.a.postgres.execute(
        "delete from analyst_notes where note = 'to go'; "
        "insert into analyst_notes (note) select 'to go' from generate_series(1, 9)",
        database="shop",
    )


def waiting(gateway: Deployment) -> str:
    """The id of the one request that is open, as a gateway sees it."""
    eventually(lambda: len(gateway.json("request", "ls")) == 1, 10, gateway.log)
    return str(gateway.json("request", "ls")[0]["id"])


def refused(gateway: Deployment, principal: str = "etl") -> str:
    """What the statement is answered by a gateway that does not run it."""
    with psycopg.connect(gateway.dsn(principal), autocommit=True) as connection, pytest.raises(psycopg.Error) as error:
        connection.execute(ONE)
    return str(error.value)


def run(gateway: Deployment, principal: str = "etl") -> str | None:
    with psycopg.connect(gateway.dsn(principal), autocommit=True) as connection:
        return connection.execute(ONE).statusmessage


def test_one_approval_lets_one_of_many_at_both_gateways_run(fleet: Fleet) -> None:
    clients = [psycopg.connect(one.dsn("alice"), autocommit=True) for one in (fleet.a, fleet.b) for _ in range(4)]
    deleting = [Running(lambda client=client: client.execute(ONE).statusmessage) for client in clients]  # type: ignore[misc]
    id_ = waiting(fleet.a)
    assert waiting(fleet.b) == id_, "one request for all of them"
    fleet.b.cli("request", "approve", id_, "--as", "dora")
    eventually(lambda: fleet.rows() == 8, 10, fleet.a.log)
    second = waiting(fleet.a)  # the others wait again, for another approval
    assert second != id_
    eventually(lambda: "DELETE 1" in [one.outcome for one in deleting], 10, fleet.a.log)
    assert (fleet.rows(), [one.outcome for one in deleting].count("DELETE 1")) == (8, 1)
    fleet.a.cli("request", "deny", second, "--as", "dora", "--reason", "once is enough")
    outcomes = [one.result() for one in deleting]
    assert sum("once is enough" in str(one) for one in outcomes) == 7, outcomes
    for client in clients:
        client.close()
    assert fleet.rows() == 8


def test_what_was_held_and_approved_outlives_both_gateways(fleet: Fleet) -> None:
    assert "request AR-" in refused(fleet.a)
    held = Running(lambda: run(fleet.b, "alice"))
    eventually(lambda: len(fleet.a.json("request", "ls")) == 2, 10, fleet.b.log)
    fleet.kill()
    assert isinstance(held.result(), psycopg.OperationalError)
    fleet.a.start()
    fleet.b.start()
    ids = {one["principal"]: one["id"] for one in fleet.b.json("request", "ls")}
    fleet.b.cli("request", "approve", ids["etl"], "--as", "dora")
    fleet.kill()
    fleet.a.start()
    fleet.b.start()
    assert fleet.rows() == 9
    assert run(fleet.b) == "DELETE 1"
    assert "request AR-" in refused(fleet.a)
    assert fleet.rows() == 8


def test_a_store_that_restarts_in_the_middle_approves_nothing_and_loses_nothing(fleet: Fleet) -> None:
    with psycopg.connect(fleet.a.dsn("alice"), autocommit=True) as waits, psycopg.connect(fleet.b.dsn("etl")) as other:
        other.autocommit = True
        deleting = Running(lambda: waits.execute(ONE).statusmessage)
        id_ = waiting(fleet.b)
        fleet.store.stop()
        done = fleet.b.cli("request", "approve", id_, "--as", "dora", check=False)
        assert (done.returncode, "control store" in done.stderr) == (1, True), done.stderr
        with pytest.raises(psycopg.Error, match="requests cannot be kept"):
            other.execute(ONE)
        assert other.execute("select 1").fetchone() == (1,), "what needs no request goes on"
        eventually(lambda: "cannot look up who you are" in login_error(fleet.a), 15, fleet.a.log)
        fleet.store.start()
        approve = ("request", "approve", id_, "--as", "dora")  # refused until the gateway has found the store again
        eventually(lambda: fleet.b.cli(*approve, check=False).returncode == 0, 10, fleet.b.log)
        assert deleting.result() == "DELETE 1"
        assert fleet.rows() == 8
    assert "request AR-" in refused(fleet.a)
    for one in (fleet.a, fleet.b):
        assert one.log().count("warning: control store") < 8, "an outage is said once in a while"


def login_error(gateway: Deployment, principal: str = "alice") -> str:
    try:
        psycopg.connect(gateway.dsn(principal)).close()
    except psycopg.OperationalError as error:
        return str(error)
    return ""


def test_a_gateway_cut_off_from_the_store_lets_nobody_in_and_catches_up(fleet: Fleet) -> None:
    fleet.a.issued["second"] = fleet.a.issue("alice")
    eventually(lambda: not login_error(fleet.b, "second"), 10, fleet.b.log)
    with contextlib.closing(psycopg.connect(fleet.b.dsn("second"), autocommit=True)) as connection:
        fleet.lane.hang()
        fleet.a.cli("credential", "revoke", fleet.a.issued["second"].id)
        eventually(lambda: "cannot look up who you are" in login_error(fleet.b), 15, fleet.b.log)
        assert connection.execute("select 1").fetchone() == (1,), "it cannot know yet"
        fleet.lane.heal()
        eventually(lambda: ended(connection), 20, fleet.b.log)
    eventually(lambda: "password authentication failed" in login_error(fleet.b, "second"), 15, fleet.b.log)
    fleet.lane.cut()
    eventually(lambda: not login_error(fleet.b), 15, fleet.b.log)


def ended(connection: psycopg.Connection[tuple[object, ...]]) -> bool:
    try:
        connection.execute("select 1")
    except psycopg.OperationalError as error:
        assert "its credential was revoked" in str(error) or "principal" in str(error)
        return True
    return False


def test_a_principal_disabled_at_one_gateway_is_out_at_the_other_and_its_approval_does_not_count(fleet: Fleet) -> None:
    fleet.a.cli("principal", "add", "dave", "--group", "dba")
    fleet.a.cli("principal", "add", "temp", "--group", "analysts")
    fleet.a.issued["temp"] = fleet.a.issue("temp")
    eventually(lambda: not login_error(fleet.b, "temp"), 10, fleet.b.log)
    try:
        with contextlib.closing(psycopg.connect(fleet.b.dsn("temp"), autocommit=True)) as connection:
            fleet.a.cli("principal", "disable", "temp")
            eventually(lambda: ended(connection), 5, fleet.b.log)
        assert "request AR-" in refused(fleet.a)
        fleet.b.cli("request", "approve", waiting(fleet.b), "--as", "dave")
        fleet.a.cli("principal", "disable", "dave")
        eventually(lambda: "dave may not approve any more" in refused(fleet.b), 5)
        assert fleet.rows() == 9
    finally:
        fleet.a.cli("principal", "enable", "dave")


def test_a_browser_signs_in_at_one_gateway_and_decides_at_the_other(fleet: Fleet) -> None:
    base = f"http://127.0.0.1:{fleet.front.port}"
    dora = fleet.a.issue("dora")

    def at(gateway: Deployment, method: str, path: str, **told: str) -> httpx2.Response:
        fleet.front.target = gateway.console
        return browser.request(method, path, headers={"origin": base, "connection": "close"}, data=told or None)

    with httpx2.Client(base_url=base) as browser:
        form = fields(at(fleet.a, "GET", "/sign-in").text, "/sign-in") | {"name": "dora", "password": dora.password}
        eventually(lambda: at(fleet.b, "POST", "/sign-in", **form).status_code == 303, 5, fleet.b.log)
        assert "request AR-" in refused(fleet.b)
        path = f"/requests/{waiting(fleet.a)}"
        click = fields(at(fleet.a, "GET", path).text, f"{path}/approve")
        assert at(fleet.b, "POST", f"{path}/approve", **click).status_code == 303
        assert f"{path.rpartition('/')[2]} is now approved" in at(fleet.a, "GET", f"{path}?did=approve").text
        assert run(fleet.a) == "DELETE 1"
        fleet.kill()
        fleet.a.start()
        fleet.b.start()
        assert at(fleet.b, "GET", path).status_code == 200, "a restart ends no session"
        fleet.a.cli("credential", "revoke", dora.id)
        assert [at(one, "GET", path).status_code for one in (fleet.a, fleet.b)] == [303, 303]


def test_each_gateway_has_a_ledger_of_its_own_and_both_verify(fleet: Fleet) -> None:
    assert "request AR-" in refused(fleet.a)
    id_ = waiting(fleet.b)
    fleet.b.cli("request", "approve", id_, "--as", "dora")
    assert run(fleet.a) == "DELETE 1"
    told = {
        name: [
            row["fields"]["what"] for row in one.search("--kind", "request.change") if row["fields"]["request"] == id_
        ]
        for name, one in (("a", fleet.a), ("b", fleet.b))
    }
    assert told == {"a": ["open", "consumed"], "b": ["approve"]}
    for one in (fleet.a, fleet.b):
        assert one.verify()["ok"]


def test_two_servers_cannot_share_one_folder(fleet: Fleet) -> None:
    done = fleet.a.cli("serve", check=False)
    assert done.returncode != 0
    assert "ledger" in done.stderr and "another" in done.stderr, done.stderr
