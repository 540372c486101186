"""The gateway: accepts clients, joins each to its database, knows every session, ends them when told to."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tidewaiter.config import Config, Datasource, request_link
from tidewaiter.config.shape import Unclassified
from tidewaiter.errors import LedgerUnavailable, LoginRefused, ProtocolViolation, StoreUnavailable, UpstreamError
from tidewaiter.identity import Directory, FailedLogins, Rejected, Rejections
from tidewaiter.ledger.commit import Recorder
from tidewaiter.ledger.entry import members
from tidewaiter.model import Context
from tidewaiter.policy import Policies
from tidewaiter.proxy import login, refusal
from tidewaiter.proxy.admission import Admission
from tidewaiter.proxy.catalogs import CatalogWatch
from tidewaiter.proxy.door import Arrival, open_door
from tidewaiter.proxy.estimates import Estimates
from tidewaiter.proxy.footing import Footing, Judges
from tidewaiter.proxy.greeting import LoginFailed
from tidewaiter.proxy.holding import Holding, Requests
from tidewaiter.proxy.link import PeerGone
from tidewaiter.proxy.lobby import Lobby, Stranger
from tidewaiter.proxy.login import Admitted
from tidewaiter.proxy.masks import Masking
from tidewaiter.proxy.measuring import Measures
from tidewaiter.proxy.names import Names
from tidewaiter.proxy.poller import dismiss, poller_for
from tidewaiter.proxy.radius import SessionGauge
from tidewaiter.proxy.seats import Seat, Seats, role_of
from tidewaiter.proxy.session import Session
from tidewaiter.proxy.standing import Standing
from tidewaiter.proxy.trail import Trail, who
from tidewaiter.proxy.upstream import Backend, Upstream
from tidewaiter.proxy.veil import Veil
from tidewaiter.wire import postgres

if TYPE_CHECKING:
    from tidewaiter.proxy._poller import Poller

BACKLOG = 1024
STRANGERS = 200  # connections that have not logged in yet, beyond [limits] connections
TOO_MANY = refusal.good_bye("53300", "sorry, too many clients already")
GAVE_WAY = "gave way: too many connections without a login"
SESSION_ID_BYTES = 6
REJECTIONS_S = 1.0


@dataclass(frozen=True, slots=True)
class Target:
    """One datasource in operation."""

    datasource: Datasource
    upstream: Upstream
    watch: CatalogWatch
    estimates: Estimates
    measures: Measures


UNTAGGED: Mapping[Unclassified, str] = {"detect": "scrubbed", "mask": "hidden", "deny": "hidden", "allow": "plain"}
"""How approvers see columns that nobody classified, by what the datasource says of them."""


class Gateway:
    """Everything between the listening socket and the databases. `now_ns` is Unix time, `clock_us` monotonic."""

    def __init__(
        self,
        config: Config,
        recorder: Recorder,
        directory: Directory,
        policies: Callable[[], Policies],
        targets: Mapping[str, Target],
        now_ns: Callable[[], int],
        clock_us: Callable[[], int],
        requests: Requests,
    ) -> None:
        self._config = config
        self._requests = requests
        self._recorder = recorder
        self._directory = directory
        self._policies = policies
        self._targets = targets
        self._now_ns = now_ns
        self._clock_us = clock_us
        self._judges = Judges()
        mask_key = directory.key_for("masks")
        self._masking = {
            name: Masking(
                name,
                target.datasource.database,
                mask_key,
                lambda: f"tw{secrets.token_hex(8)}",
                target.datasource.unclassified,
            )
            for name, target in targets.items()
        }
        self.failed_logins = FailedLogins(config.limits.failed_logins_per_minute)
        self._rejections = Rejections()
        self._lobby = Lobby(STRANGERS)
        self._admitted = 0  # who has logged in, until their connection is over
        self._listener: socket.socket | None = None
        self._closing = False
        self._poller: Poller | None = None
        self._tls: ssl.SSLContext | None = None
        certificate = None
        if config.gateway.tls is not None:
            self._tls = login.tls_context(str(config.gateway.tls.cert), str(config.gateway.tls.key))
            certificate = login.certificate_of(Path(config.gateway.tls.cert).read_bytes())
        datasources = {name: target.datasource for name, target in targets.items()}
        self.seats = Seats(directory, datasources.__getitem__)
        self._admission = Admission(config, directory, policies, datasources, certificate, now_ns, self.failed_logins)

    # -- life -------------------------------------------------------------------------------------------------------
    @property
    def is_accepting(self) -> bool:
        """Whether clients can connect."""
        return self._listener is not None

    def listen(self) -> None:
        """Bind the configured address. Raises OSError when it is taken."""
        address = self._config.gateway.postgres
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((address.host, address.port))
            listener.listen(BACKLOG)
            listener.setblocking(False)
        except OSError:
            listener.close()
            raise
        self._listener = listener

    async def run(self) -> None:
        """Accept and serve until cancelled; every connection's task is a child of this call."""
        loop = asyncio.get_running_loop()
        assert self._listener is not None, "listen() comes first"
        recorder = self._recorder
        self._poller = poller = poller_for(loop, recorder.call_soon)
        if poller is not None:
            recorder.soon = poller.soon
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._report_rejections())
                while not self._closing:
                    try:
                        sock, peer = await loop.sock_accept(self._listener)
                    except OSError:
                        await asyncio.sleep(0.1)  # out of file descriptors: those that leave make room
                        continue
                    group.create_task(self._serve(sock, str(peer[0])))
        finally:
            if poller is not None:
                recorder.soon = recorder.call_soon
                dismiss(loop, poller)
            self._listener.close()
            self._listener = None

    async def stop(self, drain_s: float) -> None:
        """Accept no more; end idle sessions now, busy ones when they are done or the time is up."""
        is_first, self._closing = not self._closing, True
        if is_first and self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener.fileno())
            self._listener.close()
        deadline = self._clock_us() + int(drain_s * 1e6)
        while len(self.seats):
            late = self._clock_us() >= deadline
            for seat in self.seats:
                if late or seat.session.is_idle:
                    seat.end("57P01", "terminating connection because the gateway shuts down")
            if late and all(seat.session.ended is not None for seat in self.seats):
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.02)

    # -- one connection -----------------------------------------------------------------------------------------------
    async def _serve(self, sock: socket.socket, address: str) -> None:
        """One connection from its first byte to its last. Whatever goes wrong stays in here."""
        stranger = Stranger(address, asyncio.timeout(self._config.gateway.login_timeout_s))
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            sock.setblocking(False)
            async with stranger.deadline:
                self._lobby.enter(stranger)
                arrival = await open_door(sock, address, self._tls)
        except Exception as error:  # noqa: BLE001 - strangers may send anything: it is counted, and they go
            self.reject(address, "", GAVE_WAY if stranger.has_given_way else _never_began(error))
            self._lobby.leave(stranger)
            return
        try:
            await self._welcome(arrival, stranger)
        except Exception as defect:  # noqa: BLE001 - the boundary: a defect ends this connection and no other
            arrival.link.write(refusal.good_bye("XX000", "the gateway failed; this is a bug"))
            self.reject(address, "", f"defect: {defect!r}")
        finally:
            self._lobby.leave(stranger)
            arrival.link.close()

    async def _welcome(self, arrival: Arrival, stranger: Stranger) -> None:
        """Log in, connect upstream, relay; or say why not."""
        if isinstance(arrival.packet, postgres.Cancel):
            self._lobby.leave(stranger)
            await self._cancel(arrival.packet)
            return
        with contextlib.ExitStack() as stay:
            seat = await self._receive(arrival, arrival.packet, stranger, stay)
            if seat is not None:
                await self._relay(seat)

    async def _receive(
        self, arrival: Arrival, packet: postgres.Startup, stranger: Stranger, stay: contextlib.ExitStack
    ) -> Seat | None:
        """Log in and connect upstream; None when the client was told why not. `stay` ends with the session."""
        address, user = stranger.address, packet.params.get("user", "")
        try:
            async with asyncio.timeout_at(stranger.deadline.when()) as stranger.deadline:
                admitted = await self._admission.log_in(arrival, packet, address, is_full=self._is_full)
                if self._is_full:  # others have come in meanwhile
                    raise login.Turned("53300", "sorry, too many clients already", "too many connections")
                self._lobby.leave(stranger)
                stay.enter_context(self._place())
                return await self._seat(arrival, admitted, address)
        except login.Turned as rejected:
            reason, answer = rejected.reason, rejected.answer
        except LoginRefused:
            reason = "login refused"
            answer = refusal.good_bye("28P01", f'password authentication failed for user "{user}"')
        except TimeoutError:
            reason, answer = _overdue(stranger)
        except ProtocolViolation as error:
            reason, answer = f"protocol violation: {error}", refusal.good_bye("08P01", str(error))
        except UpstreamError as error:
            reason, answer = str(error), refusal.good_bye("08006", str(error), error.fault.remedy)
        except StoreUnavailable as error:
            reason = str(error)
            answer = refusal.good_bye(error.fault.sqlstate, "the gateway cannot look up who you are")
        except LedgerUnavailable:
            answer = refusal.good_bye("58030", "the audit ledger cannot be written, so no session can begin")
            arrival.link.write(answer)
            return None
        except (OSError, PeerGone):
            reason, answer = "went away during login", b""
        self.reject(address, user, reason)
        arrival.link.write(answer)
        return None

    @property
    def _is_full(self) -> bool:
        return self._closing or self._admitted >= self._config.limits.connections

    @contextlib.contextmanager
    def _place(self) -> Iterator[None]:
        """One of the sessions that there may be."""
        self._admitted += 1
        try:
            yield
        finally:
            self._admitted -= 1

    async def _seat(self, arrival: Arrival, admitted: Admitted, address: str) -> Seat:
        """Connect upstream, record the start of the session, tell the client that it may begin."""
        target = self._targets[admitted.datasource]
        observe = target.datasource.mode == "observe"
        identifier = secrets.token_hex(SESSION_ID_BYTES)
        if target.watch.refuses is not None:
            raise UpstreamError(target.watch.refuses)
        role = role_of(admitted.principal, target.datasource)
        is_veiled = self._is_veiled(admitted, address)
        if is_veiled:
            problem = login.unsafe_where_masked(admitted.parameters)
            if problem is not None:
                raise login.Turned("42501", f"startup parameter refused: {problem} (masking)", problem)
        parameters = login.upstream_parameters(admitted, identifier, role, observe=observe, is_veiled=is_veiled)
        try:
            backend = await target.upstream.connect(parameters)
        except LoginFailed as failed:
            answer = failed.farewell(is_veiled=is_veiled)
            raise login.Turned(failed.sqlstate, str(failed), str(failed), answer=answer) from failed
        try:
            session = self._session(identifier, arrival, admitted, target, backend, address, is_veiled=is_veiled)
            start = session.trail.event(
                "session.start",
                {
                    "kind_of": admitted.principal.kind.value,
                    "credential": admitted.credential,
                    "client_address": address,
                    "application": admitted.application[:256],
                    "tls": arrival.tls,
                    "protocol": f"3.{admitted.minor}",
                    "backend_pid": backend.pid,
                    "mode": target.datasource.mode,
                    "evidence": login.EVIDENCE,
                    "masks": is_veiled,
                },
            )
            if self._config.ledger.durability == "strict":
                await self._recorder.durable(start)
            self._recorder.flush()  # whatever it does that must be durable first is so together with this
        except BaseException:
            backend.link.abort()
            raise
        seat = Seat(
            session, admitted.principal.name, admitted.principal.on_behalf_of, admitted.credential, admitted.datasource,
            address, admitted.application, arrival.tls, self._now_ns() / 1e9, backend,
            secrets.token_bytes(login.SECRET_BYTES[admitted.minor]), target.upstream, role,
        )  # fmt: skip
        arrival.link.write(backend.greeting.relayed(seat.client_key, is_veiled=is_veiled))
        return seat

    def _is_veiled(self, admitted: Admitted, address: str) -> bool:
        """Whether a session that begins now is one that masks."""
        masking = self._masking.get(admitted.datasource)
        context = Context(address, admitted.application, at_ns=self._now_ns(), evidence=login.EVIDENCE)
        if masking is None or self._targets[admitted.datasource].datasource.mode == "observe":
            return False
        return masking.concerns(self._policies(), admitted.principal, context)

    def _session(
        self, identifier: str, arrival: Arrival, admitted: Admitted, target: Target, backend: Backend, address: str,
        *, is_veiled: bool,
    ) -> Session:  # fmt: skip
        names = Names()
        footing = Footing(
            admitted.datasource,
            target.datasource.mode == "observe",
            self._config.ledger.durability == "strict",
            target.watch,
            self._policies,
            self._judges,
            Context(address, admitted.application, evidence=login.EVIDENCE),
            self._now_ns,
            target.estimates,
            role_of(admitted.principal, target.datasource),
            untagged=UNTAGGED[target.datasource.unclassified],
            trusted=target.datasource.side_effect_free,
            masking=self._masking.get(admitted.datasource),
            is_veiled=is_veiled,
        )
        standing = Standing(admitted.principal, footing, names)
        for name, value in backend.parameters.items():
            standing.parameter_changed(name, value)
        trail = Trail(
            self._recorder, self._config.ledger.binds, who(identifier, admitted.principal, admitted.datasource)
        )
        return Session(
            identifier, arrival.link, backend.link, standing, trail, self._recorder, self._clock_us,
            self._config.limits.statement_bytes, lambda: target.upstream.cancel(backend.pid, backend.secret),
            Holding(
                self._requests,
                SessionGauge(standing, target.measures, lambda: self._now_ns() / 1e9),
                identifier,
                admitted.datasource,
                arrival.link.write,
                lambda: self._clock_us() / 1e6,
                partial(request_link, self._config.console),
            ),
            Veil() if is_veiled else None,
            self._poller,
        )  # fmt: skip

    async def _relay(self, seat: Seat) -> None:
        """Let the session live, then record how it ended."""
        session = seat.session
        self.seats.take(seat)
        reason = "defect"
        try:
            reason = await session.run()
            if session.is_running:
                await seat.upstream.cancel(seat.backend.pid, seat.backend.secret)
        finally:
            self.seats.leave(seat)
            seat.backend.link.close()
            with contextlib.suppress(
                LedgerUnavailable
            ):  # the recorder says so itself, and writes a gap when it is back
                session.close_trail()
                session.trail.event(
                    "session.end",
                    {"reason": reason, "statements": session.trail.statements, "rows": session.trail.rows},
                )
                self._recorder.flush()

    async def _cancel(self, packet: postgres.Cancel) -> None:
        """Pass a cancel on, if it carries the key of a live session; otherwise say nothing, as the server does."""
        seat = self.seats.of_cancel_key(packet.pid, packet.secret)
        if seat is not None:
            seat.session.trail.event("cancel", {})
            if seat.session.withdraw():
                return
            await seat.upstream.cancel(seat.backend.pid, seat.backend.secret)

    # -- helpers ------------------------------------------------------------------------------------------------------
    def reject(self, source: str, user: str, reason: str) -> None:
        """Count a connection, or a sign-in, that came to nothing; a flood of them must not fill the disk."""
        self._record_rejections(self._rejections.note(source, user, reason, self._now_ns() / 1e9))

    def _record_rejections(self, rejected: Sequence[Rejected]) -> None:
        if not rejected:
            return
        with contextlib.suppress(LedgerUnavailable):  # the recorder says so itself, and writes a gap when it is back
            for one in rejected:
                self._recorder.record("login.failed", members(asdict(one)))
            self._recorder.flush()

    async def _report_rejections(self) -> None:
        """Once a second, write what was counted; at the end, the rest."""
        try:
            while True:
                await asyncio.sleep(REJECTIONS_S)
                self._record_rejections(self._rejections.drain(self._now_ns() / 1e9))
        finally:
            self._record_rejections(self._rejections.close())


def _overdue(stranger: Stranger) -> tuple[str, bytes]:
    """Why a login had no more time: for the ledger, and for the client."""
    if stranger.has_given_way:
        return GAVE_WAY, TOO_MANY
    return "login deadline", refusal.good_bye("08P01", "login took too long")


def _never_began(error: Exception) -> str:
    """Why a connection came to nothing before it said who it is, for the ledger."""
    match error:
        case TimeoutError():
            return "no startup: login deadline"
        case PeerGone() | ConnectionError():
            return "no startup: went away"
        case ProtocolViolation():
            return f"no startup: {error}"
        case ssl.SSLError(reason=str(reason)):
            return f"no startup: TLS: {reason.lower().replace('_', ' ')}"
        case _:
            return f"no startup: {type(error).__name__}"
