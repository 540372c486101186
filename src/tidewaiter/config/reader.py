"""Read a deployment folder's configuration, check it against itself and the disk, and report every problem at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tidewaiter.config.channels import read_channels
from tidewaiter.config.classification import read_classification
from tidewaiter.config.console import addresses, is_origin
from tidewaiter.config.document import Document, suggestion
from tidewaiter.config.secret import private_file_problem
from tidewaiter.config.sections import (
    DATASOURCE,
    PREFIX,
    SECTIONS,
    Section,
    overrides_of,
    read_section,
    variable_name,
)
from tidewaiter.config.shape import (
    ApprovalsConfig,
    ChannelConfig,
    Classification,
    Config,
    ConsoleConfig,
    Datasource,
    GatewayConfig,
    LedgerConfig,
    Limits,
    StoreConfig,
    TlsPair,
)
from tidewaiter.config.values import is_loopback
from tidewaiter.errors import ConfigError

TABLES = ("datasource", "channel")
"""Sections of which there may be several."""

CLASSIFICATION = "classification.toml"
FILE_BYTES = 4 << 20  # no configuration is longer; guards against naming the wrong file


def load(path: Path, environ: Mapping[str, str]) -> Config:
    """Read `path` (a tidewaiter.toml) and the classification beside it; relative paths start at its folder.

    Raises ConfigError with all problems, each "file:line: [section] key: what is wrong and what is allowed".
    """
    path = path.absolute()
    folder = path.parent
    document = Document(path.name, _read(path))
    if document.problems:
        raise ConfigError(document.problems + _unreadable(folder))
    sections = {
        name: read_section(
            document, (name,), document.root.get(name, {}), fields, overrides_of(environ, (name,), fields)
        )
        for name, fields in SECTIONS.items()
    }
    for key in document.root:
        if key not in SECTIONS and key not in TABLES:
            document.report((key,), f"unknown section{suggestion(key, [*SECTIONS, *TABLES])}")
    warnings: list[str] = []
    tls = _check_gateway(sections["gateway"], folder, warnings)
    console_tls = _check_console(sections, folder, warnings)
    datasources = _datasources(document, folder, environ)
    names = [source.get("name") for source in datasources if source.get("name") is not None]
    channels, channel_tables = read_channels(document, folder, environ, names)
    classification, more = _classification(folder, names)
    problems = document.problems + more
    if problems:
        raise ConfigError(problems)
    warnings += _unused(environ, [*datasources, *channel_tables])
    config = _build(folder, sections, tls, console_tls, datasources, channels, classification, warnings)
    return replace(config, places=_places(sections, {"datasource": datasources, "channel": channel_tables}))


def _places(sections: Mapping[str, Section], tables: Mapping[str, Sequence[Section]]) -> Mapping[tuple[str, ...], str]:
    """How complaints about each key begin."""
    found: dict[tuple[str, ...], str]
    found = {(name, key): section.place_of(key) for name, section in sections.items() for key in section.values}
    for kind, each in tables.items():
        for section in each:
            found[kind, section.get("name")] = section.document.place(section.place)
            found |= {(kind, section.get("name"), key): section.place_of(key) for key in section.values}
    return MappingProxyType(found)


def _build(folder: Path, sections: Mapping[str, Section], tls: TlsPair | None, console_tls: TlsPair | None,
           datasources: list[Section], channels: Mapping[str, ChannelConfig], classification: Classification,
           warnings: list[str]) -> Config:  # fmt: skip
    values: dict[str, dict[str, Any]] = {name: dict(section.values) for name, section in sections.items()}
    deployment = values["deployment"]
    if values["ledger"]["origin"] is None:
        values["ledger"]["origin"] = f"tidewaiter/{deployment['name']}"
    values["gateway"]["tls"], values["console"]["tls"] = tls, console_tls
    values["approvals"]["url"] = values["approvals"]["url"] or values["console"]["url"]
    return Config(
        folder=folder,
        name=deployment["name"],
        timezone=deployment["timezone"],
        gateway=GatewayConfig(**values["gateway"]),
        console=ConsoleConfig(**values["console"]),
        ledger=LedgerConfig(**values["ledger"]),
        approvals=ApprovalsConfig(**values["approvals"]),
        limits=Limits(**values["limits"]),
        store=StoreConfig(_absolute_url(values["store"]["url"], folder)),
        datasources=MappingProxyType({source.get("name"): _datasource(source, folder) for source in datasources}),
        classification=classification,
        channels=MappingProxyType(dict(channels)),
        warnings=tuple(warnings),
    )


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError([f"{path}: there is no such file; make a deployment with `tidewaiter init DIR`"]) from None
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror or error}"]) from None
    if len(raw) > FILE_BYTES:
        raise ConfigError([f"{path.name}:1: is longer than {FILE_BYTES} bytes"])
    try:
        return raw.decode("utf-8-sig")  # editors of Windows put a byte order mark in front
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError([f"{path.name}:{line}: is not UTF-8"]) from None


def _check_gateway(section: Section, folder: Path, warnings: list[str]) -> TlsPair | None:
    if section.get("workers") not in (None, 1):
        section.report("workers", "must be 1 in this version: one process writes the ledger")
    address, rule, files = section.get("postgres"), section.get("require_tls"), section.get("tls")
    is_needed = rule == "always" or (rule == "remote" and address is not None and not is_loopback(address))
    if files is None:
        if is_needed and "tls" in section.values:
            section.report("tls", f"a certificate and key are required with require_tls = {rule} on {address}")
        return None
    pair = TlsPair(folder / files[0], folder / files[1])
    if not (pair.cert.exists() or pair.key.exists() or is_needed):
        warnings.append(f"[gateway] tls: {pair.cert} does not exist: clients are served without TLS")
        return None
    return _checked_pair(section, pair)


def _checked_pair(section: Section, pair: TlsPair) -> TlsPair:
    for path in (pair.cert, pair.key):
        if not path.is_file():
            section.report("tls", f"{path} is not a file; `tidewaiter init` makes a self-signed pair")
    _check_private(section, "tls", pair.key)
    return pair


def _check_console(sections: Mapping[str, Section], folder: Path, warnings: list[str]) -> TlsPair | None:
    console, gateway = sections["console"], sections["gateway"]
    listen, url, files = console.get("listen"), console.get("url"), console.get("tls")
    pair = _checked_pair(console, TlsPair(folder / files[0], folder / files[1])) if files is not None else None
    if url is not None and not is_origin(url):
        console.report("url", 'must be scheme, host and port only, as "https://gate.example.com"')
    if listen is None:
        return pair
    if listen == gateway.get("postgres") and listen.port:
        console.report("listen", f"{listen} is taken by [gateway] postgres")
    if not addresses(ConsoleConfig(listen, url, pair)):
        why, need = ("is no name", "url") if pair else ("is reachable from other machines without TLS", "tls or url")
        warnings.append(f"[console] listen: {listen} {why}: nobody can sign in until [console] {need} is set")
    return pair


def _check_private(section: Section, key: str, path: Path) -> None:
    try:
        complaint = private_file_problem(path)
    except FileNotFoundError:
        return  # reported where the file is needed
    except OSError as error:
        complaint = f"cannot be read: {error.strerror or error}"
    if complaint:
        section.report(key, f"{path} {complaint}")


def _datasources(document: Document, folder: Path, environ: Mapping[str, str]) -> list[Section]:
    tables = document.root.get("datasource", [])
    if not isinstance(tables, list):
        document.report(("datasource",), "must be written with double brackets: [[datasource]]")
        return []
    sections: list[Section] = []
    seen: dict[str, int] = {}
    for number, table in enumerate(tables):
        place = ("datasource", number)
        name = table.get("name") if isinstance(table, dict) else None
        words = ("datasource", name) if isinstance(name, str) else None
        section = read_section(
            document, place, table, DATASOURCE, overrides_of(environ, words, OVERRIDABLE) if words else {}
        )
        name = section.get("name")
        if name in seen:
            section.report("name", f'"{name}" is taken by the datasource in line {seen[name]}')
        elif name is not None:
            seen[name] = document.line((*place, "name"))
        _check_tls_files(section, folder)
        sections.append(section)
    return sections


OVERRIDABLE = {key: field for key, field in DATASOURCE.items() if key not in ("name", "roles", "side_effect_free")}


def _check_tls_files(section: Section, folder: Path) -> None:
    for key in ("tls_root", "tls_cert", "tls_key"):
        path = section.get(key)
        if path is not None and not (folder / path).is_file():
            section.report(key, f"{folder / path} is not a file")
    cert, key_file = section.get("tls_cert"), section.get("tls_key")
    if (cert is None) != (key_file is None) and {"tls_cert", "tls_key"} <= set(section.values):
        section.report("tls_cert" if cert else "tls_key", "tls_cert and tls_key must be given together")
    if key_file is not None:
        _check_private(section, "tls_key", folder / key_file)


def _datasource(section: Section, folder: Path) -> Datasource:
    values = dict(section.values)
    values["database"] = values["database"] or values["name"]
    for key in ("tls_root", "tls_cert", "tls_key"):
        values[key] = folder / values[key] if values[key] is not None else None
    return Datasource(**values)


def _unreadable(folder: Path) -> list[str]:
    """What keeps the classification from being read at all, when nothing is known of the datasources."""
    path = folder / CLASSIFICATION
    try:
        return Document(path.name, _read(path)).problems if path.exists() else []
    except ConfigError as error:
        return error.problems


def _classification(folder: Path, names: Sequence[str | None]) -> tuple[Classification, list[str]]:
    path = folder / CLASSIFICATION
    if not path.exists():
        return Classification(), []
    try:
        document = Document(path.name, _read(path))
    except ConfigError as error:
        return Classification(), error.problems
    if document.problems:
        return Classification(), document.problems
    classification = read_classification(document, [name for name in names if name is not None])
    return classification, document.problems


def check_classification(file: str, text: str, datasources: Collection[str]) -> Classification:
    """Read the text of a classification.toml. Raises ConfigError with all problems."""
    document = Document(file, text)
    classification = Classification() if document.problems else read_classification(document, datasources)
    if document.problems:
        raise ConfigError(document.problems)
    return classification


def load_classification(folder: Path, datasources: Collection[str]) -> Classification:
    """Read the classification.toml of a deployment's folder alone. Raises ConfigError with all problems."""
    classification, problems = _classification(folder, list(datasources))
    if problems:
        raise ConfigError(problems)
    return classification


def _absolute_url(url: str, folder: Path) -> str:
    scheme, file = "sqlite:///", url.removeprefix("sqlite:///")
    return f"{scheme}{folder / file}" if url.startswith(scheme) and file != ":memory:" else url


def _unused(environ: Mapping[str, str], tables: Sequence[Section]) -> list[str]:
    """Variables that look like overrides and are none. Not errors: Kubernetes makes such names for its services."""
    used = {variable for table in tables for variable in table.variables.values()}
    used |= {variable_name(section, key) for section, fields in SECTIONS.items() for key in fields}
    prefixes = tuple(f"{PREFIX}_{name.upper()}_" for name in (*SECTIONS, *TABLES))
    return [
        f"environment {variable}: no such key; it is not used"
        for variable in sorted(environ)
        if variable.startswith(prefixes) and variable not in used
    ]
