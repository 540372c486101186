"""`tidewaiter audit`: questions to a ledger, export, and verification from the command line."""

from __future__ import annotations

import csv
import io
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from commandline import Said, environment, run

from tidewaiter.admin import channel
from tidewaiter.app.deployment import open_log
from tidewaiter.cli import audit, shell
from tidewaiter.errors import LedgerUnavailable
from tidewaiter.ledger.entry import Body, members
from tidewaiter.ledger.log import Log

MONDAY_NS = 1_795_392_000 * 10**9  # 2026-11-23T00:00:00Z
DAY_NS = 86_400 * 10**9
HOUR_NS = 3_600 * 10**9

ALICE = {"session": "s1", "principal": "alice", "on_behalf_of": None, "datasource": "shop"}
AGENT = {"session": "s2", "principal": "bot", "on_behalf_of": "alice", "datasource": "hr"}


def statement(log: Log, who: dict[str, Any], sql: str, **more: object) -> None:
    """Append one execution."""
    asked = {"verbs": ["select"], "touches": [], "unknown": [], "verdict": "allow", "rule": "r", "rules": ["r"]}
    ended = {"status": "ok", "results": [["SELECT", 3]], "rows": 3, "bytes": 9, "duration_us": 1, "sqlstate": ""}
    log.append("execution", members({**who, **asked, **ended, **more}), Body(sql.encode()).encode())


def customers(*columns: str) -> list[dict[str, object]]:
    """A touch of public.customers."""
    return [{"relation": "public.customers", "verbs": ["select"], "columns": list(columns), "star": False, "part": 0}]


@contextmanager
def writing(folder: Path, at_ns: int) -> Iterator[Log]:
    """The deployment's log, open for writing at that time."""
    log = open_log(shell.load(folder), lambda: at_ns, announce=False)
    yield log
    log.close()


@pytest.fixture
def told(folder: Path, tidewaiter: Callable[..., Said]) -> Callable[..., Said]:
    """The command line on a ledger with statements of two days."""
    with writing(folder, MONDAY_NS - HOUR_NS) as log:
        statement(log, ALICE, "select email from customers", touches=customers("email"))
    with writing(folder, MONDAY_NS + HOUR_NS) as log:
        log.append("heartbeat", b"")
        statement(log, AGENT, "select id, name from customers\n\x1b[2J", touches=customers("id", "name"))
        statement(log, ALICE, "selec", unknown=["syntax"], verdict="deny", rule="nobody")
    return tidewaiter


RANGE = ("--from", "2026-11-22", "--to", "2026-11-23")


def test_touched_as_json_is_what_outside_programs_read(told: Callable[..., Said], folder: Path) -> None:
    answer = told("audit", "touched", "customers", *RANGE, "--json").json()
    assert answer["range"] == {"from": "2026-11-22T00:00:00.000000+00:00", "to": "2026-11-24T00:00:00.000000+00:00"}
    assert answer["unknown_statements"] == 1
    first, second = answer["rows"]
    assert {key: first[key] for key in ("log", "seq", "at", "principal", "on_behalf_of", "datasource", "relation")} == {
        "log": "tidewaiter/tidewaiter",
        "seq": 0,
        "at": "2026-11-22T23:00:00.000000Z",
        "principal": "alice",
        "on_behalf_of": None,
        "datasource": "shop",
        "relation": "public.customers",
    }
    assert {key: second[key] for key in ("verbs", "columns", "rows", "verdict", "rule", "session", "statement")} == {
        "verbs": ["select"],
        "columns": ["id", "name"],
        "rows": 3,
        "verdict": "allow",
        "rule": "r",
        "session": "s2",
        "statement": "select id, name from customers\n\x1b[2J",
    }


def test_touched_is_a_table_that_no_client_can_forge(told: Callable[..., Said]) -> None:
    said = told("audit", "touched", "public.customers", *RANGE, "--by", "bot")
    heading, row = said.out.splitlines()
    assert heading.split()[:3] == ["entry", "at", "who"]
    assert row.split()[:2] == ["2", "2026-11-23T01:00:00.000000+00:00"]
    assert "alice" in row
    assert "\x1b" not in said.out
    assert "touches: 1; statements of all datasources in this range not wholly understood: 1" in said.err


@pytest.mark.parametrize("asked", [["customers", "--datasource", "shop"], ["shop.public.customers"]])
def test_what_was_not_understood_counts_for_its_own_datasource(
    told: Callable[..., Said], folder: Path, asked: list[str]
) -> None:
    with writing(folder, MONDAY_NS + 2 * HOUR_NS) as log:
        statement(log, {**ALICE, "datasource": "elsewhere"}, "selec", unknown=["syntax"])
    assert told("audit", "touched", *asked, *RANGE, "--json").json()["unknown_statements"] == 1
    assert told("audit", "touched", "customers", *RANGE, "--json").json()["unknown_statements"] == 2
    said = told("audit", "touched", *asked, *RANGE).err
    assert "statements of datasource shop in this range not wholly understood: 1" in said


def test_what_observe_mode_would_have_stopped_is_found(told: Callable[..., Said], folder: Path) -> None:
    with writing(folder, MONDAY_NS + 2 * HOUR_NS) as log:
        statement(log, ALICE, "drop table customers", would_be="hold")
        intent = log.append("intent", members({**ALICE, "verbs": ["select"], "touches": [], "verdict": "allow"}))
        ended: dict[str, object] = {
            "session": ALICE["session"],
            "intent": intent,
            "status": "ok",
            "results": [],
            "would_be": "limited",
        }
        log.append("outcome", members(ended))

    def found(word: str) -> list[str]:
        rows = told("audit", "search", "--would-be", word, *RANGE, "--json").json()
        return [row["would_be"] for row in rows]

    assert found("any") == ["hold", "limited"]
    assert (found("hold"), found("limited"), found("deny")) == (["hold"], ["limited"], [])
    assert told("audit", "search", "--would-be", "perhaps").code == 2


def test_a_day_is_the_zones_own(told: Callable[..., Said]) -> None:
    def seqs(*more: str) -> list[int]:
        return [row["seq"] for row in told("audit", "touched", "customers", "--json", *more).json()["rows"]]

    assert seqs("--on", "2026-11-22") == [0]
    assert seqs("--on", "2026-11-23") == [2]
    assert seqs("--on", "2026-11-23", "--tz", "Asia/Tokyo") == [0, 2]
    assert seqs(*RANGE, "--datasource", "hr") == [2]
    assert seqs(*RANGE, "--datasource", "nope") == []


def test_no_touch_is_no_error(told: Callable[..., Said]) -> None:
    said = told("audit", "touched", "orders", *RANGE)
    assert (said.code, said.out) == (0, "")
    assert "nobody touched orders" in said.err


def test_a_question_that_makes_no_sense_is_a_usage_error(told: Callable[..., Said]) -> None:
    assert told("audit", "touched", 'broken"name', *RANGE).code == 2
    assert told("audit", "touched", "customers", "--on", "someday").code == 2
    assert told("audit", "touched", "customers", "--tz", "Mars/Olympus").code == 2
    assert told("audit", "search", "--on", "today", "--from", "yesterday").code == 2


def test_search_filters_and_says_when_there_may_be_more(told: Callable[..., Said]) -> None:
    found = told("audit", "search", *RANGE, "--verdict", "deny", "--json").json()
    assert [(row["seq"], row["statement"], row["unknown"]) for row in found] == [(3, "selec", ["syntax"])]
    assert "relation" not in found[0]
    listed = told("audit", "search", *RANGE, "--principal", "alice")
    assert [line.split()[0] for line in listed.out.splitlines()] == ["entry", "0", "3"]
    assert listed.err == ""
    assert "raise --limit" in told("audit", "search", *RANGE, "--limit", "1").err
    assert told("audit", "search", *RANGE, "--kind", "heartbeat", "--json").json()[0]["seq"] == 1
    assert told("audit", "search", *RANGE, "--text", "nowhere").err == "nothing found\n"


def test_a_long_statement_is_cut_in_a_table_and_says_so(folder: Path, tidewaiter: Callable[..., Said]) -> None:
    with writing(folder, MONDAY_NS) as log:
        statement(log, ALICE, "select " + "x" * 300)
    said = tidewaiter("audit", "search", *RANGE)
    assert "x…" in said.out
    assert len(tidewaiter("audit", "search", *RANGE, "--json").json()[0]["statement"]) == 307


def test_tail_shows_every_kind_of_entry(told: Callable[..., Said]) -> None:
    lines = told("audit", "tail").out.splitlines()
    assert [line.split()[2] for line in lines] == ["execution", "heartbeat", "execution", "execution"]
    assert "bot for alice" in lines[2]
    assert r"select id, name from customers" in lines[2]
    assert "\x1b" not in lines[2]
    assert [row["seq"] for row in told("audit", "tail", "-n", "2", "--json").json()] == [2, 3]


def test_what_is_no_statement_is_shown_by_its_fields(folder: Path, tidewaiter: Callable[..., Said]) -> None:
    """Who was turned away and why, and how a session ended, without --json."""
    with writing(folder, MONDAY_NS) as log:
        failed = {"source": "10.0.0.7", "user": "eve\x1b[2J", "count": 3, "reason": "login refused"}
        log.append("login.failed", members(failed))
        log.append("session.end", members({**ALICE, "reason": "client said good-bye", "statements": 2, "rows": 0}))
    for asked in (("tail",), ("search", *RANGE, "--kind", "login.failed", "--kind", "session.end")):
        first, last = tidewaiter("audit", *asked).out.splitlines()[-2:]
        assert first.split("source")[1] == " 10.0.0.7, user eve\\x1b[2J, count 3, reason login refused"
        assert last.endswith("reason client said good-bye, statements 2, rows 0")


def test_tail_follows_until_it_is_told_to_stop(told: Callable[..., Said], folder: Path) -> None:
    command = [sys.executable, "-c", "from tidewaiter.cli import main; main()", "--config", str(folder)]
    with subprocess.Popen(
        [*command, "audit", "tail", "-f", "-n", "1", "--json"], stdout=subprocess.PIPE, text=True, env=environment()
    ) as follower:
        assert follower.stdout is not None
        assert json.loads(follower.stdout.readline())["seq"] == 3
        with writing(folder, MONDAY_NS + 2 * HOUR_NS) as log:
            statement(log, ALICE, "select 1")
        assert json.loads(follower.stdout.readline())["statement"] == "select 1"
        follower.send_signal(signal.SIGINT)
        assert follower.wait(20) == 0


def test_following_reads_page_by_page(told: Callable[..., Said], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    naps: list[float] = []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) > 1:
            raise KeyboardInterrupt
        with writing(folder, MONDAY_NS + 2 * HOUR_NS) as log:
            statement(log, ALICE, "select 1")
            statement(log, ALICE, "select 2")

    monkeypatch.setattr("time.sleep", sleep)
    monkeypatch.setattr(audit, "PAGE", 1)
    said = told("audit", "tail", "-n", "1", "--follow", "--json")
    assert [json.loads(line)["seq"] for line in said.out.splitlines()] == [3, 4, 5]
    assert said.code == 0


def test_export_writes_statements_only_in_log_order(told: Callable[..., Said], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "PAGE", 1)  # several pages
    lines = told("audit", "export", *RANGE).out.splitlines()
    assert [json.loads(line)["seq"] for line in lines] == [0, 2, 3]
    rows = list(csv.DictReader(io.StringIO(told("audit", "export", *RANGE, "--format", "csv", "--by", "alice").out)))
    assert [(row["seq"], row["relations"], row["statement"]) for row in rows] == [
        ("0", "public.customers", "select email from customers"),
        ("3", "", "selec"),
    ]
    assert [json.loads(line)["seq"] for line in told("audit", "export", "--on", "2026-11-22").out.splitlines()] == [0]
    assert told("audit", "export", "--format", "xml").code == 2


def test_reindex_makes_the_index_again(told: Callable[..., Said], folder: Path) -> None:
    told("audit", "tail")
    (folder / "state" / "index.sqlite").unlink()
    assert told("audit", "reindex").out == "4 entries indexed\n"
    assert len(told("audit", "touched", "customers", *RANGE, "--json").json()["rows"]) == 2


def test_verify_of_a_whole_log_says_so_and_that_the_origin_is_not_checked(told: Callable[..., Said]) -> None:
    said = told("audit", "verify")
    assert said.code == 0
    assert "origin not checked" in said.out
    assert said.out.splitlines()[-1].startswith("tidewaiter/tidewaiter: whole; 4 entries")
    answer = told("audit", "verify", "--json").json()
    assert (answer["ok"], answer["entries"], answer["problems"]) == (True, 4, [])


def test_verify_takes_a_folder_and_a_key(told: Callable[..., Said], folder: Path) -> None:
    vkey = (folder / "keys" / "ledger.vkey").read_text().strip()
    for where in (folder, folder / "state", folder / "state" / "ledger"):
        said = run("audit", "verify", str(where), "--key", vkey)
        assert (said.code, "origin not checked" in said.out) == (0, False), said
    assert run("audit", "verify", str(folder), "--key", str(folder / "keys" / "ledger.vkey")).code == 0
    other = vkey.replace("tidewaiter/tidewaiter", "someone/else")
    assert run("audit", "verify", str(folder), "--key", other).code in (2, 3)
    assert run("audit", "verify", str(folder), "--key", "a+nonsense").code == 2


def test_verify_extends_a_checkpoint_that_was_kept(told: Callable[..., Said], folder: Path) -> None:
    notes = (folder / "state" / "ledger" / "checkpoints").read_bytes()
    first = notes.split(b"\n\n")[0] + b"\n\n" + notes.split(b"\n\n")[1] + b"\n"
    kept = folder.parent / "kept-checkpoint"
    kept.write_bytes(first)
    assert run("audit", "verify", str(folder), "--against", str(kept)).code == 0
    assert run("audit", "verify", str(folder), "--against", str(folder / "nowhere")).code == 1
    kept.write_bytes(first.replace(b"\n1\n", b"\n2\n"))
    assert run("audit", "verify", str(folder), "--against", str(kept)).code == 3


def test_one_flipped_bit_is_exit_code_3(told: Callable[..., Said], folder: Path) -> None:
    (segment,) = (folder / "state" / "ledger" / "segments").iterdir()
    raw = bytearray(segment.read_bytes())
    raw[100] ^= 1
    segment.write_bytes(raw)
    said = told("audit", "verify")
    assert said.code == 3
    assert said.out.startswith("TAMPERED  ")
    assert "NOT whole" in said.out
    answer = told("audit", "verify", "--json")
    assert (answer.code, answer.json()["ok"]) == (3, False)


def test_many_problems_are_counted(told: Callable[..., Said], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidewaiter.ledger.verify.MOST_PROBLEMS", 1)
    (segment,) = (folder / "state" / "ledger" / "segments").iterdir()
    segment.rename(segment.with_name("0" * 19 + "7"))
    assert "more problems" in told("audit", "verify").out


def test_what_is_no_ledger_is_a_usage_error(tmp_path: Path) -> None:
    assert run("audit", "verify", str(tmp_path)).code == 2
    said = run("audit", "verify", str(tmp_path / "evidence.zip"))
    assert said.code == 2
    assert "evidence archives" in said.err


def test_a_running_server_is_told_of_each_question(
    told: Callable[..., Said], monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    asked: list[tuple[str, Any]] = []

    def ask(path: Path, operation: str, arguments: Any) -> None:
        assert path == folder / "state" / "admin.sock"
        asked.append((operation, arguments))

    monkeypatch.setattr(channel, "ask", ask)
    told("audit", "touched", "customers", "--on", "2026-11-23", "--by", "bot")
    told("audit", "tail")
    told("audit", "search", "--kind", "heartbeat", "--kind", "gap")
    told("audit", "export")
    assert [(operation, arguments["command"]) for operation, arguments in asked] == [
        ("audit.query", "touched"),
        ("audit.query", "tail"),
        ("audit.query", "search"),
        ("audit.query", "export"),
    ]
    assert asked[0][1]["arguments"] == {
        "relation": "customers",
        "by": "bot",
        "from": "2026-11-23T00:00:00.000000+00:00",
        "to": "2026-11-24T00:00:00.000000+00:00",
    }
    assert asked[2][1]["arguments"]["kinds"] == "heartbeat gap"


def test_a_question_that_is_not_recorded_is_answered_with_a_warning(
    told: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(*_arguments: object) -> None:
        raise LedgerUnavailable("disk full")

    monkeypatch.setattr(channel, "ask", ask)
    said = told("audit", "touched", "customers", *RANGE)
    assert said.code == 0
    assert "warning: the server did not record this question: disk full" in said.err
    assert len(said.out.splitlines()) == 3


def test_asking_writes_nothing_into_the_ledger(told: Callable[..., Said], folder: Path) -> None:
    def state() -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in (folder / "state" / "ledger").rglob("*") if path.is_file()}

    before = state()
    told("audit", "touched", "customers", *RANGE)
    told("audit", "search", *RANGE)
    told("audit", "verify")
    assert state() == before


def test_a_new_deployment_has_nothing_to_tell(folder: Path, tidewaiter: Callable[..., Said]) -> None:
    assert tidewaiter("audit", "tail").out == ""
    assert tidewaiter("audit", "touched", "customers", "--on", "today", "--json").json()["rows"] == []


def test_masked_columns_are_marked_and_tagged_ones_of_a_star_are_named(told: Callable[..., Said], folder: Path) -> None:
    masked = [{"relation": "public.customers", "columns": ["email"], "tags": ["email"]}]
    unmasked = [{"relation": "public.customers", "columns": ["ssn"], "tags": ["ssn"]}]
    with writing(folder, MONDAY_NS + 2 * HOUR_NS) as log:
        statement(log, ALICE, "table customers", touches=customers(), masked=masked, unmasked=unmasked)
    row = told("audit", "touched", "customers", *RANGE).out.splitlines()[-1]
    assert "email (masked), ssn" in row
    for word in ("masked", "unmasked"):
        found = told("audit", "search", "--tagged", word, *RANGE, "--json").json()
        assert [one["statement"] for one in found] == ["table customers"]
