from __future__ import annotations

from dataclasses import replace

import pytest

from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.entities import ForeignKey, Function, Rule, TableCall, Trigger


@pytest.mark.parametrize(
    ("function", "is_opaque"),
    [
        (Function("public", "f", language="sql"), False),
        (Function("public", "f", language="plpgsql"), True),
        (Function("public", "f", language="c"), True),
        (Function("public", "f", language="internal"), True),
        (Function("public", "f", kind="a", language="internal"), False),
        (Function("public", "digest", language="c", volatility="i", extension="pgcrypto"), False),
        (Function("public", "dblink", language="c", volatility="v", extension="dblink"), True),
        (Function("public", "gen_salt", language="c", volatility="v", extension="pgcrypto"), False),
        (Function("public", "unheard_of", language="c", volatility="v", extension="pgcrypto"), True),
        (Function("public", "helper", language="plpgsql", volatility="i", extension="pgcrypto"), True),
    ],
)
def test_only_sql_aggregates_and_reviewed_extensions_can_be_looked_into(function: Function, is_opaque: bool) -> None:
    assert function.is_opaque is is_opaque


def test_the_catalog_knows_what_writes_set_off(shop: Catalog) -> None:
    changed, emptied = shop.triggers[("public", "shops")]
    assert "AFTER UPDATE OF region ON public.shops FOR EACH ROW EXECUTE FUNCTION" in changed.text
    assert "begin" in changed.body.lower()
    assert (replace(changed, text="", body=""), replace(emptied, text="", body="")) == (
        Trigger("shop_region_changed", ("public", "note_shop"), frozenset({"update"}), ("region",)),
        Trigger("shops_emptied", ("public", "note_shop"), frozenset({"truncate"})),
    )
    assert shop.triggers[("public", "all_shops")][0].is_instead
    assert shop.triggers[("public", "payments_2026")][0].is_repeat
    assert [one.name for one in shop.triggers[("public", "notes")]] == ["notes_gone"], "a disabled one does not fire"
    kept, logged = shop.rules[("public", "letters")]
    assert (kept.event, kept.is_instead, logged.event, logged.is_instead) == ("delete", True, "insert", False)
    assert isinstance(kept, Rule)
    assert shop.keys[("public", "shelves")] == (
        ForeignKey("notes_shop_label_fkey", ("public", "notes"), ("shop", "label"), ("shop", "label"), "c", "c"),
    )


def test_the_catalog_knows_what_expressions_and_aggregates_call(shop: Catalog) -> None:
    check = ("public", "check_price")
    assert set(shop.table_calls[("public", "prices")]) == {
        TableCall("constraint", "prices_amount_check", check),
        TableCall("default", "id", ("public", "next_number")),
        TableCall("policy", "own_prices", check),
    }
    assert shop.table_calls[("public", "offers")] == (TableCall("domain", "price_check", check),)
    assert shop.domain_calls["price"] == (check,)
    assert shop.domain_calls["offers"] == (check,), "a row that holds one"
    assert shop.made_of == {("public", "longest"): (("public", "longer"),)}


def test_functions_in_sql_come_with_what_is_needed_to_read_them(shop: Catalog) -> None:
    (forget,) = shop.find_functions("forget_customer", None, ("public",))
    assert forget.parameters == ("customer",)
    assert forget.body.startswith("delete from orders")
    (size,) = shop.find_functions("staff_size", None, ("public",))
    assert size.settings == ("search_path=hr",)
    assert size.security_definer
    assert "hr.employees" in size.body
    (purge,) = shop.find_functions("purge", None, ("public",))
    assert purge.body == ""
