"""A gateway on real sockets in a thread of its own, in front of a database of a few statements."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import uvloop
from modelserver import SLEEP, Server
from playstage import RULES, NoToday, Shelf, policies, shop
from rawwire import Client, Message

from tidewaiter.app.founding import found
from tidewaiter.config import load
from tidewaiter.identity import Directory
from tidewaiter.ledger.commit import Recorder
from tidewaiter.ledger.entry import decode
from tidewaiter.ledger.files import Files
from tidewaiter.ledger.keys import Keys
from tidewaiter.ledger.log import Log
from tidewaiter.ledger.reader import LogReader
from tidewaiter.model import Kind, Secret
from tidewaiter.policy import Policies
from tidewaiter.proxy.catalogs import CatalogWatch
from tidewaiter.proxy.clock import monotonic_us
from tidewaiter.proxy.estimates import Estimates
from tidewaiter.proxy.measuring import Measures
from tidewaiter.proxy.server import Gateway, Target
from tidewaiter.proxy.upstream import Upstream
from tidewaiter.store import open_store
from tidewaiter.wire import postgres as pg

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}
TOML = """
[[datasource]]
name = "shop"
address = "127.0.0.1:{port}"
user = "tidewaiter"
tls = "disable"
"""
DRAIN_S = 5.0
WELCOME = pg.authentication_ok() + pg.parameter_status(b"server_version", b"18.1")
WELCOME += pg.backend_key_data(7, b"k" * 4) + pg.ready_for_query("I")


@dataclass
class Database:
    """Answers as the model server does, after `welcome`. A statement that sleeps does so until `wakes`."""

    welcome: bytes = WELCOME
    cancelled: list[pg.Cancel] = field(default_factory=list)
    started: list[pg.Startup] = field(default_factory=list)
    asleep: threading.Event = field(default_factory=threading.Event)
    wakes: asyncio.Event = field(default_factory=asyncio.Event)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            size = int.from_bytes(await reader.readexactly(4), "big")
            packet = pg.parse_startup(await reader.readexactly(size - 4))
            if isinstance(packet, pg.Cancel):
                self.cancelled.append(packet)
            else:
                self.started.append(cast(pg.Startup, packet))
                self.writers.append(writer)
                writer.write(self.welcome)
                await self._serve(reader, writer)
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server = Server()
        while server.is_open and (data := await reader.read(1 << 16)):
            if SLEEP.sql in data:
                self.asleep.set()
                await self.wakes.wait()
            server.feed(data)
            writer.write(bytes(server.sent))
            server.sent.clear()


class Disk(Files):
    """A disk that can be full."""

    is_full = False

    def write(self, fd: int, data: bytes | memoryview, at: int) -> int:
        if self.is_full:
            raise OSError(errno.ENOSPC, "injected")
        return super().write(fd, data, at)


@dataclass
class House:
    """A gateway in a thread of its own. `found` are the entries that it wrote, once it has stopped."""

    folder: Path
    loop_factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    settings: dict[str, int] = field(default_factory=dict)
    database: Database = field(default_factory=Database)
    disk: Disk = field(default_factory=Disk)
    watch: Any = None
    policies: Callable[[], Policies] = lambda: policies(RULES)
    died: BaseException | None = None
    port: int = 0
    password: str = ""
    entries: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._ready = threading.Event()
        self._over = asyncio.Event()
        self._thread = threading.Thread(target=self._run)
        self.watch = Shelf(shop())
        self.watch.refuses = None

    # -- the gateway's thread
    def _run(self) -> None:
        with asyncio.Runner(loop_factory=self.loop_factory) as runner:
            try:
                runner.run(self._serve())
            except BaseException as error:
                self.died = error
            finally:
                self._ready.set()

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        async with await asyncio.start_server(self.database, "127.0.0.1", 0) as server:
            config = self._configured(server.sockets[0].getsockname()[1])
            store = open_store(config.store.url, config.folder)
            keys, ledger = Keys.load(config.keys), config.state / "ledger"
            log = Log.open(ledger, origin=keys.origin, keys=keys, clock_ns=time.time_ns, files=self.disk)
            try:
                self.recorder = Recorder(log, sync_s=0.01, checkpoint_s=0.05)
                self.directory = Directory(store, time.time())
                self.directory.add_principal("ada", Kind.USER, now_s=time.time(), groups=["analysts"])
                issued = self.directory.issue("ada", (), 3600.0, time.time())
                self.password, self.credential = issued.password.value, issued.id
                source = config.datasources["shop"]
                upstream = Upstream(source, Secret(""))
                target = Target(
                    source, upstream, cast(CatalogWatch, self.watch), Estimates(upstream), Measures(upstream)
                )
                self.gateway = Gateway(
                    config, self.recorder, self.directory, lambda: self.policies(), {"shop": target}, time.time_ns,
                    monotonic_us, cast(Any, NoToday()),
                )  # fmt: skip
                self.gateway.listen()
                self.port = config.gateway.postgres.port
                async with asyncio.TaskGroup() as group:
                    recording = group.create_task(self.recorder.run())
                    running = group.create_task(self.gateway.run())
                    self._ready.set()
                    await self._over.wait()
                    self.database.wakes.set()
                    await self.gateway.stop(DRAIN_S)
                    running.cancel()
                    await asyncio.wait((running,))
                    await self.recorder.stop()
                    await recording
            finally:
                log.close()
                store.close()

    def _configured(self, port: int) -> Any:
        found(self.folder, "tidewaiter", "localhost", datetime.now(UTC), {})
        file = self.folder / "tidewaiter.toml"
        with socket.create_server(("127.0.0.1", 0)) as sock:
            own = sock.getsockname()[1]
        text = file.read_text().replace(":15432", f":{own}")
        for name, value in self.settings.items():
            text, found_once = re.subn(rf"(?m)^{name} = [^ \n]+", f"{name} = {value}", text)
            assert found_once == 1
        file.write_text(text + TOML.format(port=port))
        return load(file, {})

    # -- the test's thread
    def open(self) -> House:
        self._thread.start()
        assert self._ready.wait(30)
        if self.died is not None:
            raise self.died
        return self

    @property
    def is_open(self) -> bool:
        return self._thread.is_alive()

    def close(self) -> None:
        if self.is_open:
            self.do(self._over.set)
            self._thread.join(30)
        read = LogReader(self.folder / "state" / "ledger").frames()
        self.entries = [(entry.kind, entry.fields) for entry in (decode(stored.header) for stored in read)]
        if self.died is not None:
            raise self.died

    def do(self, act: Callable[[], object]) -> None:
        """Do something in the gateway's thread, and wait until it is done."""
        done = threading.Event()

        def both() -> None:
            act()
            done.set()

        self.loop.call_soon_threadsafe(both)
        assert done.wait(30)

    def client(self, **more: Any) -> Client:
        return Client.connect("127.0.0.1", self.port, "ada", self.password, "shop", **more)

    def told(self, data: bytes) -> list[Message]:
        """All that is answered to bytes on a new connection, until the gateway closes it."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as sock:
            sock.sendall(data)
            return Client(sock).ends()

    def of(self, kind: str) -> list[dict[str, Any]]:
        """What was recorded of a kind. The gateway has stopped."""
        return [fields for found, fields in self.entries if found == kind]

    @property
    def reasons(self) -> list[str]:
        return [entry["reason"] for entry in self.of("login.failed")]

    def tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.folder / "keys" / "gateway.crt"))
        context.check_hostname = False  # it is made for localhost
        return context
