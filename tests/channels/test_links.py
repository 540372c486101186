"""Links to the whole of a request."""

from __future__ import annotations

from dataclasses import replace

from channelkit import NOW, REQUEST

from tidewaiter.approvals.desk import State
from tidewaiter.channels.links import SHOWN_S, Links, is_shown

LINKS = Links("https://gate.example/", b"k" * 32)


def test_a_link_opens_its_request_and_no_other() -> None:
    address, _, key = LINKS.of("AR-2222222").partition("?key=")
    assert address == "https://gate.example/requests/AR-2222222"
    assert len(key) == 32
    assert LINKS.opens("AR-2222222", key)
    assert not LINKS.opens("AR-3333333", key)
    assert not LINKS.opens("AR-2222222", key[:-1])
    assert not LINKS.opens("AR-2222222", "größe\ud800")
    assert not Links("https://gate.example", b"j" * 32).opens("AR-2222222", key)


def test_without_an_address_there_are_no_links_and_none_opens() -> None:
    none = Links(None, b"k" * 32)
    assert none.of("AR-2222222") == ""
    assert not none.opens("AR-2222222", LINKS.of("AR-2222222").partition("=")[2])


def test_a_request_is_shown_while_it_lives_and_a_day_longer() -> None:
    over = replace(REQUEST, state=State.DENIED, expires_s=NOW)
    assert is_shown(REQUEST, NOW + 10 * SHOWN_S)
    assert is_shown(over, NOW + SHOWN_S - 1)
    assert not is_shown(over, NOW + SHOWN_S)
