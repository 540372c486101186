"""What is masked for whom, and the plans that follow."""

from __future__ import annotations

from dataclasses import replace

import pytest
from maskstage import CLASSIFICATION, HERE, TAGS, Numbers, masking, plan, policies
from playstage import ADA, PATH, shop

from tidewaiter.config import Classification, Mask
from tidewaiter.model import PREMISES, Facts, Secret
from tidewaiter.proxy.masks import Masking, NamedScope, Plan, Sight, columns_of, looks_masked, strictest
from tidewaiter.sql.facts import Scope, understand
from tidewaiter.sql.rewrite import Refused

OPEN = '@id("all") permit (principal, action, resource);'
CUSTOMERS = ("public", "customers")


def sight() -> Sight:
    found = masking().sight(policies(), ADA, shop(), None, HERE)
    assert found is not None
    return found


def test_a_session_masks_where_something_tagged_is_not_to_be_unmasked() -> None:
    assert masking().concerns(policies(), ADA, HERE)
    assert not masking().concerns(policies(OPEN), ADA, HERE)
    assert masking().sight(policies(OPEN), ADA, shop(), None, HERE) is None


def test_a_session_is_ready_to_mask_where_circumstances_decide() -> None:
    at_night = '@id("night") forbid (principal, action == Action::"unmask", resource) when { context.hour > 20 };'
    assert policies(OPEN + at_night).unmasking_varies
    assert masking().concerns(policies(OPEN + at_night), ADA, HERE)


def test_a_database_without_tags_masks_nothing() -> None:
    assert not masking().concerns(policies(classification=Classification()), ADA, HERE)


def test_equal_masks_on_an_equal_catalog_are_one_sight() -> None:
    made, rules = masking(), policies()
    one = made.sight(rules, ADA, shop(), None, HERE)
    assert one is made.sight(rules, ADA, shop(), Facts(), HERE)


def test_a_sight_is_known_once_it_was_asked_for() -> None:
    rules = policies()
    for made in (masking(), Masking("shop", "shop", Secret("key"), Numbers(), "mask")):
        assert not made.is_known(rules, ADA, shop(), HERE)
        made.sight(rules, ADA, shop(), None, HERE)
        assert made.is_known(rules, ADA, shop(), HERE)
        assert not made.is_known(policies(), ADA, replace(shop(), version=1), HERE)
    assert masking().is_known(policies(OPEN), ADA, shop(), HERE), "nothing is masked"


def test_a_column_with_several_denied_tags_gets_the_mask_that_shows_least() -> None:
    assert "'***'" in sight().labels.masks[CUSTOMERS]["ssn"].sql
    masks = {"a": Mask("email"), "b": Mask("null"), "c": Mask("redact")}
    assert [strictest(masks, tags) for tags in (("a", "c", "b"), ("a", "c"), ("a",))] == ["b", "c", "a"]


def test_a_mask_that_does_not_fit_gives_null() -> None:
    wrong = Classification(
        {"day": Mask("truncate", {"unit": "year"})}, {"shop": {"public.customers": {"ssn": ("day",)}}}
    )
    found = masking().sight(policies(classification=wrong), ADA, shop(), None, HERE)
    assert found is not None
    assert found.labels.masks[CUSTOMERS]["ssn"].sql == "NULL::pg_catalog.text"


def test_places_are_the_masked_columns_as_a_row_description_names_them() -> None:
    assert {(16384, 3), (16384, 4)} <= sight().places
    assert (16384, 2) not in sight().places
    assert 16384 in sight().tables


def test_tagged_columns_that_a_statement_reads_are_found_with_their_tags() -> None:
    def read(text: str) -> object:
        return columns_of(understand(text, shop(), Scope(PATH)), sight().tags)

    assert read("select id, ssn from customers") == {CUSTOMERS: {"ssn": ("ssn", "vip")}}
    assert read("table customers") == {CUSTOMERS: {"email": ("email",), "ssn": ("ssn", "vip")}}
    assert read("select id from customers") == {}
    assert read("update customers set ssn = 'x'") == {}
    assert read("update customers set ssn = 'x' returning email") == {CUSTOMERS: {"email": ("email",)}}


def test_a_plan_keeps_late_columns_raw_and_says_where_they_come() -> None:
    made = plan(b"select id, email from customers")
    (late,) = made.late
    assert (late.part, late.foreseen.index, late.foreseen.table_oid, late.foreseen.number) == (0, 1, 16384, 3)
    assert (late.text.apply(b"a@b") or b"").startswith(b"tok_")
    assert made.touches and not made.is_raw and not made.is_bare


def test_a_plan_of_one_part_has_that_parts_late_columns_only() -> None:
    made = plan(b"select 1; select email from customers")
    assert [one.part for one in made.late] == [1]
    assert made.of_part(b"SELECT 1", 0).late == ()
    (alone,) = made.of_part(b"SELECT email FROM public.customers", 1).late
    assert alone.part == 0


def test_nothing_is_late_in_an_encoding_whose_bytes_the_masks_cannot_read() -> None:
    found, made = sight(), masking()
    facts = understand("select email from customers", shop(), Scope(PATH))
    done = made.plan("select email from customers", facts, Scope(PATH), found, CLASSIFICATION, "latin1", PREMISES)
    assert not isinstance(done, Refused)
    assert done.late == () and b"NULL" in done.text and done.premises == frozenset()


@pytest.mark.parametrize(
    ("table", "name", "premise"), [("payments", "paid_at", "iso"), ("customers", "deleted_at", "utc")]
)
def test_dates_are_late_unless_the_text_itself_may_change_how_they_are_written(
    table: str, name: str, premise: str
) -> None:
    day = {"day": Mask("truncate", {"unit": "year"})}
    born = Classification(day, {"shop": {f"public.{table}": {name: ("day",)}}})
    made = masking()
    found = made.sight(policies(classification=born), ADA, shop(), None, HERE)
    assert found is not None
    for text, premises in (
        ("select {}", {premise}),
        ("set datestyle = german; select {}", set()),
        ("select set_config('datestyle', 'german', false), {}", set()),
        ("set timezone = 'Asia/Tokyo'; select {}", set()),
    ):
        asked = f"{text.format(name)} from {table}"
        facts = understand(asked, shop(), Scope(PATH))
        done = made.plan(asked, facts, Scope(PATH), found, born, "utf-8", PREMISES)
        assert not isinstance(done, Refused), done
        assert done.premises == premises
        assert bool(done.late) is bool(premises)


def test_a_defect_is_a_refusal() -> None:
    done = masking().plan("select email from customers", Facts(), Scope(PATH), sight(), Classification(), "nonsense")
    assert isinstance(done, Refused)
    assert done.rule == "defect"


def test_a_write_of_a_masked_table_sees_it_raw() -> None:
    assert plan(b"update customers set name = 'x' where id = 1").is_raw
    assert not plan(b"select 1").is_raw


def test_commit_is_bare_and_execute_is_bound() -> None:
    assert plan(b"commit").is_bare
    facts = understand("select ssn from customers", shop(), Scope(PATH))
    scope = Scope(PATH, prepared={"p": facts})
    done = masking().plan("execute p", understand("execute p", shop(), scope), scope, sight(), CLASSIFICATION, "utf-8")
    assert not isinstance(done, Refused)
    assert done.is_bound and not done.is_bare


def running(text: str, sent: Plan | None, *, is_cursor: bool = False) -> Plan | Refused:
    """The plan of a text that runs what is called s, or the cursor c, which was sent by a plan."""
    facts = Facts(("select",), session_bound=True)
    scope = NamedScope(
        PATH, prepared={"s": facts}, cursors={"c": facts},
        sent_by=lambda name, of_cursor: sent if (name, of_cursor) == ("c" if is_cursor else "s", is_cursor) else None,
    )  # fmt: skip
    found = understand(text, shop(), scope)
    return masking().plan(text, found, scope, sight(), CLASSIFICATION, "utf-8", PREMISES)


def test_what_executes_a_statement_masks_late_what_that_shows() -> None:
    sent = plan(b"select id, email from customers")
    found = running("select 1; execute s; execute s", sent)
    assert isinstance(found, Plan)
    assert [(one.part, one.foreseen.index) for one in found.late] == [(1, 1), (2, 1)]
    assert [one.text for one in found.late] == [sent.late[0].text] * 2
    assert (found.touches, found.is_raw, found.premises) == (sent.touches, sent.is_raw, sent.premises)
    fetched = running("fetch 2 from c", sent, is_cursor=True)
    assert isinstance(fetched, Plan) and [one.part for one in fetched.late] == [0]
    moved = running("move 2 in c", sent, is_cursor=True)
    assert isinstance(moved, Plan) and not moved.late and moved.touches


def test_what_executes_a_write_of_a_masked_table_may_say_as_little_as_that() -> None:
    sent = plan(b"update customers set name = 'x' returning id")
    found = running("execute s", sent)
    assert isinstance(found, Plan) and found.is_raw and found.is_lasting
    unknown = running("execute s", None)
    assert isinstance(unknown, Plan) and unknown.is_raw and unknown.is_lasting


@pytest.mark.parametrize(
    ("text", "sent", "rule"),
    [
        ("explain execute s", plan(b"select email from customers"), "explain"),
        ("set datestyle = 'German'; execute s", Plan(b"", premises=frozenset({"iso"})), "late"),
        ("execute s('x')", Plan(b"", guards=((1, "ssn", ".*"),)), "write-back"),
    ],
)
def test_what_a_name_stands_for_is_not_executed_where_it_cannot_be_masked(text: str, sent: Plan, rule: str) -> None:
    found = running(text, sent)
    assert isinstance(found, Refused) and found.rule == rule


def test_a_name_that_the_text_itself_gives_is_what_it_gives() -> None:
    found = running("prepare s as select id from customers; execute s", plan(b"select email from customers"))
    assert isinstance(found, Plan) and not found.late


def test_what_runs_a_name_is_the_same_only_if_that_does_the_same() -> None:
    late, write = plan(b"select id, email from customers"), plan(b"update customers set name = 'x' returning id")
    found = [running("execute s", sent) for sent in (late, late, write)]
    one, same, other = (plan for plan in found if isinstance(plan, Plan))
    one, same, other = (replace(plan, sight=late.sight) for plan in (one, same, other))
    assert one.is_same(same) and not one.is_same(other)


def test_an_equal_text_that_does_more_now_is_not_the_same() -> None:
    """What the server says is withheld by the plan that a statement was prepared by: a policy may call code since."""
    before = plan(b"select id from customers")
    assert before.is_same(replace(before))
    for now in (replace(before, touches=True), replace(before, is_raw=True), replace(before, is_lasting=True)):
        assert not before.is_same(now)


def test_what_a_mask_shows_is_recognised() -> None:
    assert looks_masked(r"\*+....", b"*******1234")
    assert not looks_masked(r"\*+....", b"1234\xff")
    assert not looks_masked(r"\*+....", None)
    assert looks_masked("", None)
    assert not looks_masked("", b"")


def guarding(unclassified: str) -> Masking:
    return Masking("shop", "shop", Secret("key"), Numbers(), unclassified)


READS = '@id("reads") permit (principal, action in Action::"read", resource);'
NAMED = '@id("named") permit (principal, action == Action::"unmask", resource in Tag::"unclassified");'
ORDERS = "select id from orders"


def planned(made: Masking, rules: str, text: str) -> Plan | Refused | None:
    asked = policies(rules)
    facts = understand(text, shop(), Scope(PATH))
    found = made.sight(asked, ADA, shop(), facts, HERE)
    return (
        None if found is None else made.plan(text, facts, Scope(PATH), found, asked.classification, "utf-8", PREMISES)
    )


def test_columns_that_nobody_classified_can_be_masked() -> None:
    made = planned(guarding("mask"), READS, ORDERS)
    assert isinstance(made, Plan) and b"NULL::" in made.text
    for unclassified in ("detect", "allow"):
        left = planned(guarding(unclassified), READS, ORDERS)
        assert isinstance(left, Plan) and b"NULL" not in left.text


def test_columns_that_nobody_classified_can_be_closed() -> None:
    made = planned(guarding("deny"), READS, ORDERS)
    assert isinstance(made, Refused)
    assert (made.rule, made.reason.partition(" ")[0]) == ("unclassified", "public.orders.id")
    tagged = planned(guarding("deny"), READS, "select ssn from customers")
    assert isinstance(tagged, Plan)
    assert isinstance(planned(guarding("deny"), READS, "select ssn from customers where id = 1"), Refused)


def test_who_may_unmask_what_is_unclassified_sees_it() -> None:
    for unclassified in ("mask", "deny"):
        made = planned(guarding(unclassified), READS + NAMED, ORDERS)
        assert isinstance(made, Plan) and b"NULL" not in made.text
        assert planned(guarding(unclassified), OPEN, ORDERS) is None


def test_the_tag_of_what_is_unclassified_can_have_a_mask_of_its_own() -> None:
    redacting = Classification({**TAGS, "unclassified": Mask("redact")}, CLASSIFICATION.columns)
    found = guarding("mask").sight(policies(READS, redacting), ADA, shop(), None, HERE)
    assert found is not None
    assert "THEN NULL ELSE" in found.labels.masks["public", "orders"]["id"].sql


def test_sessions_are_ready_to_mask_where_unclassified_columns_are_guarded() -> None:
    none = policies(OPEN, Classification())
    assert [guarding(word).concerns(none, ADA, HERE) for word in ("mask", "deny", "detect")] == [True, True, False]


def test_a_tagged_relation_whose_types_are_not_known_is_closed() -> None:
    half = replace(shop(), columns={}, version=1)
    found = masking().sight(policies(), ADA, half, None, HERE)
    assert found is not None and CUSTOMERS in found.labels.closed


@pytest.mark.parametrize(
    ("text", "parameters", "is_lasting"),
    [
        (b"select id from customers where id = $2 and name = '$7'", 2, False),
        (b"(select 1)", 0, False),
        (b"insert into customers (id) values ($1)", 1, True),
        (b"explain select $1::int", None, False),
        (b"declare c cursor for select $1::int", None, True),
        (b"begin", None, True),
        (b"select 1; select 2", None, False),
        (b"select 1; commit", None, True),
        (b"set work_mem = '4MB'", None, True),
    ],
)
def test_a_plan_knows_its_parameters_and_whether_it_only_reads(
    text: bytes, parameters: int | None, is_lasting: bool
) -> None:
    found = plan(text)
    assert (found.parameters, found.is_lasting) == (parameters, is_lasting)
