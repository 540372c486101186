"""classification.toml: tags, masks, tagged columns."""

from __future__ import annotations

import pytest

from tidewaiter.config import Mask
from tidewaiter.config.classification import MASKS, read_classification
from tidewaiter.config.document import Document


def problems(text: str, datasources: tuple[str, ...] = ("shop",)) -> list[str]:
    document = Document("c.toml", text)
    read_classification(document, datasources)
    return document.problems


def test_tags_and_columns_are_read() -> None:
    text = """
[tags.email]
mask = "email"
[tags.ssn]
mask = { name = "partial", keep_last = 4 }
[datasource.shop."public.customers"]
email = ["email"]
ssn = ["ssn", "email", "ssn"]
"""
    document = Document("c.toml", text)
    classification = read_classification(document, ["shop"])
    assert document.problems == []
    assert classification.tags == {
        "email": Mask("email"),
        "ssn": Mask("partial", {"keep_first": 0, "keep_last": 4, "char": "*"}),
    }
    assert classification.columns == {"shop": {"public.customers": {"email": ("email",), "ssn": ("ssn", "email")}}}


def test_a_column_that_holds_nothing_is_classified_but_not_tagged() -> None:
    text = """
[tags.email]
mask = "email"
[datasource.shop."public.customers"]
id = []
email = ["email"]
[datasource.shop."public.orders"]
id = []
"""
    document = Document("c.toml", text)
    classification = read_classification(document, ["shop"])
    assert document.problems == []
    assert classification.by_relation("shop") == {("public", "customers"): {"email": ("email",)}}
    assert classification.tagged("shop") == {("public", "customers")}
    assert classification.classified("shop")["public", "orders"] == {"id": ()}
    assert classification.lines["shop", "public", "customers", "email"] == 6


@pytest.mark.parametrize(
    "mask",
    [
        *(f'"{name}"' for name in ("redact", "null", "partial", "email", "token", "fake")),
        '{ name = "partial", keep_first = 1, keep_last = 2, char = "#" }',
        '{ name = "bucket", size = 10 }',
        '{ name = "bucket", size = 0.5 }',
        '{ name = "truncate", unit = "month" }',
        '{ name = "shift", days = 30 }',
    ],
)
def test_each_documented_mask_is_accepted(mask: str) -> None:
    assert problems(f"[tags.x]\nmask = {mask}\n") == []


@pytest.mark.parametrize(
    ("mask", "told"),
    [
        ('"redat"', 'unknown mask "redat"; did you mean "redact"?'),
        ("1", "must be the name of a mask"),
        ("{ keep_last = 1 }", "must be the name of a mask"),
        ("{ name = 1 }", "must be the name of a mask"),
        ('"bucket"', 'bucket needs the parameter "size": a number above 0'),
        ('{ name = "bucket", size = 0 }', 'parameter "size" of bucket must be a number above 0'),
        ('{ name = "bucket", size = true }', "must be a number above 0"),
        ('"truncate"', 'needs the parameter "unit": year, month or day'),
        ('{ name = "truncate", unit = "hour" }', "must be year, month or day"),
        ('{ name = "shift", days = 0 }', "must be a whole number from 1 to 10000"),
        ('{ name = "partial", keep_last = -1 }', "must be a whole number from 0 to 10000"),
        ('{ name = "partial", keep_last = true }', "must be a whole number"),
        ('{ name = "partial", char = "ab" }', "must be one character"),
        ('{ name = "partial", keep_lst = 1 }', 'unknown parameter "keep_lst" of partial; did you mean "keep_last"?'),
        ('{ name = "redact", size = 1 }', 'unknown parameter "size" of redact; redact takes none'),
    ],
)
def test_a_wrong_mask_is_told_at_its_line(mask: str, told: str) -> None:
    (problem,) = problems(f"[tags.x]\nmask = {mask}\n")
    assert problem.startswith("c.toml:2: [tags] x.mask: ")
    assert told in problem


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[tag.x]\nmask = 1", 'c.toml:1: [tag]: unknown section; did you mean "tags"?'),
        ("tags = 1", "c.toml:1: [tags]: must be a table"),
        ("datasource = 1", "c.toml:1: [datasource]: must be a table"),
        ("[tags]\nx = 1", "c.toml:2: [tags] x: must be a table with a mask"),
        ('[tags.X]\nmask = "null"', "c.toml:1: [tags] X: a tag must match"),
        ('[tags.x]\nmask = "null"\nmsk = 1', 'c.toml:3: [tags] x.msk: unknown key; did you mean "mask"?'),
        ('[datasource.shp."a.b"]\nx = ["t"]', 'c.toml:1: [datasource] shp: unknown datasource; did you mean "shop"?'),
        ("[datasource]\nshop = 1", "c.toml:2: [datasource] shop: must be a table"),
        ('[datasource.shop."a"]\nx = ["t"]', "c.toml:1: [datasource] shop.a: must name schema and table"),
        ('[datasource.shop]\n"a.b" = 1', "c.toml:2: [datasource] shop.a.b: must be a table of columns"),
        ('[datasource.shop."a.b"]\nx = "t"', "c.toml:2: [datasource] shop.a.b.x: must be a list of tags"),
        ('[datasource.shop."a.b"]\nx = [1]', "must be a list of tags"),
        (
            '[datasource.shop."a.b"]\nx = ["u"]\n[tags.t]\nmask="null"',
            'c.toml:2: [datasource] shop.a.b.x: unknown tag "u"; known are: t',
        ),
        (
            '[datasource.shop."a.b"]\nx = ["t"]\n[datasource.shop."a.B"]\ny = ["t"]\n[tags.t]\nmask="null"',
            'c.toml:3: [datasource] shop.a.B: names the same table as "a.b"',
        ),
    ],
)
def test_a_wrong_place_is_told_at_its_line(text: str, told: str) -> None:
    assert any(told in problem for problem in problems(text)), problems(text)


def test_what_is_missing_altogether_is_told_so() -> None:
    found = problems('[datasource.shop."a.b"]\nx = ["t"]\n', ())
    assert any("unknown datasource; there is none in tidewaiter.toml" in problem for problem in found)
    assert any('unknown tag "t"; there is none in [tags]' in problem for problem in found)


def test_every_mask_of_the_contract_is_there() -> None:
    contract = {"redact", "null", "partial", "email", "token", "bucket", "truncate", "shift", "fake", "free_text"}
    assert set(MASKS) == contract
