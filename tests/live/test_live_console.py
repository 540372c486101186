"""The console as a browser uses it: psql is held, somebody signs in and clicks, and the statement runs, once."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import chromium
import httpx2
import pytest
from rig import PATIENCE, Deployment, copy_of

POLICY = """
@id("notes-wait") @hold("dba") @wait("120s") @message("Deleting notes waits for a DBA")
forbid (principal, action in Action::"delete", resource == Table::"shop.public.analyst_notes");
@id("notes-of-analysts")
permit (principal in Group::"analysts", action in [Action::"read", Action::"write"],
        resource == Table::"shop.public.analyst_notes");
"""
DELETE = "delete from analyst_notes where note = 'console'"


@pytest.fixture(scope="module")
def desk(workshop: Path, template: Deployment) -> Iterator[Deployment]:
    made = copy_of(template, workshop / "console", template.postgres)
    (made.folder / "policies" / "console.cedar").write_text(POLICY)
    made.start()
    yield made
    made.kill()


@pytest.fixture(autouse=True)
def notes(desk: Deployment) -> None:
    desk.postgres.execute(
        "delete from analyst_notes where note = 'console'; insert into analyst_notes (note) values ('console')",
        database="shop",
    )


def fields(page: str, action: str) -> dict[str, str]:
    """The hidden fields of one form."""
    form = re.search(rf'<form[^>]*action="{action}".*?</form>', page, re.DOTALL)
    assert form, page
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form[0]))


def browser(desk: Deployment) -> httpx2.Client:
    base = f"http://127.0.0.1:{desk.console}"
    return httpx2.Client(base_url=base, headers={"origin": base}, follow_redirects=True)


def test_psql_is_told_where_somebody_clicks_there_and_it_runs_once(desk: Deployment) -> None:
    with desk.psql_at_terminal("alice") as terminal, browser(desk) as dora:
        assert terminal.shows("=>", 10 * PATIENCE)
        terminal.type(DELETE + ";")
        assert terminal.shows("approvers see it at http://", 10 * PATIENCE)
        link = re.search(rf"http://127\.0\.0\.1:{desk.console}/requests/AR-[A-Z0-9]+", terminal.seen)
        assert link
        path = link[0].partition(str(desk.console))[2]
        page = dora.get(link[0])
        assert page.url.path == "/sign-in"
        who = desk.issued["dora"]
        page = dora.post("/sign-in", data=fields(page.text, "/sign-in") | {"name": who.user, "password": who.password})
        assert (page.url.path, "console" in page.text) == (path, True)
        form = fields(page.text, f"{path}/approve")
        answers = [dora.post(f"{path}/approve", data=form | {"note": "go"}) for _ in range(2)]
        assert terminal.shows("is approved", 10 * PATIENCE)
        assert terminal.shows("DELETE 1", 10 * PATIENCE)
        assert answers[0].status_code == 200
        assert answers[1].status_code in (200, 409)  # a double click, or one that came after it ran
    id_ = path.rpartition("/")[2]
    told = desk.json("request", "show", id_)
    assert (told["state"], told["link"]) == ("consumed", link[0])
    (vote,) = told["votes"]
    assert (vote["approver"], vote["channel"], vote["note"]) == ("dora", "console", "go")
    assert vote["place"].startswith("127.0.0.1, console session ")
    ran = [row for row in desk.search() if row["statement"].startswith(DELETE) and row["verdict"] == "allow"]
    assert [(row["status"], row["rows"]) for row in ran] == [("ok", 1)]
    assert desk.verify()["ok"]


def test_a_revoked_credential_ends_the_session_at_the_console(desk: Deployment) -> None:
    issued = desk.issue("dora")
    with browser(desk) as dora:
        page = dora.get("/sign-in")
        told = fields(page.text, "/sign-in") | {"name": "dora", "password": issued.password}
        assert dora.post("/sign-in", data=told).url.path == "/requests"
        desk.cli("credential", "revoke", issued.id)
        assert dora.get("/requests").url.path == "/sign-in"


@pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not installed")
def test_a_real_browser_signs_in_approves_and_sees_the_page_change(desk: Deployment, tmp_path: Path) -> None:
    with desk.psql_at_terminal("alice") as terminal, chromium.running(tmp_path) as page:
        assert terminal.shows("=>", 10 * PATIENCE)
        terminal.type(DELETE + ";")
        assert terminal.shows("approvers see it at http://", 10 * PATIENCE)
        found = re.search(r"http://[0-9.:]+(/requests/AR-[A-Z0-9]+)", terminal.seen)
        assert found
        page.go(found[0])
        who = desk.issued["dora"]
        page.fill("#name", who.user)
        page.fill("#password", who.password)
        page.click(".sign-in button")
        page.until("location.pathname", found[1])
        page.until("document.querySelector('h1 .state').textContent", "open")
        page.click("form[action$='/approve'] button")
        assert terminal.shows("DELETE 1", 10 * PATIENCE)
        page.until(
            "document.querySelector('h1 .state').textContent", "consumed"
        )  # by the page itself, without a reload
        assert page.problems == []
