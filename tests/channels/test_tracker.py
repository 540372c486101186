"""What issue trackers have in common, without any of them; the channels' own tests play it whole."""

from __future__ import annotations

import pytest

from tidewaiter.approvals.desk import Word
from tidewaiter.channels.tracker import Reference, Said, commented

ISSUE = Reference("github", "7", "d" * 64, "open/0")


def test_a_reference_is_read_by_its_own_kind_only() -> None:
    assert Reference.parse(ISSUE.written(), "github") == ISSUE
    assert Reference.parse(ISSUE.written(), "jira") is None


@pytest.mark.parametrize("written", ["", "ref", "7", "[]", '{"number": 7}', '{"channel": "C1", "ts": "1.0"}'])
def test_what_another_kind_wrote_is_no_reference(written: str) -> None:
    assert Reference.parse(written, "github") is None


@pytest.mark.parametrize(
    ("body", "is_edited", "problem", "expected"),
    [
        ("fine by me", False, "", None),
        ("/approve", False, "", ""),
        ("/approve AR-2222222 CHG7", False, "", ""),
        ("/approve AR-3333333", False, "", "the comment is about AR-3333333, and this issue is about AR-2222222"),
        ("/approve AR-3333333", False, "a program's", "a program's"),
        ("/approve", True, "a program's", "the comment was edited, perhaps by somebody else: write a new one"),
    ],
)
def test_a_comment_is_trusted_only_where_nothing_speaks_against_it(
    body: str, is_edited: bool, problem: str, expected: str | None
) -> None:
    said = commented("9", body, "AR-2222222", "1001", "dora", "issue 7", is_edited=is_edited, problem=problem)
    assert (said.problem if said else None) == expected
    if said:
        assert said == Said(
            "comment 9", Word.APPROVE, said.note, "1001", "dora", "comment 9 on issue 7 by dora", said.problem
        )
