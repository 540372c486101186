"""What `tidewaiter check` looks at."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tidewaiter.admin.site import Finding, Site
from tidewaiter.app.certificates import expiry
from tidewaiter.app.shelf import edition_on_disk
from tidewaiter.app.upstreams import is_refused
from tidewaiter.config import Config, Datasource
from tidewaiter.errors import ConfigError, TidewaiterError

RENEW_BEFORE = timedelta(days=30)


async def common(site: Site) -> list[Finding]:
    """Everything but the ledger, which a running server and a folder at rest tell differently."""
    config = site.config
    found = [Finding("configuration", True, "tidewaiter.toml and classification.toml are valid")]
    found += [Finding("configuration", True, text, is_warning=True) for text in config.warnings]
    found += _policies(config)
    found += _certificate(config, site.now_s())
    found.append(_store(site))
    if not config.datasources:
        found.append(Finding("datasources", True, "no [[datasource]] yet: nobody can connect", is_warning=True))
    for source in config.datasources.values():
        found += await _datasource(site, source)
    return found


def ledger_opens(size: Callable[[], int]) -> Finding:
    """Whether the ledger can be opened for writing; `size` opens it and counts its entries."""
    try:
        return Finding("ledger", True, f"can be written; {size()} entries")
    except TidewaiterError as error:
        return Finding("ledger", False, str(error))


def _policies(config: Config) -> list[Finding]:
    try:
        edition = edition_on_disk(config)
    except ConfigError as error:
        return [Finding("policies", False, problem) for problem in error.problems]
    found = [Finding("policies", True, text, is_warning=True) for text in edition.policies.warnings]
    return [Finding("policies", True, f"valid: {', '.join(edition.digests)}"), *found]


def _certificate(config: Config, now_s: float) -> list[Finding]:
    if config.gateway.tls is None:
        return []
    try:
        ends = expiry(config.gateway.tls.cert.read_bytes())
    except (OSError, ValueError) as error:
        return [Finding("certificate", False, f"{config.gateway.tls.cert}: {error}")]
    left = ends - datetime.fromtimestamp(now_s, UTC)
    said = f"{config.gateway.tls.cert.name} is valid until {ends:%Y-%m-%d}"
    return [Finding("certificate", left > timedelta(0), said, is_warning=left < RENEW_BEFORE)]


def _store(site: Site) -> Finding:
    try:
        return Finding("control store", True, f"{len(site.directory.principals())} principals")
    except TidewaiterError as error:
        return Finding("control store", False, str(error))


async def _datasource(site: Site, source: Datasource) -> list[Finding]:
    what = f"datasource {source.name}"
    try:
        told = await site.reach(source.name)
    except TidewaiterError as error:
        return [Finding(what, False, str(error))]
    found = [Finding(what, not is_refused(source, told), f"PostgreSQL {told.server_version}, {told.tls}")]
    found += [Finding(what, found[0].is_ok, warning, is_warning=True) for warning in told.warnings]
    found += await _classified(site, source, what)
    return found


async def _classified(site: Site, source: Datasource, what: str) -> list[Finding]:
    """Tagged relations and columns must exist: a misspelt tag protects nothing."""
    try:
        catalog = await site.catalog(source.name)
    except TidewaiterError as error:
        return [Finding(what, False, str(error))]
    missing = []
    for (schema, table), columns in site.config.classification.by_relation(source.name).items():
        relation = catalog.find(table, schema, ())
        if relation is None:
            missing.append(f"{schema}.{table}")
        else:
            missing += [f"{schema}.{table}.{column}" for column in columns if column not in relation.columns]
    if not missing:
        return []
    return [Finding(what, False, f"classification.toml tags what does not exist: {', '.join(missing)}")]
