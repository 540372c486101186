"""Statements and portals share one name space between protocol and SQL, and every change can be taken back."""

from __future__ import annotations

from dataclasses import replace

from maskstage import plan

from tidewaiter.model import Allow, Effect, EffectKind, Facts
from tidewaiter.proxy.names import LOST_TRACK, NESTED, Names, Portal, Statement
from tidewaiter.proxy.pipeline import Judged
from tidewaiter.proxy.trail import Execution

ONE = Facts(verbs=("select",))
TWO = Facts(verbs=("insert",))


def statement(facts: Facts = ONE, text: bytes = b"select 1") -> Statement:
    return Statement(text, (), facts)


def execution() -> Execution:
    return Execution(Judged(ONE, Allow(), b"", False, False), b"select 1", 0)


def test_refused_parse_restores_what_the_name_stood_for() -> None:
    names = Names()
    first = statement()
    names.prepare(b"s", first)
    undo = names.prepare(b"s", statement(TWO))
    undo()
    assert names.statements == {b"s": first}


def test_refused_first_parse_leaves_no_name() -> None:
    names = Names()
    names.prepare(b"s", statement())()
    names.bind(Portal(statement(), b"p"))()
    assert (names.statements, names.portals) == ({}, {})


def test_skipped_close_brings_the_name_back() -> None:
    names = Names()
    kept, portal = statement(), Portal(statement(), b"p")
    names.prepare(b"s", kept)
    names.bind(portal)
    undos = [names.close("S", b"s"), names.close("P", b"p")]
    assert (names.statements, names.portals) == ({}, {})
    for undo in reversed(undos):
        undo()
    assert (names.statements, names.portals) == ({b"s": kept}, {b"p": portal})


def test_sql_prepare_and_protocol_parse_meet() -> None:
    names = Names()
    names.prepare(b"s1", statement(TWO))
    names.apply([Effect(EffectKind.PREPARE, "s2", facts=ONE)], is_certain=True)
    assert {name: names.prepared[name] for name in names.prepared} == {"s1": TWO, "s2": ONE}
    assert len(names.prepared) == 2
    assert names.statements[b"s2"].facts is ONE


def test_declared_cursor_is_a_portal_that_survives_the_transaction() -> None:
    names = Names()
    names.apply([Effect(EffectKind.DECLARE, "c", facts=ONE)], is_certain=True)
    names.settled(names.bind(Portal(statement(), b"")))
    assert names.transaction_ended() == []
    assert set(names.portals) == {b"c"}
    assert names.cursors["c"] is ONE


def test_suspended_execution_is_handed_out_when_its_transaction_ends() -> None:
    names = Names()
    run = execution()
    names.settled(names.bind(Portal(statement(), b"p", execution=run)))
    assert names.transaction_ended() == [run]
    assert names.portals == {}


def test_failed_prepare_makes_the_name_unknown() -> None:
    names = Names()
    names.prepare(b"s", statement())
    names.apply([Effect(EffectKind.PREPARE, "s", facts=TWO)], is_certain=False)
    assert names.prepared["s"] is LOST_TRACK
    assert LOST_TRACK.unknown


def test_deallocate_close_and_discard_forget() -> None:
    names = Names()
    for name in (b"a", b"b"):
        names.prepare(name, statement())
        names.bind(Portal(statement(), name))
    names.apply([Effect(EffectKind.DEALLOCATE, "a"), Effect(EffectKind.CLOSE, "a")], is_certain=True)
    assert (set(names.statements), set(names.portals)) == ({b"b"}, {b"b"})
    names.apply([Effect(EffectKind.CLOSE, "")], is_certain=True)
    assert names.portals == {}
    names.apply([Effect(EffectKind.DEALLOCATE, "")], is_certain=True)
    assert names.statements == {}
    names.prepare(b"x", statement())
    names.apply([Effect(EffectKind.DISCARD, "plans")], is_certain=True)
    assert set(names.statements) == {b"x"}
    names.apply([Effect(EffectKind.DISCARD, "ALL")], is_certain=True)
    assert names.statements == {}


def test_prepared_by_sql_is_understood_again_when_names_mean_something_else() -> None:
    names = Names()
    names.apply([Effect(EffectKind.PREPARE, "p", facts=ONE)], is_certain=True, source=b"prepare p as select 1")
    names.prepare(b"protocol", statement(ONE))
    names.renew(lambda source: Facts(effects=(Effect(EffectKind.PREPARE, "p", facts=TWO),)))
    assert names.prepared["p"] is TWO
    assert names.prepared["protocol"] is ONE


def test_a_prepared_text_without_a_statement_stays_known_when_names_mean_something_else() -> None:
    empty = Facts(parts=0)
    names = Names()
    names.prepare(b"ping", Statement(b"", (), empty))
    names.renew(lambda source: Facts(unknown=("no",)))
    assert names.prepared["ping"] is empty


def test_what_names_stand_for_is_told_by_the_text_that_made_them() -> None:
    prepares = [Effect(EffectKind.PREPARE, "p", facts=ONE), Effect(EffectKind.DECLARE, "c", facts=ONE)]
    found = []
    for origin in (b"prepare p as update t set a = 1", b"prepare p as update t set a = 2"):
        names = Names()
        names.apply(prepares, is_certain=True, source=origin, origin=origin)
        found.append(names.sources())
        names = Names()
        names.apply(prepares, is_certain=True, origin=b"select 1; " + origin)
        found.append(names.sources())
    assert len(set(found)) == 4
    assert [name for name, _ in found[0]] == [b"Pc".hex(), b"Sp".hex()]
    names.prepare(b"protocol", statement())
    assert len(names.sources()) == 3


def test_prepared_by_sql_is_lost_track_of_when_it_cannot_be_understood_again() -> None:
    names = Names()
    names.apply([Effect(EffectKind.PREPARE, "p", facts=ONE)], is_certain=True, source=b"prepare p as select 1")
    names.apply([Effect(EffectKind.PREPARE, "q", facts=ONE)], is_certain=True)
    names.renew(lambda source: Facts(unknown=("no",)))
    assert names.prepared["p"] is names.prepared["q"] is LOST_TRACK


def test_sql_runs_what_the_gateway_masks_itself_by_its_plan() -> None:
    names = Names()
    late = plan(b"select email from customers")
    assert late.late
    names.prepare(b"s", Statement(b"select email from customers", (), ONE, plan=late))
    names.bind(Portal(names.statements[b"s"], b"p"))
    assert names.prepared["s"] is names.cursors["p"] is ONE
    assert names.sent_by("s", False) is names.sent_by("p", True) is late
    assert names.sent_by("p", False) is names.sent_by("s", True) is None
    names.prepare(b"plain", Statement(b"select 1", (), ONE))
    assert names.sent_by("plain", False) is None


def test_what_is_late_in_a_text_of_sql_is_not_what_it_named() -> None:
    names = Names()
    text = b"select email from customers; prepare q as update customers set name = $1"
    made = plan(text)
    names.apply([Effect(EffectKind.PREPARE, "q", facts=ONE)], is_certain=True, plan=made)
    sent = names.sent_by("q", False)
    assert made.late and sent is not None and not sent.late and sent.is_raw


def test_what_a_prepared_statement_leaves_behind_is_not_the_name_that_it_was_given() -> None:
    names = Names()
    made = plan(b"prepare q as select id from orders")
    for facts, leaves in ((replace(ONE, reads_only=True), False), (replace(ONE, reads_only=False), True)):
        names.apply([Effect(EffectKind.PREPARE, "q", facts=facts)], is_certain=True, plan=made)
        sent = names.sent_by("q", False)
        assert made.is_lasting and sent is not None and sent.is_lasting is leaves


def test_sql_does_not_run_what_runs_something_else_by_its_name() -> None:
    """That may have got another meaning since: a statement that nobody approved, or one that is masked otherwise."""
    names = Names()
    names.prepare(b"s", Statement(b"execute other", (), replace(ONE, session_bound=True)))
    names.bind(Portal(names.statements[b"s"], b"p"))
    assert names.prepared["s"] is names.cursors["p"] is NESTED


def test_behind_a_sync_a_name_counts_once_the_server_has_agreed() -> None:
    names = Names()
    undos = [names.prepare(b"s", statement()), names.bind(Portal(statement(), b"p"))]
    assert names.all_count(), "what is sent up to the next Sync is skipped with them"
    names.syncs += 1
    assert not names.counts(False, b"s")
    assert not names.counts(True, b"p")
    names.settled(undos[0])
    assert names.counts(False, b"s")
    assert not names.all_count()
    names.settled(undos[1])
    assert names.all_count()


def test_a_portal_that_the_server_has_not_agreed_to_belongs_to_the_next_transaction() -> None:
    names = Names()
    undo = names.bind(Portal(statement(), b"p"))
    names.transaction_ended()
    assert set(names.portals) == {b"p"}
    names.settled(undo)
    names.transaction_ended()
    assert not names.portals


def test_what_is_taken_back_never_stood_in_between() -> None:
    """Of two changes in two pipelines that fail, the older one is taken back first."""
    names = Names()
    first = statement()
    names.settled(names.prepare(b"s", first))
    older = names.prepare(b"s", statement(TWO))
    names.syncs += 1
    newer = names.prepare(b"s", statement(TWO))
    older()
    newer()
    assert names.statements[b"s"] is first
    assert names.all_count()


def test_what_was_closed_in_vain_is_there_again_after_a_newer_change_failed() -> None:
    names = Names()
    first = Portal(statement(), b"p", execution=execution())
    names.settled(names.bind(first))
    older = names.close("P", b"p")
    names.syncs += 1
    newer = names.bind(Portal(statement(), b"p"))
    older()
    names.syncs += 1
    assert not names.counts(True, b"p")
    newer()
    assert names.portals[b"p"] is first
    assert names.counts(True, b"p")
    assert names.settled(names.close("P", b"p")) != []


def test_a_change_that_failed_behind_one_that_did_not_leaves_that_one() -> None:
    names = Names()
    second = statement(TWO)
    older = names.prepare(b"s", second)
    newer = names.prepare(b"s", statement())
    names.syncs += 1
    names.settled(older)
    newer()
    assert names.statements[b"s"] is second
    assert names.all_count()


def test_what_reads_otherwise_now_is_not_known_any_more() -> None:
    names = Names()
    texts = [b"select 1", "select 'é'".encode("latin1"), b"select '\\' -- '"]
    for number, text in enumerate(texts):
        names.prepare(b"s%d" % number, statement(text=text))
    names.bind(Portal(statement(text=texts[1]), b"p"))
    names.prepare(b"sql", Statement(b"", (), TWO))
    names.reread()
    assert [names.statements[b"s%d" % number].text for number in range(3)] == [b"select 1", b"", b""]
    assert [names.statements[b"s%d" % number].facts for number in range(3)] == [ONE, LOST_TRACK, LOST_TRACK]
    assert (names.portals[b"p"].statement.text, names.portals[b"p"].statement.facts) == (b"", LOST_TRACK)
    assert names.statements[b"sql"].facts is TWO
