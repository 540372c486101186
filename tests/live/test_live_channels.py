"""A held statement, announced and decided through channels, with a real gateway and a client that waits."""

from __future__ import annotations

import asyncio
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Coroutine, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import psycopg
import pytest
from githubstand import REPOSITORY, TOKEN, GithubStand
from jirastand import TOKEN as JIRA_TOKEN
from jirastand import USER, JiraStand, person
from rig import Deployment, copy_of, eventually
from slackstand import APP_TOKEN, BOT_TOKEN, CHANNEL, SIGNING_SECRET, posted, slack, user
from standardwebhooks import Webhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
POLICY = """
@id("notes-wait") @hold("dba") @wait("120s") @message("Deleting notes waits for a DBA")
forbid (principal, action in Action::"delete", resource == Table::"shop.public.analyst_notes");
@id("notes-of-analysts")
permit (principal in Group::"analysts", action in [Action::"read", Action::"write"],
        resource == Table::"shop.public.analyst_notes");
@id("on-call-breaks-glass")
permit (principal == User::"alice", action == Action::"break_glass", resource == Datasource::"shop");
@id("changes-wait-for-the-night") @hold("night") @wait("120s")
forbid (principal, action in Action::"update", resource == Table::"shop.public.analyst_notes");
@id("night-approves") permit (principal in Group::"night", action == Action::"approve", resource == Datasource::"shop");
"""
DELETE = "delete from analyst_notes where note = 'through a channel'"


class Receiver(ThreadingHTTPServer):
    """Takes signed messages, when it is not `away`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taking)
        self.away = False
        self.took: list[dict[str, Any]] = []
        self.tries = 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def of(self, request: str) -> list[str]:
        """The types of messages about one request, in order."""
        return [one["type"] for one in self.took if one["data"].get("id") == request]


class Taking(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server = self.server
        assert isinstance(server, Receiver)
        body = self.rfile.read(int(self.headers["content-length"]))
        server.tries += 1
        if not server.away:
            server.took.append(Webhook(SECRET).verify(body, dict(self.headers.items())))
        self.send_response(503 if server.away else 204)
        self.end_headers()

    def log_message(self, *arguments: Any) -> None:
        return


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    yield server
    server.shutdown()
    server.server_close()


class Rest(ThreadingHTTPServer):
    """Serves a stand of a vendor's REST API."""

    def __init__(self, stand: GithubStand | JiraStand) -> None:
        super().__init__(("127.0.0.1", 0), Resting)
        self.stand = stand
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Resting(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        server = self.server
        assert isinstance(server, Rest)
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        headers = {key.lower(): value for key, value in self.headers.items()}
        status, more, found = server.stand.handle(self.command, path, dict(parse_qsl(query)), headers, body)
        told = b"" if found is None else json.dumps(found).encode()
        self.send_response(status)
        for key, value in {**more, "content-length": str(len(told))}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(told)

    do_GET = do_POST = do_PATCH = answer

    def log_message(self, *arguments: Any) -> None:
        return


@pytest.fixture(scope="module")
def github() -> Iterator[Rest]:
    server = Rest(GithubStand())
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def jira() -> Iterator[Rest]:
    server = Rest(JiraStand())
    yield server
    server.shutdown()
    server.server_close()


class Workspace(threading.Thread):
    """A Slack workspace on a loop of its own; `do` runs what people there do."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.loop = asyncio.new_event_loop()
        self.over = asyncio.Event()
        self.is_up = threading.Event()
        self.start()
        assert self.is_up.wait(10)

    def run(self) -> None:
        self.loop.run_until_complete(self.serve())

    async def serve(self) -> None:
        async with slack() as self.stand:
            self.is_up.set()
            await self.over.wait()

    def do(self, work: Coroutine[Any, Any, object]) -> None:
        asyncio.run_coroutine_threadsafe(work, self.loop).result(10)

    def shown(self, request: str) -> dict[str, Any] | None:
        """The message about a request."""
        found = [one for one in list(self.stand.messages.values()) if request in one["text"]]
        return found[-1] if found else None


@pytest.fixture(scope="module")
def workspace() -> Iterator[Workspace]:
    made = Workspace()
    yield made
    made.loop.call_soon_threadsafe(made.over.set)
    made.join(10)
    made.loop.close()


@pytest.fixture(scope="module")
def hooked(
    workshop: Path, template: Deployment, receiver: Receiver, workspace: Workspace, github: Rest, jira: Rest
) -> Iterator[Deployment]:
    made = copy_of(template, workshop / "hooked", template.postgres)
    (made.folder / "policies" / "approvals.cedar").write_text(POLICY)
    for name, secret in (
        ("hook", SECRET),
        ("bot", BOT_TOKEN),
        ("app", APP_TOKEN),
        ("github", TOKEN),
        ("jira", JIRA_TOKEN),
        ("signing", SIGNING_SECRET),
    ):
        (made.folder / f"{name}.secret").write_text(secret)
        (made.folder / f"{name}.secret").chmod(0o600)
    file = made.folder / "tidewaiter.toml"
    text = file.read_text().replace("[approvals]", f'[approvals]\nurl = "http://127.0.0.1:{made.console}"')
    assert "url = " in text
    file.write_text(
        f'{text}\n[[channel]]\nname = "itsm"\nkind = "webhook"\nurl = "http://127.0.0.1:{receiver.server_port}/in"\n'
        'secret = "file:hook.secret"\nspeaks_for = ["dba"]\n'
        f'[[channel]]\nname = "ops"\nkind = "slack"\nchannel = "{CHANNEL}"\napi = "{workspace.stand.api}"\n'
        'bot_token = "file:bot.secret"\napp_token = "file:app.secret"\n'
        f'[[channel]]\nname = "issues"\nkind = "github"\nrepository = "{REPOSITORY}"\napi = "{github.url}"\n'
        'token = "file:github.secret"\npoll_s = 1\n'
        f'[[channel]]\nname = "jira"\nkind = "jira"\nurl = "{jira.url}"\nproject = "OPS"\nuser = "{USER}"\n'
        'token = "file:jira.secret"\npoll_s = 1\n'
        f'[[channel]]\nname = "night"\nkind = "slack"\nchannel = "{CHANNEL}"\napi = "{workspace.stand.api}"\n'
        'bot_token = "file:bot.secret"\nsigning_secret = "file:signing.secret"\ngroups = ["night"]\n'
    )
    text = file.read_text()
    for name in ("itsm", "ops", "issues", "jira"):
        text = text.replace(f'name = "{name}"', f'groups = ["dba"]\nname = "{name}"')
    file.write_text(text)
    made.cli("principal", "add", "dan", "--group", "dba")
    made.cli("principal", "add", "nina", "--group", "night")
    made.cli("principal", "account", "add", "nina", "email", "nina@example.com")
    for realm, account in (("email", "dora@example.com"), ("github", "1001"), ("jira", "jira-dora")):
        made.cli("principal", "account", "add", "dora", realm, account)
    made.start()
    yield made
    made.kill()


class Asking(threading.Thread):
    """A client that deletes and waits; `outcome` is the command tag, or the error."""

    def __init__(self, dsn: str, sql: str = DELETE) -> None:
        super().__init__(daemon=True)
        self.dsn, self.sql = dsn, sql.encode()
        self.outcome = ""
        self.start()

    def run(self) -> None:
        try:
            with psycopg.connect(self.dsn, autocommit=True) as connection:
                self.outcome = str(connection.execute(self.sql).statusmessage)
        except psycopg.Error as error:
            self.outcome = str(error)

    def result(self) -> str:
        self.join(90)
        assert not self.is_alive(), "the client still waits"
        return self.outcome


def waiting(deployment: Deployment) -> dict[str, Any]:
    """The one open request, once it is there."""
    eventually(lambda: [one for one in deployment.json("request", "ls") if one["state"] == "open"], 10, deployment.log)
    found: dict[str, Any] = deployment.json("request", "ls")[-1]
    return found


def problems(deployment: Deployment) -> dict[str, str]:
    return {one["name"]: one["problem"] or one["hears"] for one in deployment.json("channel", "ls")}


def decide(deployment: Deployment, request: str, id_: str, email: str = "dora@example.com", **more: str) -> Any:
    """Post a signed decision as an ITSM system would; the status and the answer."""
    data = {"request": request, "decision": "approve", "email": email, "note": "CHG7", **more}
    body = json.dumps({"type": "request.decision", "data": data})
    now = datetime.now(UTC)
    headers = {
        "webhook-id": id_,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(SECRET).sign(id_, now, body),
    }
    url = f"http://127.0.0.1:{deployment.console}/channels/itsm"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body.encode(), headers)) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_a_webhook_announces_a_request_and_its_answer_lets_the_client_go_on(
    hooked: Deployment, receiver: Receiver
) -> None:
    hooked.postgres.execute("insert into analyst_notes (note) values ('through a channel')", database="shop")
    asking = Asking(hooked.dsn("alice"))
    id_ = waiting(hooked)["id"]
    eventually(lambda: receiver.of(id_), 10, hooked.log)
    link = receiver.took[-1]["data"]["link"]
    with urllib.request.urlopen(link) as page:
        assert "delete from analyst_notes" in page.read().decode()
    assert decide(hooked, id_, f"{id_}-1", "mallory@example.com")[0] == 403
    assert decide(hooked, id_, f"{id_}-2") == (
        200,
        {"counts": True, "message": f"request {id_} is now approved"},
    )
    assert asking.result() == "DELETE 1"
    for name, said in (("itsm", "took a test message"), ("ops", "tidewaiter in Ours"), ("jira", "project OPS")):
        assert said in hooked.cli("channel", "test", name).stdout
    assert decide(hooked, id_, f"{id_}-2")[1]["counts"] is False
    eventually(lambda: receiver.of(id_)[-1] == "request.consumed", 10, hooked.log)
    (refused,) = [row["fields"] for row in hooked.search("--kind", "request.refused")]
    assert (refused["request"], refused["by"]["who"]) == (id_, "email account mallory@example.com")


def test_a_channel_that_is_away_stops_nobody_and_is_told_when_it_is_back(
    hooked: Deployment, receiver: Receiver
) -> None:
    receiver.away = True
    tries = receiver.tries
    asking = Asking(hooked.dsn("alice"))
    id_ = waiting(hooked)["id"]
    eventually(lambda: receiver.tries > tries, 10, hooked.log)
    eventually(lambda: "503" in problems(hooked)["itsm"], 10, hooked.log)
    assert problems(hooked) | {"itsm": ""} == dict.fromkeys(("issues", "itsm", "jira", "night", "ops"), "")
    assert hooked.json("request", "show", id_)["state"] == "open", "an outage approves nothing"
    assert decide(hooked, id_, f"{id_}-1", decision="deny", note="use the archive")[0] == 200
    assert "was denied by dora: use the archive" in asking.result()
    assert hooked.stop() == 0
    assert not [line for line in hooked.log().splitlines() if "Traceback" in line or "Unclosed" in line]
    receiver.away = False
    hooked.start()
    eventually(lambda: receiver.of(id_) == ["request.denied"], 30, hooked.log)

    def told() -> dict[str, str]:
        return {one["channel"]: one["state"] for one in hooked.json("request", "show", id_)["deliveries"]}

    channels = ("issues", "itsm", "jira", "ops")
    eventually(lambda: told() == dict.fromkeys(channels, "told"), 30, hooked.log)
    assert hooked.verify()["ok"]


def test_a_forged_decision_is_counted_in_the_ledger(hooked: Deployment) -> None:
    url = f"http://127.0.0.1:{hooked.console}/channels/itsm"
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(urllib.request.Request(url, b"{}", {"webhook-id": "x"}))
    eventually(lambda: hooked.search("--kind", "channel.rejected"), 10, hooked.log)


def test_a_click_in_slack_lets_the_client_go_on_and_a_strangers_does_not(
    hooked: Deployment, workspace: Workspace
) -> None:
    stand = workspace.stand
    asking = Asking(hooked.dsn("alice"))
    id_ = waiting(hooked)["id"]
    eventually(lambda: workspace.shown(id_), 10, hooked.log)
    workspace.do(stand.send(stand.pressed("approve", "U0MALLORY")))
    eventually(lambda: stand.ephemeral, 10, hooked.log)
    assert "mallory@example.com belongs to no principal" in stand.ephemeral[-1]["text"]
    assert hooked.json("request", "show", id_)["state"] == "open"
    workspace.do(stand.send(stand.pressed("approve")))
    assert asking.result().startswith("DELETE")
    eventually(lambda: "consumed" in str(workspace.shown(id_)), 10, hooked.log)
    assert len([one for one in stand.messages.values() if id_ in one["text"]]) == 1, "updated in place"
    assert "'action_id': 'approve'" not in str(workspace.shown(id_))
    changes = [row["fields"] for row in hooked.search("--kind", "request.change") if row["fields"]["request"] == id_]
    assert [one["what"] for one in changes] == ["open", "approve", "consumed"]
    assert changes[1]["by"]["channel"] == "ops"
    assert changes[1]["by"]["place"] == f"Slack user U0DORA in {CHANNEL} (email account Dora@example.com)"


def test_a_comment_on_github_and_a_move_in_jira_decide_as_well(hooked: Deployment, github: Rest, jira: Rest) -> None:
    issues, tickets = github.stand, jira.stand
    assert isinstance(issues, GithubStand)
    assert isinstance(tickets, JiraStand)
    asking = Asking(hooked.dsn("alice"))
    id_ = waiting(hooked)["id"]
    eventually(lambda: [one for one in issues.issues.values() if id_ in one["title"]], 10, hooked.log)
    issues.comment("/approve", 1002)
    eventually(
        lambda: any("github account 1002 belongs to no principal" in one for one in issues.said()), 10, hooked.log
    )
    issues.comment("/approve CHG7")
    assert asking.result().startswith("DELETE")
    eventually(lambda: issues.issues[max(issues.issues)]["state"] == "closed", 10, hooked.log)
    denied = Asking(hooked.dsn("alice"))
    id_ = waiting(hooked)["id"]
    eventually(lambda: [one for one in tickets.issues.values() if id_ in one["fields"]["labels"]], 10, hooked.log)
    tickets.move("Declined")
    assert f"was denied by dora: {tickets.newest} was moved to Declined" in denied.result()
    eventually(lambda: any("denied by dora" in one for one in tickets.said()), 10, hooked.log)
    assert hooked.verify()["ok"]


def break_glass(hooked: Deployment) -> str:
    """Run it at once; the id of its request."""
    with psycopg.connect(hooked.dsn("alice"), autocommit=True) as connection:
        connection.execute(f"/* break glass: payments are down */ {DELETE}".encode())
    return str([one for one in hooked.json("request", "ls") if one["state"] == "review"][-1]["id"])


def test_a_broken_glass_reaches_each_member_and_its_review_is_closed_where_they_are(
    hooked: Deployment, receiver: Receiver, workspace: Workspace, github: Rest, jira: Rest
) -> None:
    issues, stand = github.stand, workspace.stand
    assert isinstance(issues, GithubStand)

    def direct(request: str) -> list[str]:
        found = [(ts, one) for ts, one in list(stand.messages.items()) if request in one["text"]]
        return [ts for ts, one in found if one["channel"] == "U0DORA" and "review" in one["text"]]

    id_ = break_glass(hooked)
    eventually(lambda: direct(id_), 10, hooked.log)
    eventually(
        lambda: any("@dora-gh" in one for one in (*issues.said(), issues.issues[max(issues.issues)]["body"])), 10
    )
    eventually(lambda: any("[~accountid:jira-dora]" in str(one) for one in texts(jira, id_)), 10)
    eventually(lambda: "request.review" in receiver.of(id_), 10)
    assert [one for one in receiver.took if one["data"].get("id") == id_][-1]["data"]["members"] == [
        {"principal": "dan", "email": None},
        {"principal": "dora", "email": "dora@example.com"},
    ]
    eventually(lambda: all(one["state"] != "waiting" for one in hooked.json("request", "show", id_)["deliveries"]), 10)
    told = {(one["channel"], one["member"]): one["state"] for one in hooked.json("request", "show", id_)["deliveries"]}
    assert (told["ops", "dora"], told["ops", "dan"], told["ops", None]) == ("told", "given up", "told")
    assert "channel ops to dan: given up: dan gets no direct message" in hooked.cli("request", "show", id_).stdout
    entries = [row["fields"] for row in hooked.search("--kind", "channel.told")]
    missed = {
        one["channel"] for one in entries if one["request"] == id_ and one.get("not_told_individually") == ["dan"]
    }
    assert missed == {"ops", "issues", "jira", "itsm"}
    workspace.do(stand.send(stand.pressed("close", ts=direct(id_)[0])))
    eventually(lambda: stand.dialogs, 10)
    workspace.do(stand.send(stand.submitted("it was right")))
    eventually(lambda: hooked.json("request", "show", id_)["reason"] == "closed by dora: it was right", 10)
    second = break_glass(hooked)
    eventually(lambda: second in issues.issues[max(issues.issues)]["title"], 10, hooked.log)
    issues.comment("/close looked at it")
    eventually(lambda: hooked.json("request", "show", second)["state"] == "closed", 10, hooked.log)
    tickets, again = jira.stand, break_glass(hooked)
    assert isinstance(tickets, JiraStand)
    eventually(lambda: again in tickets.issues[tickets.newest]["fields"]["labels"], 10, hooked.log)
    tickets.comment("/close mine", person("jira-stranger"))
    eventually(lambda: any("jira-stranger belongs to no principal" in one for one in tickets.said()), 10, hooked.log)
    assert hooked.json("request", "show", again)["state"] == "review"
    tickets.comment("/close")
    eventually(lambda: sum("say why" in one for one in tickets.said()) == 1, 10, hooked.log)
    tickets.comment("/close the lock was stale")
    eventually(lambda: hooked.json("request", "show", again)["state"] == "closed", 10, hooked.log)
    told = hooked.json("request", "show", again)
    assert told["reason"] == "closed by dora: the lock was stale"
    last = told["history"][-1]
    assert (last["what"], last["who"], last["channel"]) == ("close", "dora", "jira")
    assert last["place"].endswith("by Jira-Dora (jira account jira-dora)")
    eventually(lambda: any("closed by dora" in one for one in tickets.said()), 10, hooked.log)
    third = break_glass(hooked)
    assert decide(hooked, third, f"{third}-1", decision="close", note="fine")[0] == 200
    assert hooked.json("request", "show", third)["reason"] == "closed by dora: fine"
    assert hooked.verify()["ok"]


def texts(jira: Rest, request: str) -> list[object]:
    """What the issue about a request says."""
    stand = jira.stand
    assert isinstance(stand, JiraStand)
    keys = [key for key, one in stand.issues.items() if request in one["fields"]["labels"]]
    return [stand.issues[key]["fields"]["description"] for key in keys] + [
        one for key in keys for one in stand.comments[key]
    ]


def test_a_signed_click_over_http_counts_and_a_forged_or_repeated_one_does_not(
    hooked: Deployment, workspace: Workspace
) -> None:
    stand = workspace.stand
    stand.users["U0NINA"] = user("nina@example.com")
    with psycopg.connect(hooked.dsn("alice"), autocommit=True) as connection:
        asking = Asking(hooked.dsn("alice"), "update analyst_notes set note = note where id = -1")
        id_ = waiting(hooked)["id"]
        eventually(lambda: workspace.shown(id_), 10, hooked.log)
        headers, body = posted(stand.pressed("approve", "U0NINA"), time.time())
        assert clicked(hooked, {**headers, "x-slack-signature": "v0=" + "0" * 64}, body) == 401
        late, old = posted(stand.pressed("approve", "U0NINA"), time.time() - 3600)
        assert clicked(hooked, late, old) == 401
        assert hooked.json("request", "show", id_)["state"] == "open"
        assert clicked(hooked, headers, body) == 200
        assert asking.result() == "UPDATE 0"
        assert clicked(hooked, headers, body) == 200
        eventually(lambda: hooked.search("--kind", "channel.rejected"), 10, hooked.log)
        assert connection.execute("select 1").fetchone() == (1,)
    changes = [row["fields"] for row in hooked.search("--kind", "request.change") if row["fields"]["request"] == id_]
    assert [one["what"] for one in changes] == ["open", "approve", "consumed"]
    assert changes[1]["by"]["channel"] == "night"


def clicked(hooked: Deployment, headers: dict[str, str], body: bytes) -> int:
    """Post a click as Slack does; the status."""
    asked = urllib.request.Request(f"http://127.0.0.1:{hooked.console}/channels/night", body, headers)
    try:
        with urllib.request.urlopen(asked) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return int(error.code)
