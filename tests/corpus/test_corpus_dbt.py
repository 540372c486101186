"""With the policies that docs/how-to/connect-clients.md gives dbt, all that dbt sent is allowed, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sessions
from sessions import DATASOURCE, PEOPLE, Session, verdicts

from tidewaiter.config import default_policies
from tidewaiter.model import Allow, Kind, Principal, Verdict
from tidewaiter.policy import Policies

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "connect-clients.md"
DBT = [one for one in sessions.sessions("harmless") if one.file == "dbt.sql"]
BY_DBA = b"create schema if not exists"


@pytest.fixture(autouse=True)
def dbt(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service with the page's policies."""
    permits, exception = re.findall(r"```cedar\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    texts = {**default_policies(DATASOURCE), "dbt.cedar": permits}
    texts["destructive.cedar"], changes = re.subn(r"unless \{.*?\};", exception, texts["destructive.cedar"], flags=re.S)
    assert changes == 1
    found = Policies.parse(texts, [DATASOURCE])
    monkeypatch.setattr(sessions, "policies", lambda: found)
    monkeypatch.setitem(PEOPLE, "dbt", Principal("dbt", Kind.SERVICE, frozenset({"dbt"})))


def told(sql: bytes) -> Verdict:
    return next(verdict for _, verdict in verdicts(Session("", 0, "dbt", "simple", (sessions.Step(sql, "allow"),))))


def refused() -> Iterator[tuple[bytes, Verdict]]:
    for one in DBT:
        for step, verdict in verdicts(replace(one, who="dbt")):
            if step.verdict == "allow" and not isinstance(verdict, Allow):
                yield step.text, verdict


def test_dbt_builds_its_schema_and_a_dba_makes_it() -> None:
    left = [(text, verdict) for text, verdict in refused() if BY_DBA not in text]
    assert left == []
    assert any(BY_DBA in text for text, _ in refused())


@pytest.mark.parametrize(
    "sql",
    [
        b"drop table orders",
        b"insert into orders (id) values (1)",
        b"create table public.other as select 1 as one",
        b"alter table orders rename to orders_old",
        b"grant select on orders to public",
        b"select purge()",
    ],
)
def test_nothing_else_is_dbts(sql: bytes) -> None:
    assert not isinstance(told(sql), Allow)
