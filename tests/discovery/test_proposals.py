"""Merging never touches what a person wrote."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from discoverykit import sample
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.config import check_classification, split_relation
from tidewaiter.discovery.kinds import MASKS, Proposal, Sureness
from tidewaiter.discovery.proposals import merge, propose

WRITTEN = """# by hand
[tags.email]
mask = "redact"  # not "email": the domain tells too much

[datasource.shop."public.customers"]
# looked at in the review of May
email = ["email"]
notes = []
"""


def proposal(table: str, column: str, kind: str) -> Proposal:
    return Proposal(("public", table), column, kind, MASKS[kind], Sureness.LIKELY, (), ())


def test_a_proposal_shows_no_value() -> None:
    found = propose(sample("c1", [f"Amy.{n}@mail.example" for n in range(9)]), {})
    assert found is not None and (found.tag, found.mask) == ("email", MASKS["email"])
    assert found.examples == ("Xxx.9@xxxx.xxxxxxx",)
    secret = propose(sample("password", ["hunter2hunter2", "s3cr3t!?s3cr3t"]), {})
    assert secret is not None and secret.examples == ("14 characters",)
    assert propose(sample("c1", ["red", "blue"]), {}) is None


def test_lines_and_comments_stay_and_decisions_are_kept() -> None:
    merged = merge(
        WRITTEN, "shop",
        [proposal("customers", "email", "secret"), proposal("customers", "notes", "free_text"),
         proposal("customers", "mobile", "phone"), proposal("Odd", "x y", "birth")],
        [(("public", "customers"), "id")],
    )  # fmt: skip
    assert all(line in merged.text.splitlines() for line in WRITTEN.splitlines())
    assert [column for _, column in merged.columns] == ["x y", "id", "mobile"]
    assert merged.tags == ("birth", "phone")
    read = tomllib.loads(merged.text)
    assert read["tags"]["email"] == {"mask": "redact"}
    assert read["tags"]["phone"]["mask"] == {"name": "partial", "keep_last": 2}
    assert read["datasource"]["shop"]["public.customers"] == {
        "email": ["email"], "notes": [], "id": [], "mobile": ["phone"],
    }  # fmt: skip
    check_classification("c.toml", merged.text, ["shop"])


def test_nothing_new_leaves_the_text_as_it_is() -> None:
    assert merge(WRITTEN, "shop", [proposal("customers", "email", "email")]).text == WRITTEN


@pytest.mark.parametrize(
    "text",
    ["", "# only a remark", '[tags]\nemail = { mask = "email" }\n[datasource.shop]\n"public.customers" = { a = [] }\n',
     '[datasource.other."public.t"]\na = []\n', '[datasource.shop."public.CUSTOMERS"]\na = []\n'],
)  # fmt: skip
def test_any_way_to_write_it_can_be_added_to(text: str) -> None:
    merged = merge(text, "shop", [proposal("customers", "email", "email"), proposal("orders", "ref", "card")])
    classification = check_classification("c.toml", merged.text, ["shop", "other"])
    assert classification.by_relation("shop")["public", "customers"]["email"] == ("email",)
    assert classification.by_relation("shop")["public", "orders"]["ref"] == ("card",)
    assert flat(tomllib.loads(text)).items() <= flat(tomllib.loads(merged.text)).items()


def flat(value: Any, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], str]:
    """Every leaf."""
    if not isinstance(value, dict):
        return {path: repr(value)}
    found: dict[tuple[str, ...], str] = {}
    for key, inner in value.items():
        found |= flat(inner, (*path, key))
    return found


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)


@given(NAMES, NAMES, NAMES)
def test_names_of_any_kind_come_back_as_they_were(schema: str, table: str, column: str) -> None:
    one = Proposal((schema, table), column, "email", MASKS["email"], Sureness.LIKELY, (), ())
    merged = merge(WRITTEN, "shop", [one])
    assert check_classification("c.toml", merged.text, ["shop"]).by_relation("shop")[schema, table][column] == (
        "email",
    )
    assert {split_relation(name) for name in tomllib.loads(merged.text)["datasource"]["shop"]} >= {(schema, table)}
