"""Deciding at the console: each click counts once, for what was seen, and is recorded."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace

from consolekit import RADIUS, Browser, Stage, signed_in

from tidewaiter.approvals.desk import Request, State, Word
from tidewaiter.console.views import NOTE_CHARACTERS
from tidewaiter.model import Need


def test_one_click_approves_and_the_ledger_says_who_from_where_and_how(stage: Stage) -> None:
    asked = stage.ask()
    browser = signed_in(stage)
    browser.get(f"/requests/{asked.id}")
    answer = browser.submit(f"/requests/{asked.id}/approve", note="fine\r\nby me")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/requests/{asked.id}?did=approve")
    session = stage.of("console.login")[0]["session"]
    entry = stage.of("request.change")[-1]
    assert (entry["what"], entry["state"]) == ("approve", "approved")
    assert entry["by"] == {
        "approver": "dora", "channel": "console", "place": f"192.0.2.7, console session {session}",
        "note": "fine by me",
    }  # fmt: skip
    page = browser.get(f"/requests/{asked.id}?did=approve").text
    assert f"request {asked.id} is now approved" in page
    assert ("/approve" in page, "Take the approval back" in page) == (False, True)
    others = signed_in(stage, "dan")
    for said in (
        browser.get(f"/requests/{asked.id}").text,
        browser.get(f"/requests/{asked.id}?did=deny").text,
        browser.get(f"/requests/{asked.id}?did=<b>").text,
        others.get(f"/requests/{asked.id}?did=approve").text,
    ):  # it is said to who clicked, of what they clicked, whatever a link says
        assert "Your approval counts" not in said and 'class="banner good" role="status"' not in said


def test_a_double_click_is_one_click(stage: Stage) -> None:
    asked = stage.ask()
    browser = signed_in(stage)
    browser.get(f"/requests/{asked.id}")
    page = browser.seen
    for _ in range(2):
        browser.seen = page
        assert browser.submit(f"/requests/{asked.id}/approve").status_code == 303
    assert [entry["what"] for entry in stage.of("request.change")] == ["open", "approve"]
    assert len(stage.find(asked.id).votes) == 1


def test_a_quorum_is_met_by_two(stage: Stage) -> None:
    asked = stage.ask(needs=(Need(("dba",), 2),))
    for name, state, said in (
        ("dora", State.OPEN, "It waits for others: dba 1 of 2"),
        ("dan", State.APPROVED, "is now approved"),
    ):
        browser = signed_in(stage, name)
        browser.get(f"/requests/{asked.id}")
        browser.submit(f"/requests/{asked.id}/approve")
        page = browser.get(f"/requests/{asked.id}?did=approve").text
        assert said in page
        assert stage.find(asked.id).state is state
    assert "2 of 2" in page


def test_a_denial_needs_a_reason(stage: Stage) -> None:
    asked = stage.ask()
    browser = signed_in(stage)
    browser.get(f"/requests/{asked.id}")
    answer = browser.submit(f"/requests/{asked.id}/deny", note="  ")
    assert (answer.status_code, "Say why" in answer.text) == (400, True)
    long = browser.submit(f"/requests/{asked.id}/deny", note="x" * (NOTE_CHARACTERS + 1))
    assert (long.status_code, "at most 2000 characters" in long.text) == (400, True)
    assert browser.submit(f"/requests/{asked.id}/deny", note="use the archive").status_code == 303
    found = stage.find(asked.id)
    assert (found.state, found.reason) == (State.DENIED, "use the archive")


def test_a_late_click_is_told_what_became_of_it_and_recorded(stage: Stage) -> None:
    asked = stage.ask()
    browser = signed_in(stage)
    browser.get(f"/requests/{asked.id}")
    page = browser.seen
    asyncio.run(stage.requests.withdraw(asked.id, "Ctrl-C", "s9"))
    answer = browser.submit(f"/requests/{asked.id}/approve")
    assert (answer.status_code, "is withdrawn: nothing is left to decide" in answer.text) == (409, True)
    assert stage.of("request.refused")[0]["by"]["channel"] == "console"
    browser.seen = page
    assert browser.submit(f"/requests/{asked.id}/deny", note="no").status_code == 409
    stage.now += 700
    late = stage.ask()
    browser = signed_in(stage)
    browser.get(f"/requests/{late.id}")
    stage.now += 601
    assert "is expired" in browser.submit(f"/requests/{late.id}/approve").text


def test_console_and_shell_race_for_one_outcome(stage: Stage) -> None:
    asked = stage.ask()
    browser = signed_in(stage)
    browser.get(f"/requests/{asked.id}")
    fields = browser.fields(f"/requests/{asked.id}/approve")

    async def race() -> object:
        shell = stage.decide(asked.id, "dan", Word.DENY, note="no", channel="socket", place="OS user")
        click = asyncio.to_thread(browser.ask, "POST", f"/requests/{asked.id}/approve", fields)
        return await asyncio.gather(shell, click, return_exceptions=True)

    asyncio.run(race())
    told = Counter(entry["what"] for entry in stage.of("request.change"))
    # Either the denial came first and the click was refused, or it took the approval back: one end, and no two lives.
    assert stage.find(asked.id).state is State.DENIED
    assert told["deny"] - told["not_deny"] == 1
    assert told["approve"] - told["not_approve"] + len(stage.of("request.refused")) == 1


def test_what_was_opened_anew_has_to_be_looked_at_anew(stage: Stage) -> None:
    asked = stage.ask()
    browser = signed_in(stage)
    browser.get(f"/requests/{asked.id}")
    found, version = stage.book.find(asked.id)
    moved = replace(found, blast_radius={**RADIUS, "rows": 3900}, reason="it would change 3900 rows now")
    assert stage.book.replace(moved, version)
    answer = browser.submit(f"/requests/{asked.id}/approve")
    assert (answer.status_code, "is not what it was when you looked" in answer.text) == (409, True)
    assert "3900 rows" in answer.text
    assert stage.of("request.refused")[0]["reason"] == "changed"
    assert browser.submit(f"/requests/{asked.id}/approve").status_code == 303  # of the page that the refusal showed
    assert (
        browser.ask("POST", f"/requests/{asked.id}/deny", {**browser_token(browser, asked), "note": "x"}).status_code
        == 400
    )


def browser_token(browser: Browser, asked: Request) -> dict[str, str]:
    browser.get(f"/requests/{asked.id}")
    return {"token": browser.fields("/sign-out")["token"]}


def test_who_lost_the_group_or_the_right_meanwhile_decides_nothing(stage: Stage) -> None:
    asked = stage.ask()
    browser = signed_in(stage)
    browser.get(f"/requests/{asked.id}")
    page = browser.seen
    stage.directory.remove_group("dora", "dba")
    assert browser.submit(f"/requests/{asked.id}/approve").status_code == 404  # it is not even theirs to see now
    stage.directory.add_group("dora", "auditors")
    browser.seen = page
    answer = browser.submit(f"/requests/{asked.id}/approve")
    assert (answer.status_code, "may not approve on shop" in answer.text) == (403, True)
    assert len(stage.of("request.refused")) == 2
    assert stage.find(asked.id).state is State.OPEN


def test_what_cannot_be_recorded_is_not_decided(stage: Stage) -> None:
    asked = stage.ask()
    browser = signed_in(stage)
    browser.get(f"/requests/{asked.id}")
    stage.is_full = True
    assert browser.submit(f"/requests/{asked.id}/approve").status_code == 503
    assert stage.find(asked.id).state is State.OPEN


def test_a_review_is_closed_with_what_it_found(stage: Stage) -> None:
    asked = stage.ask()
    found, version = stage.book.find(asked.id)
    assert stage.book.replace(replace(found, state=State.REVIEW, glass="payments are down"), version)
    browser = signed_in(stage)
    page = browser.get(f"/requests/{asked.id}").text
    assert ("payments are down" in page, "/approve" in page) == (True, False)
    assert "It has run. dba can close its review." in page
    assert "waits for dba to close its review" in browser.get("/requests").text
    browser.get(f"/requests/{asked.id}")
    assert browser.submit(f"/requests/{asked.id}/close", note="it was right").status_code == 303
    assert stage.find(asked.id).state is State.CLOSED


def test_there_are_three_words_and_no_other(stage: Stage) -> None:
    asked = stage.ask()
    browser = signed_in(stage)
    told = browser_token(browser, asked)
    assert browser.ask("POST", f"/requests/{asked.id}/consume", told).status_code == 404
    assert browser.get(f"/requests/{asked.id}/approve").status_code == 405
