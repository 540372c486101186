from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tidewaiter.approvals.binding import binding_of
from tidewaiter.model import Column, Facts, Indirect, Kind, Principal, Relation, Resource, ResourceType, Touch
from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.entities import Function, Rule, Trigger

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
    "settings": (("role", "analyst"), ("DateStyle", "ISO, MDY"), ("app.tenant", "5")),
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
        {"settings": (("role", "shop_admin"), ("DateStyle", "ISO, MDY"), ("app.tenant", "5"))},
        {"settings": (("role", "analyst"), ("DateStyle", "ISO, DMY"), ("app.tenant", "5"))},
        {"settings": (("role", "analyst"), ("DateStyle", "ISO, MDY"), ("app.tenant", "6"))},
        {"settings": (("role", "analyst"), ("DateStyle", "ISO, MDY"))},
        {"names": (("70", "digest of what p stands for"),)},
        {"facts": replace(FACTS, touches=(replace(FACTS.touches[0], action="delete_all"),))},
        {"facts": replace(FACTS, indirect=(Indirect("trigger", "t", "function", ("public", "f"), ("public", "c")),))},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_makes_it_another_statement_makes_another_binding(change: dict[str, object]) -> None:
    assert binding_of(**BASIS) != binding_of(**{**BASIS, **change})  # type: ignore[arg-type]


CUSTOMERS, ACTIVE, PURGE = ("public", "customers"), ("public", "active"), ("public", "purge")
TRIGGER = Trigger("t", PURGE, frozenset({"delete", "update", "insert"}), text="create trigger t …", body="begin end")
DEFINED = Catalog(
    relations={CUSTOMERS: Relation(*CUSTOMERS, "r", ("id",)), ACTIVE: Relation(*ACTIVE, "v", ("id",))},
    relation_oids={7: CUSTOMERS, 8: ACTIVE},
    columns={CUSTOMERS: (Column("id", 1, "integer", 23, "int4"),)},
    view_definitions={ACTIVE: "select id from customers where active"},
    triggers={CUSTOMERS: (TRIGGER,)},
    rules={CUSTOMERS: (Rule("r", "delete", False, "create rule r …"),)},
    functions={"purge": (Function(*PURGE, 9, body="delete from customers where id = 1", owner="shop"),)},
)
THROUGH = Facts(
    ("delete", "function"),
    (
        Touch("delete", Resource(ResourceType.TABLE, CUSTOMERS)),
        Touch("select", Resource(ResourceType.TABLE, ACTIVE)),
        Touch("function", Resource(ResourceType.FUNCTION, PURGE)),
    ),
    indirect=(Indirect("trigger", "t", "function", PURGE, CUSTOMERS),),
)


@pytest.mark.parametrize(
    "change",
    [
        {"relation_oids": {70: CUSTOMERS, 8: ACTIVE}},  # dropped, and made anew under the same name
        {"columns": {CUSTOMERS: (Column("id", 1, "bigint", 20, "int8"),)}},
        {"view_definitions": {ACTIVE: "select id from customers"}},
        {"triggers": {}},
        {"triggers": {CUSTOMERS: (replace(TRIGGER, body="begin delete from orders; end"),)}},
        {"triggers": {CUSTOMERS: (replace(TRIGGER, text="create trigger t … when (true)"),)}},
        {"rules": {CUSTOMERS: (Rule("r", "delete", False, "create rule r … where true"),)}},
        {"functions": {"purge": (Function(*PURGE, 9, body="delete from customers", owner="shop"),)}},
        {"functions": {"purge": (replace(DEFINED.functions["purge"][0], oid=10),)}},
        {"functions": {"purge": (replace(DEFINED.functions["purge"][0], security_definer=True),)}},
        {"functions": {"purge": (replace(DEFINED.functions["purge"][0], settings=("search_path=evil",)),)}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_it_names_must_be_what_it_was(change: dict[str, object]) -> None:
    basis = {**BASIS, "facts": THROUGH, "catalog": DEFINED}
    assert binding_of(**basis) == binding_of(**basis)  # type: ignore[arg-type]
    other = replace(DEFINED, **change)  # type: ignore[arg-type]
    assert binding_of(**basis) != binding_of(**{**basis, "catalog": other})  # type: ignore[arg-type]
    if "triggers" not in change:
        only = replace(THROUGH, indirect=())
        assert binding_of(**{**basis, "facts": only}) != binding_of(**{**basis, "facts": only, "catalog": other})  # type: ignore[arg-type]


def test_every_process_makes_the_same_binding_of_it() -> None:
    program = "import test_binding as t; print(t.binding_of(**{**t.BASIS, 'facts': t.THROUGH, 'catalog': t.DEFINED}))"
    made = {
        subprocess.run(
            [sys.executable, "-c", f"import sys; sys.path[:] = {[str(Path(__file__).parent), *sys.path]!r}; {program}"],
            env={"PYTHONHASHSEED": seed}, check=True, capture_output=True, text=True,
        ).stdout
        for seed in ("1", "2", "3")
    }  # fmt: skip
    assert len(made) == 1
