"""What a server needs before anything of it starts, read and checked together: every problem is told at once."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TypeVar

from tidewaiter.app.channelling import lines_of
from tidewaiter.app.deployment import keys_of, ledger_folder
from tidewaiter.app.shelf import Edition, edition_on_disk
from tidewaiter.app.tlsfiles import problems_of
from tidewaiter.app.upstreams import secrets_of
from tidewaiter.app.web import bound
from tidewaiter.channels.switchboard import Line
from tidewaiter.config import Address, Config
from tidewaiter.errors import ConfigError
from tidewaiter.ledger.files import Layout
from tidewaiter.model import Secret
from tidewaiter.store import check_url

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Provisions:
    """The policies in force at the start, the upstream password of every datasource, and the approval channels."""

    edition: Edition
    secrets: Mapping[str, Secret]
    lines: list[Line]


def provisions_of(config: Config, environ: Mapping[str, str], now_s: Callable[[], float]) -> Provisions:
    """Read and check everything that can be without opening ledger or store and without asking a database.

    Raises ConfigError with all that is wrong: policies, secrets, keys, certificates, the store's URL, taken addresses.
    """
    problems: list[str] = []

    def read(work: Callable[[], T]) -> T | None:
        try:
            return work()
        except ConfigError as error:
            problems.extend(error.problems)
            return None

    edition = read(lambda: edition_on_disk(config))
    secrets = read(lambda: secrets_of(config, environ))
    lines = read(lambda: lines_of(config, environ, now_s))
    read(lambda: keys_of(config))
    problems += [*problems_of(config), *_store_problems(config)]
    taken = list(_taken(config))
    if taken and not problems and _is_served(config):
        taken = []  # by the server that runs on this folder, which is what is wrong: the ledger's lock says so
    if edition is None or secrets is None or lines is None or problems or taken:
        raise ConfigError(problems + taken)
    return Provisions(edition, secrets, lines)


def _store_problems(config: Config) -> Iterator[str]:
    try:
        check_url(config.store.url, config.folder)
    except ValueError as error:
        yield f"{config.place('store', 'url')}{error}"


def _taken(config: Config) -> Iterator[str]:
    """Addresses that cannot be listened on, found out by doing so for a moment."""
    with ExitStack() as listening:
        for section, key, address in (
            ("gateway", "postgres", config.gateway.postgres),
            ("console", "listen", config.console.listen),
        ):
            try:
                with listenable(config, section, key, address):
                    listening.enter_context(bound(address.host, address.port))
            except ConfigError as error:
                yield from error.problems


def _is_served(config: Config) -> bool:
    try:
        with Layout(ledger_folder(config)).lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False  # no ledger yet, or one that opening it will complain about
    return False


@contextmanager
def listenable(config: Config, section: str, key: str, address: Address) -> Iterator[None]:
    """Turn a failure to bind into an error that says which setting to change."""
    try:
        yield
    except OSError as error:
        why = (error.strerror or str(error)).partition(" (while")[0]
        raise ConfigError([f"{config.place(section, key)}{address} cannot be listened on: {why}"]) from error
