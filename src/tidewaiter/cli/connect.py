"""`tidewaiter connect` and `whoami`: the person at this shell as a principal."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Annotated

import typer

from tidewaiter.cli import show
from tidewaiter.cli.shell import AsJson, ConfigPath, call, load
from tidewaiter.errors import NotFound, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tidewaiter.config import Config

TTL_S = 900  # enough to reconnect after a network cut; psql's environment keeps the password that long

PrincipalName = Annotated[
    str | None, typer.Option("--principal", metavar="NAME", help="Who you are.", show_default="your user name here")
]


def connect(
    datasource: Annotated[str, typer.Argument(metavar="DATASOURCE", help="Name of the datasource.")],
    psql_args: Annotated[list[str] | None, typer.Argument(metavar="[-- PSQL-ARGS]", help="Passed on to psql.")] = None,
    principal: PrincipalName = None,
    config: ConfigPath = None,
) -> None:
    """Start psql through the gateway.

    It gets a fresh credential that lives for 15 minutes: sessions go on after that, new ones need another.
    """
    import os

    from tidewaiter.config import environment

    deployment = load(config)
    psql = shutil.which("psql")
    if psql is None:
        raise UsageError("psql is not on the PATH: install PostgreSQL's client programs, or use `credential issue`")
    name = principal or _user()
    arguments = {"principal": name, "datasources": [datasource], "ttl_s": TTL_S, "label": "tidewaiter connect"}
    try:
        issued = call(deployment, "credential.issue", arguments)
    except NotFound as error:
        if principal is not None:
            raise
        raise NotFound(f"{error}; say who you are with --principal") from None
    variables = {**environment(), **libpq_environment(deployment, datasource, issued)}
    os.execve(psql, [psql, *(psql_args or [])], variables)  # noqa: S606 - psql takes this process's place


def whoami(principal: PrincipalName = None, config: ConfigPath = None, as_json: AsJson = False) -> None:
    """Say which principal you are.

    Also its groups, and where it may connect.
    """
    told = call(load(config), "whoami", {"principal": principal or _user()})
    if as_json:
        show.json_out(told)
        return
    may = [name for name, is_permitted in told["may_connect"].items() if is_permitted]
    rows = [
        ("principal", told["name"]),
        ("kind", told["kind"]),
        ("groups", told["groups"]),
        ("on behalf of", told["owner"]),
        ("can log in", told["can_log_in"]),
        ("live credentials", told["live_credentials"]),
        ("may connect to", may),
    ]
    show.table(("what", "value"), rows)


def libpq_environment(config: Config, datasource: str, issued: Mapping[str, object]) -> dict[str, str]:
    """libpq's variables for an issued credential; the gateway's own certificate is pinned where that is possible."""
    from tidewaiter.app.certificates import is_pinnable

    host = str(issued["host"])
    found = {
        "PGHOST": host,
        "PGPORT": str(issued["port"]),
        "PGDATABASE": datasource,
        "PGUSER": str(issued["user"]),
        "PGPASSWORD": str(issued["password"]),
        "PGSSLMODE": "prefer",
    }
    if config.gateway.tls is not None:
        certificate = config.gateway.tls.cert
        is_pinned = is_pinnable(certificate.read_bytes(), host)
        found["PGSSLMODE"] = "verify-full" if is_pinned else "require"
        if is_pinned:
            found["PGSSLROOTCERT"] = str(certificate)
    return found


def _user() -> str:
    import getpass

    return getpass.getuser()
