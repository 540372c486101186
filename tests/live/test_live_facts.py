"""Facts against the server's own word: plans, rows read and written, locks, and rights.

Whatever a server touches that the facts of a statement do not name is a failure. Statements run in transactions that
are rolled back; each runs twice, once as superuser, to see everything that it does, and once as a role that holds
exactly the rights that its facts name, so that the server itself refuses what facts leave out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from comparison import Comparison
from corpusrig import DATABASE, catalog_of, furnish
from sqlmaker import made
from witness import Witness

from corpus import Case, cases
from corpus import catalog as stored_catalog
from tidewaiter.demo.postgres import EmbeddedPostgres
from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.facts import Scope, understand

SEED, GENERATED = 20261126, 300

WHOLE_ROWS = {"select (c).ssn from customers c": [("public", "customers")]}
"""Statements of the corpus that take one column from a row: the server wants the right to the whole row."""


@pytest.fixture(scope="module")
def witness(postgres18: EmbeddedPostgres) -> Iterator[Witness]:
    furnish(postgres18)
    found = Witness((postgres18.host, postgres18.port, postgres18.superuser, postgres18.password.value, DATABASE))
    yield found
    found.close()


@pytest.fixture(scope="module")
def catalog(witness: Witness, postgres18: EmbeddedPostgres) -> Catalog:
    return catalog_of(postgres18)


@pytest.fixture
def comparison(catalog: Catalog, witness: Witness) -> Comparison:
    rows = witness.rows("select oid, oid::regprocedure from pg_proc")
    return Comparison(catalog, {int(oid or 0): str(name) for oid, name in rows})


def setup_of(case: Case) -> Iterator[str]:
    """What the case's session did before, as statements."""
    for directive in case.directives:
        word, _, rest = directive.partition(" ")
        name, _, text = rest.partition(" = ")
        if word == "search_path":
            yield f"set local search_path = {rest}"
        elif word == "prepared":
            yield f"prepare {name} as {text}"
        elif word == "cursor":
            yield f"declare {name} cursor for {text}"
        elif word == "created":
            yield rest


def test_server_touches_nothing_that_facts_of_the_corpus_do_not_name(comparison: Comparison, witness: Witness) -> None:
    written = cases()
    for case in written:
        facts = understand(case.statement, comparison.catalog, case.scope)
        whole = WHOLE_ROWS.get(case.statement, ())
        comparison.statement(witness, str(case), case.statement, facts, tuple(setup_of(case)), whole)
    assert comparison.findings == [], comparison.told()
    assert comparison.seen + comparison.unseen == len(written), comparison.told()
    assert comparison.compared["effects"] > 600, comparison.told()
    assert comparison.compared["rights"] > 490, comparison.told()
    assert comparison.compared["plans"] > 380, comparison.told()
    assert witness.hung == 0


def test_server_touches_nothing_that_facts_of_made_statements_do_not_name(
    comparison: Comparison, witness: Witness
) -> None:
    for number, one in enumerate(made(SEED, GENERATED)):
        facts = understand(one.text, comparison.catalog, Scope())
        comparison.statement(witness, f"{SEED}/{number}", one.text, facts, whole=one.whole)
    assert comparison.findings == [], comparison.told()
    assert comparison.compared["effects"] > 0.9 * GENERATED, comparison.told()
    assert comparison.compared["rights"] > 0.85 * GENERATED, comparison.told()


def test_stored_catalog_is_not_behind_the_schema(catalog: Catalog) -> None:
    for case in cases():
        now, then = (understand(case.statement, one, case.scope) for one in (catalog, stored_catalog()))
        assert (now.touches, now.indirect, now.locks) == (then.touches, then.indirect, then.locks), str(case)


@pytest.mark.parametrize(
    ("sql", "told", "expected"),
    [
        ("delete from shops where id = 2", "select 1", {"reads public.shops", "deletes public.shops"}),
        ("delete from shops where id = 2", "select 1", {"locks public.notes RowExclusiveLock"}),  # by two cascades
        ("update regions set code = 'x'", "update regions set code = 'x' where code = 'n'", set()),
        ("select name from customers", "select id from customers",
         {"needs a right that facts do not name: permission denied for table customers"}),
        ("select name from customer_names", "select 1",
         {"reads public.customers", "locks public.active_customers AccessShareLock"}),
        ("lock table orders in share mode", "lock table orders in row share mode",
         {"locks public.orders ShareLock, not RowShareLock"}),
        ("select order_total(1)", "select total from orders where id = 1",
         {"needs a right that facts do not name: permission denied for function order_total"}),
    ],
)  # fmt: skip
def test_what_facts_leave_out_is_found(
    comparison: Comparison, witness: Witness, sql: str, told: str, expected: set[str]
) -> None:
    comparison.statement(witness, "", sql, understand(told, comparison.catalog, Scope()))
    found = {one.split(": ", 1)[1].removesuffix(f": {sql}") for one in comparison.findings}
    assert expected <= found
    assert bool(expected) == bool(found)


def test_what_a_view_reads_is_looked_for_in_the_plan(comparison: Comparison, witness: Witness) -> None:
    sql = "select name from customer_names"
    facts = understand(sql, comparison.catalog, Scope())
    comparison.statement(witness, "", sql, replace(facts, touches=tuple(one for one in facts.touches if not one.via)))
    assert f": plans public.customers: {sql}" in comparison.findings
    comparison.findings.clear()
    cut = tuple(replace(one, columns=("name",)) for one in facts.touches)
    comparison.statement(witness, "", sql, replace(facts, touches=cut))
    assert comparison.findings == [f": plans public.customers.deleted_at: {sql}"]
