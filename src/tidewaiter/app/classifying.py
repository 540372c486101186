"""`tidewaiter classify`: sample a database, propose tags, and merge them into classification.toml."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tidewaiter.app.sampling import sampler
from tidewaiter.app.upstreams import catalog_once, secret_of
from tidewaiter.config import Config, check_classification
from tidewaiter.discovery.kinds import Proposal, Sample, Sureness
from tidewaiter.discovery.proposals import ColumnOf, Merged, merge, propose
from tidewaiter.discovery.relations import sources
from tidewaiter.errors import NotFound

FILE = "classification.toml"


@dataclass(frozen=True, slots=True)
class Discovery:
    """What was looked at and found. `empty`: values were read, nothing was found. `problems`: what was not read."""

    proposals: tuple[Proposal, ...]
    empty: tuple[ColumnOf, ...]
    unread: tuple[ColumnOf, ...]
    classified: int
    problems: tuple[str, ...]


async def discover(
    config: Config,
    name: str,
    environ: Mapping[str, str],
    *,
    rows: int,
    only: Collection[str] = (),
    again: bool = False,
    step: Callable[[int], None] = lambda done: None,
) -> Discovery:
    """Sample the columns of a datasource that nobody classified yet; with `again` all of them.

    `only` limits it to relations, as `schema.table`. Raises NotFound, ConfigError for the secret, UpstreamError.
    """
    source = config.datasources[name]
    password = secret_of(config, source, environ)
    catalog = await catalog_once(source, password)
    written = config.classification.classified(name)
    every = list(sources(catalog))
    unknown = set(only) - {".".join(one.path) for one in every}
    if unknown:
        raise NotFound(f"{name} keeps no rows under {', '.join(sorted(unknown))}: views and partitions are not sampled")
    samples: list[Sample] = []
    problems: list[str] = []
    classified = 0
    async with sampler(source, password, rows) as reader:
        for done, one in enumerate(every, 1):
            known = written.get(one.path, {})
            wanted = {column.name for column in one.columns if again or column.name not in known}
            classified += len(one.columns) - len(wanted)
            if wanted and (not only or ".".join(one.path) in only):
                reading = await reader.read(one, wanted)
                samples += reading.samples
                problems += reading.problems
            step(done)
    return judged(samples, config, classified, problems)


def judged(samples: Sequence[Sample], config: Config, classified: int, problems: Sequence[str]) -> Discovery:
    """Score samples. A column without any value is neither empty nor classified: nothing is known of it."""
    proposals, empty, unread = [], [], []
    for sample in samples:
        proposal = propose(sample, config.classification.tags)
        if proposal is not None:
            proposals.append(proposal)
        elif sample.is_read and (sample.values or _says_all(sample)):
            empty.append((sample.path, sample.column.name))
        else:
            unread.append((sample.path, sample.column.name))
    return Discovery(tuple(proposals), tuple(empty), tuple(unread), classified, tuple(problems))


def _says_all(sample: Sample) -> bool:
    """Whether the type alone says that there is nothing to find."""
    return sample.column.base == "bool"


def write(config: Config, name: str, found: Discovery, *, possible: bool = False, untagged: bool = False) -> Merged:
    """Merge what was found into classification.toml, in one step; likely proposals, and possible ones if asked.

    `untagged` also writes `[]` for columns in which nothing was found. Raises ConfigError when the file, or what would
    become of it, is not valid: then it stays as it is.
    """
    path = config.folder / FILE
    chosen = [one for one in found.proposals if possible or one.sureness is Sureness.LIKELY]
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    check_classification(FILE, before, config.datasources)
    merged = merge(before, name, chosen, found.empty if untagged else ())
    check_classification(FILE, merged.text, config.datasources)
    if merged.columns:
        _replace(path, merged.text)
    return merged


def _replace(path: Path, text: str) -> None:
    """The new file is whole or not there, with the old one's mode."""
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    with tempfile.NamedTemporaryFile(
        "w", dir=path.parent, prefix=f".{path.name}.", delete=False, encoding="utf-8"
    ) as new:
        try:
            new.write(text)
            new.flush()
            os.fsync(new.fileno())
            os.fchmod(new.fileno(), mode)
            os.replace(new.name, path)
        except BaseException:
            os.unlink(new.name)
            raise
