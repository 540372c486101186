"""`tidewaiter principal`: who there is and what groups they are in."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tidewaiter.cli import show
from tidewaiter.cli.shell import AsJson, ConfigPath, call, group, load

COLUMNS = ("name", "kind", "groups", "owner", "enabled", "created at")

principal = group("principal", "People, services and agents that may connect.")
membership = group("group", "Groups that a principal is in.")
principal.add_typer(membership)
account = group("account", "Accounts elsewhere, by which approval channels recognise a principal.")
principal.add_typer(account)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the principal.")]
Realm = Annotated[str, typer.Argument(metavar="REALM", help="email, github or jira.")]
Account = Annotated[str, typer.Argument(metavar="ACCOUNT", help="Address, numeric id, or account id.")]
Group = Annotated[str, typer.Argument(metavar="GROUP", help="Name of the group.")]


@principal.command()
def add(
    name: Name,
    kind: Annotated[str, typer.Option(help="user, service or agent.")] = "user",
    groups: Annotated[list[str] | None, typer.Option("--group", metavar="G", help="A group; repeatable.")] = None,
    owner: Annotated[str | None, typer.Option(metavar="USER", help="On whose behalf an agent acts.")] = None,
    config: ConfigPath = None,
) -> None:
    """Add a principal."""
    told = call(load(config), "principal.add", {"name": name, "kind": kind, "groups": groups or [], "owner": owner})
    show.say(f"{told['kind']} {told['name']} added{_of(told)}")


@principal.command()
def ls(config: ConfigPath = None, as_json: AsJson = False) -> None:
    """List principals."""
    found = call(load(config), "principal.ls")
    if as_json:
        show.json_out(found)
        return
    rows = [(p["name"], p["kind"], p["groups"], p["owner"], p["enabled"], p["created_at"]) for p in found]
    show.table(COLUMNS, rows, empty="no principals yet: add one with `tidewaiter principal add NAME`")


@principal.command()
def disable(name: Name, config: ConfigPath = None) -> None:
    """Refuse a principal's logins and its agents', and end their sessions now."""
    _report(call(load(config), "principal.disable", {"name": name}), "disabled")


@principal.command()
def enable(name: Name, config: ConfigPath = None) -> None:
    """Let a principal and its agents log in again."""
    _report(call(load(config), "principal.enable", {"name": name}), "enabled")


@membership.command("add")
def group_add(name: Name, group: Group, config: ConfigPath = None) -> None:
    """Put a principal into a group; live sessions follow at once."""
    _report(call(load(config), "principal.group_add", {"name": name, "group": group}), f"in group {group}")


@membership.command("rm")
def group_rm(name: Name, group: Group, config: ConfigPath = None) -> None:
    """Take a principal out of a group; live sessions follow at once."""
    _report(call(load(config), "principal.group_rm", {"name": name, "group": group}), f"not in group {group}")


@account.command("add")
def account_add(name: Name, realm: Realm, account: Account, config: ConfigPath = None) -> None:
    """Let channels take decisions of this account as the principal's."""
    told = call(load(config), "principal.account_add", {"name": name, "realm": realm, "account": account})
    _report(told, f"known by {realm} account {told['account']}")


@account.command("rm")
def account_rm(name: Name, realm: Realm, account: Account, config: ConfigPath = None) -> None:
    """Take an account from a principal."""
    told = call(load(config), "principal.account_rm", {"name": name, "realm": realm, "account": account})
    _report(told, f"without {realm} account {told['account']}")


@account.command("ls")
def account_ls(name: Name, config: ConfigPath = None, as_json: AsJson = False) -> None:
    """List a principal's accounts."""
    found = call(load(config), "principal.account_ls", {"name": name})
    if as_json:
        show.json_out(found)
    else:
        show.table(("realm", "account"), [(one["realm"], one["account"]) for one in found], empty="no accounts")


def _report(told: dict[str, Any], state: str) -> None:
    word = "is now" if told["changed"] else "was already"
    ended = told.get("sessions_ended")
    show.say(f"{told['name']} {word} {state}" + (f"; {show.counted(ended, 'session')} ended" if ended else ""))


def _of(told: dict[str, Any]) -> str:
    groups = f" in {', '.join(told['groups'])}" if told["groups"] else ""
    return groups + (f", on behalf of {told['owner']}" if told["owner"] else "")
