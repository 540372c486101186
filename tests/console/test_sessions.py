"""Sessions: who is in, for how long, and how many."""

from __future__ import annotations

from itertools import count

from tidewaiter.console.sessions import IDLE_S, LIFE_S, SESSIONS, SESSIONS_OF_ONE, Session, Sessions

HERE, THERE = "http://127.0.0.1:8480", "https://gate.example"
FOREVER = 1e12


def begun(
    sessions: Sessions, principal: str = "dora", expires_s: float = FOREVER, now_s: float = 0.0
) -> tuple[str, Session]:
    return sessions.begin(principal, "c1", frozenset(), HERE, "192.0.2.7", expires_s, now_s)


def test_a_key_opens_its_session_where_it_began() -> None:
    sessions = Sessions()
    key, session = begun(sessions)
    assert sessions.find(key, HERE, 1.0) is session
    assert sessions.find(key, THERE, 1.0) is None
    assert sessions.find(key + "x", HERE, 1.0) is None
    assert sessions.find("", HERE, 1.0) is None
    assert len({key, session.id, session.token}) == 3


def test_nothing_that_is_shown_of_a_session_is_a_secret() -> None:
    key, session = begun(Sessions())
    assert key not in repr(session)
    assert session.token not in repr(session)
    assert session.id not in key


def test_what_a_person_does_keeps_it_alive_for_a_day_at_most() -> None:
    sessions = Sessions()
    key, _ = begun(sessions)
    now_s = 0.0
    while now_s + IDLE_S - 1 < LIFE_S:
        now_s += IDLE_S - 1
        assert sessions.find(key, HERE, now_s) is not None
    assert sessions.find(key, HERE, LIFE_S) is None
    assert len(sessions) == 0


def test_an_idle_session_ends_and_so_does_one_whose_credential_is_over() -> None:
    sessions = Sessions()
    idle, _ = begun(sessions)
    assert sessions.find(idle, HERE, IDLE_S - 1, is_active=False) is not None
    assert sessions.find(idle, HERE, IDLE_S) is None
    short, _ = begun(sessions, expires_s=10.0)
    assert sessions.find(short, HERE, 9.9) is not None
    assert sessions.find(short, HERE, 10.0) is None


def test_an_ended_session_is_over_and_can_be_ended_again() -> None:
    sessions = Sessions()
    key, session = begun(sessions)
    sessions.end(session)
    sessions.end(session)
    assert sessions.find(key, HERE, 0.0) is None


def test_there_are_so_many_of_one_and_so_many_of_all() -> None:
    numbers = count()
    sessions = Sessions(lambda: f"key {next(numbers)}")
    keys = [begun(sessions, now_s=float(n))[0] for n in range(SESSIONS_OF_ONE)]
    sessions.find(keys[0], HERE, 100.0)
    begun(sessions, now_s=101.0)
    assert sessions.find(keys[0], HERE, 102.0) is not None
    assert sessions.find(keys[1], HERE, 102.0) is None  # the one that was used least recently
    for n in range(SESSIONS + 5):
        begun(sessions, f"p{n}", now_s=103.0)
    assert len(sessions) == SESSIONS


def test_ended_sessions_make_room_for_new_ones() -> None:
    sessions = Sessions()
    for n in range(5):
        begun(sessions, f"p{n}")
    begun(sessions, now_s=LIFE_S)
    assert len(sessions) == 1
