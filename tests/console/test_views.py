"""Signing in, and seeing at the console, as browsers do it and as others try."""

from __future__ import annotations

import asyncio
import html
import re
from pathlib import Path

import pytest
from consolekit import ADDRESS, NOW, RADIUS, Browser, Stage, signed_in, staged

from tidewaiter.approvals.desk import State, Word
from tidewaiter.console import views
from tidewaiter.console.sessions import IDLE_S
from tidewaiter.console.views import FORGED, FORM_BYTES, NOTE_CHARACTERS, REFUSED
from tidewaiter.model import Need


# -- signing in ---------------------------------------------------------------------------------------------------
def test_whoever_signs_in_is_recorded_and_sees_the_list(stage: Stage) -> None:
    browser = signed_in(stage)
    (entry,) = stage.of("console.login")
    assert entry == {
        "session": entry["session"], "principal": "dora", "credential": stage.ids["dora"], "source": "192.0.2.7",
        "address": ADDRESS,
    }  # fmt: skip
    page = browser.get("/requests")
    assert (page.status_code, "<strong>dora</strong>" in page.text) == (200, True)
    assert browser.get("/").headers["location"] == "/requests"
    assert entry["session"] not in browser.cookies.values()


def test_a_cookie_is_kept_from_scripts_other_sites_and_plain_http(stage: Stage) -> None:
    near, far = Browser(stage), Browser(stage, "https://gate.example")
    for browser, name, secure in ((near, "tidewaiter-8480", False), (far, "__Host-tidewaiter", True)):
        (given,) = browser.sign_in().headers.get_list("set-cookie")
        assert given.startswith(f"{name}=")
        assert {"HttpOnly", "Path=/", "SameSite=strict"} <= set(given.split("; "))
        assert ("Secure" in given.split("; "), "domain" in given.lower()) == (secure, False)
    near.cookies = {"tidewaiter-8480": far.cookies["__Host-tidewaiter"]}
    assert near.get("/requests").status_code == 303  # a session counts at the address where it began


def test_every_reason_to_be_refused_looks_the_same_and_is_counted(stage: Stage) -> None:
    expired = stage.issue("dora", ttl_s=1.0)
    revoked = stage.issue("dora")
    stage.directory.revoke(stage.ids["dora"], NOW)
    stage.directory.set_enabled("dan", is_enabled=False)
    stage.now = NOW + 5
    tries = [
        ("dora", expired),
        ("dora", revoked),
        ("dan", stage.passwords["dan"]),
        ("nobody", "x"),
        ("dora", "x" * 9000),
    ]
    pages = set()
    for number, (name, password) in enumerate(tries):
        browser = Browser(stage, client=f"192.0.2.{number}")
        answer = browser.sign_in(name, password)
        assert answer.status_code == 401
        assert REFUSED in answer.text
        pages.add(answer.text.replace(f'value="{name}"', "").replace(browser.fields("/sign-in")["token"], ""))
    assert len(pages) == 1
    assert [(source, name, reason) for source, name, reason in stage.rejected] == [
        (f"192.0.2.{number}", name, "console: login refused") for number, (name, _) in enumerate(tries)
    ]
    assert stage.of("console.login") == []


def test_too_many_failures_refuse_the_right_password_too(stage: Stage) -> None:
    browser = Browser(stage)
    for _ in range(5):
        assert browser.sign_in(password="wrong").status_code == 401
    assert browser.sign_in().status_code == 401
    assert Browser(stage, client="192.0.2.8").sign_in().status_code == 303
    stage.now += 60
    assert browser.sign_in().status_code == 303
    assert stage.failed_logins.allow("192.0.2.7", stage.now)  # the gateway's own count, which psql's logins share


@pytest.mark.parametrize(("name", "kind"), [("etl", "a service"), ("reporter", "an agent")])
def test_agents_and_services_do_not_sign_in(stage: Stage, name: str, kind: str) -> None:
    answer = Browser(stage).sign_in(name)
    assert (answer.status_code, f"{name} is {kind}: the console is for people" in answer.text) == (403, True)
    assert stage.rejected[0][1] == name


def test_no_record_no_session(stage: Stage) -> None:
    stage.is_full = True
    browser = Browser(stage)
    assert browser.sign_in().status_code == 503
    assert browser.get("/requests").status_code == 303


def test_after_signing_in_one_gets_where_one_wanted_and_nowhere_else(stage: Stage) -> None:
    asked = stage.ask()
    browser = Browser(stage)
    assert browser.get(f"/requests/{asked.id}").headers["location"] == f"/sign-in?next=/requests/{asked.id}"
    assert browser.sign_in(path=f"/sign-in?next=/requests/{asked.id}").headers["location"] == f"/requests/{asked.id}"
    for next_ in (
        "//evil.example",
        "https://evil.example",
        "/requests/../x",
        "/requests/AR-1%0d%0aX: y",
        "javascript:1",
    ):
        assert Browser(stage).sign_in(path=f"/sign-in?next={next_}").headers["location"] == "/requests"


def test_a_link_on_another_site_finds_the_session_in_a_second_step(stage: Stage) -> None:
    asked = stage.ask()
    browser = Browser(stage)
    page = browser.get(f"/requests/{asked.id}", sec_fetch_site="cross-site")
    assert (page.status_code, 'http-equiv="refresh"' in page.text) == (200, True)
    assert asked.statement not in page.text
    assert browser.get(f"/requests/{asked.id}", sec_fetch_site="same-origin").status_code == 303


def test_whoever_signs_in_at_the_same_browser_ends_the_session_before(stage: Stage) -> None:
    browser = signed_in(stage)
    before = dict(browser.cookies)
    assert browser.sign_in("dan").status_code == 303
    assert "<strong>dan</strong>" in browser.get("/requests").text
    browser.cookies = before
    assert browser.get("/requests").status_code == 303


# -- the end of a session -----------------------------------------------------------------------------------------
def test_signing_out_ends_the_session_for_good(stage: Stage) -> None:
    browser = signed_in(stage)
    kept = dict(browser.cookies)
    browser.get("/requests")
    assert browser.submit("/sign-out").headers["location"] == "/"
    assert not any("form" not in name for name in browser.cookies)
    browser.cookies = kept
    assert browser.get("/requests").status_code == 303
    assert stage.of("console.logout")[0]["principal"] == "dora"


def test_idle_and_old_sessions_end_and_pages_that_ask_by_themselves_are_idle(stage: Stage) -> None:
    browser = signed_in(stage)
    for _ in range(2):
        stage.now += IDLE_S - 1
        assert browser.get("/requests").status_code == 200
    stage.now = NOW + 3600
    assert browser.get("/requests").status_code == 303  # the credential is over, and with it the session
    stage.issue("dora", ttl_s=9 * 3600)
    again = signed_in(stage)
    for _ in range(4):
        stage.now += IDLE_S / 4
        status = again.get("/requests?auto=1").status_code
    assert status == 303


def test_who_is_enabled_again_signs_in_again(stage: Stage) -> None:
    browser = signed_in(stage)
    for is_enabled in (False, True):
        stage.directory.set_enabled("dora", is_enabled=is_enabled)
    assert browser.get("/requests").status_code == 303


@pytest.mark.parametrize("end", ["revoke", "disable"])
def test_a_revoked_credential_or_a_disabled_principal_ends_the_session(stage: Stage, end: str) -> None:
    asked = stage.ask()
    browser = signed_in(stage)
    browser.get(f"/requests/{asked.id}")
    if end == "revoke":
        stage.directory.revoke(stage.ids["dora"], NOW)
    else:
        stage.directory.set_enabled("dora", is_enabled=False)
    answer = browser.submit(f"/requests/{asked.id}/approve")
    assert (answer.status_code, "You are not signed in" in answer.text) == (401, True)
    assert stage.find(asked.id).state is State.OPEN
    assert browser.get("/requests").status_code == 303


def test_forged_cookies_open_nothing(stage: Stage) -> None:
    browser = signed_in(stage)
    key = browser.cookies["tidewaiter-8480"]
    for forged in ("", "x", key[:-1], key + "A", key.swapcase(), "%00"):
        browser.cookies = {"tidewaiter-8480": forged}
        assert browser.get("/requests").status_code == 303


# -- addresses and forms that are not ours --------------------------------------------------------------------------
def test_another_host_name_shows_nothing_and_takes_no_password(stage: Stage) -> None:
    browser = signed_in(stage)
    for host in ("evil.example", "127.0.0.1", "127.0.0.1:8481", "localhost.evil.example:8480"):
        for method, path in (("GET", "/requests"), ("GET", "/sign-in"), ("POST", "/sign-in")):
            answer = browser.ask(method, path, {"name": "dora"}, host=host)
            assert (answer.status_code, ADDRESS in answer.text) == (421, True)
    assert browser.get("/readyz", host="10.0.0.1").status_code == 200  # load balancers call by address


def test_where_nobody_can_sign_in_the_console_says_why(tmp_path: Path) -> None:
    with staged(tmp_path, addresses=()) as stage:
        browser = Browser(stage)
        for method, path in (("GET", "/sign-in"), ("POST", "/sign-in"), ("GET", "/requests")):
            answer = browser.ask(method, path)
            assert (answer.status_code, "[console] tls" in answer.text) == (403, True)
        assert "/sign-in" not in browser.get("/").text


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "", "sec_fetch_site": "cross-site"},
        {"origin": "", "sec_fetch_site": "same-site"},
        {"origin": "", "sec_fetch_site": ""},
    ],
)
def test_a_form_from_elsewhere_decides_nothing(stage: Stage, headers: dict[str, str]) -> None:
    asked = stage.ask()
    browser = signed_in(stage)
    browser.get(f"/requests/{asked.id}")
    answer = browser.submit(f"/requests/{asked.id}/approve", headers)
    assert (answer.status_code, FORGED in answer.text) == (403, True)
    assert stage.find(asked.id).state is State.OPEN
    assert stage.rejected[-1] == ("192.0.2.7", "dora", "console: forged or stale form")
    browser.get("/requests")
    assert browser.submit("/sign-out", headers).status_code == 403
    browser.get("/sign-in")
    assert browser.submit("/sign-in", headers, name="dora", password=stage.passwords["dora"]).status_code == 403


def test_a_form_without_its_token_decides_nothing(stage: Stage) -> None:
    asked = stage.ask()
    browser, other = signed_in(stage), signed_in(stage, "dan")
    other.get(f"/requests/{asked.id}")
    stolen = other.fields(f"/requests/{asked.id}/approve")["token"]
    browser.get(f"/requests/{asked.id}")
    for token in ("", "x", stolen, "é"):
        assert browser.submit(f"/requests/{asked.id}/approve", token=token).status_code == 403
        browser.get(f"/requests/{asked.id}")
    assert stage.find(asked.id).votes == ()
    fresh = Browser(stage)
    fresh.get("/sign-in")
    fields = fresh.fields("/sign-in")
    fresh.cookies = {}
    told = fields | {"name": "dora", "password": stage.passwords["dora"]}
    assert fresh.ask("POST", "/sign-in", told).status_code == 403


def test_a_form_has_a_kind_and_a_bound(stage: Stage) -> None:
    browser = signed_in(stage)
    form = "application/x-www-form-urlencoded"
    for kind, data, status in (
        ("text/plain", b"token=1", 415),
        ("application/json", b"{}", 415),
        (form, b"x=" + b"y" * FORM_BYTES, 413),
        (form, b"&".join([b"x=y"] * 99), 400),
        (form, "é".encode(), 400),
    ):
        assert browser.ask("POST", "/requests/AR-1/approve", data, content_type=kind).status_code == status


# -- seeing -------------------------------------------------------------------------------------------------------
def test_the_list_says_what_waits_for_me(stage: Stage) -> None:
    asked = stage.ask()
    other = stage.ask(datasource="other", principal="dora", on_behalf_of=None)
    browser = signed_in(stage)
    page = browser.get("/requests").text
    first, _, rest = page.partition('id="others"')
    assert (asked.id in first, other.id in first, other.id in rest) == (True, False, True)
    assert "39 rows, measured" in first
    assert "(1) Requests" in page
    mine = browser.get("/requests?show=mine").text
    assert (asked.id in mine, other.id in mine) == (False, True)
    assert browser.get("/requests?show=nonsense").status_code == 200
    asyncio.run(stage.decide(asked.id, "dan", Word.DENY, note="no", channel="shell", place="x"))
    listed = {view: browser.get(f"/requests?show={view}").text for view in ("waiting", "over", "all")}
    assert {view: (asked.id in page, other.id in page) for view, page in listed.items()} == {
        "waiting": (False, True), "over": (True, False), "all": (True, True),
    }  # fmt: skip
    assert "Nothing waits" in signed_in(stage, "eve").get("/requests").text


def test_a_page_that_is_up_to_date_is_not_sent_again(stage: Stage) -> None:
    asked = stage.ask()
    browser = signed_in(stage)
    for path in ("/requests?show=waiting", f"/requests/{asked.id}?x="):
        version = browser.get(path).text.partition('data-live="')[2].partition('"')[0]
        assert browser.get(f"{path}&auto=1&have={version}").status_code == 204
    asyncio.run(stage.decide(asked.id, "dan", Word.DENY, note="no", channel="shell", place="x"))
    assert browser.get(f"/requests/{asked.id}?auto=1&have={version}").status_code == 200


def test_older_requests_come_page_by_page(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "LISTED", 2)
    ids = []
    for _ in range(5):
        stage.now += 1
        ids.append(stage.ask().id)
    hidden = stage.ask(datasource="other", on_behalf_of=None).id
    stage.issue("dora", "shop")
    browser, seen, path = signed_in(stage), [], "/requests?show=all"
    while path:
        page = browser.get(path).text
        seen.append([id_ for id_ in (*ids, hidden) if f'href="/requests/{id_}"' in page])
        link = re.search(r'<a class="push" rel="next" href="([^"]+)">Older</a>', page)
        path = html.unescape(link[1]) if link else ""
        assert ('href="/requests?show=all">Newest</a>' in page) == (len(seen) > 1)
    assert seen == [ids[3:5], ids[1:3], ids[:1]]
    there = browser.get(f"/requests?show=all&before={hidden}")
    gone = browser.get("/requests?show=all&before=AR-9999999")
    assert (there.status_code, there.text.replace(hidden, "AR-9999999")) == (404, gone.text)
    assert browser.get(f"/requests?show=waiting&before={hidden}").status_code == 200  # that view lists all of it


def test_an_approver_sees_all_of_it(stage: Stage) -> None:
    asked = stage.ask()
    page = signed_in(stage).get(f"/requests/{asked.id}").text
    for shown in (
        "DELETE FROM customers\nWHERE id &lt; 40;", "delete from customers where id &lt; 40", "$1 = 7", "$2 = NULL",
        "reporter", "on behalf of <strong>alice</strong>", "39 rows (the planner estimates 41)", "only from a backup",
        "39% of public.customers", "Ann&lt;b&gt;", "Rob", "holds", "0 of 1", "ops: <span", "and more",
    ):  # fmt: skip
        assert shown in page, shown


def test_who_asked_sees_the_statement_and_not_what_it_would_do(stage: Stage) -> None:
    asked = stage.ask()
    page = signed_in(stage, "alice").get(f"/requests/{asked.id}").text
    assert asked.statement.replace("<", "&lt;") in page
    assert not any(
        hidden in page for hidden in ("39 rows", "39%", "estimates", "Ann", "What it would do", "/approve", "/deny")
    )
    assert "nobody decides on a request of an agent that they own" in page
    listed = signed_in(stage, "alice").get("/requests").text
    assert (asked.id in listed, "39 rows" in listed) == (True, False)


def test_an_auditor_sees_numbers_and_no_rows(stage: Stage) -> None:
    asked = stage.ask()
    browser = signed_in(stage, "ada")
    page = browser.get(f"/requests/{asked.id}").text
    assert ("39 rows" in page, "Ann" in page, "/approve" in page) == (True, False, False)
    assert "ada is in none of the groups" in page


def test_others_do_not_learn_that_there_is_a_request(stage: Stage) -> None:
    asked = stage.ask()
    browser = signed_in(stage, "eve")
    there, gone = browser.get(f"/requests/{asked.id}"), browser.get("/requests/AR-9999999")
    assert (there.status_code, there.text) == (gone.status_code, gone.text) == (404, there.text)
    browser.get("/requests")
    token = browser.fields("/sign-out")["token"]
    answer = browser.ask("POST", f"/requests/{asked.id}/approve", {"token": token, "seen": "x"})
    assert (answer.status_code, answer.text) == (404, there.text)
    (refused,) = stage.of("request.refused")
    assert (refused["by"]["approver"], refused["by"]["channel"]) == ("eve", "console")
    assert stage.find(asked.id).state is State.OPEN


def test_a_credential_for_one_datasource_opens_requests_of_that_one(stage: Stage) -> None:
    shop, other = stage.ask(), stage.ask(datasource="other")
    stage.issue("dora", "shop")
    browser = signed_in(stage)
    page = browser.get("/requests").text
    assert (shop.id in page, other.id in page) == (True, False)
    assert browser.get(f"/requests/{other.id}").status_code == 404
    browser.get(f"/requests/{shop.id}")
    token = browser.fields("/sign-out")["token"]
    assert browser.ask("POST", f"/requests/{other.id}/approve", {"token": token, "seen": "x"}).status_code == 404
    assert "is not for datasource other" in stage.of("request.refused")[0]["reason"]
    assert stage.find(other.id).state is State.OPEN


HOSTILE = "<script>alert(1)</script>\x1b[2J\u202e'\"><img src=x onerror=alert(1)>"


def test_nothing_that_others_wrote_becomes_markup(stage: Stage) -> None:
    asked = stage.ask(
        {**RADIUS, "formatted": HOSTILE, "sample": [{"table": HOSTILE, "before": {HOSTILE: HOSTILE}}, HOSTILE]},
        statement=HOSTILE, parameters=(HOSTILE,), message=HOSTILE, rule=HOSTILE, principal=HOSTILE,
        on_behalf_of=HOSTILE,
        facts={"verbs": [HOSTILE]}, needs=(Need(("dba",), 2),),
    )  # fmt: skip
    dan, dora = signed_in(stage, "dan"), signed_in(stage)
    dan.get(f"/requests/{asked.id}")
    assert dan.submit(f"/requests/{asked.id}/approve", note=HOSTILE).status_code == 303
    pages = [dora.get(f"/requests/{asked.id}").text, dora.get("/requests").text]
    dora.get(f"/requests/{asked.id}")
    pages.append(dora.submit(f"/requests/{asked.id}/deny", note="x" * NOTE_CHARACTERS + HOSTILE).text)
    pages.append(Browser(stage).sign_in(HOSTILE, "x").text)
    for page in pages:
        assert "&lt;script&gt;" in page
        assert not any(bad in page for bad in ("<script>", "<img", "\x1b", "\u202e"))
