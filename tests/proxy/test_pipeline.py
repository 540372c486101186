"""Judging: what is remembered for whom, where a defect becomes a refusal, and what every entry says of a statement."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from playstage import ADA, PATH, RULES, policies, shop

from tidewaiter.model import (
    Allow,
    Context,
    Deny,
    Effect,
    EffectKind,
    Facts,
    Hold,
    Indirect,
    Lock,
    Need,
    Resource,
    ResourceType,
    SyntaxFault,
    Touch,
    Verdict,
)
from tidewaiter.policy import Policies
from tidewaiter.proxy.limits import RowLimit
from tidewaiter.proxy.pipeline import (
    NOT_TEXT,
    TEXTS,
    TEXTS_BYTES,
    Ground,
    Judge,
    Judged,
    columns_told,
    granted,
    name_of,
    put,
    statement_members,
    told_columns,
    uncountable,
    word_of,
)
from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.facts import Scope, understand

HERE, SCOPE = Context("127.0.0.1", "test"), Scope(PATH)
CUSTOMERS = ("public", "customers")


class Reader:
    """Understands as the product does, and counts how often it was asked."""

    def __init__(self, of: Callable[[str, Catalog, Scope], Facts] = understand) -> None:
        self.of = of
        self.asked: list[str] = []

    def __call__(self, text: str, catalog: Catalog, scope: Scope) -> Facts:
        self.asked.append(text)
        return self.of(text, catalog, scope)


def ground(rules: Policies | str = RULES, *, observe: bool = False, strict: bool = False, **more: Any) -> Ground:
    found = policies(rules) if isinstance(rules, str) else rules
    return Ground(ADA, "shop", observe, found, shop(), PATH, more.get("tagged", ()), strict)


def judge(reader: Reader | None = None, on: Ground | None = None) -> Judge:
    return Judge(on or ground(), reader or Reader())


def judged(text: bytes, by: Judge | None = None, *, is_private: bool = False, codec: str = "utf-8") -> Judged:
    return (by or judge()).judge(text, SCOPE, HERE, is_private=is_private, codec=codec)


def told(found: Judged) -> dict[str, Any]:
    """The entry members as an entry has them."""
    members: dict[str, Any] = orjson.loads(b"{%b}" % found.members)
    return members


# -- remembering -----------------------------------------------------------------------------------------------------
def test_a_text_is_studied_once() -> None:
    reader = Reader()
    by = judge(reader)
    assert by.recall(b"select 1") is None
    found = judged(b"select 1", by)
    assert by.recall(b"select 1") is found
    assert reader.asked == ["select 1"]


def test_texts_that_differ_in_plain_constants_share_a_judgement_and_others_do_not() -> None:
    by = judge()
    found = judged(b"select name from customers where id = 7", by)
    assert by.recall(b"select name from customers where id = 8") is found
    assert by.recall(b"select name from customers where id <> 8") is None
    assert by.recall(b"select name from orders where id = 7") is None
    judged(b"update orders set total = 1 where id = 1 or 1 = 1", by)
    assert by.recall(b"update orders set total = 1 where id = 1 or 1 = 2") is None, (
        "here the constants are what it means"
    )


@pytest.mark.parametrize(
    "facts",
    [Facts(("select",), session_bound=True), Facts(("select",), fault=SyntaxFault("42601", "syntax error", 1))],
)
def test_what_is_true_of_one_session_or_moment_only_is_not_remembered(facts: Facts) -> None:
    by = judge(Reader(lambda text, catalog, scope: facts))
    judged(b"select 1", by)
    assert by.recall(b"select 1") is None


def test_nothing_is_remembered_of_a_session_that_knows_other_relations() -> None:
    by = judge()
    judged(b"select 1", by, is_private=True)
    assert by.recall(b"select 1") is None


def test_long_texts_are_not_remembered() -> None:
    by = judge()
    longest = b"select 1 --".ljust(TEXTS_BYTES, b"x")
    judged(longest, by)
    assert by.recall(longest) is not None
    longer = longest + b"x"
    found = judged(longer, by)
    by.keep(longer, found)
    assert by.recall(longer) is None


def test_the_text_of_a_prepared_statement_is_kept_as_it_is() -> None:
    by = judge()
    found = judged(b"select 1", by, is_private=True)
    by.keep(b"select 1", found)
    assert by.recall(b"select 1") is found
    by.keep(b"select 1", judged(b"select 1", by, is_private=True))
    assert by.recall(b"select 1") is found


def test_the_oldest_quarter_makes_room() -> None:
    cache: dict[bytes, Judged] = {}
    one = judged(b"select 1")
    for number in range(TEXTS + 1):
        put(cache, b"%d" % number, one)
    assert len(cache) == TEXTS - TEXTS // 4 + 1
    assert b"%d" % (TEXTS // 4 - 1) not in cache
    assert b"%d" % (TEXTS // 4) in cache
    assert b"%d" % TEXTS in cache


def test_a_remembered_judgement_is_weighed_again_in_the_present_context() -> None:
    from_home = f"""{RULES}
@id("home") forbid (principal, action, resource)
when {{ context has client_address && context.client_address == ip("10.0.0.7") }};
"""
    by = judge(on=ground(from_home))
    assert by.is_volatile
    found = judged(b"select name from customers", by)
    assert isinstance(found.verdict, Allow)
    again = by.again(found, Context("10.0.0.7", "test"))
    assert again is not None
    assert isinstance(again.verdict, Deny)
    assert not judge().is_volatile


# -- not understanding -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "text", [b"select '\xff\xfe'", b"select '\xed\xa0\x80'", b"\xc3", b"select '\xf8\x88\x80\x80'"]
)
def test_bytes_that_are_no_text_are_not_understood_and_refused(text: bytes) -> None:
    found = judged(text)
    assert found.facts.unknown == (NOT_TEXT,)
    assert isinstance(found.verdict, Deny)
    assert (told(found)["verdict"], told(found)["unknown"]) == ("deny", [NOT_TEXT])


def test_a_text_is_read_in_the_sessions_encoding() -> None:
    reader = Reader()
    text = "select 'é' as x".encode("latin-1")
    assert isinstance(judged(text, judge(reader), codec="latin-1").verdict, Allow)
    assert reader.asked == ["select 'é' as x"]


@pytest.mark.parametrize("defect", [ZeroDivisionError("a defect"), RecursionError(), MemoryError(), KeyError("x")])
def test_a_defect_while_studying_is_not_understanding(defect: Exception) -> None:
    def fails(text: str, catalog: Catalog, scope: Scope) -> Facts:
        raise defect

    found = judged(b"select 1", judge(Reader(fails)))
    assert found.facts.unknown == (f"could not be analysed: {defect!r}",)
    assert isinstance(found.verdict, Deny)


class Broken:
    """Policies that fail to decide."""

    context_attributes = frozenset[str]()
    want_estimates = False

    def decide(self, *_: object) -> Verdict:
        raise ZeroDivisionError("a defect")

    def tags(self, datasource: str) -> dict[str, str]:
        raise AssertionError("nothing is told of what is refused")


@pytest.mark.parametrize("tagged", [(), (CUSTOMERS,)])
def test_a_defect_while_deciding_is_a_refusal(tagged: tuple[tuple[str, str], ...]) -> None:
    found = judged(b"select 1", judge(on=ground(cast(Policies, Broken()), tagged=tagged)))
    assert isinstance(found.verdict, Deny)
    assert (found.verdict.sqlstate, found.is_weighty) == ("XX000", True)
    assert "ZeroDivisionError" in found.verdict.message


@pytest.mark.parametrize(
    "text",
    ["select " + "+".join(["1"] * 50_000), "(" * 20_000 + "select 1" + ")" * 20_000, "select 1\0; drop table orders",
     "\ufeffselect 1", "", ";" * 10_000, "select '" + "x" * 1_000_000 + "'"],
    ids=["terms", "parentheses", "NUL", "BOM", "empty", "semicolons", "long"],
)  # fmt: skip
def test_monstrous_texts_get_a_verdict(text: str) -> None:
    assert isinstance(judged(text.encode()).verdict, Allow | Deny)


@given(st.binary(max_size=60))
def test_any_bytes_get_a_verdict_and_members_that_are_json(text: bytes) -> None:
    found = judged(text)
    assert told(found)["verdict"] == ("allow" if isinstance(found.verdict, Allow) else "deny")


# -- verdicts --------------------------------------------------------------------------------------------------------
def test_where_nothing_is_enforced_the_verdict_is_what_would_be() -> None:
    watched = judge(on=ground(observe=True))
    for text, would_be in ((b"drop table orders", "deny"), (b"truncate orders", "hold")):
        found = judged(text, watched)
        assert isinstance(found.verdict, Allow)
        assert (told(found)["verdict"], told(found)["would_be"]) == ("allow", would_be)
    assert "would_be" not in told(judged(b"select 1", watched))


@pytest.mark.parametrize(
    ("text", "is_weighty"),
    [(b"select name from customers", False), (b"set work_mem = 1", False), (b"begin", False), (b"listen x", False),
     (b"insert into orders (id) values (1)", True), (b"create table t (id int)", True), (b"drop table orders", True),
     (b"truncate orders", True), (b"selekt", True)],
)  # fmt: skip
def test_what_reads_may_be_recorded_while_it_runs_and_the_rest_before(text: bytes, is_weighty: bool) -> None:
    assert judged(text).is_weighty is is_weighty
    assert judged(text, judge(on=ground(strict=True))).is_weighty


def test_what_reads_tagged_tables_is_recorded_before_it_runs() -> None:
    tagged = frozenset({CUSTOMERS})
    by = judge(on=ground(policies(RULES, tagged), tagged=tagged))
    assert judged(b"select id from customers", by).is_weighty
    assert not judged(b"select id from orders", by).is_weighty
    assert "unmasked" not in told(judged(b"select id from orders", by))


def test_what_changes_the_meaning_of_later_statements_is_a_barrier() -> None:
    assert judged(b"set search_path to public").is_barrier
    assert not judged(b"select 1").is_barrier


def test_a_limit_of_a_permit_is_the_statements() -> None:
    five = '@id("five") @max_rows("5") permit (principal, action, resource);'
    assert judged(b"select id from orders", judge(on=ground(five))).limit == RowLimit(5, "five", False, True)
    watched = judged(b"select id from orders", judge(on=ground(five, observe=True)))
    assert watched.limit == RowLimit(5, "five", False, False)


HELD = Hold(
    "dba-waits", (Need(("dba",)),), "a DBA looks first", rules=("all", "dba-waits"), max_rows=10, limited_by="ten"
)


@pytest.mark.parametrize(
    ("most_rows", "limit"),
    [(None, RowLimit(10, "ten", True, True)), (3, RowLimit(3, "dba-waits", True, True)),
     (30, RowLimit(10, "ten", True, True))],
)  # fmt: skip
def test_what_was_approved_runs_under_the_smaller_limit(most_rows: int | None, limit: RowLimit) -> None:
    facts = Facts(("update",), (Touch("update", Resource(ResourceType.TABLE, CUSTOMERS)),))
    held = Judged(facts, HELD, b"", True, True, seen=b',"unmasked":[]')
    found = granted(held, most_rows)
    assert (found.limit, found.is_weighty, found.is_barrier) == (limit, True, True)
    assert (told(found)["verdict"], told(found)["unmasked"]) == ("allow", [])


def test_what_cannot_be_counted_is_refused_by_the_rule_that_wants_it_counted() -> None:
    found = uncountable(judged(b"select 1"), RowLimit(5, "five", True, True))
    assert isinstance(found.verdict, Deny)
    assert (told(found)["rule"], told(found)["verdict"], found.is_weighty) == ("five", "deny", True)
    assert "called by its number" in found.verdict.message


def test_verdicts_have_one_word_each() -> None:
    assert [word_of(verdict) for verdict in (Allow(), HELD, Deny("r", ""))] == ["allow", "hold", "deny"]


# -- what entries say ------------------------------------------------------------------------------------------------
def test_a_resource_is_named_as_sql_would_and_everything_unusual_is_told() -> None:
    table = Touch("update_all", Resource(ResourceType.TABLE, ("public", "Odd.Name")), ("a",), star=True, via=("v",))
    opaque = Touch("function", Resource(ResourceType.FUNCTION, ("public", "f")), traits=("opaque",), part=1)
    block = Touch("do", Resource(ResourceType.FUNCTION, ()), traits=("opaque",))
    facts = Facts(
        ("update_all", "function"), (table, opaque, block), ("a reason",), parts=2, control="begin",
        has_where=False, effects=(Effect(EffectKind.SETTING),), fault=SyntaxFault("42601", "no", 1),
        indirect=(Indirect("cascade", "fk", "delete", ("public", "kids"), ("public", "t")),),
        locks=(Lock(("public", "t"), "ACCESS EXCLUSIVE"),),
    )  # fmt: skip
    members = orjson.loads(b"{%b}" % statement_members(facts, HELD, None))
    assert members["unknown"] == ["a reason", "what public.f does", "what the block does"]
    assert members["touches"] == [
        {"verbs": ["update_all"], "relation": 'public."Odd.Name"', "columns": ["a"], "star": True, "via": ["v"]},
        {"verbs": ["function"], "type": "Function", "name": "public.f", "part": 1, "traits": ["opaque"]},
        {"verbs": ["do"], "type": "Function", "name": "", "traits": ["opaque"]},
    ]
    assert (members["parts"], members["control"], members["fault"]) == (2, "begin", "42601")
    assert (members["is_unrestricted"], members["rule"], members["rules"]) == (True, "dba-waits", ["all", "dba-waits"])
    assert members["indirect"][0]["relation"] == ["public", "kids"]
    assert members["locks"] == [["ACCESS EXCLUSIVE", "public", "t"]]


names = st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=6), min_size=1,
                 max_size=3).map(tuple)  # fmt: skip


@given(names, names)
def test_no_two_resources_have_one_name(left: tuple[str, ...], right: tuple[str, ...]) -> None:
    assert (name_of(left) == name_of(right)) is (left == right)


def test_tagged_columns_are_listed_by_relation() -> None:
    found = {CUSTOMERS: {"ssn": ("ssn", "vip"), "email": ("email",)}}
    listed = [{"relation": "public.customers", "columns": ["email", "ssn"], "tags": ["email", "ssn", "vip"]}]
    assert columns_told(found) == listed
    assert orjson.loads(b'{"a":1%b}' % told_columns("masked", found)) == {"a": 1, "masked": listed}
    assert told_columns("masked", {}) == b""
