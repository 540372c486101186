"""What each channel is to be told, across restarts and gateways."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from channelkit import NOW, Place, opened

from tidewaiter.channels.outbox import KEEP_RECEIVED_S, Outbox

pytestmark = pytest.mark.anyio


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with opened(tmp_path) as made:
        yield made


def note(outbox: Outbox, channel: str = "ops") -> int:
    return outbox.note(channel, lambda request: True, NOW)


def take(outbox: Outbox, now_s: float = NOW, channel: str = "ops") -> tuple[str, str] | None:
    """Claim and tell what is due; what was told."""
    claimed = outbox.claim(channel, now_s, now_s + 60)
    if claimed is None:
        return None
    delivery, request = claimed
    outbox.told(delivery, f"ref-{request.id}", now_s)
    return request.id, request.state.value


async def test_what_has_changed_is_due_until_it_was_told(place: Place) -> None:
    request = await place.ask()
    assert place.outbox.is_behind("ops")
    assert note(place.outbox) == 1
    assert not place.outbox.is_behind("ops")
    assert take(place.outbox) == (request.id, "open")
    assert take(place.outbox) is None
    await place.decide(request.id)
    assert note(place.outbox) == 1
    assert take(place.outbox) == (request.id, "approved")
    (told,) = place.outbox.of_request(request.id)
    assert (told.state, told.reference) == ("told", f"ref-{request.id}")


async def test_a_new_channel_starts_with_what_may_still_happen(place: Place) -> None:
    over, live = await place.ask("a"), await place.ask("c")
    await place.decide(over.id, yes=False)
    assert note(place.outbox) == 1
    assert take(place.outbox) == (live.id, "open")
    await place.requests.withdraw(live.id, "gone", "s9")
    assert note(place.outbox) == 1, "from then on it hears of everything"


async def test_only_what_is_wanted_is_noted_and_the_rest_is_not_looked_at_again(place: Place) -> None:
    note(place.outbox)
    await place.ask()
    assert place.outbox.note("ops", lambda request: False, NOW) == 0
    assert not place.outbox.is_behind("ops")


async def test_states_in_between_are_skipped_by_a_channel_that_was_away(place: Place) -> None:
    note(place.outbox)
    request = await place.ask()
    note(place.outbox)
    await place.decide(request.id)
    note(place.outbox)
    await place.decide(request.id, yes=False)
    assert take(place.outbox) == (request.id, "denied"), "the present state, though that was not noted yet"
    note(place.outbox)
    assert take(place.outbox) is None


async def test_a_change_while_it_is_told_is_told_next(place: Place) -> None:
    request = await place.ask()
    note(place.outbox)
    claimed = place.outbox.claim("ops", NOW, NOW + 60)
    assert claimed
    await place.decide(request.id)
    note(place.outbox)
    place.outbox.told(claimed[0], "ref", NOW)
    assert take(place.outbox) == (request.id, "approved")


async def test_two_gateways_do_not_tell_the_same_thing(tmp_path: Path) -> None:
    with opened(tmp_path) as one, opened(tmp_path) as other:
        await one.ask()
        note(one.outbox), note(other.outbox)
        assert one.outbox.claim("ops", NOW, NOW + 60) is not None
        assert other.outbox.claim("ops", NOW, NOW + 60) is None
        assert other.outbox.claim("ops", NOW + 60, NOW + 120) is not None, "the first one died"


async def test_deliveries_survive_a_restart(tmp_path: Path) -> None:
    with opened(tmp_path) as before:
        request = await before.ask()
        note(before.outbox)
        claimed = before.outbox.claim("ops", NOW, NOW + 60)
        assert claimed
        before.outbox.failed(claimed[0], "away", NOW + 5)
    with opened(tmp_path) as after:
        assert after.outbox.next_at_s("ops") == NOW + 5
        assert take(after.outbox, NOW + 4) is None
        assert take(after.outbox, NOW + 5) == (request.id, "open")


async def test_channels_do_not_wait_for_each_other(place: Place) -> None:
    await place.ask()
    for channel in ("ops", "other"):
        note(place.outbox, channel)
    claimed = place.outbox.claim("ops", NOW, NOW + 60)
    assert claimed
    place.outbox.failed(claimed[0], "away", NOW + 300)
    assert take(place.outbox, channel="other") is not None
    tally = place.outbox.tally("ops")
    assert (tally.told, tally.waiting, tally.given_up, tally.waiting_since_s, tally.problem) == (0, 1, 0, NOW, "away")
    assert place.outbox.tally("other").told == 1


async def test_what_was_given_up_waits_for_the_next_change(place: Place) -> None:
    request = await place.ask()
    note(place.outbox)
    claimed = place.outbox.claim("ops", NOW, NOW + 60)
    assert claimed
    place.outbox.give_up(claimed[0], "gone")
    assert place.outbox.next_at_s("ops") is None
    assert place.outbox.of_request(request.id)[0].state == "given up"
    await place.decide(request.id)
    note(place.outbox)
    assert take(place.outbox) == (request.id, "approved")


async def test_announced_requests_come_with_the_channels_references_and_go_after_a_while(place: Place) -> None:
    first, second = await place.ask("a"), await place.ask("c")
    note(place.outbox)
    take(place.outbox)
    assert [(request.id, reference) for request, reference in place.outbox.announced("ops", NOW + 9999)] == [
        (first.id, f"ref-{first.id}")
    ]
    take(place.outbox)
    await place.requests.withdraw(first.id, "gone", "s9")
    assert [request.id for request, _ in place.outbox.announced("ops", NOW + 9999)] == [second.id]
    assert [request.id for request, _ in place.outbox.announced("ops", NOW)] == [first.id, second.id]


async def test_a_message_counts_once_per_channel_and_is_forgotten_in_the_end(place: Place) -> None:
    assert not place.outbox.was_seen("ops", "m1")
    place.outbox.mark("ops", "m1", NOW)
    place.outbox.mark("ops", "m1", NOW)
    assert (place.outbox.was_seen("ops", "m1"), place.outbox.was_seen("other", "m1")) == (True, False)
    place.outbox.prune(NOW + KEEP_RECEIVED_S + 1)
    assert not place.outbox.was_seen("ops", "m1")


async def test_deliveries_go_with_their_request(place: Place) -> None:
    request = await place.ask()
    note(place.outbox)
    await place.requests.withdraw(request.id, "gone", "s9")
    place.book.prune(NOW + 365 * 86_400)
    assert take(place.outbox) is None
    note(place.outbox)
    place.outbox.prune(NOW)
    assert place.outbox.of_request(request.id) == []


async def test_members_have_deliveries_of_their_own_that_follow_the_request(place: Place) -> None:
    request = await place.ask()
    assert note(place.outbox) == 1
    assert take(place.outbox) == (request.id, "open")
    await place.decide(request.id)
    assert place.outbox.note("ops", lambda request: True, NOW, lambda request: ("dora", "dan")) == 1
    assert [take(place.outbox) for _ in range(4)] == [(request.id, "approved")] * 3 + [None]
    assert [one.member for one in place.outbox.of_request(request.id)] == ["", "dan", "dora"]
    assert len(place.outbox.announced("ops", NOW)) == 1, "what is heard belongs to the channel's own place"
    await place.decide(request.id, yes=False)
    assert note(place.outbox) == 1
    assert [take(place.outbox) for _ in range(4)] == [(request.id, "denied")] * 3 + [None]
    assert place.outbox.tally("ops").told == 3
