"""What a session's statements mean: the search_path, what it defined in an open transaction, settings of the lexer."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace

import pytest
from maskstage import CLASSIFICATION, RULES
from maskstage import masking as shop_masking
from maskstage import policies as masked_policies
from meaningstage import CREATES, DEFINES, Server, Watch, standing
from playstage import ADA, PATH, shop

from tidewaiter.config import Classification, Mask
from tidewaiter.errors import UpstreamError
from tidewaiter.model import Allow, Context, Deny, Effect, EffectKind, Facts, Relation, Secret, Verdict
from tidewaiter.proxy.footing import Footing, Judges
from tidewaiter.proxy.masked import SightChanged
from tidewaiter.proxy.masks import Masking, Plan
from tidewaiter.proxy.names import Names, Portal, Statement
from tidewaiter.proxy.standing import Standing
from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.catalog_reach import Reach


def unknown(of: Standing, text: str) -> tuple[str, ...]:
    return of.study(text.encode(), in_transaction=True).facts.unknown


def test_the_answer_says_how_texts_and_names_are_read() -> None:
    session = standing()
    session.path_answered([b"on", b"LATIN1", b"pg_catalog", b"p\xe9"])
    assert unknown(session, "select 1") == ()
    session.path_answered([b"off", b"UTF8", b"public"])
    assert unknown(session, "select 1") == ("standard_conforming_strings is off",)
    session.path_answered([b"on", b"SJIS", b"public"])
    assert unknown(session, "select 1") == ("client_encoding is SJIS",)


def test_a_definition_in_a_transaction_makes_the_overlay_due() -> None:
    session = standing()
    session.apply(DEFINES, is_certain=True)
    assert session.overlay_is_due
    assert session.recall(b"select 1", in_transaction=True) is None


def test_names_are_what_the_session_reads() -> None:
    session, server = standing(), Server("fresh")
    assert unknown(session, "select id from fresh")
    session.apply(DEFINES, is_certain=True)
    asyncio.run(session.read_overlay(server.ask))
    assert not session.overlay_is_due
    assert not unknown(session, "select id from fresh")
    assert unknown(session, "select id from customers"), "it is not there any more"


def test_the_settings_go_back_as_they_came() -> None:
    session, server = standing(), Server("fresh")
    session.apply(DEFINES, is_certain=True)
    asyncio.run(session.read_overlay(server.ask))
    pin, _, restore = server.asked[1]
    assert pin.text == restore.text
    assert pin.values[0] == b"pg_catalog, pg_temp"
    assert restore.values == (b'"$user", public', b"5s", b"0", b"on")


def test_what_was_judged_on_an_overlay_is_forgotten_when_something_is_defined_again() -> None:
    session = standing()
    session.apply(DEFINES, is_certain=True)
    asyncio.run(session.read_overlay(Server("fresh").ask))
    session.study(b"select id from fresh", in_transaction=True)
    assert session.recall(b"select id from fresh", in_transaction=True) is not None
    session.apply(DEFINES, is_certain=True)
    assert session.recall(b"select id from fresh", in_transaction=True) is None
    asyncio.run(session.read_overlay(Server().ask))
    assert session.recall(b"select id from fresh", in_transaction=True) is None
    assert unknown(session, "select id from fresh")


def test_a_rollback_to_a_savepoint_is_read_again() -> None:
    session = standing()
    session.rolled_back()
    assert not session.overlay_is_due, "nothing was defined"
    session.apply(DEFINES, is_certain=True)
    asyncio.run(session.read_overlay(Server("fresh").ask))
    session.rolled_back()
    assert session.overlay_is_due


def test_the_end_of_the_transaction_drops_the_overlay_and_reads_the_catalog_for_all() -> None:
    watch = Watch(shop())
    session = standing(watch)
    session.apply(DEFINES, is_certain=True)
    asyncio.run(session.read_overlay(Server("fresh").ask))
    session.transaction_ended()
    assert not session.can_study_at_once(b"select id from fresh", in_transaction=False), "a fresh catalog comes first"
    judged = asyncio.run(session.study_patiently(b"select id from fresh", in_transaction=False))
    assert judged.facts.unknown
    assert watch.completed >= 1


def test_others_do_not_see_an_overlay() -> None:
    watch = Watch(shop())
    session, other = standing(watch), standing(watch)
    session.apply(DEFINES, is_certain=True)
    asyncio.run(session.read_overlay(Server("fresh").ask))
    session.study(b"select id from fresh", in_transaction=True)
    assert unknown(other, "select id from fresh")
    assert not unknown(other, "select id from customers")


def test_names_are_in_doubt_where_the_transaction_sees_an_old_snapshot() -> None:
    session, server = standing(), Server("fresh", isolation=b"repeatable read")
    session.apply(DEFINES, is_certain=True)
    asyncio.run(session.read_overlay(server.ask))
    assert unknown(session, "select id from customers") == (
        "definitions changed in a transaction that is repeatable read",
    )
    assert isinstance(session.study(b"rollback", in_transaction=True).verdict, Allow)
    session.transaction_ended()
    asyncio.run(session.study_patiently(b"select 1", in_transaction=False))
    assert not unknown(session, "select id from customers")


def test_names_are_in_doubt_in_an_encoding_that_is_not_read() -> None:
    session = standing()
    session.apply(DEFINES, is_certain=True)
    asyncio.run(session.read_overlay(Server(encoding=b"EUC_TW").ask))
    assert unknown(session, "select 1") == ("names cannot be read in the encoding EUC_TW",)


def test_observe_mode_asks_only_when_a_created_relation_does_not_tell_enough() -> None:
    session = standing(observe=True)
    session.apply(CREATES, is_certain=True)
    assert not session.overlay_is_due
    assert not unknown(session, "select id from new_notes")
    assert session.wants_overlay(), "a name that is not known may be one of this transaction"
    asyncio.run(session.read_overlay(Server("new_notes").ask))
    assert not session.wants_overlay(), "nothing was defined since"
    session.apply(DEFINES, is_certain=True)
    assert session.overlay_is_due, "whatever else was defined may have renamed something"


def test_a_name_that_nobody_made_asks_only_whether_the_catalog_changed() -> None:
    watch = Watch(shop())
    session = standing(watch)
    judged = asyncio.run(session.study_patiently(b"select 1 from nowhere", in_transaction=False))
    assert judged.facts.fault is not None
    assert (watch.caught_up, watch.completed) == (1, 0)


def test_a_setting_of_the_path_or_the_role_makes_the_path_stale() -> None:
    for effect in (Effect(EffectKind.SETTING, "search_path"), Effect(EffectKind.SETTING), Effect(EffectKind.ROLE)):
        session = standing()
        session.apply([effect], is_certain=True)
        assert session.path_is_stale
    session = standing()
    session.apply([Effect(EffectKind.SETTING, "timezone")], is_certain=True)
    assert not session.path_is_stale


def test_a_temporary_table_is_known_to_its_session_until_it_is_discarded() -> None:
    session = standing()
    made = Effect(EffectKind.CREATE, "draft", None, Relation("pg_temp", "draft", "r", ("id",)))
    session.apply([made, *DEFINES], is_certain=True)
    session.transaction_ended()
    session.set_path(PATH)
    asyncio.run(session.study_patiently(b"select 1", in_transaction=False))
    assert not unknown(session, "select id from draft")
    session.apply([Effect(EffectKind.DISCARD, "temp")], is_certain=True)
    session.set_path(PATH)
    assert unknown(session, "select id from draft")


def test_observe_mode_waits_a_moment_for_an_unknown_name_and_not_again_before_the_catalog_was_read() -> None:
    watch = Watch(shop())
    waits: list[float] = []

    async def note(limit_s: float) -> None:
        waits.append(limit_s)

    watch.catch_up_within = note  # type: ignore[method-assign]
    session = standing(watch, observe=True)
    for _ in range(3):
        asyncio.run(session.study_patiently(b"select * from nowhere", in_transaction=False))
    assert (len(waits), watch.caught_up) == (1, 0)
    watch.completed += 1
    asyncio.run(session.study_patiently(b"select * from nowhere", in_transaction=False))
    assert len(waits) == 2


def veiled(
    watch: Watch,
    rules: str = RULES,
    *,
    is_veiled: bool = True,
    masking: Masking | None = None,
    classification: Classification = CLASSIFICATION,
) -> Standing:
    """The standing of a session of ada's where masks are in force."""
    asked = masked_policies(rules, classification)
    footing = Footing(
        "shop", False, False, watch, lambda: asked, Judges(), Context(), lambda: 0, masking=masking or shop_masking(),
        is_veiled=is_veiled,
    )  # fmt: skip
    found = Standing(ADA, footing, Names())
    found.set_path(PATH)
    return found


def test_what_masks_flow_to_is_found_out_off_the_event_loop() -> None:
    threads: list[int] = []

    def nonce() -> str:
        threads.append(threading.get_ident())
        return f"tw{len(threads):06x}q"

    async def run() -> None:
        standing = veiled(Watch(shop()), masking=Masking("shop", "shop", Secret("key"), nonce))
        for text in (b"select ssn from customers", b"select ssn, id from customers"):
            at_once = standing.can_study_at_once(text, in_transaction=False)
            assert at_once == bool(threads)
            assert (await standing.study_patiently(text, in_transaction=False)).plan is not None

    asyncio.run(run())
    assert [one == threading.get_ident() for one in threads] == [False, True]


class Unreachable(Watch):
    async def catch_up(self) -> Catalog:
        raise UpstreamError("gone")


@pytest.mark.parametrize("watch", [Watch(shop()), Unreachable(shop())])
def test_a_session_that_masks_judges_by_a_catalog_that_was_looked_at_a_moment_ago(watch: Watch) -> None:
    async def run() -> None:
        standing = veiled(watch)
        text = b"select ssn from customers"
        standing.study(text, in_transaction=False)
        watch.is_fresh = False
        assert standing.recall(text, in_transaction=False) is None
        assert not standing.can_study_at_once(text, in_transaction=False)
        assert (await standing.study_patiently(text, in_transaction=False)).plan is not None
        assert watch.caught_up == (not isinstance(watch, Unreachable))
        watch.is_fresh = True
        assert standing.recall(text, in_transaction=False) is not None

    asyncio.run(run())


class Looking(Watch):
    """Is fresh once it was looked at; `found` is what the look finds."""

    def __init__(self, catalog: Catalog) -> None:
        super().__init__(catalog)
        self.is_fresh = False
        self.found = catalog

    async def catch_up(self) -> Catalog:
        self.is_fresh, self.current = True, self.found
        return self.current


def test_a_look_that_finds_nothing_new_leaves_what_was_judged_as_it_was() -> None:
    async def run() -> None:
        watch, text = Looking(shop()), b"select ssn from customers"
        standing = veiled(watch)
        first = await standing.study_patiently(text, in_transaction=False)
        watch.is_fresh = False
        assert standing.recall(text, in_transaction=False) is None
        assert await standing.study_patiently(text, in_transaction=False) is first
        watch.is_fresh, watch.found = False, Catalog()
        assert standing.recall(text, in_transaction=False) is None
        assert await standing.study_patiently(text, in_transaction=False) is not first

    asyncio.run(run())


def test_what_a_cursor_shows_is_known_once_definitions_of_others_are_read() -> None:
    async def run() -> None:
        watch = Watch(shop())
        session = veiled(watch)
        text, fetch = b"declare c cursor for select id from orders", b"fetch c"
        declared = session.study(text, in_transaction=True)
        cursor = Statement(b"", (), declared.facts, text, declared.plan)
        session.names.portals[b"c"] = Portal(cursor, b"c")
        watch.current = replace(watch.current, version=99)
        watch.refresh_soon()
        assert session.recall(fetch, in_transaction=True) is None
        session.look_again(fetch, in_transaction=True)
        assert cursor.is_outdated, "nobody can tell now"
        judged = await session.study_patiently(fetch, in_transaction=True)
        assert not session.names.portals[b"c"].statement.is_outdated
        assert not judged.facts.unknown

    asyncio.run(run())


@pytest.mark.parametrize("masks", [False, True])
def test_a_session_waits_for_definitions_of_others_unless_somebody_has_read_them(masks: bool) -> None:
    async def run() -> None:
        watch = Watch(shop())
        session = veiled(watch) if masks else standing(watch)
        text = b"select ssn from customers"
        session.study(text, in_transaction=False)
        assert session.recall(text, in_transaction=False) is not None
        for by_others in (False, True):
            watch.refresh_soon()
            assert session.recall(text, in_transaction=False) is None
            assert not session.can_study_at_once(text, in_transaction=False)
            if by_others:
                await watch.refresh()
            else:
                assert isinstance((await session.study_patiently(text, in_transaction=False)).verdict, Allow)
            assert session.recall(text, in_transaction=False) is not None
        assert watch.completed == 2

    asyncio.run(run())


def test_observe_mode_does_not_wait_for_definitions_of_others() -> None:
    watch = Watch(shop())
    session = standing(watch, observe=True)
    session.study(b"select 1", in_transaction=False)
    watch.refresh_soon()
    assert session.recall(b"select 1", in_transaction=False) is not None


class Unread(Watch):
    async def refresh(self) -> Catalog:
        raise UpstreamError("gone")


def test_what_depends_on_definitions_that_cannot_be_read_is_refused_and_a_transaction_can_end() -> None:
    watch = Unread(shop())
    session = standing(watch)
    watch.refresh_soon()

    def verdict(text: bytes) -> Verdict:
        return asyncio.run(session.study_patiently(text, in_transaction=True)).verdict

    refused = verdict(b"select 1")
    assert isinstance(refused, Deny) and refused.sqlstate == "57P03"
    assert isinstance(verdict(b"commit"), Allow)


def test_a_session_that_began_without_masks_ends_where_it_would_need_them() -> None:
    with pytest.raises(SightChanged, match="connect anew"):
        veiled(Watch(shop()), is_veiled=False).recall(b"select 1", in_transaction=False)


def test_what_has_a_name_is_outdated_once_it_would_be_masked_otherwise() -> None:
    standing = veiled(Watch(shop()))
    text = b"prepare p as select ssn from customers"
    judged = standing.study(text, in_transaction=False)
    other = Plan(b"PREPARE p AS SELECT 1")
    for plan, source, is_current in ((judged.plan, text, True), (other, text, False), (other, b"", False)):
        standing.names.apply(judged.facts.effects, is_certain=True, source=source, plan=plan)
        standing.set_path(PATH)
        standing.recall(b"select 1", in_transaction=False)
        assert standing.look_again(b"select 1", in_transaction=False) == []
        found = standing.look_again(b"explain EXECUTE p", in_transaction=False)
        assert [name for name, _ in found] == ([] if is_current else [b"p"])
        assert bool(standing.names.prepared["p"].unknown) is not is_current


def test_what_is_sent_alike_is_current_whatever_else_is_masked_now() -> None:
    standing = veiled(Watch(shop()))
    for text, is_current in ((b"select ssn from customers", True), (b"select email from customers", False)):
        judged = standing.study(text, in_transaction=False)
        assert judged.plan is not None and judged.plan.sight is not None
        before = replace(judged.plan, sight=replace(judged.plan.sight))
        statement = Statement(text, (), judged.facts, plan=before)
        assert standing.is_current(statement, in_transaction=False) is is_current  # late masks are not in the text
        assert (statement.plan is judged.plan) is is_current
    assert standing.look_again(b"execute p", in_transaction=False) == []


def test_what_was_prepared_beside_a_definition_that_it_may_have_met_is_not_current() -> None:
    """The server looks functions and casts up once; what it found is not found out by judging the text again."""
    watch = Watch(shop())
    standing = veiled(watch)
    text = b"select upper(name), ssn from customers"
    judged = standing.study(text, in_transaction=False)
    statement = Statement(text, (), judged.facts, plan=judged.plan, since=standing.since)
    for name, is_current in (("other", True), ("upper", False)):
        watch.history.note(Reach(functions=frozenset({name})))
        assert standing.is_current(statement, in_transaction=False) is is_current
        assert statement.since == watch.history.epoch - (not is_current)
    statement.since = watch.history.epoch  # prepared anew
    assert standing.is_current(statement, in_transaction=False)


def test_the_server_masks_dates_while_they_may_be_written_in_another_style() -> None:
    born = Classification(
        {"day": Mask("truncate", {"unit": "year"})}, {"shop": {"public.payments": {"paid_at": ("day",)}}}
    )
    standing = veiled(Watch(shop()), classification=born)
    text = b"select paid_at from payments"

    def is_late() -> bool:
        judged = standing.recall(text, in_transaction=False) or standing.study(text, in_transaction=False)
        assert judged.plan is not None
        return bool(judged.plan.late)

    assert not is_late()
    standing.parameter_changed(b"DateStyle", b"ISO, MDY")
    assert is_late()
    plan = standing.study(text, in_transaction=False).plan
    prepared = Statement(text, (), standing.study(text, in_transaction=False).facts, plan=plan)
    standing.apply([Effect(EffectKind.SETTING, "datestyle")], is_certain=True)  # the server has not told yet
    assert not is_late()
    assert not standing.is_current(prepared, in_transaction=False)
    standing.parameter_changed(b"DateStyle", b"German, DMY")
    standing.transaction_ended()
    assert not is_late()
    standing.parameter_changed(b"DateStyle", b"ISO, DMY")
    assert is_late()
    assert standing.is_current(prepared, in_transaction=False)


@pytest.mark.parametrize(("name", "value"), [(b"standard_conforming_strings", b"off"), (b"client_encoding", b"LATIN1")])
def test_a_statement_means_what_it_meant_when_it_was_parsed(name: bytes, value: bytes) -> None:
    """The server keeps what it has parsed; judged by how its bytes read now, another table could be approved."""
    text = "select '\\é'".encode()
    one = standing()
    one.names.prepare(b"s", Statement(text, (), Facts()))
    for said in (b"on", b"UTF8"):
        one.parameter_changed(b"standard_conforming_strings" if said == b"on" else b"client_encoding", said)
    assert one.names.statements[b"s"].text == text, "nothing has changed"
    one.parameter_changed(name, value)
    assert one.names.statements[b"s"].text == b""
