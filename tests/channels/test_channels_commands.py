"""Commands in comments."""

from __future__ import annotations

import pytest

from tidewaiter.approvals.desk import Word
from tidewaiter.channels.commands import Command, command_of


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("/approve", Command(Word.APPROVE, "", "")),
        (
            "  /Approve  ar-2222222  CHG7 \r\n\r\n as discussed",
            Command(Word.APPROVE, "AR-2222222", "CHG7 as discussed"),
        ),
        ("/deny use the archive", Command(Word.DENY, "", "use the archive")),
        ("/close was a false alarm", Command(Word.CLOSE, "", "was a false alarm")),
        ("/deny AR-2222222", Command(Word.DENY, "AR-2222222", "")),
    ],
)
def test_a_comment_that_begins_with_a_command_is_one(text: str, command: Command) -> None:
    assert command_of(text) == command


@pytest.mark.parametrize(
    "text", ["", "approve", "I would /approve", "/approved", "> /approve", "`/approve`", "/approve!"]
)
def test_whatever_else_a_comment_says_is_no_command(text: str) -> None:
    assert command_of(text) is None
