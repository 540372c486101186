from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.errors import UsageError
from tidewaiter.identity import names


@pytest.mark.parametrize(
    "name", ["a", "alice", "nightly-etl", "a.b_c-d9", "a" * 63, "alice@example.com", "4711+x@a.b-c.org"]
)
def test_names_that_principals_may_have(name: str) -> None:
    assert names.principal_name(name) == name


NOT_PLAIN = ["", "Alice", "9a", "-a", "a b", "a\n", "a:b", "a/b", "a'b", "ä", "a\0", "a" * 64, "a+b"]
NOT_E_MAIL = ["@b.c", "a@", "a@b..c", "a@b@c", "A@b.c", "a" * 60 + "@b.c"]


@pytest.mark.parametrize("name", [*NOT_PLAIN, *NOT_E_MAIL])
def test_names_that_principals_may_not_have(name: str) -> None:
    with pytest.raises(UsageError, match="is not a name"):
        names.principal_name(name)


@given(st.text(max_size=70))
def test_an_accepted_name_needs_no_quoting_anywhere(text: str) -> None:
    try:
        name = names.principal_name(text)
    except UsageError:
        return
    assert name == text
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789._+-@")
    assert 1 <= len(name.encode()) <= 63


def test_group_names_are_plain_names() -> None:
    assert names.group_name("dba") == "dba"
    for wrong in ("DBA", "a@b.c", "", "x" * 64):
        with pytest.raises(UsageError, match="is not a group name"):
            names.group_name(wrong)


def test_datasource_names_are_sorted_and_unique() -> None:
    assert names.datasource_names(["shop", "crm", "shop"]) == ("crm", "shop")
    assert names.datasource_names([]) == ()


@pytest.mark.parametrize("wrong", ["", "a\nb", "\0", "x" * 64])
def test_datasource_names_that_no_configuration_has_are_refused(wrong: str) -> None:
    with pytest.raises(UsageError, match="is not a datasource name"):
        names.datasource_names([wrong])


def test_a_credential_lists_a_bounded_number_of_datasources() -> None:
    with pytest.raises(UsageError, match="at most 64 datasources"):
        names.datasource_names(f"d{number}" for number in range(65))


def test_a_label_is_one_short_printable_line() -> None:
    assert names.label("Ann's laptop, für DBeaver") == "Ann's laptop, für DBeaver"
    for wrong in ("two\nlines", "\x1b[31m", "x" * 201):
        with pytest.raises(UsageError, match="a label is one printable line"):
            names.label(wrong)
