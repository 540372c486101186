"""What the default policies let each group do, and that the vocabulary has all that statements can ask."""

from __future__ import annotations

import pytest

from tidewaiter.config import default_policies
from tidewaiter.model import Allow, Context, Deny, Facts, Hold, Kind, Principal, Resource, ResourceType, Touch
from tidewaiter.policy import POLICY_ERROR, SCHEMA_TEXT, Policies

POLICIES = Policies.parse(default_policies("shop"), ["shop"])
OPEN = Policies.parse({"p": '@id("all") permit (principal, action, resource);'}, ["shop"])
ANALYST = Principal("ana", Kind.USER, frozenset({"analysts"}))
WRITER = Principal("wes", Kind.USER, frozenset({"writers"}))
DBA = Principal("dee", Kind.USER, frozenset({"dba"}))
AGENT = Principal("bot", Kind.AGENT, frozenset({"agents"}), owner=ANALYST)
STRAY = Principal("stray", Kind.AGENT, frozenset({"agents", "dba"}), owner=DBA)
NOBODY = Principal("nob", Kind.USER)
TABLE, SETTING, DATASOURCE = ResourceType.TABLE, ResourceType.SETTING, ResourceType.DATASOURCE
CUSTOMERS = Resource(TABLE, ("public", "customers"))
CATALOG = Resource(TABLE, ("pg_catalog", "pg_class"))
TEMPORARY = Resource(TABLE, ("pg_temp", "scratch"))
READ_FILE = Resource(ResourceType.FUNCTION, ("pg_catalog", "pg_read_file"))
ROW_SECURITY, WORK_MEM = Resource(SETTING, ("row_security",)), Resource(SETTING, ("work_mem",))
ALL = Resource(DATASOURCE)


@pytest.mark.parametrize(
    ("action", "resource", "analyst", "writer", "dba", "agent"),
    [
        ("select", CUSTOMERS, Allow, Allow, Allow, Allow),
        ("select", CATALOG, Allow, Allow, Allow, Allow),
        ("copy_out", CUSTOMERS, Allow, Allow, Allow, Deny),
        ("insert", CUSTOMERS, Deny, Allow, Allow, Deny),
        ("delete", CUSTOMERS, Deny, Allow, Allow, Deny),
        ("delete_all", CUSTOMERS, Deny, Hold, Allow, Deny),
        ("update_all", CUSTOMERS, Deny, Hold, Allow, Deny),
        ("drop", CUSTOMERS, Deny, Deny, Allow, Deny),
        ("truncate", CUSTOMERS, Deny, Deny, Allow, Deny),
        ("create", TEMPORARY, Allow, Allow, Allow, Deny),
        ("drop", TEMPORARY, Allow, Allow, Allow, Deny),
        ("delete_all", TEMPORARY, Allow, Allow, Allow, Deny),
        ("lock", CUSTOMERS, Deny, Allow, Allow, Deny),
        ("set", WORK_MEM, Allow, Allow, Allow, Allow),
        ("show", WORK_MEM, Allow, Allow, Allow, Allow),
        ("set", ROW_SECURITY, Deny, Deny, Allow, Deny),
        ("explain", ALL, Allow, Allow, Allow, Allow),
        ("function", READ_FILE, Deny, Deny, Allow, Deny),
        ("do", ALL, Deny, Deny, Allow, Deny),
        ("signal", ALL, Deny, Deny, Allow, Deny),
        ("unknown", ALL, Deny, Deny, Allow, Deny),
    ],
)  # fmt: skip
def test_each_group_may_do_what_its_description_says(
    action: str, resource: Resource, analyst: type, writer: type, dba: type, agent: type
) -> None:
    unknown = ("why",) if action == "unknown" else ()
    what = Facts((action,), () if unknown else (Touch(action, resource),), unknown)
    people = (ANALYST, WRITER, DBA, AGENT)
    found = tuple(type(POLICIES.decide(one, "shop", what, Context())) for one in people)
    assert found == (analyst, writer, dba, agent)
    assert isinstance(POLICIES.decide(NOBODY, "shop", what, Context()), Allow) is (resource is CATALOG)


def test_groups_connect_and_strangers_do_not() -> None:
    for member in (ANALYST, WRITER, DBA, AGENT):
        assert POLICIES.may_connect(member, "shop", Context()) == Allow(("members-connect",))
        assert isinstance(POLICIES.may_connect(member, "other", Context()), Deny)
    assert isinstance(POLICIES.may_connect(NOBODY, "shop", Context()), Deny)
    assert isinstance(
        POLICIES.may_connect(Principal("b", Kind.AGENT, frozenset({"agents"}), NOBODY), "shop", Context()), Deny
    )


def test_agents_read_few_rows() -> None:
    verdict = POLICIES.decide(AGENT, "shop", Facts(("select",), (Touch("select", CUSTOMERS),)), Context())
    assert verdict == Allow(("agents-read", "analysts-read"), 1000, "agents-read")


def test_an_agent_in_the_wrong_group_still_only_reads() -> None:
    for action in ("insert", "drop", "lock"):
        verdict = POLICIES.decide(STRAY, "shop", Facts((action,), (Touch(action, CUSTOMERS),)), Context())
        assert isinstance(verdict, Deny)
        assert verdict.rule == "agents-never-change"
    assert isinstance(POLICIES.decide(STRAY, "shop", Facts(unknown=("x",)), Context()), Deny)


def test_the_default_policies_have_nothing_to_warn_of() -> None:
    assert POLICIES.warnings == ()
    assert POLICIES.context_attributes == frozenset()


# What sql/ may say of statements: knowledge of the vocabulary, kept here so that neither side changes alone.
TOUCHES = {
    TABLE: "select copy_out copy_in insert update update_all delete delete_all merge merge_all lock explain create "
    "alter alter_destructive drop rename comment truncate refresh grant_right revoke_right vacuum analyze reindex"
    " cluster",
    ResourceType.SCHEMA: "create alter alter_destructive drop rename comment grant_right revoke_right reindex",
    ResourceType.FUNCTION: "call function create alter alter_destructive drop rename comment grant_right revoke_right",
    SETTING: "set show grant_right revoke_right alter_role",
    ResourceType.ROLE: "set_role alter_role grant_right revoke_right create drop rename comment alter",
    ResourceType.CHANNEL: "listen notify",
    DATASOURCE: "connect do explain create alter alter_destructive drop rename comment grant_right revoke_right vacuum "
    "analyze reindex cluster checkpoint load system signal set lock function alter_role unknown select listen notify",
}  # fmt: skip


@pytest.mark.parametrize("type_", list(TOUCHES))
def test_every_question_that_a_statement_can_ask_fits_the_vocabulary(type_: ResourceType) -> None:
    path = {TABLE: ("a", "b"), ResourceType.FUNCTION: ("a", "b"), DATASOURCE: ()}.get(type_, ("a",))
    for action in TOUCHES[type_].split():
        verdict = OPEN.decide(ANALYST, "shop", Facts((action,), (Touch(action, Resource(type_, path)),)), Context())
        assert verdict == Allow(("all",)), (action, verdict)


def test_groups_of_actions_are_no_questions() -> None:
    for group in ("read", "write", "define", "grant", "run", "session", "maintain", "destructive"):
        assert f'"{group}"' in SCHEMA_TEXT
        verdict = OPEN.decide(ANALYST, "shop", Facts((group,), (Touch(group, CUSTOMERS),)), Context())
        assert isinstance(verdict, Deny)
        assert verdict.rule == POLICY_ERROR


@pytest.mark.parametrize(
    ("group", "members"),
    [
        ("read", "select copy_out explain"),
        ("write", "insert update update_all delete delete_all merge merge_all copy_in"),
        ("update", "update update_all"),
        ("delete", "delete delete_all"),
        ("merge", "merge merge_all"),
        ("alter", "alter alter_destructive"),
        ("define", "create alter alter_destructive drop rename comment truncate refresh"),
        ("destructive", "update_all delete_all merge_all alter_destructive drop truncate"),
        ("grant", "grant_right revoke_right set_role alter_role"),
        ("run", "call do function"),
        ("session", "set show lock listen notify"),
        ("maintain", "vacuum analyze reindex cluster checkpoint load system signal"),
    ],
)
def test_each_group_has_the_members_of_the_contract(group: str, members: str) -> None:
    asked = Policies.parse({"p": f'@id("g") permit (principal, action in Action::"{group}", resource);'}, ["shop"])
    leaves = {action for actions in TOUCHES.values() for action in actions.split()}
    allowed = set()
    for type_, actions in TOUCHES.items():
        path = {TABLE: ("a", "b"), ResourceType.FUNCTION: ("a", "b"), DATASOURCE: ()}.get(type_, ("a",))
        for action in actions.split():
            what = Facts((action,), (Touch(action, Resource(type_, path)),))
            if isinstance(asked.decide(ANALYST, "shop", what, Context()), Allow):
                allowed.add(action)
    assert allowed == set(members.split())
    assert allowed <= leaves
