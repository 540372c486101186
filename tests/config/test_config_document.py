"""Lines and words of complaints about TOML files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.config.document import Document, Path, label, suggestion

TEXT = """# a remark with a = sign
top = 1
[gateway]
postgres = "x"   # = again
nested.key = 1

[[datasource]]
name = "a"
[datasource.roles]
dba = "r"
[[datasource]]
name = "b"
words = [
  "one = two",
  ["deep"],
]
[datasource.shop."public.customers"]
email = 1
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 2),
        (("gateway",), 3),
        (("gateway", "postgres"), 4),
        (("gateway", "nested"), 5),
        (("gateway", "nested", "key"), 5),
        (("gateway", "absent"), 3),
        (("datasource", 0), 7),
        (("datasource", 0, "name"), 8),
        (("datasource", 0, "roles", "dba"), 10),
        (("datasource", 1, "name"), 12),
        (("datasource", 1, "words"), 13),
        (("datasource", 1, "shop", "public.customers", "email"), 18),
        (("absent",), 1),
        ((), 1),
    ],
)
def test_every_key_is_found_at_its_line(path: Path, line: int) -> None:
    assert Document("t.toml", TEXT).line(path) == line


def test_problems_are_told_in_the_order_of_the_lines_and_those_of_the_environment_last() -> None:
    document = Document("t.toml", TEXT)
    document.report_elsewhere("environment X", "late")
    document.report(("datasource", 1, "name"), "second")
    document.report(("gateway", "postgres"), "first")
    document.report(("gateway",), "whole")
    document.report((), "the file")
    assert document.problems == [
        "t.toml:1: the file",
        "t.toml:3: [gateway]: whole",
        "t.toml:4: [gateway] postgres: first",
        "t.toml:12: [datasource] name: second",
        "environment X: late",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a = 1\nb = = 2\n", "t.toml:2: "),
        ("a = 1\na = 2\n", "t.toml:2: "),
        ('a = 1\nb = "open', "t.toml:2: "),
        ("a = [1,\n2", "t.toml:2: "),
        ("a = " + "[" * 20_000, "t.toml:1: "),
    ],
)
def test_a_syntax_error_is_told_with_its_line(text: str, problem: str) -> None:
    document = Document("t.toml", text)
    assert len(document.problems) == 1
    assert document.problems[0].startswith(problem)
    assert document.root == {}


def test_a_label_names_section_and_key_without_numbers() -> None:
    assert label(("datasource", 3, "roles", "dba")) == "[datasource] roles.dba: "
    assert label(("gateway",)) == "[gateway]: "
    assert label(()) == ""


def test_a_suggestion_names_the_closest_word_else_all() -> None:
    assert suggestion("portgres", ["postgres", "tls"]) == '; did you mean "postgres"?'
    assert suggestion("zzz", ["b", "a"]) == "; known are: a, b"


@given(st.text(max_size=200))
def test_any_text_gives_a_document_or_one_problem(text: str) -> None:
    document = Document("t.toml", text)
    assert bool(document.problems) <= (document.root == {})
    assert len(document.problems) <= 1


def test_what_the_toml_reader_itself_fails_on_is_a_problem_with_its_line() -> None:
    deep = Document("t.toml", "a = 1\nb = " + "[" * 20_000 + "]" * 20_000)
    assert deep.problems == ["t.toml:2: is nested too deeply"]
    (long,) = Document("t.toml", "a = 1\n\nb = 1" + "0" * 5000).problems
    assert long.startswith("t.toml:3: ")


def test_a_place_begins_a_complaint() -> None:
    document = Document("t.toml", TEXT)
    assert document.place(("datasource", 1, "name")) == "t.toml:12: [datasource] name: "
    assert document.place(("datasource", 1)) == "t.toml:11: [datasource]: "
