"""What changes the meaning of a session's statements, and who has to hear of it."""

from __future__ import annotations

import asyncio

import pytest
from meaningstage import CREATES, DEFINES, Server, Watch, standing
from playstage import shop

from tidewaiter.model import Effect, EffectKind, Relation

TEMPORARY = [
    Effect(EffectKind.CREATE, "draft", None, Relation("pg_temp", "draft", "r", ("id",))),
    Effect(EffectKind.DEFINE, "pg_temp"),
]


@pytest.mark.parametrize("name", ["", "search_path", "standard_conforming_strings", "client_encoding"])
def test_what_changes_the_meaning_of_texts_makes_the_path_stale(name: str) -> None:
    session = standing()
    session.apply([Effect(EffectKind.SETTING, name)], is_certain=True)
    assert session.path_is_stale


def test_other_settings_do_not() -> None:
    session = standing()
    session.apply([Effect(EffectKind.SETTING, "work_mem")], is_certain=True)
    assert not session.path_is_stale


def test_what_is_defined_for_all_is_read_before_anybody_is_judged_once_the_transaction_ended() -> None:
    watch = Watch(shop())
    session = standing(watch)
    session.apply(CREATES, is_certain=True)
    assert not watch.is_behind, "nobody else sees it yet"
    session.transaction_ended()
    assert watch.is_behind


def test_what_is_the_sessions_own_makes_nobody_wait() -> None:
    watch = Watch(shop())
    session = standing(watch)
    session.apply(TEMPORARY, is_certain=True)
    session.transaction_ended()
    session.unanswered(TEMPORARY)
    assert not watch.is_behind


def test_what_may_have_been_defined_when_a_session_ends_is_read() -> None:
    for defined, under_way in ((DEFINES, []), ([], DEFINES)):
        watch = Watch(shop())
        session = standing(watch)
        session.apply(defined, is_certain=True)
        session.unanswered(under_way)
        assert watch.is_behind
    watch = Watch(shop())
    standing(watch).unanswered([Effect(EffectKind.SETTING, "timezone")])
    assert not watch.is_behind


def test_what_a_prepared_transaction_had_defined_is_read_once_it_is_committed() -> None:
    watch = Watch(shop())
    standing(watch).committed_prepared()
    assert watch.is_behind


def test_an_overlay_is_read_again_once_others_have_defined_something() -> None:
    async def run() -> None:
        watch, server = Watch(shop()), Server("fresh")
        session = standing(watch)
        session.apply(DEFINES, is_certain=True)
        await session.read_overlay(server.ask)
        text = b"select id from fresh"
        session.study(text, in_transaction=True)
        assert session.recall(text, in_transaction=True) is not None
        watch.refresh_soon()
        for _ in range(2):
            assert session.recall(text, in_transaction=True) is None
            assert session.overlay_is_due
            await session.read_overlay(server.ask)
            assert not session.overlay_is_due
        await watch.refresh()
        session.study(text, in_transaction=True)
        assert session.recall(text, in_transaction=True) is not None
        watch.history.note(None)
        assert session.recall(text, in_transaction=True) is None
        assert session.overlay_is_due

    asyncio.run(run())
