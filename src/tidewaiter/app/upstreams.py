"""Looks at the databases behind the gateway before it relies on them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence

from tidewaiter import config
from tidewaiter.admin.site import Reached
from tidewaiter.app.sampling import FAILURES, reading
from tidewaiter.config import Config, Datasource
from tidewaiter.errors import ConfigError, UpstreamError
from tidewaiter.floor.rights import EXPOSED, FUNCTIONS, GRANTS, ROLES, Rights
from tidewaiter.model import Secret
from tidewaiter.proxy.catalogs import CatalogWatch
from tidewaiter.proxy.upstream import Upstream
from tidewaiter.sql.catalog import Catalog

OLDEST_VERSION = 15


def secrets_of(deployment: Config, environ: Mapping[str, str]) -> dict[str, Secret]:
    """The upstream password of every datasource. Raises ConfigError that names each one that cannot be had."""
    found: dict[str, Secret] = {}
    problems: list[str] = []
    for source in deployment.datasources.values():
        try:
            found[source.name] = secret_of(deployment, source, environ)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return found


def secret_of(deployment: Config, source: Datasource, environ: Mapping[str, str]) -> Secret:
    """The upstream password of one datasource, empty when it is configured without. Raises ConfigError."""
    if not source.password:
        return Secret("")
    try:
        return config.resolve_secret(source.password, deployment.folder, environ)
    except ConfigError as error:
        place = deployment.place("datasource", source.name, "password")
        raise ConfigError([f"{place}{problem}" for problem in error.problems]) from None


async def reach(source: Datasource, password: Secret) -> Reached:
    """Log in as the gateway does and say what was found. Raises UpstreamError."""
    began = time.monotonic()
    backend = await Upstream(source, password).connect({"application_name": "tidewaiter check"})
    took_ms = round((time.monotonic() - began) * 1e3, 1)
    transport = backend.link.transport
    tls = transport.get_extra_info("ssl_object") if transport is not None else None
    told = Reached(
        server_version=backend.parameters.get(b"server_version", b"").decode(errors="replace"),
        is_superuser=backend.parameters.get(b"is_superuser") == b"on",
        tls=tls.version() if tls is not None else "no TLS",
        connect_ms=took_ms,
    )
    backend.link.abort()
    return Reached(told.server_version, told.is_superuser, told.tls, told.connect_ms, warnings(source, told))


async def catalog_once(source: Datasource, password: Secret) -> Catalog:
    """The catalog, over a connection that is closed again. Raises UpstreamError."""
    watch = CatalogWatch(source, password)
    async with asyncio.TaskGroup() as group:
        following = group.create_task(watch.run())  # closes the connection when it is cancelled
        (found,) = await asyncio.gather(watch.refresh(), return_exceptions=True)
        following.cancel()
    if isinstance(found, BaseException):
        raise found
    return found


async def rights(source: Datasource, password: Secret, columns: Sequence[tuple[str, str, str]]) -> Rights:
    """Who may read which of some (schema, relation, column) by the database's own rules. Raises UpstreamError."""
    wanted = [list(part) for part in zip(*columns, strict=True)] or [[], [], []]
    async with reading(source, password, "tidewaiter check") as connection:
        try:
            return Rights.of(
                {
                    "roles": await connection.fetch(ROLES),
                    "grants": await connection.fetch(GRANTS),
                    "functions": await connection.fetch(FUNCTIONS, *wanted),
                    "exposed": await connection.fetch(EXPOSED, *wanted),
                }
            )
        except (*FAILURES, TimeoutError) as error:
            raise UpstreamError(f"the rights in {source.name} cannot be read: {error}") from error


def warnings(source: Datasource, told: Reached) -> tuple[str, ...]:
    """What an operator should know about a database that answered."""
    found = []
    if told.is_superuser:
        means = "allowed by allow_superuser" if source.allow_superuser else refusal(source)
        found.append(f"user {source.user} is a superuser of {source.name}: {means}")
    major = told.server_version.split(".")[0].split()[0] if told.server_version else ""
    if major.isdigit() and int(major) < OLDEST_VERSION:
        found.append(f"PostgreSQL {told.server_version} is older than {OLDEST_VERSION}, the oldest that is supported")
    return tuple(found)


def refusal(source: Datasource) -> str:
    """Why a server does not start with this superuser."""
    if source.mode == "observe":
        return "nothing is enforced in observe mode, but use an ordinary role before you enforce"
    return "no policy holds a superuser; use an ordinary role, or set allow_superuser = true"


def is_refused(source: Datasource, told: Reached) -> bool:
    """Whether the server must not start with this login."""
    return told.is_superuser and not source.allow_superuser and source.mode == "enforce"
