"""From a configuration to a running gateway, and back down: opens everything in order, closes it in reverse.

Nothing listens before the ledger is open, the policies are valid and the start is recorded; nothing is closed before
what was accepted has been recorded.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from importlib.util import find_spec

from starlette.routing import Route

import tidewaiter
from tidewaiter.admin import channel
from tidewaiter.admin.actor import Actor, Channel
from tidewaiter.admin.approvals import decide_as
from tidewaiter.admin.operations import operate
from tidewaiter.app.approving import Durably, requests_of
from tidewaiter.app.channelling import switchboard_of
from tidewaiter.app.deployment import open_log
from tidewaiter.app.provisions import listenable, provisions_of
from tidewaiter.app.running import Running, digests_of
from tidewaiter.app.shelf import PolicyShelf
from tidewaiter.app.upstreams import is_refused, reach, refusal
from tidewaiter.app.web import Web, bound
from tidewaiter.channels import web as channels
from tidewaiter.config import Config, addresses
from tidewaiter.console.app import console
from tidewaiter.console.sessions import Sessions
from tidewaiter.console.views import House
from tidewaiter.errors import ConfigError, LedgerUnavailable, TidewaiterError
from tidewaiter.identity import Directory
from tidewaiter.ledger.commit import Recorder
from tidewaiter.model import Secret
from tidewaiter.proxy.catalogs import CatalogWatch
from tidewaiter.proxy.clock import monotonic_us
from tidewaiter.proxy.estimates import Estimates
from tidewaiter.proxy.measuring import Measures
from tidewaiter.proxy.server import Gateway, Target
from tidewaiter.proxy.upstream import Upstream
from tidewaiter.store import open_store

PRUNE_S = 86_400.0  # credentials that ended long ago are forgotten at the start, and once a day
SWITCH_S = 0.0005  # how long a thread that studies a long statement may keep the event loop waiting, each time
FOLLOW_S = 0.5  # how soon a revocation made by another gateway on the same store ends sessions here
STALE_S = (
    3.0  # without an answer of a shared store: from then on nobody logs in, as they may have been revoked elsewhere
)

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Clocks:
    """Unix time in nanoseconds, and monotonic time in microseconds."""

    now_ns: Callable[[], int] = time.time_ns
    monotonic_us: Callable[[], int] = monotonic_us


def run(config: Config, environ: Mapping[str, str], on_ready: Callable[[], None], say: Say) -> None:
    """`serve` on the fastest event loop there is, until the process is told to stop."""
    sys.setswitchinterval(SWITCH_S)
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    if find_spec("uvloop") is not None:
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(serve(config, environ, on_ready, say))


async def serve(
    config: Config, environ: Mapping[str, str], on_ready: Callable[[], None], say: Say, clocks: Clocks | None = None
) -> None:
    """Run the gateway until SIGTERM or SIGINT; a second one does not wait for sessions.

    SIGHUP puts the policies and classification on disk in force. `on_ready` is called once every listener accepts;
    `say` takes lines for the operator. Raises the TidewaiterError that kept the server from starting, with everything
    closed again.
    """
    clocks = clocks or Clocks()
    with ExitStack() as opened:
        server = await _open(config, environ, say, clocks, opened)
        try:
            await server.run(on_ready)
        except BaseExceptionGroup as group:
            raise _cause(group) from group


async def _open(config: Config, environ: Mapping[str, str], say: Say, clocks: Clocks, opened: ExitStack) -> Server:
    """Open and check everything that a server needs, in the order in which failing is cheapest."""
    for warning in config.warnings:
        say(f"warning: {warning}")
    shared_s: list[Callable[[], float]] = []  # the store's clock, once it is open

    def now_s() -> float:
        return shared_s[0]() if shared_s else clocks.now_ns() / 1e9

    provisions = provisions_of(config, environ, now_s)
    edition, secrets = provisions.edition, provisions.secrets
    config = replace(config, classification=edition.policies.classification)
    for warning in edition.policies.warnings:
        say(f"warning: {warning}")
    store = open_store(config.store.url, config.folder)
    opened.callback(store.close)
    shared_s.append(store.clock(lambda: clocks.now_ns() / 1e9))
    directory = Directory(store, now_s(), stale_s=STALE_S if store.is_shared else None)
    log = open_log(config, clocks.now_ns, announce=True)
    opened.callback(log.close)
    await _require_ordinary_roles(config, secrets, say)
    recorder = Recorder(
        log,
        sync_s=config.ledger.sync_ms / 1e3,
        checkpoint_s=config.ledger.checkpoint_s,
        heartbeat_s=config.ledger.heartbeat_s,
        report=say,
    )
    shelf = PolicyShelf(edition)
    upstreams = {source.name: Upstream(source, secrets[source.name]) for source in config.datasources.values()}
    targets = {
        source.name: Target(
            source,
            upstreams[source.name],
            CatalogWatch(source, secrets[source.name], report=lambda problem: say(f"warning: {problem}")),
            Estimates(upstreams[source.name]),
            Measures(upstreams[source.name]),
        )
        for source in config.datasources.values()
    }
    durably = Durably(recorder)
    now_ns = (lambda: int(now_s() * 1e9)) if store.is_shared else clocks.now_ns
    switchboard = switchboard_of(config, provisions.lines, store, directory, durably, now_s, say)
    requests = requests_of(config, store, durably, now_s, switchboard.told, directory.principal_now)
    gateway = Gateway(config, recorder, directory, shelf.policies, targets, now_ns, clocks.monotonic_us, requests)
    running = Running(
        config=config,
        directory=directory,
        requests=requests,
        switchboard=switchboard,
        shelf=shelf,
        recorder=recorder,
        gateway=gateway,
        watches={name: target.watch for name, target in targets.items()},
        secrets=secrets,
        config_digests=digests_of(config),
        clock_ns=now_ns,
        say=say,
        environ=environ,
    )
    return Server(running, recorder, gateway, targets, Sessions(store), opened)


async def _require_ordinary_roles(config: Config, secrets: Mapping[str, Secret], say: Say) -> None:
    """Refuse a superuser where policies are enforced. A database that does not answer is reported, no more."""
    refused = []

    async def look(name: str) -> None:
        source = config.datasources[name]
        try:
            told = await reach(source, secrets[name])
        except TidewaiterError as error:
            say(f"warning: {error}; sessions on it will be refused until it answers")
            return
        if is_refused(source, told):
            place = config.place("datasource", name, "user")
            refused.append(f"{place}{source.user} is a superuser of {name}: {refusal(source)}")
        for warning in told.warnings:
            say(f"warning: {warning}")

    async with asyncio.TaskGroup() as group:
        for name in config.datasources:
            group.create_task(look(name))
    if refused:
        raise ConfigError(sorted(refused))


class Server:
    """Everything that runs. One `run` per server."""

    def __init__(
        self,
        running: Running,
        recorder: Recorder,
        gateway: Gateway,
        targets: Mapping[str, Target],
        sessions: Sessions,
        opened: ExitStack,
    ) -> None:
        self._running = running
        self._sessions = sessions
        self._recorder = recorder
        self._gateway = gateway
        self._targets = targets
        self._opened = opened
        self._stop = asyncio.Event()
        self._at_once = asyncio.Event()

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Start, say ready, serve, stop. Raises what keeps it from going on, possibly in an ExceptionGroup."""
        try:
            webs = self._listen()
            async with asyncio.TaskGroup() as group:
                await self._serve(group, webs, on_ready)
        finally:
            if self._gateway.is_accepting:  # something failed before the gateway's own task could close its listener
                await self._gateway.stop(0)

    async def _serve(self, group: asyncio.TaskGroup, webs: list[Web], on_ready: Callable[[], None]) -> None:
        with self._signals(group):
            group.create_task(self._recorder.run())
            await self._record_start()
            tasks = [group.create_task(target.watch.run()) for target in self._targets.values()]
            tasks.append(group.create_task(self._gateway.run()))
            tasks.append(group.create_task(self._follow_directory()))
            tasks.append(group.create_task(self._running.requests.follow(self._running.say)))
            tasks.append(group.create_task(self._prune_directory()))
            tasks.append(group.create_task(self._running.switchboard.run(partial(decide_as, self._running))))
            serving = [group.create_task(web.run_until_stopped()) for web in webs]
            for web in webs:
                await web.accepts.wait()
            self._running.is_started = True
            on_ready()
            await self._stop.wait()
            await self._drain()
            for target in self._targets.values():
                target.estimates.close()
                target.measures.close()
            for task in tasks:
                task.cancel()
            for web in webs:
                web.stop()
            await asyncio.wait(serving)
            await self._record_stop()
            await self._recorder.stop()

    def _listen(self) -> list[Web]:
        """Bind everything, so that a taken address is known before anything runs."""
        config = self._running.config
        with listenable(config, "console", "listen", config.console.listen):
            page = bound(config.console.listen.host, config.console.listen.port)
        self._opened.callback(page.close)
        admin = self._opened.enter_context(channel.listening(config.state / channel.SOCKET))
        with listenable(config, "gateway", "postgres", config.gateway.postgres):
            self._gateway.listen()
        port = page.getsockname()[1]
        app = console(tidewaiter.__version__, self._running.obstacles, self._routes(), self._house(port))
        return [
            Web(app, page, tls=config.console.tls, proxies=config.console.proxies),
            Web(channel.application(self._operate), admin, channel.peer_protocol()),
        ]

    def _house(self, port: int) -> House:
        """What the console's pages stand on; `port` is the one that it listens on."""
        running = self._running

        async def deliveries(request: str) -> tuple[tuple[str, str], ...]:
            found = await asyncio.to_thread(running.outbox.of_request, request)
            return tuple(
                (
                    f"{one.channel}, {one.member}" if one.member else one.channel,
                    f"{one.state}: {one.problem}" if one.problem else one.state,
                )
                for one in found
            )

        return House(
            addresses=addresses(running.config.console, port),
            directory=running.directory,
            requests=running.requests,
            ledger=running,
            policies=running.shelf.policies,
            decide=partial(decide_as, running),
            sessions=self._sessions,
            deliveries=deliveries,
            failed_logins=self._gateway.failed_logins,
            reject=self._gateway.reject,
            now_s=running.now_s,
        )

    def _routes(self) -> list[Route]:
        running = self._running
        board = running.switchboard
        return channels.routes(board.receive, running.requests.find, board.links, running.now_s)

    async def _operate(self, name: str, arguments: Mapping[str, object], by: Actor) -> object:
        return await operate(self._running, name, arguments, by)

    async def _record_start(self) -> None:
        running = self._running
        by = Actor.of(Channel.SERVER, os.getuid()).fields()
        # What environment variables overrode is part of the effective configuration; repr shows no secret.
        effective = sha256(repr(running.config).encode()).hexdigest()
        fields = {"what": "start", "digest": effective, "files": dict(running.config_digests), "by": by}
        await running.record("config.change", fields | {"version": tidewaiter.__version__, "pid": os.getpid()})
        await running.record("policy.change", running.shelf.edition.fields() | {"what": "start", "by": by})

    async def _record_stop(self) -> None:
        try:
            await self._running.record("server.stop", {"version": tidewaiter.__version__})
        except LedgerUnavailable as error:  # a full disk must not keep a server from stopping
            self._running.say(f"the stop is not recorded: {error}")

    async def _drain(self) -> None:
        """End sessions within the drain time, or at once when told again."""
        self._running.is_stopping = True
        async with asyncio.TaskGroup() as group:
            patient = group.create_task(self._gateway.stop(self._running.config.gateway.drain_s))
            impatient = group.create_task(self._at_once.wait())
            await asyncio.wait((patient, impatient), return_when=asyncio.FIRST_COMPLETED)
            impatient.cancel()
            if not patient.done():
                patient.cancel()
                await self._gateway.stop(0)

    async def _follow_directory(self) -> None:
        """End sessions that another process's change ended: several gateways may share a store."""
        directory, generation = self._running.directory, self._running.directory.generation
        problem = ""
        while True:
            await asyncio.sleep(FOLLOW_S)
            try:
                await asyncio.to_thread(directory.refresh)
            except TidewaiterError as error:
                if str(error) != problem:
                    problem = str(error)
                    self._running.say(
                        f"warning: {error}; until it answers nobody logs in, and nothing held is approved"
                    )
                continue
            if problem:
                problem = ""
                self._running.say("the control store answers again")
            if directory.generation == generation:
                continue
            generation = directory.generation
            self._gateway.seats.principals_changed()
            for told in self._gateway.seats.sessions():
                if not directory.may_continue(str(told["principal"]), str(told["credential"])):
                    self._gateway.seats.kill(str(told["id"]), "its credential was revoked or its principal disabled")

    async def _prune_directory(self) -> None:
        """Forget credentials that ended long ago, so that the store does not grow with every one ever issued."""
        running = self._running
        while True:
            try:
                await asyncio.to_thread(running.directory.prune, running.clock_ns() / 1e9)
            except TidewaiterError as error:
                running.say(f"warning: {error}")
            await asyncio.sleep(PRUNE_S)

    @contextmanager
    def _signals(self, group: asyncio.TaskGroup) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._told_to_stop)
        loop.add_signal_handler(signal.SIGHUP, lambda: group.create_task(self._reload()))
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                loop.remove_signal_handler(number)

    def _told_to_stop(self) -> None:
        if self._stop.is_set():
            self._at_once.set()
        self._stop.set()

    async def _reload(self) -> None:
        try:
            told = await self._running.reload(Actor.of(Channel.SIGNAL, os.getuid()).fields())
        except (TidewaiterError, OSError) as error:
            self._running.say(f"reload failed: {error}")
            return
        changed = "new policies are" if told["changed"] else "the policies did not change:"
        self._running.say(f"{changed} in force, version {told['policies']}")


def _cause(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one error behind a group: an expected one if there is any, else the first."""
    errors: list[BaseException] = []
    stack: list[BaseException] = [group]
    while stack:
        found = stack.pop()
        if isinstance(found, BaseExceptionGroup):
            stack.extend(found.exceptions)
        else:
            errors.append(found)
    return next((error for error in errors if isinstance(error, TidewaiterError)), errors[-1])
