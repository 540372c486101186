from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.approvals.desk import (
    NEXT,
    Refused,
    Request,
    State,
    Step,
    Vote,
    consumed,
    decide,
    expired,
    failed,
    why_not,
    withdrawn,
)
from tidewaiter.model import Kind, Need, Principal

NOW = 1_000.0
LATER = 2_000.0
DORA = Principal("dora", Kind.USER, frozenset({"dba"}))
DAN = Principal("dan", Kind.USER, frozenset({"dba", "security"}))
SAM = Principal("sam", Kind.USER, frozenset({"security"}))
ALICE = Principal("alice", Kind.USER, frozenset({"analysts", "dba"}))
REPORTER = Principal("reporter", Kind.AGENT, frozenset({"dba"}), ALICE)


def asked(*needs: Need, principal: str = "reporter", owner: str | None = "alice") -> Request:
    return Request(
        id="AR-1", principal=principal, on_behalf_of=owner, datasource="shop", rule="holds", message="waits",
        statement="delete from customers", parameters=(), binding="b" * 64, needs=needs or (Need(("dba",)),),
        session="s", created_s=NOW, expires_s=LATER,
    )  # fmt: skip


def voted(request: Request, who: Principal, *, yes: bool = True, now_s: float = NOW, note: str = "") -> Request:
    vote = Vote(who.name, yes, tuple(sorted(who.groups)), now_s, "shell", "here", note)
    return decide(request, who, vote, now_s=now_s, approval_s=60.0)


def test_one_approval_by_the_group_is_enough_and_starts_the_time_to_run_it() -> None:
    found = voted(asked(), DORA)
    assert (found.state, found.expires_s, found.missing) == (State.APPROVED, NOW + 60, ())


def test_a_quorum_counts_different_people() -> None:
    twice = asked(Need(("dba",), 2))
    once = voted(twice, DORA)
    assert (once.state, voted(once, DORA)) == (State.OPEN, once)
    assert voted(once, DAN).state is State.APPROVED


def test_every_need_must_be_met_and_one_person_may_meet_several() -> None:
    both = asked(Need(("dba",)), Need(("security",)))
    assert voted(both, DORA).missing == (Need(("security",)),)
    assert voted(voted(both, DORA), SAM).state is State.APPROVED
    assert voted(both, DAN).state is State.APPROVED


def test_one_of_several_groups_suffices() -> None:
    assert voted(asked(Need(("dba", "security"))), SAM).state is State.APPROVED


def test_a_denial_ends_it_with_its_reason() -> None:
    found = voted(asked(Need(("dba",), 2)), DORA, yes=False, note="use the archive")
    assert (found.state, found.reason) == (State.DENIED, "use the archive")
    with pytest.raises(Refused, match="is denied"):
        voted(found, DAN)


def test_an_approver_may_think_better_of_it_before_it_ran() -> None:
    approved = voted(asked(), DORA)
    assert voted(approved, DORA, yes=False).state is State.DENIED
    ran = consumed(approved, "b" * 64, NOW)
    with pytest.raises(Refused, match="is consumed"):
        voted(ran, DORA, yes=False)


@pytest.mark.parametrize(
    ("who", "request_", "reason"),
    [
        (ALICE, asked(), "own"),
        (DORA, asked(principal="dora", owner=None), "own"),
        (REPORTER, asked(principal="bob", owner=None), "agent"),
        (SAM, asked(), "group"),
        (replace(DORA, kind=Kind.SERVICE), asked(), "service"),
    ],
)
def test_nobody_decides_who_should_not(who: Principal, request_: Request, reason: str) -> None:
    for yes in (True, False):
        with pytest.raises(Refused) as refused:
            voted(request_, who, yes=yes)
        assert refused.value.reason == reason


def test_a_late_vote_meets_an_expired_request() -> None:
    with pytest.raises(Refused, match="is expired"):
        voted(asked(), DORA, now_s=LATER)


def test_an_approval_that_was_not_used_expires() -> None:
    approved = voted(asked(), DORA)
    assert expired(approved, NOW + 59.9).state is State.APPROVED
    assert expired(approved, NOW + 60).state is State.EXPIRED
    with pytest.raises(Refused, match="is expired"):
        consumed(approved, "b" * 64, NOW + 60)


def test_an_approval_is_used_once_and_only_for_what_it_was_given_for() -> None:
    approved = voted(asked(), DORA)
    with pytest.raises(Refused, match="something else"):
        consumed(approved, "c" * 64, NOW)
    ran = consumed(approved, "b" * 64, NOW)
    with pytest.raises(Refused, match="is consumed"):
        consumed(ran, "b" * 64, NOW)
    assert failed(ran, "57014").state is State.FAILED


def test_who_asked_may_withdraw_only_what_is_open() -> None:
    assert withdrawn(asked(), "the client went away").state is State.WITHDRAWN
    for closed in (voted(asked(), DORA), voted(asked(), DORA, yes=False)):
        with pytest.raises(Refused):
            withdrawn(closed, "too late")


@pytest.mark.parametrize("state", [State.DENIED, State.EXPIRED, State.WITHDRAWN, State.FAILED])
def test_what_is_over_stays_as_it_is(state: State) -> None:
    over = replace(asked(), state=state)
    assert expired(over, LATER + 1) == over
    assert not any(before is state for before, _ in NEXT)


PEOPLE = st.sampled_from([DORA, DAN, SAM, ALICE, REPORTER])
MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("vote"), PEOPLE, st.booleans()),
        st.tuples(st.sampled_from(["withdraw", "consume", "fail"]), st.just(DORA), st.just(True)),
        st.tuples(st.just("wait"), st.just(DORA), st.just(True)),
    ),
    max_size=12,
)


@given(MOVES, st.sampled_from([(Need(("dba",)),), (Need(("dba",), 2),), (Need(("dba",)), Need(("security",)))]))
def test_whatever_happens_it_runs_at_most_once_and_only_with_every_need_met(
    moves: list[tuple[str, Principal, bool]], needs: tuple[Need, ...]
) -> None:
    request, now_s, runs = asked(*needs), NOW, 0
    for move, who, yes in moves:
        before = request
        try:
            if move == "vote":
                request = voted(request, who, yes=yes, now_s=now_s)
            elif move == "withdraw":
                request = withdrawn(request, "gone")
            elif move == "consume":
                request = consumed(request, "b" * 64, now_s)
                runs += 1
                yes_by = {vote.approver for vote in before.votes if vote.is_approval}
                assert yes_by and not yes_by & {"alice", "reporter"} and not before.missing
            elif move == "fail":
                request = failed(request, "error")
            else:
                now_s += 45.0
        except Refused:
            assert request == before
    assert runs <= 1
    assert request.state is State.OPEN or any(after is request.state for after in NEXT.values())


def test_every_step_is_one_that_the_table_knows() -> None:
    assert {step for _, step in NEXT} == set(Step)


def test_why_somebody_may_not_decide_is_known_before_they_try() -> None:
    request = asked()
    assert why_not(request, DORA) is None
    for who, reason in ((ALICE, "own"), (SAM, "group"), (REPORTER, "agent")):
        refused = why_not(request, who)
        assert refused is not None and refused.reason == reason
        with pytest.raises(Refused, match=str(refused)):
            decide(request, who, Vote(who.name, True, tuple(who.groups), NOW, "shell"), now_s=NOW, approval_s=1)


def test_progress_says_how_far_each_need_is() -> None:
    two, one = Need(("dba",), 2), Need(("security",))
    voted = replace(asked(two, one), votes=(Vote("dan", True, ("dba", "security"), NOW, "shell"),))
    assert voted.progress == ((two, 1), (one, 1))
    assert voted.missing == (two,)
