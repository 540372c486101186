from __future__ import annotations

from dataclasses import replace

import pytest
from rewritekit import EMAIL, LABELS, SHOP, done, refused, sent

from tidewaiter.model import PREMISES, Facts, Premise
from tidewaiter.sql.facts import understand
from tidewaiter.sql.reading import Scope
from tidewaiter.sql.rewrite import Refused, Rewritten, labels_of, rewrite

MASKED = "('x' || pg_catalog.right(ssn, 4))::pg_catalog.text AS ssn"


def test_a_masked_column_is_read_through_its_mask() -> None:
    assert sent("select id, ssn from customers where id = $1") == (
        f"SELECT id, ssn FROM (SELECT id, {MASKED} FROM public.customers) customers WHERE id = $1"
    )


def test_what_reads_nothing_masked_keeps_its_relation() -> None:
    made = done("select id, name from customers order by ctid")
    assert isinstance(made, Rewritten)
    assert (made.text, made.touches) == ("SELECT id, name FROM public.customers ORDER BY ctid", False)


def test_a_late_column_stays_raw_only_as_a_plain_output() -> None:
    plain = done("select id, email from customers order by id")
    assert isinstance(plain, Rewritten)
    assert plain.text == "SELECT id, email FROM public.customers ORDER BY id"
    assert [(late.index, late.column) for late in plain.late] == [(1, "email")]
    for used in ("order by email", "order by 2", "where email like 'a%'", "group by id, email"):
        made = done(f"select id, email from customers {used}")
        assert isinstance(made, Rewritten)
        assert not made.late
        assert "NULL::pg_catalog.text" in made.text


@pytest.mark.parametrize("premise", sorted(PREMISES))
def test_a_late_column_stays_raw_only_where_its_premise_is_met(premise: Premise) -> None:
    labels = labels_of(SHOP, {("public", "customers"): {"email": replace(EMAIL, premise=premise)}})
    text = "select email from customers"
    for met in (PREMISES - {premise}, frozenset((premise,))):
        made = rewrite(text, understand(text, SHOP, Scope()), SHOP, Scope(), labels, "tw0q", met=met)
        assert isinstance(made, Rewritten)
        assert bool(made.late) is (premise in met)
        assert ("NULL::" in made.text) is (premise not in met)


def test_statements_of_unknown_kinds_and_unknown_names_are_refused() -> None:
    assert refused("create function f() returns int language sql as 'select 1'") == "statement"
    assert refused("select * from nowhere") == "unknown"
    assert refused("selec") == "unknown"
    assert refused("select ssn from customers where tw0q = 1") == "nonce"


def test_a_defect_is_a_refusal() -> None:
    made = rewrite("select 1", Facts(touches=(None,)), SHOP, Scope(), LABELS, "q")  # type: ignore[arg-type]
    assert isinstance(made, Refused)
    assert made.rule == "defect"


def test_functions_behind_casts_and_column_notation_are_refused() -> None:
    for text in ("o.summary", "o::text", "o || 'x'", "quote_literal(o)", "order_total(1)"):
        assert refused(f"select {text} from orders o") in ("function", "operator")


def test_a_text_nested_too_deeply_is_refused() -> None:
    assert refused("select " + "||".join(["ssn"] * 900) + " from customers") in ("too-deep", "unknown")
