"""Who is turned away before anybody is asked for a password."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from tidewaiter.config import load
from tidewaiter.identity import FailedLogins
from tidewaiter.proxy.admission import Admission
from tidewaiter.proxy.door import Arrival
from tidewaiter.proxy.login import Turned
from tidewaiter.wire import postgres

TOML = """
[gateway]
require_tls = "{wanted}"
tls = {{ cert = "c.crt", key = "c.key" }}
[[datasource]]
name = "shop"
kind = "postgres"
address = "127.0.0.1:5432"
database = "shop"
user = "tidewaiter"
tls = "disable"
password = "env:SHOP_PASSWORD"
"""


def turned(folder: Path, wanted: str, address: str, *, is_full: bool = False, tls: str = "") -> Turned:
    """How a client is turned away."""
    for name in ("c.crt", "c.key"):  # only their being there matters here
        (folder / name).touch(0o600)
    (folder / "tidewaiter.toml").write_text(TOML.format(wanted=wanted))
    config = load(folder / "tidewaiter.toml", {"SHOP_PASSWORD": "x"})
    nobody = cast(Any, None)  # neither the directory nor policies are asked
    admission = Admission(config, nobody, nobody, config.datasources, None, lambda: 0, FailedLogins(20))
    said = postgres.startup_message({"user": "ada", "database": "shop"}, 0)
    packet = cast(postgres.Startup, postgres.parse_startup(said[4:]))
    arrival = Arrival(nobody, packet, tls)
    with pytest.raises(Turned) as found:
        asyncio.run(admission.log_in(arrival, packet, address, is_full=is_full))
    return found.value


@pytest.mark.parametrize(("wanted", "address"), [("remote", "10.0.0.7"), ("always", "127.0.0.1"), ("always", "::1")])
def test_without_tls_where_it_is_required(tmp_path: Path, wanted: str, address: str) -> None:
    why = turned(tmp_path, wanted, address)
    assert (why.sqlstate, why.hint) == ("28000", "use sslmode=require")


@pytest.mark.parametrize(
    ("wanted", "address", "tls"),
    [("remote", "127.0.0.1", ""), ("remote", "::1", ""), ("never", "10.0.0.7", ""), ("always", "10.0.0.7", "TLSv1.3")],
)
def test_where_no_more_sessions_fit(tmp_path: Path, wanted: str, address: str, tls: str) -> None:
    assert turned(tmp_path, wanted, address, is_full=True, tls=tls).sqlstate == "53300"
