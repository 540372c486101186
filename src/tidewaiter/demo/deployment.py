"""The demo's deployment folder: configuration, classification and policies around one database with company data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from tidewaiter.model import Kind, Secret

PASSWORD_FILE = "keys/shop.password"  # noqa: S105 - a path
NAME = "demo"
ROLES = {"dba": "shop_admin", "analysts": "shop_rw", "agents": "shop_rw"}


@dataclass(frozen=True, slots=True)
class Persona:
    """One principal of the demo."""

    name: str
    kind: Kind
    group: str
    owner: str = ""
    who: str = ""


PERSONAS = (
    Persona("alice", Kind.USER, "analysts", who="an analyst"),
    Persona("dora", Kind.USER, "dba", who="a DBA"),
    Persona("reporter", Kind.AGENT, "agents", owner="alice", who="an AI agent that acts on behalf of alice"),
)


@dataclass(frozen=True, slots=True)
class Upstream:
    """One [[datasource]]: the company's database under the name that clients connect to."""

    name: str
    address: str
    mode: str = "enforce"
    tls: str = "disable"
    tls_root: str = ""

    def lines(self) -> list[str]:
        """Its TOML table."""
        values = {
            "name": self.name,
            "kind": "postgres",
            "address": self.address,
            "database": "shop",
            "user": "tidewaiter",
            "password": f"file:{PASSWORD_FILE}",
            "tls": self.tls,
            **({"tls_root": self.tls_root} if self.tls_root else {}),
            "mode": self.mode,
        }
        roles = ", ".join(f"{group} = {_toml(role)}" for group, role in ROLES.items())
        return [
            "[[datasource]]",
            *(f"{key} = {_toml(value)}" for key, value in values.items()),
            f"roles = {{ {roles} }}",
        ]


@dataclass(frozen=True, slots=True)
class Listeners:
    """Where the gateway and its console listen, each as host:port."""

    postgres: str
    console: str


def furnish(folder: Path, listeners: Listeners, upstreams: Sequence[Upstream], password: Secret, *more: str) -> None:
    """Replace the example configuration that `tidewaiter init` wrote by the demo's own, and add its policies.

    `password` is that of role `tidewaiter` in the database. `more` are further lines of TOML, before the datasources.
    """
    secret = folder / PASSWORD_FILE
    secret.touch(mode=0o600)
    secret.write_text(password.value)
    (folder / "tidewaiter.toml").write_text("\n".join(settings(listeners, upstreams, *more)) + "\n")
    (folder / "classification.toml").write_text(_text("classification.toml"))
    for name in ("shop.cedar", "agents.cedar"):
        (folder / "policies" / name).write_text(_text(name))


def settings(listeners: Listeners, upstreams: Sequence[Upstream], *more: str) -> list[str]:
    """Lines of tidewaiter.toml."""
    return [
        "[deployment]",
        f"name = {_toml(NAME)}",
        "[gateway]",
        f"postgres = {_toml(listeners.postgres)}",
        'tls = { cert = "keys/gateway.crt", key = "keys/gateway.key" }',
        "[console]",
        f"listen = {_toml(listeners.console)}",
        "[approvals]",
        "shell = true",
        *more,
        *(line for upstream in upstreams for line in upstream.lines()),
    ]


def _toml(value: str) -> str:
    return json.dumps(value)  # TOML's basic strings escape as JSON's do


def _text(name: str) -> str:
    return files("tidewaiter.demo").joinpath(name).read_text(encoding="utf-8")
