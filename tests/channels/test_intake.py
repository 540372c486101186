"""From an account elsewhere to a decision, each refusal recorded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from channelkit import DORA, NOW, REQUEST, Place, opened

from tidewaiter.approvals.desk import Request, Vote, Word
from tidewaiter.approvals.desk import decide as voted
from tidewaiter.channels.contract import Decision
from tidewaiter.channels.intake import Intake
from tidewaiter.errors import Conflict, NotPermitted, StoreUnavailable
from tidewaiter.identity.accounts import Realm
from tidewaiter.model import Need

pytestmark = pytest.mark.anyio
DORAS = (Realm.EMAIL, "dora@example.com")
DECISION = Decision("AR-2222222", Word.APPROVE, *DORAS, "fine", "message 7", seen="what it showed")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with opened(tmp_path) as made:
        made.people()
        yield made


class Desk:
    """What stands behind an intake: notes decisions, or refuses them."""

    def __init__(self, place: Place, request: Request = REQUEST) -> None:
        self.request = request
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        self.fails: list[Exception] = []
        self.rejected: list[tuple[str, str, str]] = []
        self.intake = Intake(
            "ops", place.accounts, lambda name: place.directory.account(name).principal.groups, self.decide,
            place.outbox, place.ledger, lambda *told: self.rejected.append(told), place.clock,
        )  # fmt: skip

    async def decide(self, id_: str, principal: str, word: Word, **told: Any) -> Request:
        self.asked.append((id_, principal, {"word": word, **told}))
        if self.fails:
            raise self.fails.pop(0)
        vote = Vote(principal, word is Word.APPROVE, ("dba",), NOW, "ops")
        return voted(self.request, DORA, vote, now_s=NOW, approval_s=30)


async def test_a_known_account_decides_as_its_principal(place: Place) -> None:
    desk = Desk(place)
    outcome = await desk.intake.decide(DECISION)
    assert (outcome.counts, outcome.said) == (True, "request AR-2222222 is now approved")
    assert desk.asked == [
        (
            "AR-2222222",
            "dora",
            {
                "word": Word.APPROVE,
                "note": "fine",
                "channel": "ops",
                "place": "message 7 (email account dora@example.com)",
                "seen": "what it showed",
            },
        )
    ]


async def test_one_of_two_approvals_says_what_is_missing(place: Place) -> None:
    desk = Desk(place, replace(REQUEST, needs=(Need(("dba",), 2),)))
    outcome = await desk.intake.decide(DECISION)
    assert outcome.said == "dora approved request AR-2222222; it still needs 2 of dba"


async def test_a_stranger_is_refused_and_recorded_and_the_desk_is_not_asked(place: Place) -> None:
    desk = Desk(place)
    outcome = await desk.intake.decide(replace(DECISION, account="mallory@example.com"))
    assert not outcome.counts
    assert outcome.said == "this does not count: email account mallory@example.com belongs to no principal"
    assert desk.asked == []
    (entry,) = place.ledger.of("request.refused")
    assert entry["by"] == {"channel": "ops", "place": "message 7", "who": "email account mallory@example.com"}


async def test_a_sender_speaks_only_for_its_groups(place: Place) -> None:
    desk = Desk(place)
    assert (await desk.intake.decide(replace(DECISION, speaks_for=frozenset({"dba"})))).counts
    outcome = await desk.intake.decide(replace(DECISION, speaks_for=frozenset({"security"})))
    assert outcome.said.endswith("channel ops speaks for security only, and dora is in none of them")
    assert len(place.ledger.of("request.refused")) == 1


@pytest.mark.parametrize("error", [NotPermitted("dora is disabled"), Conflict("request is expired")])
async def test_what_the_desk_refuses_is_said(place: Place, error: Exception) -> None:
    desk = Desk(place)
    desk.fails = [error]
    outcome = await desk.intake.decide(DECISION)
    assert (outcome.counts, outcome.said) == (False, str(error))


async def test_an_outage_of_the_store_is_no_decision(place: Place) -> None:
    desk = Desk(place)
    desk.fails = [StoreUnavailable("locked")]
    with pytest.raises(StoreUnavailable):
        await desk.intake.decide(DECISION)


async def test_what_people_write_is_made_harmless_and_short(place: Place) -> None:
    desk = Desk(place)
    await desk.intake.decide(replace(DECISION, note="\x1b[2J" + "x" * 5000))
    note = desk.asked[0][2]["note"]
    assert (note[:7], len(note)) == ("\\x1b[2J", 2000)


async def test_forged_messages_are_counted_with_the_channels_name(place: Place) -> None:
    desk = Desk(place)
    desk.intake.reject("forged", "192.0.2.7")
    assert desk.rejected == [("ops", "forged", "192.0.2.7")]


async def test_messages_are_marked_and_open_requests_are_those_announced(place: Place) -> None:
    desk = Desk(place)
    await desk.intake.mark("m")
    assert (await desk.intake.was_seen("m"), await desk.intake.was_seen("n")) == (True, False)
    await place.ask()
    assert list(await desk.intake.announced()) == []
