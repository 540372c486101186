"""What commands share that look at recorded statements."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from commandline import Said

from tidewaiter.admin import channel
from tidewaiter.app.deployment import open_log
from tidewaiter.cli import questions, shell
from tidewaiter.errors import LedgerUnavailable
from tidewaiter.model import Kind


def test_the_index_is_brought_up_to_date_before_it_is_asked(folder: Path) -> None:
    config = shell.load(folder)
    log = open_log(config, lambda: 10**18, announce=False)
    log.append("heartbeat", b"")
    log.close()
    with questions.index_of(config) as index:
        assert index.db.execute("select count(*) from entries").fetchone() == (0,)
    with questions.searching(config) as search:
        assert search.index.db.execute("select count(*) from entries").fetchone()[0] >= 1


def test_a_question_without_a_server_is_nobodys_to_record(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    questions.tell_server(shell.load(folder), "search", by="ana")
    assert capsys.readouterr() == ("", "")


def test_a_question_that_the_server_could_not_record_is_answered_with_a_warning(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def ask(socket: Path, operation: str, arguments: dict[str, object]) -> None:
        asked.append((operation, arguments))
        raise LedgerUnavailable("the disk is full")

    monkeypatch.setattr(channel, "ask", ask)
    questions.tell_server(shell.load(folder), "search", by="ana", session=None, lines=3)
    assert asked == [("audit.query", {"command": "search", "arguments": {"by": "ana", "lines": "3"}})]
    assert "did not record this question: the disk is full" in capsys.readouterr().err


def test_principals_are_told_with_their_owners(folder: Path, tidewaiter: Callable[..., Said]) -> None:
    tidewaiter("principal", "add", "ana", "--group", "analysts")
    tidewaiter("principal", "add", "bot", "--kind", "agent", "--owner", "ana")
    tidewaiter("principal", "disable", "ana")
    config = shell.load(folder)
    everybody = questions.principals(config)
    assert (everybody["ana"].groups, everybody["bot"].kind) == (frozenset({"analysts"}), Kind.AGENT)
    assert everybody["bot"].owner == everybody["ana"]
    assert questions.principals(config, only_enabled=True) == {}


def test_a_statement_in_a_table_is_one_line_of_bounded_width() -> None:
    assert questions.short("select 1,\n\n   2") == "select 1, 2"
    assert questions.short(None) == ""
    long = questions.short("select " + "a, " * 100)
    assert (len(long), long[-1]) == (questions.STATEMENT_WIDTH, "…")
