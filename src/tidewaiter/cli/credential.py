"""`tidewaiter credential`: short-lived secrets for native clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tidewaiter.cli import show
from tidewaiter.cli.shell import AsJson, ConfigPath, call, group, load
from tidewaiter.errors import UsageError

if TYPE_CHECKING:
    from tidewaiter.cli.formats import Login
    from tidewaiter.config import Config

COLUMNS = ("id", "principal", "state", "datasources", "created at", "expires at", "label")

credential = group("credential", "Short-lived secrets with which principals connect.")


@credential.command()
def issue(
    principal: Annotated[str, typer.Option(metavar="NAME", help="Whose credential it is.")],
    datasources: Annotated[
        list[str] | None, typer.Option("--datasource", metavar="D", help="What it opens; repeatable. Default: all.")
    ] = None,
    ttl: Annotated[str, typer.Option(metavar="TIME", help="How long it lives: 90s, 15m, 8h, 7d.")] = "8h",
    form: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="psql, url, env, pgpass, service, jdbc or json.")
    ] = "psql",
    label: Annotated[str, typer.Option(help="A remark for listings.")] = "",
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Make a credential and print it once, ready to paste. It cannot be shown again."""
    from tidewaiter.cli import days, formats

    form = "json" if as_json else form
    if form != "json" and form not in formats.TEXT:
        raise UsageError(f"{form!r} is not a format: use {', '.join(formats.TEXT)} or json")
    deployment = load(config)
    arguments = {
        "principal": principal,
        "datasources": datasources or [],
        "ttl_s": days.duration_s(ttl),
        "label": label,
    }
    told = call(deployment, "credential.issue", arguments)
    if form == "json":
        show.json_out(told)
        return
    show.note(f"credential {told['id']} of {told['principal']} expires at {told['expires_at']}")
    if not told["datasources"]:
        show.note("there is no datasource yet: the credential opens every one that is configured later")
    for login in logins(deployment, told):
        print(formats.TEXT[form](login))


@credential.command()
def ls(
    principal: Annotated[str | None, typer.Option(metavar="NAME", help="Only this principal's.")] = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """List credentials, without their secrets."""
    found = call(load(config), "credential.ls", {"principal": principal})
    if as_json:
        show.json_out(found)
        return
    rows = [
        (c["id"], c["principal"], c["state"], c["datasources"] or "all", c["created_at"], c["expires_at"], c["label"])
        for c in found
    ]
    show.table(COLUMNS, rows, empty="no credentials")


@credential.command()
def revoke(
    id: Annotated[str, typer.Argument(metavar="ID", help="Id of the credential, as `ls` shows it.")],
    config: ConfigPath = None,
) -> None:
    """End a credential and the sessions that logged in with it."""
    told = call(load(config), "credential.revoke", {"id": id})
    word = "is now" if told["changed"] else "was already"
    ended = f"; {show.counted(told['sessions_ended'], 'session')} ended" if told["sessions_ended"] else ""
    show.say(f"credential {id} of {told['principal']} {word} revoked{ended}")


def logins(config: Config, told: dict[str, Any]) -> list[Login]:
    """One login per datasource that an issued credential opens. Clients demand TLS where the gateway has it."""
    from tidewaiter.cli.formats import Login

    sslmode = "require" if config.gateway.tls is not None else "prefer"
    return [
        Login(told["host"], told["port"], dbname, told["user"], told["password"], sslmode)
        for dbname in told["datasources"]
    ]
