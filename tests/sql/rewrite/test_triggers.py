from __future__ import annotations

from dataclasses import replace

import pytest
from rewritekit import EMAIL, SHOP, SSN

from tidewaiter.sql.entities import Trigger
from tidewaiter.sql.rewrite import labels_of
from tidewaiter.sql.rewrite.triggers import telling

CUSTOMERS, ORDERS = ("public", "customers"), ("public", "orders")
EVENTS = frozenset({"insert", "update", "delete"})


def told(
    body: str,
    event: str,
    *written: str,
    when: str = "",
    table: tuple[str, str] = CUSTOMERS,
    is_before: bool = True,
    is_instead: bool = False,
) -> str:
    """The masked column that a trigger with a body could tell of; empty when it tells nothing."""
    condition = f" WHEN ({when})" if when else ""
    text = f"CREATE TRIGGER t BEFORE UPDATE ON public.{table[1]} FOR EACH ROW{condition} EXECUTE FUNCTION f()"
    trigger = Trigger("t", ("public", "f"), EVENTS, (), False, is_instead, is_before, text, body)
    catalog = replace(SHOP, triggers={table: (trigger,)}, remembered={})
    found = telling(
        catalog, labels_of(catalog, {CUSTOMERS: {"ssn": SSN, "email": EMAIL}}), table, event, frozenset(written)
    )
    return "" if found is None else found[1]


STAMP = "begin new.name := upper(new.name); return new; end"
RAISE = "begin if new.id < length(old.ssn) then raise exception 'x'; end if; return new; end"
SAME = "begin if row(new.*) is distinct from row(old.*) then new.id := 1; end if; return new; end"
EXISTS = "begin if exists (select from customers where ssn = new.ssn) then raise 'taken'; end if; return new; end"
OTHER = "begin if new.total > (select length(ssn) from customers limit 1) then raise 'x'; end if; return new; end"
LOG = "begin insert into log select old.ssn, to_jsonb(new); return new; end"


@pytest.mark.parametrize(
    ("body", "event", "written", "column"),
    [
        (STAMP, "update", ("ssn",), ""),
        (RAISE, "update", ("id",), "ssn"),
        (RAISE, "insert", ("id", "ssn"), ""),
        (RAISE, "delete", (), "ssn"),
        (RAISE.replace("exception", "debug"), "update", ("id",), ""),
        (SAME, "update", ("name",), ""),
        (SAME, "update", ("ssn",), "ssn"),
        (SAME, "insert", ("ssn",), ""),
        (EXISTS, "insert", ("ssn",), "ssn"),
        (EXISTS, "insert", ("id",), ""),
        (LOG, "update", ("id",), ""),
        ("begin return old; /* raise ssn */ end -- raise ssn", "update", ("id",), ""),
        ("begin execute tg_argv[0]; return new; end", "update", ("ssn",), "ssn"),
        ("begin execute tg_argv[0]; return new; end", "update", ("id",), ""),
        ("begin if old.ssn > 'm' then return null; end if; return new; end", "delete", (), "ssn"),
        ("begin if old.ssn > 'm' then new.id = 1; end if; return new; end", "update", ("id",), "ssn"),
        ("begin select 1, old.ssn into new; return new; end", "update", ("id",), "ssn"),
        ("", "update", ("id",), ""),
        ("", "update", ("ssn",), "ssn"),
        ("", "insert", ("ssn",), ""),
    ],
)
def test_a_trigger_tells_what_it_looks_at_where_it_shows(
    body: str, event: str, written: tuple[str, ...], column: str
) -> None:
    assert told(body, event, *written) == column


def test_conditions_count_as_code() -> None:
    quiet = "begin return null; end"
    assert told(quiet, "delete", when="old.ssn > 'm'::text") == "ssn"
    assert told(quiet, "update", "ssn", when="old.* IS DISTINCT FROM new.*") == "ssn"
    assert told(quiet, "update", "name", when="old.* IS DISTINCT FROM new.*") == ""


def test_what_shows_depends_on_when_it_runs() -> None:
    quiet = "begin if old.ssn > 'm' then return null; end if; return new; end"
    assert told(quiet, "update", "id", is_before=False) == ""
    assert told(quiet, "update", "id", is_before=False, is_instead=True) == "ssn"
    assert told(RAISE, "update", "id", is_before=False) == "ssn"


def test_triggers_of_other_tables_look_at_masked_ones() -> None:
    assert told(OTHER, "insert", "id", table=ORDERS) == "customers.ssn"
    assert told("begin raise 'x'; end", "insert", "id", table=ORDERS) == ""
    star = "begin if (select count(*) from customers c where c.* is null) > 0 then raise 'x'; end if; return new; end"
    assert told(star, "insert", "id", table=ORDERS) == "customers.*"


def test_what_does_not_fire_tells_nothing() -> None:
    trigger = Trigger("t", ("public", "f"), frozenset({"update"}), ("name",), is_before=True, text="-", body=RAISE)
    catalog = replace(SHOP, triggers={CUSTOMERS: (trigger,)}, remembered={})
    labels = labels_of(catalog, {CUSTOMERS: {"ssn": SSN}})
    assert telling(catalog, labels, CUSTOMERS, "insert", frozenset({"name"})) is None
    assert telling(catalog, labels, CUSTOMERS, "update", frozenset({"id"})) is None
    assert telling(catalog, labels, CUSTOMERS, "update", frozenset({"name"})) == (trigger, "ssn")


def test_a_condition_that_was_not_printed_may_look_at_anything() -> None:
    trigger = Trigger("t", ("public", "f"), EVENTS, is_before=True, text="?", body="begin return null; end")
    catalog = replace(SHOP, triggers={CUSTOMERS: (trigger,)}, remembered={})
    labels = labels_of(catalog, {CUSTOMERS: {"ssn": SSN}})
    assert telling(catalog, labels, CUSTOMERS, "delete", frozenset()) == (trigger, "ssn")
    assert telling(catalog, labels, CUSTOMERS, "insert", frozenset({"ssn"})) is None
