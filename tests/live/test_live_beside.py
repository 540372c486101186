"""Masked reads beside definitions of other things: they are answered, whoever defines what, and however fast."""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import psycopg
import pytest
from rawwire import errors_of
from rig import Deployment
from test_live_redefined import HIDDEN, READS, reader, seen, tagged

READS_N = int(os.environ.get("TIDEWAITER_BESIDE_N", "200"))
READS_S = 30.0
ROUNDS = 3
"""How often everything is defined at least, while that many reads are done, or as many as there is time for."""
MORE = """
set role shop_admin;
create domain checked as int check (value > 0);
create domain bare as text;
create table other (id int primary key, label text);
create table wide (id int, at date) partition by range (id);
create table alone (id int, at date);
create function unlike(int) returns int language sql as 'select $1';
create view over as select label from other;
create sequence numbers;
create type pair as (a int, b int);
create schema elsewhere;
create table with_domain (id checked, label bare);
"""
LESS = """
drop schema elsewhere cascade; drop type pair cascade; drop sequence numbers; drop view over;
drop function unlike(int); drop table alone, wide, with_domain, other; drop domain checked, bare
"""
UNLIKE = "create or replace function unlike(int) returns int language sql as 'select {}'"
OVER = "create or replace view over as select {} as label from other"
RANGE = "for values from (10) to (19)"
Pair = tuple[str, str]
BESIDE: Mapping[str, Sequence[Pair]] = {
    "tables": (
        ("create table beside (id serial primary key, label text unique, at date default now())", "drop table beside"),
        ("create table beside (id checked)", "drop table beside"),
        ("alter table other alter label set not null", "alter table other alter label drop not null"),
        ("alter table with_domain alter id set not null", "alter table with_domain alter id drop not null"),
        ("create index quick on other (label)", "drop index quick"),
        ("create table part (id int, at date)", "drop table part"),
        ("grant select on other to shop_rw", "revoke select on other from shop_rw"),
        ("comment on table other is 'x'", "comment on table other is null"),
        ("analyze other", "truncate other"),
        ("create policy p on other using (true)", "drop policy p on other"),
        ("create statistics s on id, label from other", "drop statistics s"),
        (
            "create trigger t before update on other for each row"
            " execute function suppress_redundant_updates_trigger()",
            "drop trigger t on other",
        ),
        ("alter sequence numbers increment 2", "alter sequence numbers increment 1"),
    ),
    "partitions": (
        (f"create table part partition of wide {RANGE}", "drop table part"),
        (f"alter table wide attach partition alone {RANGE}", "alter table wide detach partition alone"),
    ),
    "temporary things": (
        (
            "create temp table mine (id int primary key, label text default 'x', at date check (at > '2000-01-01'))",
            "drop table mine",
        ),
        ("create temp table mine as select * from other", "drop table mine"),
        ("create temp view mine as select * from other", "drop view mine"),
        ("create function pg_temp.mine() returns int language sql as 'select 1'", "drop function pg_temp.mine()"),
    ),
    "views": (
        (OVER.format("upper(label)"), OVER.format("label")),
        ("create view fresh as select id from other", "drop view fresh"),
        ("create materialized view fresh as select * from other", "drop materialized view fresh"),
        ("create rule r as on insert to over do instead nothing", "drop rule r on over"),
    ),
    "functions and types": (
        (UNLIKE.format(2), UNLIKE.format(1)),
        ("create function fresh(int) returns int language sql as 'select 2'", "drop function fresh"),
        ("create type fresh as (a int)", "drop type fresh"),
        ("alter type pair rename attribute a to c", "alter type pair rename attribute c to a"),
        ("create type fresh as enum ('x')", "drop type fresh"),
        ("create domain fresh as int check (value > 1)", "drop domain fresh"),
        ("alter domain checked add constraint more check (value < 9)", "alter domain checked drop constraint more"),
        (
            "create operator === (leftarg = int, rightarg = int, function = int4eq)",
            "drop operator === (int, int)",
        ),
        ("create schema fresh", "drop schema fresh"),
        ("grant usage on schema elsewhere to shop_rw", "revoke usage on schema elsewhere from shop_rw"),
    ),
}
ASKED = (*BESIDE["tables"][:3], *BESIDE["partitions"], *BESIDE["temporary things"][:2], *BESIDE["views"][:2])
"""What is defined through the gateway."""


@pytest.fixture(scope="module")
def gate(workshop: Path, template: Deployment) -> Iterator[Deployment]:
    yield from tagged(workshop, template, "beside", MORE, LESS)


@contextlib.contextmanager
def defining(dsn: str, pairs: Sequence[Pair], role: str = "") -> Iterator[Callable[[], int]]:
    """Somebody defines all that, one after the other, without a pause; yields how often he did everything so far."""
    is_over, done = threading.Event(), 0

    def run() -> None:
        nonlocal done
        with psycopg.connect(dsn, autocommit=True) as admin:
            admin.execute(role or "select 1")
            while not is_over.is_set():
                for text in itertools.chain.from_iterable(pairs):
                    admin.execute(text.encode())
                done += 1

    admin = threading.Thread(target=run)
    admin.start()
    try:
        yield lambda: done
    finally:
        is_over.set()
        admin.join()


def read_on(gate: Deployment, rounds: Callable[[], int], times: int = READS_N) -> Counter[str]:
    """What becomes of reads in all the ways that clients have."""
    counted: Counter[str] = Counter()
    deadline = time.monotonic() + READS_S
    with reader(gate) as client:
        while (counted.total() < times and time.monotonic() < deadline) or rounds() < ROUNDS:
            for read in READS:
                told = read(client)
                assert HIDDEN.encode() not in seen(told), read.__name__
                counted.update(errors_of(told) or ["answered"])
    return counted


@pytest.mark.parametrize("what", BESIDE)
def test_reads_beside_what_others_define_past_the_gateway_are_answered(gate: Deployment, what: str) -> None:
    with defining(gate.postgres.dsn("shop"), BESIDE[what], "set role shop_admin") as rounds:
        counted = read_on(gate, rounds)
    print(what, rounds(), dict(counted))
    # Where the catalog had to be read as a whole, everybody is concerned: one of 200, on a busy machine.
    # When any definition concerned everybody, it was 26 to 90 of 100.
    assert set(counted) <= {"answered", "40001", "25P02"}, counted
    assert counted["40001"] <= counted.total() // 8, counted


def test_reads_beside_what_others_define_through_the_gateway_are_answered(gate: Deployment) -> None:
    with defining(gate.dsn("dora"), ASKED) as rounds:
        counted = read_on(gate, rounds, READS_N // 4)  # which wait for each of his to be read
    print("asked", rounds(), dict(counted))
    # A cursor is refused while what others define through the gateway, faster than it can be read, is not known.
    assert counted["answered"] and set(counted) <= {"answered", "42501", "25P02"}, counted
