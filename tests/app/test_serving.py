"""A real server in this process: from a configuration to ready, operated through its socket, and down again."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import ssl
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from freeports import free_port

from tidewaiter.admin import channel
from tidewaiter.admin.site import Reached
from tidewaiter.app import serving
from tidewaiter.app.calling import call
from tidewaiter.app.deployment import open_log
from tidewaiter.app.founding import found
from tidewaiter.app.running import Running
from tidewaiter.app.serving import serve
from tidewaiter.config import Config, load
from tidewaiter.errors import ConfigError, LedgerBusy, LedgerUnavailable, TidewaiterError, UpstreamError
from tidewaiter.identity import Directory
from tidewaiter.ledger.entry import decode
from tidewaiter.ledger.reader import FolderSource, LogReader
from tidewaiter.ledger.verify import verify
from tidewaiter.model import Receipt
from tidewaiter.proxy.seats import Seats
from tidewaiter.proxy.server import Gateway
from tidewaiter.store import open_store

SHOP = """
[[datasource]]
name = "shop"
address = "127.0.0.1:1"
user = "tidewaiter"
tls = "disable"
"""


def deployment(folder: Path, more: str = "") -> Config:
    """A new deployment on free ports."""
    found(folder, "tidewaiter", "localhost", datetime.now(UTC), {})
    text = (folder / "tidewaiter.toml").read_text()
    text = (
        text.replace(":15432", f":{free_port()}")
        .replace(":8480", f":{free_port()}")
        .replace("drain_s = 30", "drain_s = 5")
    )
    (folder / "tidewaiter.toml").write_text(text + more)
    return load(folder / "tidewaiter.toml", {})


def served(config: Config, visit: Callable[[Config], Awaitable[None]], said: list[str] | None = None) -> list[str]:
    """Run a server, visit it when it is ready, stop it with SIGTERM; what it said to its operator."""
    lines: list[str] = [] if said is None else said

    async def go() -> None:
        ready = asyncio.Event()
        async with asyncio.timeout(90), asyncio.TaskGroup() as group:
            server = group.create_task(serve(config, {}, ready.set, lines.append))
            waiting = group.create_task(ready.wait())
            await asyncio.wait((server, waiting), return_when=asyncio.FIRST_COMPLETED)
            if ready.is_set():
                await visit(config)
                os.kill(os.getpid(), signal.SIGTERM)
            waiting.cancel()

    try:
        asyncio.run(go())
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
    return lines


async def nothing(_config: Config) -> None:
    """Visit without asking for anything."""


async def eventually(is_so: Callable[[], bool]) -> None:
    """Wait until the server has done what it does by itself."""
    async with asyncio.timeout(60):
        while not is_so():  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.01)


def entries(config: Config) -> list[tuple[str, dict[str, Any]]]:
    """Kind and members of everything in the ledger."""
    decoded = [decode(stored.header) for stored in LogReader(config.state / "ledger").frames()]
    return [(entry.kind, entry.fields) for entry in decoded]


def fetch(config: Config, path: str) -> tuple[int, Any]:
    """What the console answers."""
    try:
        with urllib.request.urlopen(f"http://{config.console.listen}{path}", timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_a_server_starts_is_operated_and_stops_with_everything_recorded(tmp_path: Path) -> None:
    config = deployment(tmp_path)

    async def visit(config: Config) -> None:
        assert await asyncio.to_thread(fetch, config, "/readyz") == (200, {"ready": True, "reasons": []})
        told = await asyncio.to_thread(call, config, "principal.add", {"name": "alice"})
        assert told["name"] == "alice"
        issued = await asyncio.to_thread(call, config, "credential.issue", {"principal": "alice"})
        assert issued["port"] == config.gateway.postgres.port
        assert await asyncio.to_thread(call, config, "session.ls", {}) == []
        findings = await asyncio.to_thread(call, config, "check", {})
        assert findings[-1] == {
            "what": "ledger",
            "is_ok": True,
            "said": "is written by the running server",
            "is_warning": False,
        }
        with pytest.raises(LedgerBusy):
            await asyncio.to_thread(open_log, config, lambda: 0, announce=False)

    served(config, visit)
    assert not (config.state / channel.SOCKET).exists()
    recorded = entries(config)
    assert [kind for kind, _ in recorded] == [
        "log.start", "config.change", "policy.change", "principal.change", "credential.issue", "server.stop",
    ]  # fmt: skip
    start = dict(recorded)["config.change"]
    assert set(start["files"]) == {"tidewaiter.toml"}
    assert (start["what"], start["by"]["channel"], start["pid"]) == ("start", "server", os.getpid())
    assert dict(recorded)["principal.change"]["by"]["channel"] == "socket"
    found = verify(FolderSource.of(config.state / "ledger"))
    assert found.ok
    assert found.checkpointed == found.entries == 6


def test_after_the_server_the_same_operations_work_on_the_folder(tmp_path: Path) -> None:
    config = deployment(tmp_path)
    served(config, nothing)
    call(config, "principal.add", {"name": "alice"})
    kind, fields = entries(config)[-1]
    assert (kind, fields["by"]["channel"], fields["by"]["os_uid"]) == ("principal.change", "shell", os.getuid())


def test_hang_up_puts_new_policies_in_force_or_says_why_not(tmp_path: Path) -> None:
    config = deployment(tmp_path)
    said: list[str] = []
    policy = config.policies / "mine.cedar"

    async def until(line: str) -> None:
        os.kill(os.getpid(), signal.SIGHUP)
        await eventually(lambda: any(line in text for text in said))

    async def visit(_config: Config) -> None:
        await until("the policies did not change: in force")
        policy.write_text('@id("mine") permit (principal, action == Action::"connect", resource);')
        await until("new policies are in force")
        policy.write_text("permit (nonsense")
        await until("reload failed: mine.cedar")

    served(config, visit, said)
    kinds = [kind for kind, _ in entries(config)]
    assert kinds.count("policy.change") == 2
    assert kinds.count("policy.refused") == 1


def test_a_database_that_does_not_answer_is_reported_and_no_obstacle(tmp_path: Path) -> None:
    config = deployment(tmp_path, SHOP)

    async def visit(config: Config) -> None:
        assert (await asyncio.to_thread(fetch, config, "/readyz"))[0] == 200
        with pytest.raises(UpstreamError):
            await asyncio.to_thread(call, config, "datasource.test", {"name": "shop"})

    said = served(config, visit)
    assert any("datasource shop cannot be reached" in line and "until it answers" in line for line in said)


def test_a_superuser_is_refused_before_anything_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = deployment(tmp_path, SHOP)

    async def reach(*_arguments: object) -> Reached:
        return Reached("18.1", True, "no TLS", 1.0, ("a warning",))

    monkeypatch.setattr(serving, "reach", reach)
    said: list[str] = []
    with pytest.raises(ConfigError, match=r"toml:\d+: \[datasource\] user: tidewaiter is a superuser of shop: no"):
        served(config, nothing, said)
    assert "warning: a warning" in said
    assert not (config.state / channel.SOCKET).exists()
    (config.folder / "tidewaiter.toml").write_text(
        (config.folder / "tidewaiter.toml").read_text() + "allow_superuser = true\n"
    )
    served(load(config.folder / "tidewaiter.toml", {}), nothing)


@pytest.mark.parametrize("listener", ["postgres", "console"])
def test_a_taken_address_is_named_by_its_key(tmp_path: Path, listener: str) -> None:
    config = deployment(tmp_path)
    address = config.gateway.postgres if listener == "postgres" else config.console.listen
    with (
        socket.create_server((address.host, address.port)),
        pytest.raises(ConfigError, match=rf"{listener}.*: {address} cannot be listened on: .*in use|{listener}"),
    ):
        served(config, nothing)
    assert not (config.state / channel.SOCKET).exists()
    served(config, nothing)


@pytest.mark.parametrize("broken", ["policies", "secret", "keys", "origin"])
def test_what_is_broken_keeps_a_server_from_starting(tmp_path: Path, broken: str) -> None:
    config = deployment(tmp_path, SHOP)
    if broken == "policies":
        (config.policies / "bad.cedar").write_text("permit (nonsense")
    elif broken == "secret":
        source = replace(config.datasources["shop"], password="env:NOT_SET_ANYWHERE")
        config = replace(config, datasources={"shop": source})
    elif broken == "keys":
        (config.keys / "ledger.key").chmod(0o644)
    else:
        config = replace(config, ledger=replace(config.ledger, origin="somebody/else"))
    with pytest.raises(ConfigError):
        served(config, nothing)


def test_warnings_are_said_first(tmp_path: Path) -> None:
    config = replace(deployment(tmp_path), warnings=("mind the gap",))
    (config.policies / "more.cedar").write_text(
        '@id("other") permit (principal, action, resource in Datasource::"elsewhere");'
    )
    said = served(config, nothing)
    assert said[0] == "warning: mind the gap"
    assert any("elsewhere" in line for line in said)


@contextmanager
def stubborn(monkeypatch: pytest.MonkeyPatch, stops: list[float]) -> Iterator[None]:
    """A gateway whose sessions do not end until they are told to end at once."""

    async def stop(self: Gateway, drain_s: float) -> None:
        stops.append(drain_s)
        if drain_s:
            await asyncio.sleep(60)

    monkeypatch.setattr(Gateway, "stop", stop)
    yield


def test_a_second_signal_does_not_wait_for_sessions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = deployment(tmp_path)
    stops: list[float] = []

    async def visit(config: Config) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        await eventually(lambda: bool(stops))
        assert await asyncio.to_thread(fetch, config, "/readyz") == (
            503,
            {"ready": False, "reasons": ["the server is stopping"]},
        )

    with stubborn(monkeypatch, stops):
        served(config, visit)
    assert stops == [5.0, 0]


def test_a_stop_that_cannot_be_recorded_is_said_and_still_a_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = deployment(tmp_path)
    record = Running.record

    async def broken(self: Running, kind: str, fields: Any) -> Receipt:
        if kind == "server.stop":
            raise LedgerUnavailable("disk full")
        return await record(self, kind, fields)

    monkeypatch.setattr(Running, "record", broken)
    assert "the stop is not recorded: disk full" in served(config, nothing)


def test_another_process_that_revokes_or_disables_ends_sessions_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = deployment(tmp_path)
    call(config, "principal.add", {"name": "alice"})
    call(config, "principal.add", {"name": "bob"})
    issued = call(config, "credential.issue", {"principal": "alice"})
    told = {"id": "s1", "principal": "alice", "credential": issued["id"]}
    other = {"id": "s2", "principal": "bob", "credential": "x"}
    killed: list[str] = []
    changed: list[bool] = []
    monkeypatch.setattr(serving, "FOLLOW_S", 0.02)
    monkeypatch.setattr(Seats, "sessions", lambda self: [told, other])
    monkeypatch.setattr(Seats, "kill", lambda self, identifier, reason: killed.append(identifier))
    monkeypatch.setattr(Seats, "principals_changed", lambda self: changed.append(True))

    async def visit(config: Config) -> None:
        def elsewhere() -> None:
            store = open_store(config.store.url, config.folder)
            Directory(store, 0.0).revoke(issued["id"], 1.0)
            store.close()

        await asyncio.to_thread(elsewhere)
        await eventually(lambda: bool(killed))

    served(config, visit)
    assert killed == ["s1"]
    assert changed == [True]


def test_credentials_that_ended_long_ago_are_forgotten_at_the_start_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = deployment(tmp_path)
    said: list[str] = []
    times: list[float] = []

    def prune(self: Directory, now_s: float) -> int:
        times.append(now_s)
        if len(times) == 2:
            raise TidewaiterError("the store is locked")
        return 0

    async def visit(_config: Config) -> None:
        await eventually(lambda: len(times) >= 3)

    monkeypatch.setattr(serving, "PRUNE_S", 0.01)
    monkeypatch.setattr(Directory, "prune", prune)
    served(config, visit, said)
    assert times[0] > 1e9, "Unix time"
    assert "warning: the store is locked" in said, "and it is tried again"


def test_a_store_that_fails_meanwhile_is_said_once_and_so_is_its_return(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = deployment(tmp_path)
    said: list[str] = []
    tries: list[int] = []

    def refresh(self: Directory) -> None:
        tries.append(1)
        raise TidewaiterError("the store is locked")

    async def visit(_config: Config) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(Directory, "refresh", refresh)
            await eventually(lambda: len(tries) > 2)
        await eventually(lambda: "the control store answers again" in said)

    monkeypatch.setattr(serving, "FOLLOW_S", 0.02)
    served(config, visit, said)
    assert [line for line in said if "the store is locked" in line] == [
        "warning: the store is locked; until it answers nobody logs in, and nothing held is approved"
    ]


def test_run_takes_the_fast_loop_when_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = deployment(tmp_path)
    loops: list[str] = []

    def ready() -> None:
        loops.append(type(asyncio.get_running_loop()).__module__)
        os.kill(os.getpid(), signal.SIGTERM)

    serving.run(config, {}, ready, lambda line: None)
    monkeypatch.setattr(serving, "find_spec", lambda name: None)
    serving.run(config, {}, ready, lambda line: None)
    assert [name.split(".")[0] for name in loops] == ["uvloop", "asyncio"]


def test_a_defect_comes_out_as_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = deployment(tmp_path)

    async def run(self: Gateway) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Gateway, "run", run)
    with pytest.raises(ZeroDivisionError):
        served(config, nothing)


def test_the_console_speaks_tls_itself_where_it_has_a_certificate(tmp_path: Path) -> None:
    config = deployment(tmp_path)
    file = config.folder / "tidewaiter.toml"
    pair = '\n[console]\ntls = { cert = "keys/gateway.crt", key = "keys/gateway.key" }\n'
    file.write_text(file.read_text().replace("\n[console]\n", pair))

    async def visit(config: Config) -> None:
        def ask(path: str) -> tuple[int, str, str]:
            known = ssl.create_default_context(cafile=config.folder / "keys" / "gateway.crt")
            known.check_hostname = False  # the pair names the machine, not the address
            address = config.console.listen
            with urllib.request.urlopen(f"https://{address}{path}", timeout=60, context=known) as answer:
                return answer.status, answer.read().decode(), answer.headers.get("set-cookie", "")

        status, page, cookie = await asyncio.to_thread(ask, "/sign-in")
        assert (status, "Password of a credential" in page) == (200, True)
        assert cookie.startswith("__Host-tidewaiter-") and "Secure" in cookie
        with pytest.raises(OSError):
            await asyncio.to_thread(fetch, config, "/readyz")

    served(load(file, {}), visit)


@pytest.mark.parametrize(("proxies", "source"), [("[]", "127.0.0.1"), ('["127.0.0.0/8"]', "192.0.2.9")])
def test_a_clients_address_is_what_a_proxy_says_only_where_it_is_believed(
    tmp_path: Path, proxies: str, source: str
) -> None:
    config = deployment(tmp_path)
    file = config.folder / "tidewaiter.toml"
    file.write_text(file.read_text().replace("\nproxies = []", f"\nproxies = {proxies}"))

    async def visit(config: Config) -> None:
        def forge() -> None:
            url = f"http://{config.console.listen}/sign-in"
            said = {"x-forwarded-for": "203.0.113.1, 192.0.2.9"}
            with pytest.raises(urllib.error.HTTPError, match="403") as answer:
                urllib.request.urlopen(urllib.request.Request(url, b"name=mallory", said), timeout=60)
            answer.value.close()

        await asyncio.to_thread(forge)

    served(load(file, {}), visit)
    (failed,) = [fields for kind, fields in entries(config) if kind == "login.failed"]
    assert (failed["source"], failed["user"]) == (source, "mallory")
    assert failed["reason"] == "console: forged or stale sign-in form"
