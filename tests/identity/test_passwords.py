"""Passwords sent as they are: the same answer, after the same work, for every reason to refuse one."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from pathlib import Path

import pytest

from tidewaiter.errors import LoginRefused
from tidewaiter.identity import Directory, passwords
from tidewaiter.identity.passwords import PASSWORD_CHARACTERS, proven
from tidewaiter.model import Kind
from tidewaiter.store import open_store
from tidewaiter.wire import auth

NOW = 1_800_000_000.0


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Directory]:
    store = open_store("sqlite:///control.sqlite", tmp_path)
    made = Directory(store, NOW)
    made.add_principal("dora", Kind.USER, now_s=NOW)
    yield made
    store.close()


def test_each_live_password_proves_who_it_is_and_which_credential(directory: Directory) -> None:
    for datasources in ((), ("shop",)):
        issued = directory.issue("dora", datasources, 60.0, NOW)
        who, credential = proven(directory, "dora", issued.password.value, NOW)
        assert (who.name, credential.id, credential.datasources) == ("dora", issued.id, frozenset(datasources))


def test_whatever_is_wrong_is_refused_alike_after_the_same_work(
    directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    expired = directory.issue("dora", (), 1.0, NOW).password.value
    revoked = directory.issue("dora", (), 60.0, NOW)
    directory.revoke(revoked.id, NOW)
    live = directory.issue("dora", (), 60.0, NOW).password.value
    work: list[tuple[int, int]] = []
    compared: list[int] = []
    derive, compare = auth.make_verifier, hmac.compare_digest

    def counted(password: str, salt: bytes, iterations: int) -> tuple[bytes, bytes]:
        work.append((len(salt), iterations))
        return derive(password, salt, iterations)

    def comparing(left: bytes, right: bytes) -> bool:
        compared.append(len(left))
        return compare(left, right)

    monkeypatch.setattr(auth, "make_verifier", counted)
    monkeypatch.setattr(hmac, "compare_digest", comparing)
    tries = [("dora", live + "x"), ("dora", expired), ("dora", revoked.password.value), ("nobody", live), ("dora", "")]
    tries += [("", ""), ("dora", "x" * (PASSWORD_CHARACTERS + 1)), ("dora", live + "x" * PASSWORD_CHARACTERS)]
    said = set()
    for name, password in tries:
        with pytest.raises(LoginRefused) as refused:
            proven(directory, name, password, NOW + 2)
        said.add(str(refused.value))
    assert len(said) == 1
    assert work == [(16, directory.iterations)] * len(tries)
    assert compared == [32] * auth.TRIES * len(tries)
    assert proven(directory, "dora", live, NOW + 2)[0].name == "dora"


def test_who_is_disabled_or_owned_by_who_is_cannot_prove_anything(directory: Directory) -> None:
    directory.add_principal("bot", Kind.AGENT, now_s=NOW, owner="dora")
    secrets = {name: directory.issue(name, (), 60.0, NOW).password.value for name in ("dora", "bot")}
    directory.set_enabled("dora", is_enabled=False)
    for name, password in secrets.items():
        with pytest.raises(LoginRefused):
            passwords.proven(directory, name, password, NOW)
