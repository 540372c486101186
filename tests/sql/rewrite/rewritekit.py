"""Rewrites texts over the corpus's catalog with three masks: ssn by SQL, email late, employees.salary by SQL."""

from __future__ import annotations

from pathlib import Path

import orjson

from tidewaiter.model import PREMISES, ColumnMask, Premise
from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.facts import understand
from tidewaiter.sql.reading import Scope
from tidewaiter.sql.rewrite import Labels, Refused, Rewritten, labels_of, rewrite

SHOP = Catalog.from_rows(orjson.loads((Path(__file__).parents[2] / "corpus" / "catalog.json").read_bytes()))
SSN = ColumnMask("ssn", "('x' || pg_catalog.right({}, 4))::pg_catalog.text", trace="x....")
EMAIL = ColumnMask("email", "NULL::pg_catalog.text", is_late=True)
SALARY = ColumnMask("salary", "({} - {} % 1000)::integer")
LABELS: Labels = labels_of(
    SHOP, {("public", "customers"): {"ssn": SSN, "email": EMAIL}, ("hr", "employees"): {"salary": SALARY}}
)


def done(text: str, scope: Scope | None = None, *, met: frozenset[Premise] = PREMISES) -> Rewritten | Refused:
    scope = scope or Scope()
    return rewrite(text, understand(text, SHOP, scope), SHOP, scope, LABELS, "tw0q", met=met)


def sent(text: str, scope: Scope | None = None) -> str:
    """The text that is sent, identifiers without quotes."""
    made = done(text, scope)
    assert isinstance(made, Rewritten), made
    return made.text.replace('"', "")


def refused(text: str, scope: Scope | None = None) -> str:
    """The rule that refuses."""
    made = done(text, scope)
    assert isinstance(made, Refused), made
    return made.rule
