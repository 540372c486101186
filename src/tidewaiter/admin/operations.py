"""Every operation by name. Each takes a site, who asks, and its arguments; each returns what JSON can hold.

A change is recorded before it takes effect. If it fails after that, a second entry says so, with the first one's
number. A credential is made first, because its id is part of the entry; it counts once the entry is durable, for only
then does anybody learn its secret, and if recording fails it is revoked.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any, TypeVar, get_type_hints

import msgspec

from tidewaiter.admin.accounts import principal_account_add, principal_account_ls, principal_account_rm
from tidewaiter.admin.actor import Actor
from tidewaiter.admin.approvals import (
    request_approve,
    request_changes,
    request_close,
    request_deny,
    request_ls,
    request_show,
)
from tidewaiter.admin.channels import channel_ls, channel_test
from tidewaiter.admin.site import Sessions, Site
from tidewaiter.config import Config, Datasource
from tidewaiter.errors import Conflict, NotFound, TidewaiterError, UsageError
from tidewaiter.identity import Account, rfc3339
from tidewaiter.model import Allow, Context, Kind

T = TypeVar("T")
Json = Any
Operation = Callable[..., Awaitable[Json]]

QUERY_CHARACTERS = 4096  # what an audit.query entry keeps of one argument: enough for any name or filter


# -- principals ---------------------------------------------------------------------------------------------------
async def principal_add(
    site: Site, by: Actor, name: str, kind: str = "user", groups: tuple[str, ...] = (), owner: str | None = None
) -> Json:
    """Add a principal. Raises UsageError, NotFound for the owner, Conflict."""
    if kind not in tuple(Kind):
        raise UsageError(f"{kind!r} is not a kind of principal: use {', '.join(Kind)}")
    if any(account.principal.name == name for account in site.directory.principals()):
        raise Conflict(f"there is a principal {name!r} already")
    fields = {"change": "add", "principal": name, "kind_of": kind, "groups": sorted(groups), "owner": owner}

    def add() -> object:
        return site.directory.add_principal(name, Kind(kind), now_s=site.now_s(), groups=groups, owner=owner)

    await _change(site, by, "principal.change", fields, add)
    return _account(site.directory.account(name))


async def principal_ls(site: Site, by: Actor) -> Json:
    """Every principal by name."""
    return [_account(account) for account in site.directory.principals()]


async def principal_enable(site: Site, by: Actor, name: str) -> Json:
    """Let a principal and its agents log in again."""
    return await _set_enabled(site, by, name, True)


async def principal_disable(site: Site, by: Actor, name: str) -> Json:
    """Refuse a principal's logins and its agents', and end their sessions."""
    return await _set_enabled(site, by, name, False)


async def principal_group_add(site: Site, by: Actor, name: str, group: str) -> Json:
    """Put a principal into a group; live sessions follow."""
    return await _set_group(site, by, name, group, True)


async def principal_group_rm(site: Site, by: Actor, name: str, group: str) -> Json:
    """Take a principal out of a group; live sessions follow."""
    return await _set_group(site, by, name, group, False)


async def whoami(site: Site, by: Actor, principal: str) -> Json:
    """A principal and the datasources that it may connect to. Raises NotFound."""
    account = site.directory.account(principal)
    policies = await site.policies()
    context = Context(at_ns=int(site.now_s() * 1e9), evidence="password")
    may = {}
    for name in site.config.datasources:
        verdict = policies.may_connect(account.principal, name, context)
        may[name] = account.can_log_in and isinstance(verdict, Allow)
    live = [c for c in site.directory.credentials(principal) if c.state(site.now_s()) == "live"]
    return _account(account) | {"os_user": by.os_user, "live_credentials": len(live), "may_connect": may}


# -- credentials --------------------------------------------------------------------------------------------------
async def credential_issue(
    site: Site, by: Actor, principal: str, datasources: tuple[str, ...] = (), ttl_s: float = 8 * 3600.0, label: str = ""
) -> Json:
    """Make a credential; the answer holds its password, once. Without datasources it opens every one."""
    for name in datasources:
        _datasource(site.config, name)
    directory = site.directory
    issued = await asyncio.to_thread(directory.issue, principal, datasources, ttl_s, site.now_s(), label=label)
    host, port = advertised(site.config)
    told = issued.document(host, port)
    fields = {
        "credential": issued.id,
        "principal": principal,
        "datasources": list(issued.datasources),
        "expires_at": told["expires_at"],
        "label": label,
    }
    try:
        await site.record("credential.issue", fields | {"by": by.fields()})
    except BaseException:
        directory.revoke(issued.id, site.now_s())
        raise
    return told | {
        "datasources": list(issued.datasources or site.config.datasources),
        "all_datasources": not issued.datasources,
    }


async def credential_ls(site: Site, by: Actor, principal: str | None = None) -> Json:
    """Credentials of one principal or of all, without their secrets."""
    now_s = site.now_s()
    return [
        {
            "id": found.id,
            "principal": found.principal,
            "state": found.state(now_s),
            "datasources": list(found.datasources),
            "created_at": rfc3339(found.created_at_s),
            "expires_at": rfc3339(found.expires_at_s),
            "revoked_at": rfc3339(found.revoked_at_s) if found.revoked_at_s is not None else None,
            "label": found.label,
        }
        for found in site.directory.credentials(principal)
    ]


async def credential_revoke(site: Site, by: Actor, id: str) -> Json:
    """End a credential and the sessions that logged in with it."""
    found = site.directory.credential(id)
    ended = 0
    if found.revoked_at_s is None:
        fields = {"credential": id, "principal": found.principal}
        await _change(site, by, "credential.revoke", fields, lambda: site.directory.revoke(id, site.now_s()))
    if site.sessions is not None:
        ended = site.sessions.kill_credential(id, "its credential was revoked")
    return {"id": id, "principal": found.principal, "changed": found.revoked_at_s is None, "sessions_ended": ended}


# -- datasources and policies -------------------------------------------------------------------------------------
async def datasource_ls(site: Site, by: Actor) -> Json:
    """Every datasource as configured; secrets stay references and are not shown."""
    return [_describe(site.config, found) for found in site.config.datasources.values()]


async def datasource_test(site: Site, by: Actor, name: str) -> Json:
    """Log in to a datasource as the gateway does. Raises NotFound, UpstreamError."""
    _datasource(site.config, name)
    return {"name": name} | asdict(await site.reach(name))


async def datasource_classify(
    site: Site, by: Actor, name: str, rows: int, relations: tuple[str, ...] = (), write: bool = False
) -> Json:
    """Record that somebody samples a datasource; the reading happens in their own process. Raises NotFound."""
    _datasource(site.config, name)
    fields = {"datasource": name, "rows": rows, "relations": list(relations[:100]), "write": write}
    return {"seq": await site.record("classify", fields | {"by": by.fields()})}


async def datasource_floor(site: Site, by: Actor, name: str, roles: tuple[str, ...] = ()) -> Json:
    """The SQL with which the database itself keeps roles from tagged columns. Without roles: those of the datasource.

    Raises NotFound for the datasource or a role, UsageError when nothing is tagged.
    """
    from tidewaiter.floor.rights import tagged
    from tidewaiter.floor.script import masked_view, script
    from tidewaiter.sql.catalog import quoted

    source = _datasource(site.config, name)
    catalog, classification = await site.catalog(name), site.config.classification
    tables = [path for path in classification.by_relation(name) if path in catalog.relations]
    found = await asyncio.to_thread(tagged, catalog, classification, name, [masked_view(path) for path in tables])
    if not found.masks:
        raise UsageError(f"no column of {name} is tagged yet: `tidewaiter classify {name}` proposes tags")
    rights = await site.rights(name, found.columns)
    wanted = tuple(dict.fromkeys(roles or (*sorted(source.roles.values()), source.user)))
    for role in wanted:
        if role not in rights.roles:
            raise NotFound(f"there is no role {quoted((role,))} in the database of {name}")
    views = {path: found.masks[path] for path in tables if path in found.masks}
    made = script(name, source.database, wanted, views, found, catalog, rights)
    return {
        "sql": made.sql,
        "held": list(made.held),
        "not_held": {role: list(why) for role, why in made.not_held.items()},
    }


async def policy_explain(
    site: Site,
    by: Actor,
    principal: str,
    datasource: str,
    sql: str,
    at_s: float | None = None,
    in_transaction: bool = False,
    address: str = "",
    application: str = "",
    search_path: tuple[str, ...] | None = None,
    estimated_rows: int | None = None,
) -> Json:
    """What would become of a statement, question by question, and which rules said so. Raises NotFound, UsageError.

    `estimated_rows` is taken for the database's estimate; without it there is none.
    """
    from tidewaiter.admin.explain import explained

    account = site.directory.account(principal)
    source = _datasource(site.config, datasource)
    if address and not is_address(address):
        raise UsageError(f"{address!r} is no IP address")
    if estimated_rows is not None and estimated_rows < 0:
        raise UsageError("estimated rows must not be negative")
    policies, catalog = await site.policies(), await site.catalog(datasource)
    at_ns = int((site.now_s() if at_s is None else at_s) * 1e9)
    context = Context(address, application, in_transaction, at_ns, "password", estimated_rows)
    limit = site.config.limits.analyse_bytes
    told = await asyncio.to_thread(
        explained, policies, account.principal, source, catalog, sql, context, limit, search_path
    )
    return told | {"can_log_in": account.can_log_in}


async def reload(site: Site, by: Actor) -> Json:
    """Put the policies on disk in force, or keep the old ones and say what is wrong with the new."""
    return await site.reload(by.fields())


async def check(site: Site, by: Actor) -> Json:
    """Look at everything that has to work."""
    return [asdict(finding) for finding in await site.check()]


# -- sessions and the audit ---------------------------------------------------------------------------------------
async def session_ls(site: Site, by: Actor) -> Json:
    """Live sessions, oldest first."""
    return [_session(told) for told in _sessions(site).sessions()]


async def session_show(site: Site, by: Actor, id: str) -> Json:
    """One live session. Raises NotFound."""
    told = _sessions(site).session(id)
    if told is None:
        raise NotFound(f"there is no live session {id!r}")
    return _session(told)


async def session_kill(site: Site, by: Actor, id: str) -> Json:
    """End a session now. Raises NotFound."""
    told = await session_show(site, by, id)
    await site.record("session.kill", {"session": id, "principal": told["principal"], "by": by.fields()})
    if not _sessions(site).kill(id, "ended by an administrator"):
        raise NotFound(f"session {id!r} ended by itself meanwhile")
    return {"id": id, "changed": True}


async def audit_query(site: Site, by: Actor, command: str, arguments: dict[str, str]) -> Json:
    """Record that somebody reads the audit. The reading itself happens on the files, in the reader's own process."""
    if any(len(value) > QUERY_CHARACTERS for value in arguments.values()):
        raise UsageError(f"an argument of an audit command has at most {QUERY_CHARACTERS} characters")
    fields = {"command": command, "arguments": arguments, "by": by.fields()}
    return {"seq": await site.record("audit.query", fields)}


OPERATIONS: Mapping[str, Operation] = {
    "principal.add": principal_add,
    "principal.ls": principal_ls,
    "principal.enable": principal_enable,
    "principal.disable": principal_disable,
    "principal.group_add": principal_group_add,
    "principal.group_rm": principal_group_rm,
    "principal.account_add": principal_account_add,
    "principal.account_rm": principal_account_rm,
    "principal.account_ls": principal_account_ls,
    "whoami": whoami,
    "credential.issue": credential_issue,
    "credential.ls": credential_ls,
    "credential.revoke": credential_revoke,
    "datasource.ls": datasource_ls,
    "datasource.test": datasource_test,
    "datasource.classify": datasource_classify,
    "datasource.floor": datasource_floor,
    "policy.explain": policy_explain,
    "reload": reload,
    "check": check,
    "session.ls": session_ls,
    "session.show": session_show,
    "session.kill": session_kill,
    "request.ls": request_ls,
    "request.changes": request_changes,
    "request.show": request_show,
    "request.approve": request_approve,
    "request.deny": request_deny,
    "request.close": request_close,
    "channel.ls": channel_ls,
    "channel.test": channel_test,
    "audit.query": audit_query,
}


async def operate(site: Site, name: str, arguments: Mapping[str, object], by: Actor) -> Json:
    """Run the operation `name`. Raises NotFound, UsageError for its arguments, and what the operation raises."""
    operation = OPERATIONS.get(name)
    if operation is None:
        raise NotFound(f"there is no operation {name!r}")
    return await operation(site, by, **_checked(operation, name, arguments))


def _checked(operation: Operation, name: str, arguments: Mapping[str, object]) -> dict[str, Any]:
    types = get_type_hints(operation)
    wanted = {key: spec for key, spec in inspect.signature(operation).parameters.items() if key not in ("site", "by")}
    unknown = sorted(arguments.keys() - wanted.keys())
    missing = [key for key, spec in wanted.items() if spec.default is spec.empty and key not in arguments]
    if unknown or missing:
        told = [f"has no argument {key}" for key in unknown] + [f"needs the argument {key}" for key in missing]
        raise UsageError(f"operation {name} {' and '.join(told)}")
    try:
        return {key: msgspec.convert(value, types[key]) for key, value in arguments.items()}
    except msgspec.ValidationError as error:
        raise UsageError(f"operation {name}: {error}") from None


def is_address(text: str) -> bool:
    """Whether a text is an IPv4 or IPv6 address."""
    import ipaddress

    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def advertised(config: Config) -> tuple[str, int]:
    """Host and port that clients are told to connect to: this machine's name where the gateway listens everywhere."""
    import socket

    address = config.gateway.postgres
    host = socket.getfqdn() if address.host in ("0.0.0.0", "::", "") else address.host  # noqa: S104 - compared
    return host, address.port


async def _change(site: Site, by: Actor, kind: str, fields: Mapping[str, object], apply: Callable[[], T]) -> T:
    """Record, then do. What is recorded and then fails is followed by an entry that says so."""
    told = {**fields, "by": by.fields()}
    receipt = await site.record(kind, told)
    try:
        return await asyncio.to_thread(apply)
    except TidewaiterError as error:
        await site.record(kind, told | {"failed": str(error), "intent": receipt})
        raise


async def _set_enabled(site: Site, by: Actor, name: str, is_enabled: bool) -> Json:
    account = site.directory.account(name)
    changed = account.enabled != is_enabled
    if changed:
        fields = {"change": "enable" if is_enabled else "disable", "principal": name}
        await _change(site, by, "principal.change", fields, lambda: site.directory.set_enabled(name, is_enabled))
    ended = 0
    if not is_enabled and site.sessions is not None:
        ended = site.sessions.kill_principal(name, f"principal {name} was disabled")
    return _account(site.directory.account(name)) | {"changed": changed, "sessions_ended": ended}


async def _set_group(site: Site, by: Actor, name: str, group: str, is_member: bool) -> Json:
    changed = (group in site.directory.account(name).principal.groups) != is_member
    if changed:
        fields = {"change": "group_add" if is_member else "group_rm", "principal": name, "group": group}
        apply = site.directory.add_group if is_member else site.directory.remove_group
        await _change(site, by, "principal.change", fields, lambda: apply(name, group))
        if site.sessions is not None:
            site.sessions.principals_changed()
    return _account(site.directory.account(name)) | {"changed": changed}


def _account(account: Account) -> dict[str, object]:
    principal = account.principal
    return {
        "name": principal.name,
        "kind": principal.kind.value,
        "groups": sorted(principal.groups),
        "owner": principal.on_behalf_of,
        "enabled": account.enabled,
        "can_log_in": account.can_log_in,
        "created_at": rfc3339(account.created_at_s),
    }


def _datasource(config: Config, name: str) -> Datasource:
    found = config.datasources.get(name)
    if found is None:
        raise NotFound(f"there is no datasource {name!r}")
    return found


def _describe(config: Config, source: Datasource) -> dict[str, object]:
    return {
        "name": source.name,
        "kind": source.kind,
        "address": str(source.address),
        "database": source.database,
        "user": source.user,
        "tls": source.tls,
        "mode": source.mode,
        "roles": dict(source.roles),
        "tagged_tables": sorted(".".join(table) for table in config.classification.tagged(source.name)),
    }


def _sessions(site: Site) -> Sessions:
    if site.sessions is None:
        raise NotFound("no server is running on this folder, so there are no sessions")
    return site.sessions


def _session(told: dict[str, object]) -> dict[str, object]:
    began = told.get("began_at")
    return {**told, "began_at": rfc3339(began)} if isinstance(began, (int, float)) else dict(told)
