from __future__ import annotations

import re

import pytest
from maskkit import PARTIAL, column, mask

from tidewaiter.config.shape import Mask
from tidewaiter.masking.forms import column_mask, misfit, unmaskable


@pytest.mark.parametrize(
    ("name", "type_"),
    [
        (mask("email"), "integer"),
        (mask("truncate", unit="year"), "pg_catalog.text"),
        (mask("token"), "pg_catalog.bytea"),
        (mask("bucket", size=5), "pg_catalog.uuid"),
        (mask("shift", days=3), "time"),
        (mask("free_text"), "pg_catalog.inet"),
    ],
)  # fmt: skip
def test_a_mask_of_another_type_does_not_fit(name: object, type_: str) -> None:
    problem = misfit(name, column(type_))  # type: ignore[arg-type]
    assert problem is not None
    assert "does not fit" in problem
    with pytest.raises(ValueError, match="does not fit"):
        column_mask("tag", name, column(type_))  # type: ignore[arg-type]


def test_arrays_domains_and_sizes_are_looked_at() -> None:
    assert misfit(mask("email"), column("pg_catalog.text[]", "_text", is_array=True)) is not None
    assert misfit(mask("redact"), column("public.zip", "text", is_constrained=True)) is not None
    assert misfit(mask("null"), column("public.zip", "text", is_constrained=True)) is None
    assert misfit(mask("bucket", size=0.5), column("integer", "int4")) is not None
    assert misfit(mask("bucket", size=40000), column("smallint", "int2")) is not None
    assert misfit(mask("bucket", size=10), column("integer", "int4")) is None


def test_every_sql_form_ends_in_the_column_s_type() -> None:
    for name, type_, base in (
        (mask("redact"), "character varying(5)", "varchar"),
        (PARTIAL, "pg_catalog.text", "text"),
        (mask("bucket", size=10), "numeric(10,2)", "numeric"),
        (mask("token"), "pg_catalog.uuid", "uuid"),
        (mask("redact"), "pg_catalog.inet", "inet"),
    ):
        assert column_mask("t", name, column(type_, base)).sql.endswith(f"::{type_}")
    assert unmaskable("t", column("pg_catalog.bytea")).sql == "NULL::pg_catalog.bytea"


@pytest.mark.parametrize(
    ("name", "type_", "base", "premise"),
    [
        (PARTIAL, "pg_catalog.text", "text", "utf8"),
        (PARTIAL, "pg_catalog.bpchar", "bpchar", "utf8"),
        (mask("email"), "character varying(5)", "varchar", "utf8"),
        (mask("email"), "public.citext", "public.citext", "utf8"),
        (mask("email"), "public.short", "varchar", None),
        (mask("email"), "characters.short", "varchar", None),
        (mask("truncate", unit="year"), "pg_catalog.date", "date", "iso"),
        (mask("truncate", unit="year"), "timestamp(3) without time zone", "timestamp", "iso"),
        (mask("truncate", unit="year"), "timestamp with time zone", "timestamptz", "utc"),
        (mask("bucket", size=10), "numeric(10,2)", "numeric", ""),
        (mask("bucket", size=0.5), "numeric(10,2)", "numeric", None),
        (mask("bucket", size=10), "numeric(5,-2)", "numeric", None),
        (mask("bucket", size=10), "integer", "int4", None),
        (mask("redact"), "pg_catalog.text", "text", None),
    ],
)  # fmt: skip
def test_what_costs_the_server_much_is_late_where_the_gateway_knows_the_bytes(
    name: Mask, type_: str, base: str, premise: str | None
) -> None:
    made = column_mask("t", name, column(type_, base))
    assert made.is_late is (premise is not None)
    assert made.premise == (premise or "")
    assert "{}" in made.sql


def test_keyed_masks_are_null_in_sql_and_late() -> None:
    made = column_mask("t", mask("token"), column("pg_catalog.text"))
    assert (made.sql, made.is_late) == ("NULL::pg_catalog.text", True)


def test_the_trace_knows_masked_values() -> None:
    trace = column_mask("t", PARTIAL, column("pg_catalog.text")).trace
    assert re.fullmatch(trace, "ab****yz")
    assert not re.fullmatch(trace, "abcdefyz")
    assert re.fullmatch(column_mask("t", mask("email"), column("pg_catalog.text")).trace, "a***@x.example")
    free = column_mask("t", mask("free_text"), column("pg_catalog.text")).trace
    assert re.fullmatch(free, "write to\n[email] now")
    assert not re.fullmatch(free, "see [1] and a@b.example")
