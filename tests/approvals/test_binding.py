from __future__ import annotations

from dataclasses import replace

import pytest

from tidewaiter.approvals.binding import binding_of
from tidewaiter.model import Facts, Indirect, Kind, Principal, Relation, Resource, ResourceType, Touch
from tidewaiter.sql.catalog import Catalog

ALICE = Principal("alice", Kind.USER)
FACTS = Facts(("delete",), (Touch("delete", Resource(ResourceType.TABLE, ("public", "customers")), ("id",)),))
CATALOG = Catalog(relations={("public", "customers"): Relation("public", "customers", "r", ("id", "name"))})
BASIS = {
    "principal": ALICE,
    "datasource": "shop",
    "text": b"delete from customers where id = $1",
    "parameters": b"\0\0\0\1\0\0\0\1" + b"7",
    "parameter_types": (23,),
    "transaction": "none",
    "facts": FACTS,
    "catalog": CATALOG,
    "search_path": ("pg_catalog", "public"),
}
OTHER_TABLE = Catalog(relations={("public", "customers"): Relation("public", "customers", "r", ("id", "name", "ssn"))})


def test_the_same_statement_of_the_same_principal_has_the_same_binding() -> None:
    again = {**BASIS, "principal": replace(ALICE, version=9, groups=frozenset({"analysts"}))}
    assert binding_of(**BASIS) == binding_of(**again)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [
        {"principal": Principal("bob", Kind.USER)},
        {"principal": Principal("alice", Kind.AGENT, owner=Principal("carol", Kind.USER))},
        {"datasource": "crm"},
        {"text": b"delete from customers where id =  $1"},
        {"parameters": b"\0\0\0\1\0\0\0\1" + b"8"},
        {"parameter_types": (20,)},
        {"transaction": "block"},
        {"search_path": ("pg_catalog", "mine", "public")},
        {"catalog": OTHER_TABLE},
        {"names": (("70", "digest of what p stands for"),)},
        {"facts": replace(FACTS, touches=(replace(FACTS.touches[0], action="delete_all"),))},
        {"facts": replace(FACTS, indirect=(Indirect("trigger", "t", "function", ("public", "f"), ("public", "c")),))},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_makes_it_another_statement_makes_another_binding(change: dict[str, object]) -> None:
    assert binding_of(**BASIS) != binding_of(**{**BASIS, **change})  # type: ignore[arg-type]
