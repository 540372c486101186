"""`tidewaiter policy replay` and `tidewaiter policy report`."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from commandline import Said

from tidewaiter.app.deployment import open_log
from tidewaiter.config import load
from tidewaiter.ledger.entry import Body, members
from tidewaiter.ledger.log import Log
from tidewaiter.model import Allow, Deny, Facts
from tidewaiter.proxy.pipeline import statement_members
from tidewaiter.sql.declared import declared
from tidewaiter.sql.facts import Scope, understand

CATALOG = declared({("public", "orders"): ("id", "total")})
WHO = {"session": "s1", "principal": "ana", "datasource": "shop"}
SQL = ("select id from orders where id = 1", "select id from orders where id = 2", "delete from orders")


def facts(sql: str) -> Facts:
    return understand(sql, CATALOG, Scope(("pg_catalog", "public"), {}, {}, {}))


def write(log: Log, sql: str, is_observed: bool) -> None:
    denied = Deny("default-deny", "", rules=("default-deny",))
    told = statement_members(facts(sql), Allow(), denied if is_observed else None)
    log.append("execution", members(WHO) + b"," + told + b',"status":"ok","rows":1', Body(sql.encode()).encode())


@pytest.fixture
def recorded(tidewaiter: Callable[..., Said], folder: Path) -> Callable[..., Said]:
    """The command line on a deployment where an analyst read twice and would have been denied once."""
    tidewaiter("principal", "add", "ana", "--group", "analysts")
    log = open_log(load(folder / "tidewaiter.toml", {}), time.time_ns, announce=False)
    log.append("session.start", members(WHO | {"application": "psql", "client_address": "10.0.0.1"}))
    for sql in SQL:
        write(log, sql, sql.startswith("delete"))
    log.append("execution", members(WHO | {"principal": "eve", "verbs": [], "touches": [], "verdict": "allow"}))
    log.write()
    log.sync()
    log.close()
    return tidewaiter


def test_policies_that_change_nothing_say_so(recorded: Callable[..., Said]) -> None:
    said = recorded("policy", "replay")
    assert said.code == 0, said
    assert said.out.endswith("3 as before\n")
    assert "not judged: 1 statement of eve" in said.err


def test_what_other_policies_would_change_is_shown(recorded: Callable[..., Said], tmp_path: Path) -> None:
    new = tmp_path / "new"
    new.mkdir()
    (new / "p.cedar").write_text(
        '@id("everything") permit (principal, action, resource);\n'
        '@id("no-psql") forbid (principal, action == Action::"select", resource)'
        ' when { context.application == "psql" };'
    )
    said = recorded("policy", "replay", "--since", "1h", "--policies", str(new))
    assert said.code == 1
    assert "select id from orders where id = 1" in said.out
    told = recorded("policy", "replay", "--since", "1h", "--policies", str(new), "--json").json()
    assert (told["statements"], told["unchanged"], told["unknown_principals"]) == (4, 0, {"eve": 1})
    assert [
        (row["before"], row["after"], row["principal"], row["datasource"], row["rule"], row["count"])
        for row in told["changes"]
    ] == [("allow", "deny", "ana", "shop", "no-psql", 2), ("deny", "allow", "ana", "shop", "everything", 1)]
    assert [one["statement"] for one in told["changes"][0]["examples"]] == list(SQL[:2])
    assert recorded("policy", "replay", "--policies", str(new / "nowhere")).code == 2


def test_what_observe_mode_let_through_is_counted_by_shape(recorded: Callable[..., Said], folder: Path) -> None:
    log = open_log(load(folder / "tidewaiter.toml", {}), time.time_ns, announce=False)
    for sql in SQL:
        write(log, sql, True)
    log.write()
    log.sync()
    log.close()
    told = recorded("policy", "report", "--json").json()
    assert (told["statements"], told["would_be_refused"]) == (7, 4)
    assert [(row["count"], row["rule"], row["principal"]) for row in told["rows"]] == [(2, "default-deny", "ana")] * 2
    assert {row["examples"][0]["statement"] for row in told["rows"]} == {SQL[1], SQL[2]}
    said = recorded("policy", "report", "--since", "1d")
    assert said.code == 0
    assert said.out.endswith("7 statements: 4 would have been denied or held\n")


def test_a_deployment_without_statements_has_nothing_to_tell(tidewaiter: Callable[..., Said]) -> None:
    assert tidewaiter("policy", "replay").out.startswith("0 statements in ")
    assert "nothing would have been refused" in tidewaiter("policy", "report").err
