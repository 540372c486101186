"""Requests from the shell, on a folder without a server: the same store and the same ledger."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from commandline import Said

from tidewaiter.approvals.book import Book
from tidewaiter.approvals.desk import Request
from tidewaiter.channels.outbox import Outbox
from tidewaiter.cli import request, shell
from tidewaiter.config import load
from tidewaiter.errors import LedgerBusy
from tidewaiter.model import Need
from tidewaiter.store import open_store

FAR_S = 4_000_000_000.0
POLICY = """
@id("dbas-approve")
permit (principal in Group::"dba", action == Action::"approve", resource == Datasource::"shop");
"""
RADIUS = {
    "basis": "estimated", "rows": 12, "estimated_rows": 12, "total_rows": None, "not_measured": [], "tables": [],
    "cascades": [], "triggers": [], "locks": [], "storage": [], "sample": [],
    "reversible": {"word": "no", "how": "\x1b[2J"},
}  # fmt: skip
REQUEST = Request(
    id="AR-2222222", principal="bot", on_behalf_of="alice", datasource="shop", rule="holds", message="waits for dba",
    statement="delete from t\nwhere n = $1 \x1b[2J", parameters=("7", None), binding="b" * 64,
    needs=(Need(("dba",), 2),), session="s1", created_s=1_700_000_000.0, expires_s=FAR_S,
    blast_radius=RADIUS,
)  # fmt: skip


@pytest.fixture
def asked(folder: Path, tidewaiter: Callable[..., Said]) -> Callable[..., Said]:
    """The command line on a deployment where one request waits; dora and dan are DBAs, eve is not."""
    file = folder / "tidewaiter.toml"
    file.write_text(file.read_text().replace("shell = false", "shell = true"))
    (folder / "policies" / "approve.cedar").write_text(POLICY)
    for name, group in (("dora", "dba"), ("dan", "dba"), ("eve", "analysts")):
        assert tidewaiter("principal", "add", name, "--group", group).code == 0
    store = open_store(load(file, {}).store.url, folder)
    Book(store, lambda size: "3" * size).add(REQUEST)
    store.close()
    return tidewaiter


def test_what_waits_is_listed_and_shown_and_cannot_write_on_the_terminal(asked: Callable[..., Said]) -> None:
    listed = asked("request", "ls")
    assert "AR-2222222" in listed.out and "12 estimated" in listed.out
    assert "\x1b" not in listed.out
    shown = asked("request", "show", "ar-2222222").out
    assert "bot, on behalf of alice asks on shop" in shown
    assert "    where n = $1 \\x1b[2J" in shown
    assert ("$1 = 7" in shown, "$2 = NULL" in shown, "estimated: 12 rows" in shown) == (True, True, True)
    assert "\x1b" not in shown
    link = "http://127.0.0.1:8480/requests/AR-2222222"
    assert f"in the console: {link}\n" in shown and link in listed.out
    assert asked("request", "show", "ar-2222222", "--format", "json").json()["blast_radius"] == RADIUS
    (told,) = asked("request", "ls", "--json").json()
    assert {key: told[key] for key in ("state", "approvers", "needs", "blast_radius")} == {
        "state": "open", "approvers": ["dba"], "needs": ["2 of dba"], "blast_radius": RADIUS,
    }  # fmt: skip


def test_two_approve_and_each_is_told_what_is_missing(asked: Callable[..., Said]) -> None:
    assert asked("request", "approve", "AR-2222222", "--as", "dora").out == (
        "request AR-2222222 is now open; still needs 2 of dba\n"
    )
    assert asked("request", "approve", "AR-2222222", "--as", "dan", "--json").json()["state"] == "approved"
    assert asked("request", "ls").out.count("approved") == 1


def test_what_happened_is_shown_with_who_when_from_where_and_how(asked: Callable[..., Said]) -> None:
    asked("request", "approve", "AR-2222222", "--as", "dora", "--note", "ticket 7")
    asked("request", "deny", "AR-2222222", "--as", "dan", "--reason", "no")
    shown = asked("request", "show", "AR-2222222")
    lines = [line for line in shown.out.splitlines() if "Z  " in line]
    ways = [re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ  (.*)", line) for line in lines]
    said = [way[1].partition("OS user")[0] for way in ways if way]
    assert said == ["dora approved, by shell, from ", "dan denied, by shell, from "]
    assert [line.rpartition(": ")[2] for line in lines] == ["ticket 7", "no"]
    history = asked("request", "show", "AR-2222222", "--json").json()["history"]
    assert [(one["what"], one["who"], one["channel"], one["note"]) for one in history] == [
        ("approve", "dora", "shell", "ticket 7"),
        ("deny", "dan", "shell", "no"),
    ]


def test_older_requests_are_listed_page_by_page(folder: Path, asked: Callable[..., Said]) -> None:
    store = open_store(load(folder / "tidewaiter.toml", {}).store.url, folder)
    book = Book(store, lambda size: "4" * size)
    for number in range(5, 9):
        one = replace(REQUEST, id=f"AR-{number}", binding=f"{number}" * 64, created_s=REQUEST.created_s - number)
        book.add(one)
    store.close()

    def ids(*more: str) -> list[str]:
        return [one["id"] for one in asked("request", "ls", "--json", *more).json()]

    assert ids() == ids("--limit", "9") == ["AR-8", "AR-7", "AR-6", "AR-5", "AR-2222222"]
    assert ids("--limit", "2") == ["AR-5", "AR-2222222"]
    assert ids("--limit", "2", "--before", "AR-5") == ["AR-7", "AR-6"]
    assert ids("--before", "AR-7") == ["AR-8"]
    said = asked("request", "ls", "--limit", "2")
    assert (said.err, said.out.count("AR-")) == ("for older ones: --before AR-5\n", 2 * 2)  # id and link
    assert asked("request", "ls", "--before", "AR-7").err == ""
    asked("request", "deny", "AR-5", "--as", "dora", "--reason", "no")
    assert ids("--limit", "2") == ["AR-6", "AR-2222222"]
    assert ids("--all", "--limit", "2") == ["AR-5", "AR-2222222"]
    assert asked("request", "ls", "--before", "AR-9999999").code == 1
    assert asked("request", "ls", "--limit", "0").code == 2
    assert asked("request", "ls", "--watch", "--limit", "1").code == 2


def test_a_denial_needs_a_reason_and_ends_it(asked: Callable[..., Said]) -> None:
    assert asked("request", "deny", "AR-2222222", "--as", "dora", "--reason", " ").code == 2
    assert asked("request", "deny", "AR-2222222", "--as", "dora", "--reason", "no").out == (
        "request AR-2222222 is now denied\n"
    )
    assert asked("request", "ls").err == "no requests\n"
    assert "denied" in asked("request", "ls", "--all").out
    assert asked("request", "approve", "AR-2222222", "--as", "dan").code == 1


def test_who_may_not_decide_is_told_so(asked: Callable[..., Said]) -> None:
    said = asked("request", "approve", "AR-2222222", "--as", "eve")
    assert (said.code, "eve may not approve on shop" in said.err) == (1, True)
    assert asked("request", "approve", "AR-2222222", "--as", "nobody").code == 1
    assert asked("request", "approve", "AR-2222222").code == 2
    assert asked("request", "show", "AR-9999999").code == 1


def test_decisions_from_the_shell_must_be_switched_on(folder: Path, asked: Callable[..., Said]) -> None:
    file = folder / "tidewaiter.toml"
    file.write_text(file.read_text().replace("shell = true", "shell = false"))
    said = asked("request", "approve", "AR-2222222", "--as", "dora")
    assert (said.code, "[approvals] shell = true" in said.err) == (1, True)


def test_a_request_whose_time_is_up_is_no_longer_listed(folder: Path, asked: Callable[..., Said]) -> None:
    store = open_store(load(folder / "tidewaiter.toml", {}).store.url, folder)
    book = Book(store, lambda size: "4" * size)
    book.add(replace(REQUEST, id="AR-4444444", binding="c" * 64, expires_s=1_700_000_001.0))
    store.close()
    assert "AR-4444444" not in asked("request", "ls").out
    assert "AR-4444444" in asked("request", "ls", "--all").out


def test_watching_prints_what_waits_then_each_change_and_bears_a_server_that_goes_away(
    asked: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = iter(["", "approve", "busy", "deny", "stop"])
    problem: list[LedgerBusy] = []

    def sleep(seconds: float) -> None:
        problem.clear()
        match next(steps):
            case "approve":
                asked("request", "approve", "AR-2222222", "--as", "dora")
            case "busy":
                problem.append(LedgerBusy("a server is starting"))
            case "deny":
                asked("request", "deny", "AR-2222222", "--as", "dan", "--reason", "no")
            case "stop":
                raise KeyboardInterrupt

    def call(*arguments: Any) -> Any:
        if problem and arguments[1] == "request.changes":
            raise problem[0]
        return shell.call(*arguments)

    monkeypatch.setattr("tidewaiter.cli.request.time.sleep", sleep)
    monkeypatch.setattr(request, "call", call)
    said = asked("request", "ls", "--watch", "--json")
    told = [json.loads(line) for line in said.out.splitlines()]
    assert [(one["state"], len(one["votes"])) for one in told] == [("open", 0), ("open", 1), ("denied", 2)]
    assert said.err == "a server is starting; still watching\n"


def test_watching_a_deployment_that_is_none_ends_at_once(tidewaiter: Callable[..., Said], folder: Path) -> None:
    (folder / "tidewaiter.toml").unlink()
    assert tidewaiter("request", "ls", "--watch").code == 2


def test_what_channels_were_told_is_shown(folder: Path, asked: Callable[..., Said]) -> None:
    store = open_store(load(folder / "tidewaiter.toml", {}).store.url, folder)
    outbox = Outbox(store)
    for name in ("issues", "ops"):
        outbox.note(name, lambda request: True, 0.0)
    claimed = outbox.claim("ops", 0.0, 60.0)
    assert claimed
    outbox.failed(claimed[0], "Slack says not_in_channel", 60.0)
    store.close()
    shown = asked("request", "show", "AR-2222222").out
    assert "channel issues: waiting\n" in shown
    assert "channel ops: waiting after 1 attempt: Slack says not_in_channel\n" in shown
