"""Who touched the data? The ledger's answer after real clients, and proof that nobody changed it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from rawwire import SYNC, bind, execute, parse, query
from rig import Deployment, copy_of, eventually, running

WAYS: dict[str, str] = {
    "plain": "select name from customers where id = 1",
    "alias": "select c.name from customers as c where c.id = 2",
    "join": "select o.id, c.email from orders o join customers c on c.id = o.customer_id limit 3",
    "subquery": "select count(*) from orders where customer_id in (select id from customers where state = 'TX')",
    "cte": "with c as (select id from customers limit 4) select count(*) from c",
    "view": "select email from customer_contacts limit 5",
    "copy": "copy (select id from customers limit 6) to stdout",
    "exists": "select 1 where exists (select from public.customers where id = 7)",
    "union": "select 1 union all (select id from customers limit 7)",
    "lateral": "select x.id from orders o, lateral (select id from customers c where c.id = o.customer_id) x limit 8",
    "cursor": "begin; declare cc cursor for select id from customers; fetch 9 from cc; commit",
    "sql prepare": "prepare pc as select id from customers limit 10; execute pc; deallocate pc",
    "explain analyze": "explain analyze select * from customers",
}
MISSES = [
    "select 'customers'",
    "select count(*) from orders",
    "with customers as (select 1 as id) select * from customers",
    "select 1 /* customers */ as customers",
]


@pytest.fixture(scope="module")
def gate(workshop: Path, template: Deployment) -> Iterator[Deployment]:
    """One for this file, so that every row in its ledger is known."""
    yield from running(copy_of(template, workshop / "audit", template.postgres))


def rows(gate: Deployment, relation: str = "customers", *more: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = gate.touched(relation, *more)["rows"]
    return found


@pytest.mark.parametrize("way", WAYS)
def test_each_way_to_the_customers_is_found(gate: Deployment, way: str) -> None:
    before = len(rows(gate))
    with gate.raw("alice") as client:
        client.ask(query(WAYS[way]))
    eventually(lambda: len(rows(gate)) > before)
    row = rows(gate)[-1]
    assert (row["principal"], row["datasource"], row["relation"]) == ("alice", "shop", "public.customers")
    assert "select" in row["verbs"] or "explain" in row["verbs"] or "copy_out" in row["verbs"]
    assert row["verdict"] == "allow"
    assert row["session"]
    assert isinstance(row["seq"], int)


@pytest.mark.parametrize("sql", MISSES)
def test_what_only_looks_like_it_is_not_found(gate: Deployment, sql: str) -> None:
    before = len(rows(gate))
    with gate.raw("alice") as client:
        client.ask(query(sql))
        client.ask(query("select 'last'"))
    eventually(lambda: [row for row in gate.search("--principal", "alice") if "'last'" in (row["statement"] or "")])
    assert len(rows(gate)) == before


def test_columns_rows_and_owner_are_told(gate: Deployment) -> None:
    with gate.raw("reporter") as client:
        client.ask(parse("select name, email from customers where id < $1"), bind(b"12"), execute(), SYNC)
    eventually(lambda: rows(gate, "customers", "--by", "reporter"))
    row = rows(gate, "customers", "--by", "reporter")[-1]
    assert (row["principal"], row["on_behalf_of"], row["rows"]) == ("reporter", "alice", 11)
    assert {"name", "email"} <= set(row["columns"])
    assert "select name, email from customers" in row["statement"]


def test_each_execution_of_a_prepared_statement_counts(gate: Deployment) -> None:
    before = len(rows(gate))
    with psycopg.connect(gate.dsn(), autocommit=True) as connection:
        for number in range(10):
            connection.execute("select name from customers where id = %s", (number,), prepare=True)
    eventually(lambda: len(rows(gate)) >= before + 10)
    assert len(rows(gate)) == before + 10


def test_denied_statements_are_listed_with_verdict_and_rule(gate: Deployment) -> None:
    with gate.raw("reporter") as client:
        client.ask(query("drop table customers"))
    eventually(lambda: [row for row in rows(gate) if row["verdict"] == "deny"])
    row = [row for row in rows(gate) if row["verdict"] == "deny"][-1]
    assert (row["principal"], row["verbs"], row["rule"]) == ("reporter", ["drop"], "agents-never-change")
    assert not row["rows"]


def test_schema_name_narrows_and_unknown_relations_are_empty(gate: Deployment) -> None:
    assert len(rows(gate, "public.customers")) == len(rows(gate)) > 0
    assert rows(gate, "nowhere.customers") == []
    assert gate.cli("audit", "touched", "never_heard_of", "--on", "today").returncode == 0


def test_not_understood_statements_are_counted(gate: Deployment) -> None:
    before = gate.touched("customers")["unknown_statements"]
    with gate.raw("dora") as client:
        client.ask(query("do $$ begin execute 'select ' || 'count(*) from cust' || 'omers'; end $$"))
    eventually(lambda: gate.touched("customers")["unknown_statements"] == before + 1)


def test_yesterday_is_empty_and_ranges_are_half_open(gate: Deployment) -> None:
    assert gate.json("audit", "touched", "customers", "--on", "yesterday")["rows"] == []
    told = gate.touched("customers")["range"]
    assert told["from"] < told["to"]


def test_bind_values_of_an_execution_can_be_read_back(gate: Deployment) -> None:
    with psycopg.connect(gate.dsn(), autocommit=True) as connection:
        connection.execute("select name from customers where email = %s", ("bound-value@example.com",))
    eventually(lambda: "bound-value@example.com" in json.dumps(gate.search("--principal", "alice")))


def test_human_readable_answers_name_the_people(gate: Deployment) -> None:
    told = gate.cli("audit", "touched", "customers", "--on", "today").stdout
    assert "alice" in told
    assert "reporter" in told


def test_verify_holds_while_the_gateway_runs_and_reindex_changes_nothing(gate: Deployment) -> None:
    told = gate.verify()
    assert told["ok"]
    assert told["entries"] > 20
    assert told["checkpoints"] > 0
    before = rows(gate)
    gate.cli("audit", "reindex")
    assert rows(gate) == before


@pytest.fixture(scope="module")
def sealed(workshop: Path, template: Deployment) -> Deployment:
    """A deployment that was used and stopped."""
    used = copy_of(template, workshop / "sealed", template.postgres)
    used.start()
    with used.raw("alice") as client:
        for number in range(40):
            client.rows(f"select name from customers where id = {number}")
    assert used.stop() == 0
    return used


@pytest.fixture
def stolen(sealed: Deployment, tmp_path: Path) -> Deployment:
    """A copy of it, to tamper with."""
    shutil.copytree(sealed.folder, tmp_path / "stolen")
    return Deployment(tmp_path / "stolen", sealed.postgres, 0, 0)


def ledger_files(gate: Deployment) -> list[Path]:
    found = [path for path in (gate.folder / "state" / "ledger").rglob("*") if path.is_file() and path.stat().st_size]
    return sorted(path for path in found if path.name not in ("lock", "LOCK") and "index" not in path.name)


def test_untouched_copy_verifies(stolen: Deployment) -> None:
    assert stolen.verify()["ok"]


def test_one_flipped_bit_anywhere_in_an_entry_is_found(stolen: Deployment) -> None:
    largest = max(ledger_files(stolen), key=lambda path: path.stat().st_size)
    data = largest.read_bytes()
    for at in (len(data) // 7, len(data) // 3, len(data) // 2, len(data) - len(data) // 5):
        largest.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        done = stolen.cli("audit", "verify", "--json", check=False)
        assert done.returncode == 3, f"bit {at} of {largest.name}: {done.stdout}{done.stderr}"
        assert json.loads(done.stdout)["problems"]
    largest.write_bytes(data)
    assert stolen.verify()["ok"]


def test_tail_cut_below_a_checkpoint_is_found(stolen: Deployment) -> None:
    largest = max(ledger_files(stolen), key=lambda path: path.stat().st_size)
    largest.write_bytes(largest.read_bytes()[: largest.stat().st_size // 2])
    assert stolen.cli("audit", "verify", check=False).returncode == 3


def test_tampered_ledger_is_not_served(stolen: Deployment) -> None:
    """Damage below a checkpoint is no crash: recovery must not paper over it."""
    largest = max(ledger_files(stolen), key=lambda path: path.stat().st_size)
    largest.write_bytes(largest.read_bytes()[: largest.stat().st_size // 2])
    done = stolen.cli("serve", check=False)
    assert done.returncode == 3


def test_missing_file_is_found(stolen: Deployment) -> None:
    largest = max(ledger_files(stolen), key=lambda path: path.stat().st_size)
    largest.unlink()
    assert stolen.cli("audit", "verify", check=False).returncode == 3


def test_key_of_another_log_does_not_vouch_for_this_one(stolen: Deployment, tmp_path: Path) -> None:
    other = Deployment(tmp_path, stolen.postgres, 0, 0)
    made = other.cli("init", "other")
    vkey = (made.stdout + made.stderr).split("--key`: ")[1].splitlines()[0]
    assert stolen.cli("audit", "verify", "--key", vkey, check=False).returncode in (1, 3)
