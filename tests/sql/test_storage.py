"""What definitions do to the rows that are there."""

from __future__ import annotations

import pytest

from tidewaiter.sql.storage import work_of


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("alter table a.b alter c type int", ["rewrites a.b: the type of column c changes"]),
        ("alter table t add e int default 5", []),
        ("alter table t add e int default 1 + 2", []),
        ("alter table t add c serial", ["rewrites t: column c is computed for each row"]),
        (
            "alter table t add f timestamptz default clock_timestamp()",
            ["rewrites t: the default of column f calls a function, which may give each row another value"],
        ),
        ("alter table t add g int generated always as (a) stored", ["rewrites t: column g is computed for each row"]),
        ("alter table t add h int generated always as identity", ["rewrites t: column h is computed for each row"]),
        ("alter table t add i int unique", ["builds an index on t: constraint unique"]),
        ("alter table t add constraint k primary key (a)", ["builds an index on t: constraint k"]),
        ("alter table t add primary key using index i", []),
        (
            "alter table t add constraint c check (a > 0)",
            ["reads all of t: constraint c is checked; NOT VALID puts that off"],
        ),
        ("alter table t add foreign key (a) references u not valid", []),
        ("alter table t validate constraint c", ["reads all of t: VALIDATE CONSTRAINT c"]),
        ("alter table t alter a set not null", ["reads all of t: SET NOT NULL of column a"]),
        ("alter table t drop column a", []),
        ("alter table t set unlogged", ["rewrites t: SET UNLOGGED"]),
        ("alter index i set tablespace x", []),
        ("alter view v rename to w", []),
        ("create index on t (a)", ["builds an index on t: CREATE INDEX, while nobody may write"]),
        (
            "create index concurrently on t (a)",
            ["builds an index on t: CREATE INDEX, without keeping writers out"],
        ),
        ("reindex table t", ["builds an index on t: REINDEX"]),
        ("reindex schema s", []),
        ("cluster t", ["rewrites t: CLUSTER"]),
        ("refresh materialized view m", ["rewrites m: REFRESH MATERIALIZED VIEW"]),
        ("vacuum full t, s.u", ["rewrites t: VACUUM FULL", "rewrites s.u: VACUUM FULL"]),
        ("vacuum t", []),
        ("select 1; cluster t", ["rewrites t: CLUSTER"]),
        ("no sql", []),
    ],
)
def test_what_a_definition_does_to_stored_rows(text: str, told: list[str]) -> None:
    assert [str(work) for work in work_of(text)] == told
