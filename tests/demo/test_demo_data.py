from __future__ import annotations

import tomllib
from collections.abc import Iterator
from importlib.resources import files

from tidewaiter.demo.data import CUSTOMERS, SMALL, Size, Table, card_number, tables

TINY = Size(customers=20, orders=60, products=5, employees=8, tickets=12)


def rows_of(name: str, size: Size = TINY) -> list[tuple[object, ...]]:
    (table,) = (table for table in made(size) if table.name == name)
    return list(table.rows)


def made(size: Size) -> Iterator[Table]:
    for table in tables(size):
        yield Table(table.name, table.columns, list(table.rows))


def is_luhn_valid(number: str) -> bool:
    digits = [int(digit) for digit in reversed(number)]
    return sum(sum(divmod(digit * (1 + place % 2), 10)) for place, digit in enumerate(digits)) % 10 == 0


def test_equal_sizes_give_equal_rows() -> None:
    assert list(made(TINY)) == list(made(TINY))


def test_every_table_has_the_rows_it_was_asked_for_and_as_many_values_as_columns() -> None:
    by_name = {table.name: list(table.rows) for table in made(SMALL)}
    assert (len(by_name["customers"]), len(by_name["orders"])) == (SMALL.customers, SMALL.orders)
    assert (len(by_name["employees"]), len(by_name["support_tickets"])) == (SMALL.employees, SMALL.tickets)
    for table in made(SMALL):
        assert {len(row) for row in table.rows} == {len(table.columns)}


def test_cards_pass_luhn_and_lie_in_the_test_range() -> None:
    for account in (0, 7, 123_456_789, 999_999_999):
        card = card_number(account)
        assert len(card) == 16
        assert card.startswith("400000")
        assert is_luhn_valid(card)


def test_e_mails_are_unique_and_of_reserved_domains() -> None:
    mails = [str(row[CUSTOMERS.index("email")]) for row in rows_of("customers", SMALL)]
    assert len(set(mails)) == len(mails)
    assert {mail.rpartition("@")[2] for mail in mails} <= {"example.com", "example.net", "example.org"}


def test_free_text_of_tickets_quotes_the_customer_it_belongs_to() -> None:
    customers = {row[0]: row for row in rows_of("customers", SMALL)}
    for _, customer, _, _, _, body in rows_of("support_tickets", SMALL):
        person = [str(value) for value in customers[customer]]
        assert any(value in str(body) for value in person[1:6])


def test_payments_add_up_to_the_lines_of_their_order() -> None:
    totals: dict[object, float] = {}
    for order, _, _, quantity, price in rows_of("order_lines"):
        totals[order] = totals.get(order, 0.0) + float(str(quantity)) * float(str(price))
    for _, order, _, _, _, amount in rows_of("payments"):
        assert abs(totals[order] - float(str(amount))) < 0.01


def test_copy_script_escapes_what_the_text_format_reserves() -> None:
    table = Table("t", ("a", "b"), [("tab\there", None), ("back\\slash", "line\nend\r")])
    assert list(table.copy_script()) == [
        "COPY t (a, b) FROM stdin;\n",
        "tab\\there\t\\N\n",
        "back\\\\slash\tline\\nend\\r\n",
        "\\.\n",
    ]


def test_classification_names_only_columns_that_exist() -> None:
    told = tomllib.loads(files("tidewaiter.demo").joinpath("classification.toml").read_text())
    columns = {f"public.{table.name}": set(table.columns) for table in made(TINY)}
    for relation, tagged in told["datasource"]["shop"].items():
        assert set(tagged) <= columns[relation]
        assert {tag for tags in tagged.values() for tag in tags} <= set(told["tags"])
