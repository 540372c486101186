"""`tidewaiter policy`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from commandline import Said

from tidewaiter.app.deployment import Deployment
from tidewaiter.model import Relation
from tidewaiter.policy import SCHEMA_TEXT
from tidewaiter.sql.catalog import Catalog


@pytest.fixture
def dora(tidewaiter: Callable[..., Said], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Said]:
    """The command line with a DBA and an analyst, on a database with one table."""

    async def catalog(self: Deployment, datasource: str) -> Catalog:
        orders = Relation("public", "orders", "r", ("id",))
        return Catalog(relations={("public", "orders"): orders}, schemas=frozenset({"public", "pg_catalog"}))

    monkeypatch.setattr(Deployment, "catalog", catalog)
    tidewaiter("principal", "add", "dora", "--group", "dba")
    tidewaiter("principal", "add", "ana", "--group", "analysts")
    return tidewaiter


def test_policies_on_disk_are_checked(tidewaiter: Callable[..., Said], folder: Path) -> None:
    said = tidewaiter("policy", "check")
    assert said.code == 0
    assert said.out.startswith("4 policy files valid: ")
    told = tidewaiter("policy", "check", "--json").json()
    assert (told["ok"], len(told["files"]), told["warnings"]) == (True, 4, [])
    (folder / "policies" / "other.cedar").write_text(
        '@id("x") permit (principal, action, resource in Datasource::"elsewhere");'
    )
    assert "elsewhere" in tidewaiter("policy", "check").err
    (folder / "policies" / "other.cedar").write_text("permit (nonsense")
    broken = tidewaiter("policy", "check")
    assert broken.code == 2
    assert "error: other.cedar" in broken.err


def test_an_allowed_statement_is_explained_with_exit_code_0(dora: Callable[..., Said]) -> None:
    said = dora("policy", "explain", "--principal", "dora", "--datasource", "shop", "select id from orders")
    assert said.code == 0, said
    assert said.out.startswith("allow")
    told = dora("policy", "explain", "--principal", "ana", "--datasource", "shop", "select id from orders", "--json")
    assert told.json()["verdict"] == "allow"
    assert told.json()["questions"][0]["resource"] == 'Table::"shop.public.orders"'
    assert told.json()["facts"]["touches"][0]["resource"] == "Table public.orders"


def test_an_estimate_of_rows_can_be_tried(dora: Callable[..., Said], folder: Path) -> None:
    (folder / "policies" / "few.cedar").write_text(
        '@id("few") forbid (principal, action == Action::"select", resource in Datasource::"shop")'
        "unless { context has estimated_rows && context.estimated_rows <= 100 };"
    )
    explain = ("policy", "explain", "--principal", "ana", "--datasource", "shop", "select id from orders")
    assert dora(*explain).code == 1
    assert dora(*explain, "--estimated-rows", "100").code == 0
    said = dora(*explain, "--estimated-rows", "101")
    assert (said.code, "few" in said.out) == (1, True)
    assert dora(*explain, "--estimated-rows", "-1").code == 2


def test_a_denied_statement_is_explained_with_exit_code_1(dora: Callable[..., Said]) -> None:
    said = dora("policy", "explain", "--principal", "ana", "--datasource", "shop", "delete from orders", "--json")
    assert said.code == 1
    told = said.json()
    assert told["verdict"] == "deny"
    assert told["message"]
    assert {"action", "resource", "decision", "rules"} <= set(told["questions"][0])
    assert dora("policy", "explain", "--principal", "ana", "--datasource", "shop", "delete from orders").code == 1


def test_a_held_statement_is_explained_with_exit_code_1(dora: Callable[..., Said], folder: Path) -> None:
    (folder / "policies" / "hold.cedar").write_text(
        '@id("wait") @hold("dba") forbid (principal, action in Action::"read", resource in Datasource::"shop");'
    )
    said = dora("policy", "explain", "--principal", "ana", "--datasource", "shop", "select id from orders", "--json")
    assert (said.code, said.json()["verdict"], said.json()["approvers"]) == (1, "hold", ["dba"])


def test_what_is_not_understood_is_said(dora: Callable[..., Said]) -> None:
    said = dora("policy", "explain", "--principal", "ana", "--datasource", "shop", "select * from nowhere")
    assert said.code == 1
    told = dora("policy", "explain", "--principal", "ana", "--datasource", "shop", "execute p1")
    assert told.code == 1
    assert "not understood: " in told.err


def test_unknown_names_are_not_found(dora: Callable[..., Said]) -> None:
    assert dora("policy", "explain", "--principal", "nobody", "--datasource", "shop", "select 1").code == 1
    assert dora("policy", "explain", "--principal", "ana", "--datasource", "nope", "select 1").code == 1


def test_the_vocabulary_is_printed(tidewaiter: Callable[..., Said]) -> None:
    said = tidewaiter("policy", "schema")
    assert (said.code, said.out) == (0, SCHEMA_TEXT)
    assert tidewaiter("policy", "schema", "--json").json() == {"version": 1, "cedarschema": SCHEMA_TEXT}


def test_what_cannot_be_meant_is_a_warning(dora: Callable[..., Said], folder: Path) -> None:
    (folder / "policies" / "hold.cedar").write_text(
        '@id("wait") @hold("security") forbid (principal, action in Action::"read", resource in Datasource::"shop");'
    )
    said = dora("policy", "check")
    assert said.code == 0
    assert 'warning: hold.cedar:1: policy "wait" waits for 1 of security, and nobody in there can log in' in said.err
    assert dora("policy", "check", "--strict").code == 1
    dora("principal", "disable", "dora")
    assert 'is about Group::"dba", which nobody is in' in dora("policy", "check").err
