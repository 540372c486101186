"""What would become of a statement, and what would have to change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tidewaiter.admin.explain import explained, facts_of, permit_for
from tidewaiter.config import Address, Classification, Datasource, Mask
from tidewaiter.model import Column, Context, Kind, Principal, Relation, Resource, ResourceType
from tidewaiter.policy import Policies, Question
from tidewaiter.policy.names import Target
from tidewaiter.sql.catalog import Catalog, Function

SHOP = Datasource(
    name="shop",
    kind="postgres",
    address=Address("127.0.0.1", 1),
    database="shop",
    user="gate",
    tls="disable",
    password="env:P",
    mode="enforce",
    roles={},
    allow_superuser=False,
    unclassified="detect",
)
CATALOG = Catalog(
    relations={
        ("public", "orders"): Relation("public", "orders", "r", ("id",)),
        ("hr", "pay"): Relation("hr", "pay", "r", ("id",)),
    },
    schemas=frozenset({"public", "hr", "pg_catalog"}),
    functions={"price": (Function("public", "price", language="plpgsql"),)},
)
READ = '@id("read") @max_rows("5") permit (principal in Group::"g", action in Action::"read", resource);\n'
DELETE = '@id("delete") permit (principal, action in Action::"delete", resource);\n'
NO_PAY = '@id("no-pay") @message("pay is private") forbid (principal, action, resource == Table::"shop.hr.pay");\n'
HOLD = '@id("wait") @hold("dba") @quorum("2") forbid (principal, action in Action::"destructive", resource);\n'
ANA = Principal("ana", Kind.USER, frozenset({"g"}))
BOT = Principal("bot", Kind.AGENT, frozenset(), owner=ANA)
NOW = Context(at_ns=1_800_000_000_000_000_000, evidence="password")


def explain(sql: str, *texts: str, who: Principal = ANA, path: tuple[str, ...] | None = None) -> dict[str, Any]:
    policies = Policies.parse({"p.cedar": "".join(texts)}, ["shop"])
    return explained(policies, who, SHOP, CATALOG, sql, NOW, 1000, path)


def test_an_allowed_statement_names_rule_limit_and_facts() -> None:
    told = explain("select id from orders", READ)
    assert (told["verdict"], told["rule"], told["max_rows"], told["changes"]) == ("allow", "read", 5, [])
    assert told["questions"] == [
        {
            "action": "select",
            "resource": 'Table::"shop.public.orders"',
            "principal": 'User::"ana"',
            "decision": "allow",
            "rules": ["read"],
            "places": ["p.cedar:1"],
        }
    ]
    assert told["rules"] == [{"id": "read", "place": "p.cedar:1", "effect": "permit", "message": ""}]
    assert told["facts"]["touches"][0] == {
        "action": "select",
        "resource": "Table public.orders",
        "columns": ["id"],
        "star": False,
        "via": [],
        "traits": [],
    }
    assert (told["facts"]["verbs"], told["facts"]["has_where"], told["mode"]) == (["select"], True, "enforce")


def test_a_missing_permit_is_suggested_and_works() -> None:
    told = explain("delete from orders where id = 1", READ)
    assert (told["verdict"], told["rule"]) == ("deny", "default-deny")
    (change,) = told["changes"]
    assert change["why"] == 'no policy permits delete on Table::"shop.public.orders" for User::"ana"'
    assert 'principal in Group::"g", action in Action::"delete"' in change["policy"]
    assert explain("delete from orders where id = 1", READ, change["policy"])["verdict"] == "allow"


def test_an_agent_needs_both_permits() -> None:
    told = explain("delete from orders where id = 1", READ, who=BOT)
    assert [change["why"].rpartition(" ")[2] for change in told["changes"]] == ['Agent::"bot"', 'User::"ana"']
    suggested = "\n".join(change["policy"] for change in told["changes"])
    assert explain("delete from orders where id = 1", suggested, who=BOT)["verdict"] == "allow"


def test_a_forbid_is_named_with_its_place() -> None:
    told = explain("select * from hr.pay", READ, NO_PAY)
    (change,) = told["changes"]
    assert '"no-pay" (p.cedar:2)' in change["why"]
    assert (change["rules"], change["policy"]) == (["no-pay"], None)
    assert {"id": "no-pay", "place": "p.cedar:2", "effect": "forbid", "message": "pay is private"} in told["rules"]
    assert "pay is private" in told["message"]


def test_a_hold_says_who_lets_it_run() -> None:
    told = explain("delete from orders", READ, DELETE, HOLD)
    assert (told["verdict"], told["approvers"], told["needs"]) == ("hold", ["dba"], ["2 of dba"])
    (change,) = told["changes"]
    assert "approval by 2 of dba lets it run" in change["why"]
    assert told["facts"]["has_where"] is False


def test_a_policy_that_errs_is_no_permit_to_suggest() -> None:
    broken = '@id("err") forbid (principal, action, resource) when { context.hour > 9223372036854775807 + 1 };\n'
    told = explain("select id from orders", READ, broken)
    assert told["verdict"] == "deny"
    assert [change["policy"] for change in told["changes"]] == [None]


def test_names_resolve_along_the_search_path() -> None:
    assert explain("select id from pay", READ)["verdict"] == "deny"
    assert explain("select id from pay", READ, path=("hr",))["verdict"] == "allow"


def test_a_text_that_is_too_long_is_not_read() -> None:
    assert facts_of("select 1" + " " * 1000, CATALOG, (), 1000).unknown == ("the text is longer than 1000 bytes",)


def test_what_is_known_of_functions_is_told() -> None:
    told = explain("select price()", READ)
    assert told["facts"]["touches"][0]["traits"] == ["opaque", "volatile"]


def test_a_suggested_id_is_one_that_policies_may_have() -> None:
    target = Target(Resource(ResourceType.TABLE, ("Odd Schema", "t" * 200)))
    question = Question("select", target, "shop", replace(ANA, groups=frozenset()), None, "deny", ())
    assert Policies.parse({"p": permit_for(question)}, ["shop"]).rules[0].id.startswith("ana-select-odd-schema-ttt")


def masked(sql: str, *, unmasks: bool = False, **more: str) -> dict[str, Any]:
    """What is explained where `pay.id` is tagged."""
    classification = Classification({"pay": Mask("null")}, {"shop": {"hr.pay": {"id": ("pay",)}}})
    actions = 'Action::"read", Action::"run"' + (', Action::"unmask"' if unmasks else "")
    rule = f'@id("all") permit (principal, action in [{actions}], resource);'
    policies = Policies.parse({"p.cedar": rule}, ["shop"], classification=classification)
    columns = {("hr", "pay"): (Column("id", 1, "integer", 23, "int4"),)}
    catalog = replace(CATALOG, columns=columns, relation_oids={7: ("hr", "pay")})
    return explained(policies, ANA, replace(SHOP, **more), catalog, sql, NOW, 1000, ("hr",))  # type: ignore[arg-type]


PAY = [{"relation": "hr.pay", "columns": ["id"], "tags": ["pay"]}]


def test_what_is_masked_is_told_with_the_text_that_the_server_gets() -> None:
    told = masked("select id from pay")
    assert (told["verdict"], told["masked"], told["unmasked"]) == ("allow", PAY, [])
    assert told["sent"] == 'SELECT id FROM (SELECT NULL::integer AS "id" FROM "hr"."pay") pay'


def test_what_cannot_be_masked_is_denied() -> None:
    told = masked("select id from pay where public.price(1) is null")
    assert (told["verdict"], told["rule"], told["sent"]) == ("deny", "masking", None)


def test_who_may_unmask_reads_tagged_columns_as_they_are() -> None:
    told = masked("select id from pay", unmasks=True)
    assert (told["verdict"], told["masked"], told["unmasked"], told["sent"]) == ("allow", [], PAY, None)


def test_nothing_is_masked_in_observe_mode() -> None:
    told = masked("select id from pay", mode="observe")
    assert (told["masked"], told["unmasked"], told["sent"]) == ([], [], None)
