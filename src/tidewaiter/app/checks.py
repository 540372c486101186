"""What `tidewaiter check` looks at."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from tidewaiter.admin.site import Finding, Site
from tidewaiter.app.certificates import expiry
from tidewaiter.app.shelf import edition_on_disk
from tidewaiter.app.tlsfiles import problems_of
from tidewaiter.app.upstreams import is_refused
from tidewaiter.config import Classification, Config, Datasource
from tidewaiter.discovery.relations import unclassified
from tidewaiter.errors import ConfigError, TidewaiterError
from tidewaiter.floor.rights import tagged
from tidewaiter.floor.script import masked_view
from tidewaiter.masking.forms import misfit
from tidewaiter.sql.catalog import Catalog, quoted

RENEW_BEFORE = timedelta(days=30)
FILE = "classification.toml"
SHOWN = 5  # of the columns that are not classified


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
    problems = list(problems_of(config))
    if problems or config.gateway.tls is None:
        return [Finding("certificate", False, problem) for problem in problems]
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
    """Classified columns must exist, their masks must fit them, and what is not classified is told."""
    try:
        catalog = await site.catalog(source.name)
    except TidewaiterError as error:
        return [Finding(what, False, str(error))]
    classification = site.config.classification
    found = [Finding(what, False, problem) for problem in faults(classification, source.name, catalog)]
    found += _unclassified(classification, source, catalog, what)
    return [*found, *await _exposed(site, source, catalog, what)]


async def _exposed(site: Site, source: Datasource, catalog: Catalog, what: str) -> list[Finding]:
    """What somebody with the datasource's password could read without the gateway."""
    views = map(masked_view, site.config.classification.by_relation(source.name))
    found = await asyncio.to_thread(tagged, catalog, site.config.classification, source.name, list(views))
    columns = found.columns
    if not columns:
        return []
    try:
        rights = await site.rights(source.name, columns)
    except TidewaiterError as error:
        return [Finding(what, False, str(error))]
    if not rights.exposed:
        return [Finding(what, True, f"{source.user} cannot read a tagged column without the gateway, as any role")]
    read = sorted({quoted(path) for _, *path in rights.exposed})
    roles = ", ".join(sorted({role for role, *_ in rights.exposed}))
    shown = ", ".join(read[:SHOWN]) + (", …" if len(read) > SHOWN else "")
    many = "1 tagged column" if len(read) == 1 else f"{len(read)} tagged columns"
    told = f"without the gateway, {source.user} can read {many} (as {roles}): {shown}"
    return [Finding(what, True, f"{told}; `tidewaiter floor {source.name}` says what refuses", is_warning=True)]


def faults(classification: Classification, datasource: str, catalog: Catalog) -> Iterator[str]:
    """What is wrong with a datasource's tags: what they are on is not there, or a mask does not fit its column."""
    missing = []
    for (schema, table), columns in classification.classified(datasource).items():
        relation = catalog.find(table, schema, ())
        if relation is None:
            missing.append(quoted((schema, table)))
        else:
            missing += [quoted((schema, table, column)) for column in columns if column not in relation.columns]
    if missing:
        yield f"{FILE} tags what does not exist: {', '.join(missing)}"
    yield from misfits(classification, datasource, catalog)


def misfits(classification: Classification, datasource: str, catalog: Catalog) -> Iterator[str]:
    """Masks that do not fit their column's type, each with its file and line."""
    for path, columns in classification.by_relation(datasource).items():
        types = {column.name: column for column in catalog.columns.get(path, ())}
        for name, tags in columns.items():
            for tag in tags if name in types else ():
                mask = classification.tags[tag]
                problem = misfit(mask, types[name])
                if problem is not None:
                    line = classification.lines.get((datasource, *path, name), 1)
                    column = quoted((*path, name))
                    yield f"{FILE}:{line}: [datasource] {datasource}: {column}: mask {mask.name} of tag {tag} {problem}"


def _unclassified(classification: Classification, source: Datasource, catalog: Catalog, what: str) -> list[Finding]:
    """A warning that names the columns that nobody has classified yet; none where they are allowed on purpose."""
    found = [quoted((*path, column)) for path, column in unclassified(catalog, classification.classified(source.name))]
    if not found or source.unclassified == "allow":
        return []
    shown = ", ".join(found[:SHOWN]) + (", …" if len(found) > SHOWN else "")
    many = "1 column is" if len(found) == 1 else f"{len(found)} columns are"
    told = f"{many} not classified: {shown}; `tidewaiter classify {source.name}` proposes tags"
    return [Finding(what, True, told, is_warning=True)]
