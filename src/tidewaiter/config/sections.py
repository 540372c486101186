"""Which sections and keys `tidewaiter.toml` has, and how tables become values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidewaiter.config import values
from tidewaiter.config.document import Document, suggestion
from tidewaiter.config.document import Path as Place
from tidewaiter.config.shape import Address
from tidewaiter.config.values import REQUIRED, Field

PREFIX = "TIDEWAITER"

SSL_MODES = ("disable", "prefer", "require", "verify-ca", "verify-full")

_TLS = Field(lambda value: _pair(value), None, lambda raw: dict(zip(("cert", "key"), raw.split(","), strict=False)))
DEPLOYMENT: dict[str, Field] = {
    "name": values.name("tidewaiter"),
    "timezone": values.timezone("UTC"),
}
GATEWAY: dict[str, Field] = {
    "postgres": values.listen(Address("127.0.0.1", 15432)),
    "workers": values.whole(1, 1, 256),
    "require_tls": values.word(("never", "remote", "always"), "remote"),
    "tls": _TLS,
    "login_timeout_s": values.seconds(15.0, 1, 600),
    "drain_s": values.seconds(30.0, 0, 3600),
}
CONSOLE: dict[str, Field] = {
    "listen": values.listen(Address("127.0.0.1", 8480)),
    "url": values.url(None),
    "tls": _TLS,
    "proxies": values.networks(),
}
LEDGER: dict[str, Field] = {
    "durability": values.word(("strict", "balanced"), "balanced"),
    "binds": values.word(("full", "redacted", "digest", "none"), "full"),
    "origin": values.origin(None),
    "sync_ms": values.whole(50, 1, 1000),
    "checkpoint_s": values.seconds(1.0, 0.05, 60),
    "heartbeat_s": values.seconds(60.0, 1, 3600),
}
APPROVALS: dict[str, Field] = {
    "shell": values.flag(False),
    "decide_s": values.seconds(3600.0, 10, 30 * 86_400),
    "run_s": values.seconds(900.0, 10, 86_400),
    "drift": values.number(2.0, 1, 1_000_000),
    "url": values.url(None),
}
LIMITS: dict[str, Field] = {
    "connections": values.whole(500, 1, 100_000),
    "analyse_bytes": values.whole(1 << 20, 1 << 10, 64 << 20),
    "statement_bytes": values.whole(32 << 20, 1 << 10, 1 << 30),
    "failed_logins_per_minute": values.whole(30, 1, 100_000),
}
STORE: dict[str, Field] = {"url": values.store_url("sqlite:///state/control.sqlite")}
SECTIONS: dict[str, dict[str, Field]] = {
    "deployment": DEPLOYMENT,
    "gateway": GATEWAY,
    "console": CONSOLE,
    "ledger": LEDGER,
    "approvals": APPROVALS,
    "limits": LIMITS,
    "store": STORE,
}
DATASOURCE: dict[str, Field] = {
    "name": values.name(),
    "kind": values.word(("postgres",), "postgres"),
    "address": values.upstream(),
    "database": values.text(None),
    "user": values.text(),
    "tls": values.word(SSL_MODES, "verify-full"),
    "password": values.secret(""),
    "mode": values.word(("enforce", "observe"), "enforce"),
    "roles": values.strings(),
    "allow_superuser": values.flag(False),
    "unclassified": values.word(("detect", "mask", "deny", "allow"), "detect"),
    "side_effect_free": values.functions(),
    "tls_root": values.text(None),
    "tls_cert": values.text(None),
    "tls_key": values.text(None),
}


@dataclass(frozen=True, slots=True)
class Section:
    """The values of one table that were fine, and where each came from (for problems found later)."""

    document: Document
    place: Place
    values: Mapping[str, Any]
    variables: Mapping[str, str]

    def get(self, key: str) -> Any:
        """The value, or None where it was missing or wrong: that problem is reported already."""
        return self.values.get(key)

    def place_of(self, key: str) -> str:
        """How complaints about one key begin: at its line or its environment variable."""
        if key in self.variables:
            return f"environment {self.variables[key]}: "
        return self.document.place((*self.place, key))

    def report(self, key: str, what: str) -> None:
        """Add a problem of one key, at its line or its environment variable."""
        if key in self.variables:
            self.document.report_elsewhere(f"environment {self.variables[key]}", what)
        else:
            self.document.report((*self.place, key), what)


def read_section(document: Document, place: Place, table: object, fields: Mapping[str, Field],
                 overrides: Mapping[str, tuple[str, str]]) -> Section:  # fmt: skip
    """Read one table by its fields. `overrides` is key → (environment variable, its text)."""
    found: dict[str, Any] = {}
    section = Section(document, place, found, {key: variable for key, (variable, _) in overrides.items()})
    if not isinstance(table, dict):
        document.report(place, "must be a table")
        return section
    for key in table:
        if key not in fields:
            document.report((*place, key), f"unknown key{suggestion(key, fields)}")
    for key, field in fields.items():
        if key in overrides:
            value = field.from_text(overrides[key][1])
        elif key in table:
            value = table[key]
        elif field.default is REQUIRED:
            document.report((*place, key), "is required")
            continue
        else:
            found[key] = field.default
            continue
        try:
            found[key] = field.parse(value)
        except ValueError as error:
            section.report(key, str(error))
    return section


def overrides_of(
    environ: Mapping[str, str], words: tuple[str, ...], fields: Mapping[str, Field]
) -> dict[str, tuple[str, str]]:
    """The environment's values for one section: TIDEWAITER_GATEWAY_POSTGRES, TIDEWAITER_DATASOURCE_SHOP_ADDRESS."""
    names = {key: variable_name(*words, key) for key in fields}
    return {key: (variable, environ[variable]) for key, variable in names.items() if variable in environ}


def variable_name(*words: str) -> str:
    """The environment variable of a key: upper case, with _ for - ."""
    return "_".join((PREFIX, *words)).upper().replace("-", "_")


def _pair(value: object) -> tuple[Path, Path]:
    if not isinstance(value, dict) or set(value) != {"cert", "key"}:
        raise ValueError('must be { cert = "PATH", key = "PATH" }')
    paths = [value["cert"], value["key"]]
    if not all(isinstance(path, str) and path for path in paths):
        raise ValueError("cert and key must be paths")
    return Path(paths[0]), Path(paths[1])
