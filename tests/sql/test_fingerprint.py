from __future__ import annotations

from tidewaiter.sql.fingerprint import fingerprint


def test_statements_of_one_shape_share_a_fingerprint() -> None:
    one = fingerprint("select name from customers where id = 1")
    assert one is not None
    assert len(one) == 16
    assert fingerprint("SELECT name FROM customers WHERE id = 2 -- again") == one
    assert fingerprint("select name from customers where id > 1") != one


def test_alike_is_not_equal_so_it_is_no_key() -> None:
    assert fingerprint("delete from t where 1 = 1") == fingerprint("delete from t where 1 = 2")


def test_what_the_grammar_refuses_has_none() -> None:
    assert fingerprint("selekt 1") is None
