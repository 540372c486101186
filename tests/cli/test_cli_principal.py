"""`tidewaiter principal`."""

from __future__ import annotations

from collections.abc import Callable

from commandline import Said


def test_principals_are_added_listed_grouped_and_disabled(tidewaiter: Callable[..., Said]) -> None:
    assert tidewaiter("principal", "ls").err == "no principals yet: add one with `tidewaiter principal add NAME`\n"
    assert tidewaiter("principal", "add", "alice", "--group", "a", "--group", "b").out == "user alice added in a, b\n"
    said = tidewaiter("principal", "add", "bot", "--kind", "agent", "--owner", "alice")
    assert said.out == "agent bot added, on behalf of alice\n"
    assert tidewaiter("principal", "group", "add", "bot", "agents").out == "bot is now in group agents\n"
    assert tidewaiter("principal", "group", "add", "bot", "agents").out == "bot was already in group agents\n"
    assert tidewaiter("principal", "group", "rm", "alice", "b").out == "alice is now not in group b\n"
    assert tidewaiter("principal", "disable", "alice").out == "alice is now disabled\n"
    told = {one["name"]: one for one in tidewaiter("principal", "ls", "--json").json()}
    assert (told["alice"]["groups"], told["alice"]["enabled"]) == (["a"], False)
    assert (told["bot"]["owner"], told["bot"]["enabled"], told["bot"]["can_log_in"]) == ("alice", True, False)
    assert tidewaiter("principal", "enable", "alice").out == "alice is now enabled\n"
    listed = tidewaiter("principal", "ls").out.splitlines()
    assert listed[0].split()[:4] == ["name", "kind", "groups", "owner"]
    assert [line.split()[0] for line in listed[1:]] == ["alice", "bot"]


def test_a_principal_is_added_once(tidewaiter: Callable[..., Said]) -> None:
    tidewaiter("principal", "add", "alice")
    said = tidewaiter("principal", "add", "alice")
    assert (said.code, said.out) == (1, "")
    assert "already" in said.err


def test_a_wrong_kind_or_name_is_a_usage_error(tidewaiter: Callable[..., Said]) -> None:
    assert tidewaiter("principal", "add", "alice", "--kind", "robot").code == 2
    assert tidewaiter("principal", "add", "Alice Smith").code == 2
