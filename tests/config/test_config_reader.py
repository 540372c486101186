"""tidewaiter.toml as a whole: defaults, overrides, paths, checks against the disk, and every problem at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tidewaiter import config
from tidewaiter.config import Address, Config, TlsPair, load
from tidewaiter.errors import ConfigError

Write = Callable[..., Path]
SOURCE = """
[[datasource]]
name = "shop"
address = "db:5432"
user = "tw"
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str, classification: str | None = None) -> Path:
        (tmp_path / "tidewaiter.toml").write_text(text)
        if classification is not None:
            (tmp_path / "classification.toml").write_text(classification)
        return tmp_path / "tidewaiter.toml"

    return write


def problems(path: Path, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        load(path, environ or {})
    return refused.value.problems


def pair(folder: Path, mode: int = 0o600) -> None:
    (folder / "keys").mkdir()
    (folder / "keys/c").write_text("cert")
    (folder / "keys/k").write_text("key")
    (folder / "keys/k").chmod(mode)


def test_an_empty_file_gives_the_documented_defaults(write: Write, tmp_path: Path) -> None:
    found = load(write(""), {})
    assert (found.folder, found.name, found.timezone) == (tmp_path, "tidewaiter", "UTC")
    assert (found.state, found.keys, found.policies) == (tmp_path / "state", tmp_path / "keys", tmp_path / "policies")
    assert found.gateway == config.GatewayConfig(Address("127.0.0.1", 15432), 1, "remote", None, 15.0, 30.0)
    assert found.console == config.ConsoleConfig(Address("127.0.0.1", 8480))
    assert found.ledger == config.LedgerConfig("balanced", "full", "tidewaiter/tidewaiter", 50, 1.0, 60.0)
    assert found.approvals == config.ApprovalsConfig(False, 3600.0, 900.0)
    assert found.limits == config.Limits(500, 1_048_576, 33_554_432, 30)
    assert found.store == config.StoreConfig(f"sqlite:///{tmp_path}/state/control.sqlite")
    assert found.classification == config.Classification()
    assert found.warnings == ()


def test_a_datasource_has_safe_defaults(write: Write) -> None:
    assert load(write(SOURCE), {}).datasources["shop"] == config.Datasource(
        name="shop",
        kind="postgres",
        address=Address("db", 5432),
        database="shop",
        user="tw",
        tls="verify-full",
        password="",
        mode="enforce",
        roles={},
        allow_superuser=False,
        unclassified="detect",
    )


def test_all_keys_of_the_example_are_read(write: Write, tmp_path: Path) -> None:
    pair(tmp_path)
    text = """
[deployment]
name = "prod"
timezone = "Europe/Berlin"
[gateway]
postgres = "[::1]:1"
workers = 1
require_tls = "always"
tls = { cert = "keys/c", key = "keys/k" }
login_timeout_s = 5
drain_s = 0
[console]
listen = "127.0.0.1:2"
[ledger]
durability = "strict"
binds = "digest"
origin = "example.com/log"
sync_ms = 10
checkpoint_s = 0.5
heartbeat_s = 10
[approvals]
shell = true
[limits]
connections = 1
analyse_bytes = 2048
statement_bytes = 4096
failed_logins_per_minute = 5
[store]
url = "postgresql://h/d"
[[datasource]]
name = "hr"
kind = "postgres"
address = "h"
database = "HR db"
user = "u"
tls = "verify-ca"
tls_root = "keys/c"
tls_cert = "keys/c"
tls_key = "keys/k"
password = "env:PW"
mode = "observe"
roles = { dba = "r" }
allow_superuser = true
unclassified = "deny"
side_effect_free = ["public.touch"]
"""
    found = load(write(text), {})
    assert (found.name, found.timezone, found.ledger.origin) == ("prod", "Europe/Berlin", "example.com/log")
    assert found.gateway.tls == TlsPair(tmp_path / "keys/c", tmp_path / "keys/k")
    assert found.store.url == "postgresql://h/d"
    hr = found.datasources["hr"]
    assert (hr.address, hr.database, hr.mode, hr.roles) == (Address("h", 5432), "HR db", "observe", {"dba": "r"})
    assert hr.side_effect_free == {("public", "touch")}
    assert (hr.tls_root, hr.tls_cert, hr.tls_key) == (tmp_path / "keys/c", tmp_path / "keys/c", tmp_path / "keys/k")


def test_every_problem_is_told_at_once_with_its_line(write: Write) -> None:
    text = """[gatway]
x = 1
[gateway]
postgres = "0.0.0.0"
workers = 2
portgres = 1
[console]
listen = 7
[[datasource]]
name = "Shop"
address = "a:0"
user = 1
password = "hunter2"
[[datasource]]
name = "hr"
"""
    assert problems(write(text, "[tags.x]\n")) == [
        'tidewaiter.toml:1: [gatway]: unknown section; did you mean "gateway"?',
        'tidewaiter.toml:4: [gateway] postgres: must be "host:port", as "127.0.0.1:5432" or "[::1]:5432", '
        'not "0.0.0.0"',
        "tidewaiter.toml:5: [gateway] workers: must be 1 in this version: one process writes the ledger",
        'tidewaiter.toml:6: [gateway] portgres: unknown key; did you mean "postgres"?',
        'tidewaiter.toml:8: [console] listen: must be "host:port", as "127.0.0.1:5432" or "[::1]:5432", not 7',
        'tidewaiter.toml:10: [datasource] name: must match [a-z][a-z0-9_-]*, at most 63 characters, not "Shop"',
        'tidewaiter.toml:11: [datasource] address: port must be from 1 to 65535, not "a:0"',
        "tidewaiter.toml:12: [datasource] user: must be text, not 1",
        "tidewaiter.toml:13: [datasource] password: must be a reference to the secret, never the secret itself: "
        "env:NAME, file:PATH or exec:COMMAND",
        "tidewaiter.toml:14: [datasource] address: is required",
        "tidewaiter.toml:14: [datasource] user: is required",
        'classification.toml:1: [tags] x: must be a table with a mask, as [tags.x] and mask = "redact"',
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("gateway = 1", "tidewaiter.toml:1: [gateway]: must be a table"),
        ("datasource = 1", "[datasource]: must be written with double brackets: [[datasource]]"),
        ("[datasource]\nname = 'x'", "must be written with double brackets"),
        ("datasource = [1]", "tidewaiter.toml:1: [datasource]: must be a table"),
        (SOURCE + SOURCE, 'tidewaiter.toml:8: [datasource] name: "shop" is taken by the datasource in line 3'),
        ('[gateway]\ntls = "x"', '[gateway] tls: must be { cert = "PATH", key = "PATH" }'),
        ("[gateway]\ntls = { cert = 'x', key = '' }", "[gateway] tls: cert and key must be paths"),
        ('[gateway]\nrequire_tls = "always"', "tidewaiter.toml:1: [gateway] tls: a certificate and key are required"),
        ('[gateway]\npostgres = "0.0.0.0:1"', "are required with require_tls = remote on 0.0.0.0:1"),
        (
            '[gateway]\nrequire_tls = "always"\ntls = { cert = "c", key = "k" }',
            "/c is not a file; `tidewaiter init` makes a self-signed pair",
        ),
        ('[gateway]\npostgres = "127.0.0.1:8480"', "127.0.0.1:8480 is taken by [gateway] postgres"),
        (SOURCE + 'tls_root = "absent"', "/absent is not a file"),
        (SOURCE + 'tls_cert = "tidewaiter.toml"', "tls_cert: tls_cert and tls_key must be given together"),
        (SOURCE + 'tls_key = "tidewaiter.toml"', "tls_key: tls_cert and tls_key must be given together"),
        (SOURCE + 'tls_key = "tidewaiter.toml"', "may be used by others than its owner"),
        (SOURCE + 'password = "vault:x"', "vault: references are not supported"),
        ("x = ", "tidewaiter.toml:1: "),
    ],
)
def test_what_cannot_be_is_told(write: Write, text: str, told: str) -> None:
    path = write(text)
    path.chmod(0o644)
    found = problems(path)
    assert any(told in problem for problem in found), found


def test_a_key_that_others_may_read_is_refused(write: Write, tmp_path: Path) -> None:
    pair(tmp_path, 0o640)
    (problem,) = problems(write('[gateway]\ntls = { cert = "keys/c", key = "keys/k" }'))
    assert problem.startswith("tidewaiter.toml:2: [gateway] tls: ")
    assert "may be used by others than its owner (mode 0640)" in problem


def test_a_key_behind_a_file_is_told_as_it_is(write: Write, tmp_path: Path) -> None:
    (tmp_path / "c").write_text("")
    found = problems(write('[gateway]\ntls = { cert = "c", key = "c/k" }'))
    assert any("c/k is not a file" in problem for problem in found)
    assert any("cannot be read: Not a directory" in problem for problem in found)


def test_a_missing_pair_is_a_warning_where_tls_is_not_required(write: Write) -> None:
    found = load(write('[gateway]\ntls = { cert = "c", key = "k" }'), {})
    assert found.gateway.tls is None
    assert len(found.warnings) == 1
    assert "clients are served without TLS" in found.warnings[0]


def test_half_a_pair_is_an_error_even_where_tls_is_not_required(write: Write, tmp_path: Path) -> None:
    (tmp_path / "c").write_text("")
    (problem,) = problems(write('[gateway]\ntls = { cert = "c", key = "k" }'))
    assert "/k is not a file" in problem


def test_a_console_that_others_can_reach_is_a_warning(write: Write) -> None:
    found = load(write('[console]\nlisten = "0.0.0.0:1"'), {})
    assert found.warnings == (
        "[console] listen: 0.0.0.0:1 is reachable from other machines without TLS: nobody can sign in until"
        " [console] tls or url is set",
    )
    assert load(write('[console]\nlisten = "0.0.0.0:1"\nurl = "https://gate.example"'), {}).warnings == ()


def test_the_console_has_tls_of_its_own_and_an_address_without_a_path(write: Write, tmp_path: Path) -> None:
    (tmp_path / "c").write_text("")
    (tmp_path / "k").touch(mode=0o600)
    pair = 'tls = { cert = "c", key = "k" }'
    found = load(write(f'[console]\nlisten = "10.0.0.1:1"\nurl = "https://gate.example"\n{pair}'), {})
    assert found.console.tls == config.TlsPair(tmp_path / "c", tmp_path / "k")
    assert found.approvals.url == found.console.url == "https://gate.example"
    (warning,) = load(write(f'[console]\nlisten = "0.0.0.0:1"\n{pair}'), {}).warnings
    assert "until [console] url is set" in warning
    (problem,) = problems(write('[console]\nurl = "https://gate.example/path"'))
    assert "scheme, host and port only" in problem
    (problem,) = problems(write('[console]\ntls = { cert = "c", key = "gone" }'))
    assert "/gone is not a file" in problem


def test_listening_on_ports_that_the_system_chooses_is_no_conflict(write: Write) -> None:
    found = load(write('[gateway]\npostgres = "127.0.0.1:0"\n[console]\nlisten = "127.0.0.1:0"'), {})
    assert found.gateway.postgres.port == found.console.listen.port == 0


def test_the_environment_overrides_the_file(write: Write, tmp_path: Path) -> None:
    pair(tmp_path)
    environ = {
        "TIDEWAITER_DEPLOYMENT_NAME": "other",
        "TIDEWAITER_GATEWAY_POSTGRES": "127.0.0.1:7",
        "TIDEWAITER_GATEWAY_TLS": "keys/c,keys/k",
        "TIDEWAITER_GATEWAY_DRAIN_S": "2.5",
        "TIDEWAITER_LIMITS_CONNECTIONS": "9",
        "TIDEWAITER_APPROVALS_SHELL": "true",
        "TIDEWAITER_DATASOURCE_SHOP_ADDRESS": "elsewhere:1",
        "TIDEWAITER_DATASOURCE_SHOP_PASSWORD": "env:PW",
    }
    found = load(write('[gateway]\npostgres = "127.0.0.1:6"\n' + SOURCE), environ)
    assert (found.name, found.gateway.postgres.port, found.gateway.drain_s) == ("other", 7, 2.5)
    assert found.gateway.tls == TlsPair(tmp_path / "keys/c", tmp_path / "keys/k")
    assert (found.limits.connections, found.approvals.shell) == (9, True)
    assert found.datasources["shop"].address == Address("elsewhere", 1)
    assert found.datasources["shop"].password == "env:PW"
    assert found.warnings == ()


def test_a_datasource_with_a_hyphen_is_overridden_with_an_underscore(write: Write) -> None:
    text = SOURCE.replace('"shop"', '"my-shop"')
    assert load(write(text), {"TIDEWAITER_DATASOURCE_MY_SHOP_USER": "x"}).datasources["my-shop"].user == "x"


def test_a_wrong_override_is_told_by_its_variable(write: Write) -> None:
    environ = {"TIDEWAITER_LIMITS_CONNECTIONS": "many", "TIDEWAITER_GATEWAY_TLS": "one"}
    assert problems(write(""), environ) == [
        'environment TIDEWAITER_GATEWAY_TLS: must be { cert = "PATH", key = "PATH" }',
        'environment TIDEWAITER_LIMITS_CONNECTIONS: must be a whole number from 1 to 100000, not "many"',
    ]


def test_variables_that_look_like_overrides_and_are_none_are_warned_of(write: Write) -> None:
    environ = {
        "TIDEWAITER_GATEWAY_PORTGRES": "x",
        "TIDEWAITER_DATASOURCE_HR_USER": "x",
        "TIDEWAITER_CONFIG": "/elsewhere",
        "TIDEWAITER_SERVICE_HOST": "10.0.0.1",
    }
    assert load(write(SOURCE), environ).warnings == (
        "environment TIDEWAITER_DATASOURCE_HR_USER: no such key; it is not used",
        "environment TIDEWAITER_GATEWAY_PORTGRES: no such key; it is not used",
    )


def test_the_classification_is_read_beside_the_file(write: Write) -> None:
    text = '[tags.t]\nmask = "null"\n[datasource.shop."public.a"]\nx = ["t"]\n'
    found = load(write(SOURCE, text), {})
    assert found.classification.tagged("shop") == {("public", "a")}


def test_a_classification_of_an_unknown_datasource_is_an_error(write: Write) -> None:
    (problem,) = problems(write(SOURCE, '[tags.t]\nmask = "null"\n[datasource.hr."public.a"]\nx = ["t"]\n'))
    assert problem == "classification.toml:3: [datasource] hr: unknown datasource; known are: shop"


def test_a_classification_with_a_syntax_error_is_told_beside_the_other_problems(write: Write) -> None:
    first, second = problems(write("[x]\n", "a = = 1\n"))
    assert first.startswith("tidewaiter.toml:1: [x]: unknown section")
    assert second.startswith("classification.toml:1: ")


def test_files_that_cannot_be_read_are_told(write: Write, tmp_path: Path) -> None:
    (problem,) = problems(tmp_path / "absent.toml")
    assert "there is no such file; make a deployment with `tidewaiter init DIR`" in problem
    (problem,) = problems(tmp_path)
    assert "cannot be read: Is a directory" in problem
    (tmp_path / "binary.toml").write_bytes(b"a = 1\n\xff")
    assert problems(tmp_path / "binary.toml") == ["binary.toml:2: is not UTF-8"]
    (tmp_path / "long.toml").write_bytes(b"#" * ((4 << 20) + 1))
    assert problems(tmp_path / "long.toml") == ["long.toml:1: is longer than 4194304 bytes"]
    (tmp_path / "classification.toml").mkdir()
    (problem,) = problems(write(""))
    assert "classification.toml: cannot be read" in problem


@pytest.mark.parametrize("url", ["sqlite:////var/lib/x.sqlite", "sqlite:///:memory:", "postgresql://u:p@h/d"])
def test_absolute_store_urls_stay_as_they_are(write: Write, url: str) -> None:
    assert load(write(f'[store]\nurl = "{url}"'), {}).store.url == url


def test_a_relative_path_of_the_file_itself_is_made_absolute(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("")
    monkeypatch.chdir(tmp_path)
    found: Config = load(Path("tidewaiter.toml"), {})
    assert found.folder == tmp_path


def test_the_environment_is_read_in_one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEWAITER_X", "1")
    assert config.environment()["TIDEWAITER_X"] == "1"


def test_a_byte_order_mark_does_no_harm(write: Write) -> None:
    path = write("[deployment]\nname = 'here'\n")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load(path, {}).name == "here"


def test_what_keeps_both_files_from_being_read_is_told_of_both(write: Write, tmp_path: Path) -> None:
    path = write("[gateway\n", "[tags\n")
    assert [problem.split(":")[0] for problem in problems(path)] == ["tidewaiter.toml", "classification.toml"]
    (tmp_path / "classification.toml").write_bytes(b"\xff")
    assert problems(path)[1:] == ["classification.toml:1: is not UTF-8"]
    (tmp_path / "classification.toml").unlink()
    assert len(problems(path)) == 1


def test_tls_files_that_are_folders_do_not_count_as_not_there(write: Write, tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    told = problems(write('[gateway]\ntls = { cert = "keys", key = "keys" }\n'))
    assert any(f"{tmp_path / 'keys'} is not a file" in problem for problem in told)


def test_each_key_knows_where_it_was_written(write: Write) -> None:
    hook = '[[channel]]\nname = "h"\nkind = "webhook"\nurl = "https://h.example"\nsecret = "env:S"\n'
    path = write(f'[gateway]\nworkers = 1\n{SOURCE}password = "env:A"\n{hook}')
    found = load(path, {"TIDEWAITER_DATASOURCE_SHOP_USER": "x"})
    places = {
        ("gateway", "workers"): "tidewaiter.toml:2: [gateway] workers: ",
        ("gateway", "postgres"): "tidewaiter.toml:1: [gateway] postgres: ",
        ("datasource", "shop", "password"): "tidewaiter.toml:8: [datasource] password: ",
        ("datasource", "shop", "tls"): "tidewaiter.toml:4: [datasource] tls: ",
        ("datasource", "shop", "user"): "environment TIDEWAITER_DATASOURCE_SHOP_USER: ",
        ("channel", "h", "secret"): "tidewaiter.toml:13: [channel] secret: ",
        ("channel", "h"): "tidewaiter.toml:9: [channel]: ",
        ("elsewhere", "key"): "[elsewhere] key: ",
    }
    assert {path: found.place(*path) for path in places} == places
    assert "places" not in repr(found)
