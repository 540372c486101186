"""Results for eyes and for pipes."""

from __future__ import annotations

import io
import json
import sys

import pytest

from tidewaiter.cli import show


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_table_in_a_pipe_is_plain_aligned_and_whole(capsys: pytest.CaptureFixture[str]) -> None:
    show.table(("name", "groups", "enabled"), [("ana", ["a", "b"], True), ("long" * 60, (), False), ("x", None, 3)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["name", "groups", "enabled"]
    assert lines[1].split("  ")[0] == "ana"
    assert lines[1].endswith("yes")
    assert "long" * 60 in lines[2]
    assert "\x1b" not in "".join(lines)
    assert lines[3].endswith("3")


def test_an_empty_table_says_so_aside(capsys: pytest.CaptureFixture[str]) -> None:
    show.table(("name",), [], empty="nobody yet")
    show.table(("name",), [])
    assert capsys.readouterr() == ("", "nobody yet\n")


def test_a_table_on_a_terminal_is_drawn_and_takes_no_markup_from_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    show.table(("name", "text"), [("ana", "[red]not red[/red] \x1b[2J")])
    assert "[red]not red[/red] \\x1b[2J" in screen.getvalue()


def test_json_keeps_text_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    show.json_out({"name": "Zoë", "rows": [1, None]})
    out = capsys.readouterr().out
    assert json.loads(out) == {"name": "Zoë", "rows": [1, None]}
    assert "Zoë" in out


def test_a_failure_is_one_line_per_problem_and_a_remedy_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    show.failure("first\nsecond \x1b[0m", "do this")
    show.failure("", "")
    assert capsys.readouterr() == ("", "error: first\nerror: second \\x1b[0m\nhint: do this\nerror: \n")


def test_say_and_note_go_to_their_streams(capsys: pytest.CaptureFixture[str]) -> None:
    show.say("done")
    show.note("by the way")
    assert capsys.readouterr() == ("done\n", "by the way\n")


def test_things_are_counted_as_people_do() -> None:
    assert [show.counted(n, "session") for n in (0, 1, 2)] == ["0 sessions", "1 session", "2 sessions"]


def test_progress_is_silent_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    with show.progress("verifying") as step:
        step(1)
    assert capsys.readouterr() == ("", "")


def test_progress_draws_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with show.progress("verifying") as step:
        step(1)
        step(2)
    assert "verifying" in screen.getvalue()
