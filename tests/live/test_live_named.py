"""What the protocol named and SQL runs, and the other way round, for somebody who sees masks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import mkdtemp

import pytest
from rawwire import SYNC, Client, bind, close, describe, errors_of, execute, parse, query, rows_of
from rig import MASKED, Deployment, copy_of, running

WRITES = """
@id("masked-write")
permit (principal, action in [Action::"write", Action::"define", Action::"unknown"], resource);
"""
TEXT = "select id, email, date_of_birth from customers where id = $1"
RUN = execute() + SYNC


@pytest.fixture(scope="module")
def gateway(workshop: Path, template: Deployment) -> Iterator[Deployment]:
    """Emails are tokens, which only the gateway can make; who sees masks may write, too."""
    found = copy_of(template, Path(mkdtemp(prefix="named-", dir=workshop)) / "deployment", template.postgres)
    file = found.folder / "classification.toml"
    file.write_text(file.read_text().replace('mask = "email"', 'mask = "token"'))
    (found.folder / "policies" / "writes.cedar").write_text(WRITES)
    yield from running(found)


@pytest.fixture
def client(gateway: Deployment) -> Iterator[Client]:
    with gateway.raw(MASKED) as found:
        assert not errors_of(found.ask(parse(TEXT, "s") + SYNC))
        yield found


def is_masked(row: Sequence[object]) -> bool:
    _, email, born = row
    return re.fullmatch("tok_[a-z2-7]{26}", str(email)) is not None and str(born).endswith("-01-01")


def test_execute_shows_what_the_protocol_would(client: Client) -> None:
    by_protocol = list(rows_of(client.ask(bind(b"1", name="s") + RUN)))
    assert is_masked(by_protocol[0])
    assert client.rows("execute s(1)") == by_protocol
    assert client.rows("execute s (1 + 0)") == by_protocol
    told = client.rows("select 7; execute s(1); execute s(2); select 8")
    assert [row[0] for row in told] == ["7", "1", "2", "8"] and all(map(is_masked, told[1:3]))


def test_execute_that_was_parsed_shows_it_in_both_formats(client: Client) -> None:
    assert not errors_of(client.ask(parse("execute s(1)", "t") + describe(b"S", "t") + SYNC))
    (text,) = rows_of(client.ask(bind(name="t") + describe() + RUN))
    answer = client.ask(bind(name="t", results=[1]) + describe() + RUN)
    (row,) = [one.body for one in answer if one.type == b"D"]
    assert is_masked(text) and str(text[1]).encode() in row and b"@" not in row
    refused = client.ask(query("execute t"))  # which runs something else by its name
    assert errors_of(refused) == ["42501"]


def test_a_portal_of_the_protocol_is_fetched_from(client: Client) -> None:
    client.ask(query("begin"))
    assert not errors_of(client.ask(bind(b"1", name="s", portal="p") + SYNC))
    told = client.rows("fetch 1 from p; move 1 in p")
    assert len(told) == 1 and is_masked(told[0])
    client.ask(query("rollback"))


@pytest.mark.parametrize("ending", ["deallocate s", "deallocate all", "discard all"])
def test_what_is_gone_is_not_executed_and_another_of_the_name_is_masked_as_it_is(client: Client, ending: str) -> None:
    assert not errors_of(client.ask(query(ending)))
    assert errors_of(client.ask(query("execute s(1)"))) == ["42501"]
    assert not errors_of(client.ask(query("prepare s (int) as select id, email, date_of_birth from customers")))
    assert {row[1] for row in client.rows("execute s(1)")} == {None}  # what SQL prepares is masked in SQL
    assert {row[1] for row in rows_of(client.ask(bind(b"1", name="s") + RUN))} == {None}
    assert not errors_of(client.ask(close(b"S", "s") + parse(TEXT, "s") + SYNC))
    assert is_masked(client.rows("execute s(1)")[0])


def test_a_name_that_the_text_itself_gives_anew_is_what_it_gives(client: Client) -> None:
    told = client.rows("deallocate s; prepare s as select 1, email, date_of_birth from customers limit 1; execute s")
    assert [row[1] for row in told] == [None]


@pytest.mark.parametrize(
    "text",
    [
        "create temp table stolen as execute s(1)",
        "create table stolen as execute s(1) with no data",
        "explain execute s(1)",
        "explain (analyze, verbose) execute s(1)",
        "set datestyle = 'German'; execute s(1)",
    ],
)
def test_what_would_store_or_explain_or_write_it_otherwise_is_refused(client: Client, text: str) -> None:
    assert errors_of(client.ask(query(text))) == ["42501"]
    assert is_masked(client.rows("execute s(1)")[0])


def test_errors_of_a_write_that_sql_executes_say_as_little_as_by_the_protocol(client: Client) -> None:
    write = "update customers set name = null where id = $1"
    assert not errors_of(client.ask(parse(write, "w") + parse("execute w(1)", "x") + SYNC))
    by_protocol = bind(b"1", name="w") + RUN, bind(name="x") + RUN
    for message in (*by_protocol, query("execute w(1)"), query("select 1; execute w(1)")):
        (error,) = [one.fields for one in client.ask(message) if one.type == b"E"]
        assert error["C"] == "23502" and "withheld" in error["M"] and "D" not in error


def test_masked_values_are_not_written_back_by_execute(client: Client) -> None:
    assert not errors_of(client.ask(parse("update customers set phone = $1 where id = 1", "w") + SYNC))
    assert errors_of(client.ask(query("execute w('*************65')"))) == ["42501"]


def test_what_executes_another_is_prepared_anew_where_that_has_changed(client: Client) -> None:
    assert not errors_of(client.ask(parse("execute s(1)", "t") + SYNC))
    plain = "select id, name as email, date_of_birth from customers where id = $1"
    assert not errors_of(client.ask(close(b"S", "s") + parse(plain, "s") + SYNC))
    (row,) = rows_of(client.ask(bind(name="t") + RUN))
    assert "@" not in str(row) and str(row[2]).endswith("-01-01")
    write = "update customers set name = null where id = $1 returning id, name as email, date_of_birth"
    assert not errors_of(client.ask(close(b"S", "s") + parse(write, "s") + SYNC))
    (error,) = [one.fields for one in client.ask(bind(name="t") + RUN) if one.type == b"E"]
    assert error["C"] == "23502" and "withheld" in error["M"] and "D" not in error
