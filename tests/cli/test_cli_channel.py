"""`tidewaiter channel`, and accounts that channels recognise people by."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from commandline import Said

from tidewaiter.channels.outbox import Outbox
from tidewaiter.config import load
from tidewaiter.store import open_store

HOOK = """
[[channel]]
name = "hook"
kind = "webhook"
secret = "env:HOOK_SECRET"
speaks_for = ["dba"]
"""


@pytest.fixture
def hooked(folder: Path, tidewaiter: Callable[..., Said], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Said]:
    with (folder / "tidewaiter.toml").open("a") as file:
        file.write(HOOK)
    monkeypatch.setenv("HOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    return tidewaiter


def test_channels_are_listed_with_what_waits(folder: Path, hooked: Callable[..., Said]) -> None:
    store = open_store(load(folder / "tidewaiter.toml", {}).store.url, folder)
    Outbox(store).note("hook", lambda request: True, 0.0)
    store.close()
    listed = hooked("channel", "ls").out.splitlines()
    assert listed[0].split()[:4] == ["name", "kind", "told", "waiting"]
    assert listed[1].split()[:4] == ["hook", "webhook", "0", "0"]
    (told,) = hooked("channel", "ls", "--json").json()
    assert (told["waiting"], told["waiting_since"], told["hears"]) == (0, None, "no server is running")


def test_without_channels_there_is_nothing_to_list(tidewaiter: Callable[..., Said]) -> None:
    assert tidewaiter("channel", "ls").err == "no channels are configured\n"
    assert tidewaiter("channel", "test", "hook").code == 1


def test_a_channel_is_tested(hooked: Callable[..., Said], monkeypatch: pytest.MonkeyPatch) -> None:
    assert hooked("channel", "test", "hook").out == "channel hook works: only takes decisions\n"
    assert hooked("channel", "test", "hook", "--json").json() == {"name": "hook", "said": "only takes decisions"}
    monkeypatch.delenv("HOOK_SECRET")
    said = hooked("channel", "test", "hook")
    assert (said.code, "the environment variable is not set" in said.err) == (2, True)


def test_accounts_are_given_listed_and_taken(tidewaiter: Callable[..., Said]) -> None:
    for name in ("dora", "dan"):
        tidewaiter("principal", "add", name)
    account = ("principal", "account")
    said = tidewaiter(*account, "add", "dora", "email", "Dora@example.com")
    assert said.out == "dora is now known by email account dora@example.com\n"
    assert "was already" in tidewaiter(*account, "add", "dora", "email", "dora@example.com").out
    assert tidewaiter(*account, "add", "dan", "email", "dora@example.com").code == 1
    assert tidewaiter(*account, "add", "dan", "github", "octocat").code == 2
    assert tidewaiter(*account, "add", "dan", "fax", "7").code == 2
    assert tidewaiter(*account, "add", "nobody", "github", "7").code == 1
    listed = tidewaiter(*account, "ls", "dora", "--json").json()
    assert listed == [{"realm": "email", "account": "dora@example.com"}]
    assert "dora@example.com" in tidewaiter(*account, "ls", "dora").out
    assert tidewaiter(*account, "rm", "dora", "email", "dora@example.com").code == 0
    assert tidewaiter(*account, "ls", "dora").err == "no accounts\n"
    changes = tidewaiter("audit", "search", "--kind", "principal.change", "--json").json()
    fields = [row["fields"] for row in changes if "account" in row["fields"]]
    assert sorted(one["change"] for one in fields) == ["account_add"] * 4 + ["account_rm"]
    assert [one["failed"] for one in fields if "failed" in one] == [
        "email account 'dora@example.com' belongs to 'dora'"
    ]
