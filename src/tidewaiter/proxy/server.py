"""The gateway: accepts clients, joins each to its database, knows every session, ends them when told to."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tidewaiter.config import Config, Datasource
from tidewaiter.config.shape import Unclassified
from tidewaiter.errors import LedgerUnavailable, LoginRefused, ProtocolViolation, StoreUnavailable, UpstreamError
from tidewaiter.identity import Directory, FailedLogins, Rejected, Rejections
from tidewaiter.ledger.commit import Recorder
from tidewaiter.ledger.entry import members
from tidewaiter.model import Allow, Context, Principal
from tidewaiter.policy import Policies
from tidewaiter.proxy import login, refusal
from tidewaiter.proxy.catalogs import CatalogWatch
from tidewaiter.proxy.door import Arrival, open_door
from tidewaiter.proxy.estimates import Estimates
from tidewaiter.proxy.holding import Holding, Requests
from tidewaiter.proxy.login import Admitted
from tidewaiter.proxy.masks import Masking
from tidewaiter.proxy.measuring import Measures
from tidewaiter.proxy.names import Names
from tidewaiter.proxy.radius import SessionGauge
from tidewaiter.proxy.session import Session
from tidewaiter.proxy.standing import Footing, Judges, Standing
from tidewaiter.proxy.trail import Trail, who
from tidewaiter.proxy.upstream import Backend, Upstream
from tidewaiter.proxy.veil import Veil
from tidewaiter.wire import postgres

BACKLOG = 1024
STRANGERS = 200  # connections that have not logged in yet, beyond [limits] connections; more are closed at once
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


@dataclass(slots=True)
class Seat:
    """One live session and what the console shows of it. `client_key` is the cancel key that the client was given.

    `role` is the upstream role that it was opened with, None for the login's own.
    """

    session: Session
    principal: str
    on_behalf_of: str | None
    credential: str
    datasource: str
    client_address: str
    application: str
    tls: str
    began_s: float
    backend: Backend
    client_key: bytes
    upstream: Upstream
    role: str | None


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
            if target.datasource.mode != "observe"
        }
        self._failed_logins = FailedLogins(config.limits.failed_logins_per_minute)
        self._rejections = Rejections()
        self._seats: dict[str, Seat] = {}
        self._cancel_keys: dict[tuple[int, bytes], Seat] = {}
        self._connections = 0
        self._listener: socket.socket | None = None
        self._closing = False
        self._tls: ssl.SSLContext | None = None
        self._certificate: bytes | None = None
        if config.gateway.tls is not None:
            self._tls = login.tls_context(str(config.gateway.tls.cert), str(config.gateway.tls.key))
            pem = Path(config.gateway.tls.cert).read_text()
            self._certificate = ssl.PEM_cert_to_DER_cert(pem[: pem.index("-----END CERTIFICATE-----") + 26])

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
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._report_rejections())
                while not self._closing:
                    try:
                        sock, peer = await loop.sock_accept(self._listener)
                    except OSError:
                        await asyncio.sleep(0.1)  # out of file descriptors: those that leave make room
                        continue
                    if self._connections >= self._config.limits.connections + STRANGERS:
                        self._reject(str(peer[0]), "", "too many connections")
                        sock.close()
                        continue
                    self._connections += 1
                    group.create_task(self._serve(sock, str(peer[0])))
        finally:
            self._listener.close()
            self._listener = None

    async def stop(self, drain_s: float) -> None:
        """Accept no more; end idle sessions now, busy ones when they are done or the time is up."""
        is_first, self._closing = not self._closing, True
        if is_first and self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener.fileno())
            self._listener.close()
        deadline = self._clock_us() + int(drain_s * 1e6)
        while self._seats:
            late = self._clock_us() >= deadline
            for seat in list(self._seats.values()):
                if late or seat.session.is_idle:
                    self._end(seat, "57P01", "terminating connection because the gateway shuts down")
            if late and all(seat.session.ended is not None for seat in self._seats.values()):
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.02)

    def sessions(self) -> list[dict[str, object]]:
        """What is known of every live session, oldest first."""
        return [self._describe(identifier, seat) for identifier, seat in self._seats.items()]

    def session(self, identifier: str) -> dict[str, object] | None:
        """What is known of one live session."""
        seat = self._seats.get(identifier)
        return self._describe(identifier, seat) if seat is not None else None

    def kill(self, identifier: str, reason: str) -> bool:
        """End a session now; whether there was one."""
        seat = self._seats.get(identifier)
        return seat is not None and self._end(seat, "57P01", f"terminating connection: {reason}")

    def kill_credential(self, credential: str, reason: str) -> int:
        """End every session that logged in with a credential; how many."""
        found = [seat for seat in self._seats.values() if seat.credential == credential]
        return sum(self._end(seat, "57P01", f"terminating connection: {reason}") for seat in found)

    def kill_principal(self, name: str, reason: str) -> int:
        """End every session of a principal and of its agents; how many."""
        found = [seat for seat in self._seats.values() if name in (seat.principal, seat.on_behalf_of)]
        return sum(self._end(seat, "57P01", f"terminating connection: {reason}") for seat in found)

    def principals_changed(self) -> None:
        """Groups or owners changed: live sessions are judged as who they are now; those who may no longer are ended."""
        for seat in list(self._seats.values()):
            principal = self._directory.principal(seat.principal)
            if principal is None:
                self._end(seat, "57P01", "terminating connection: the principal is disabled")
            elif seat.role not in roles_of(principal, self._targets[seat.datasource].datasource):
                self._end(seat, "57P01", f"terminating connection: {principal.name} no longer has this session's role")
            else:
                seat.session.standing.principal = principal

    # -- one connection -----------------------------------------------------------------------------------------------
    async def _serve(self, sock: socket.socket, address: str) -> None:
        """One connection from its first byte to its last. Whatever goes wrong stays in here."""
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setblocking(False)
        try:
            async with asyncio.timeout(self._config.gateway.login_timeout_s):
                arrival = await open_door(sock, address, self._tls)
        except Exception as error:  # noqa: BLE001 - strangers may send anything: it is counted, and they go
            self._reject(address, "", f"no startup: {type(error).__name__}")
            if isinstance(error, ProtocolViolation):
                with contextlib.suppress(OSError):
                    sock.send(refusal.good_bye("08P01", str(error)))
            sock.close()
            self._connections -= 1
            return
        try:
            await self._welcome(arrival, address)
        except Exception as defect:  # noqa: BLE001 - the boundary: a defect ends this connection and no other
            arrival.link.write(refusal.good_bye("XX000", "the gateway failed; this is a bug"))
            self._reject(address, "", f"defect: {defect!r}")
        finally:
            self._connections -= 1
            arrival.link.close()

    async def _welcome(self, arrival: Arrival, address: str) -> None:
        """Log in, connect upstream, relay; or say why not."""
        if isinstance(arrival.packet, postgres.Cancel):
            await self._cancel(arrival.packet)
            return
        user = arrival.packet.params.get("user", "")
        try:
            async with asyncio.timeout(self._config.gateway.login_timeout_s):
                admitted = await self._log_in(arrival, arrival.packet, address)
                seat = await self._seat(arrival, admitted, address)
        except login.Turned as rejected:
            self._reject(address, user, rejected.reason)
            arrival.link.write(refusal.good_bye(rejected.sqlstate, rejected.message, rejected.hint))
        except LoginRefused:
            self._failed_logins.failed(address, self._now_ns() / 1e9)
            self._reject(address, user, "login refused")
            arrival.link.write(refusal.good_bye("28P01", f'password authentication failed for user "{user}"'))
        except (ProtocolViolation, TimeoutError) as error:
            self._reject(
                address, user, "protocol violation" if isinstance(error, ProtocolViolation) else "login deadline"
            )
            arrival.link.write(refusal.good_bye("08P01", str(error) or "login took too long"))
        except UpstreamError as error:
            self._reject(address, user, str(error))
            arrival.link.write(refusal.good_bye("08006", str(error), error.fault.remedy))
        except StoreUnavailable as error:
            self._reject(address, user, str(error))
            arrival.link.write(refusal.good_bye(error.fault.sqlstate, "the gateway cannot look up who you are"))
        except LedgerUnavailable:
            arrival.link.write(refusal.good_bye("58030", "the audit ledger cannot be written, so no session can begin"))
        except (OSError, EOFError):
            self._reject(address, user, "went away during login")
        else:
            await self._relay(seat)

    async def _log_in(self, arrival: Arrival, packet: postgres.Startup, address: str) -> Admitted:
        """Prove who it is and that they may connect. Raises Turned, LoginRefused."""
        hello, negotiation = login.read_startup(packet)
        wanted = self._config.gateway.require_tls
        if not arrival.tls and (wanted == "always" or (wanted == "remote" and not _is_loopback(address))):
            raise login.Turned("28000", "this gateway accepts TLS connections only", "no TLS", "use sslmode=require")
        if self._closing or len(self._seats) >= self._config.limits.connections:
            raise login.Turned("53300", "sorry, too many clients already", "too many connections")
        if negotiation:
            arrival.link.write(negotiation)
        now_s = self._now_ns() / 1e9
        principal, credential = await login.authenticate(
            arrival,
            hello,
            self._directory,
            self._certificate if arrival.tls else None,
            now_s,
            is_limited=not self._failed_logins.allow(address, now_s),
        )
        target = self._targets.get(hello.datasource)
        context = Context(address, hello.application, at_ns=self._now_ns(), evidence=login.EVIDENCE)
        if target is None:  # said to whoever has proved who they are, so it helps nobody to find names
            raise login.Turned(
                "3D000",
                f'database "{hello.datasource}" does not exist',
                f"no datasource {hello.datasource}",
                "dbname is the name of a datasource; see `tidewaiter datasource ls`",
            )
        verdict = self._policies().may_connect(principal, hello.datasource, context)
        if not (isinstance(verdict, Allow) or target.datasource.mode == "observe"):
            raise login.Turned(
                "42501",
                f'{principal.name} may not connect to datasource "{hello.datasource}"',
                f"connect to {hello.datasource} denied",
                "dbname is the name of a datasource; see `tidewaiter datasource ls`",
            )
        observe = target.datasource.mode == "observe"
        refused = login.refused_parameter(hello.parameters, observe=observe)
        if refused is not None:
            raise login.Turned(
                "0A000", f'startup parameter "{refused}" is refused by this gateway', f"parameter {refused}"
            )
        if not observe:
            self._ask_settings(principal, hello, context)
        return Admitted(principal, credential, hello.datasource, hello.application, hello.parameters, hello.minor)

    def _ask_settings(self, principal: Principal, hello: login.Hello, context: Context) -> None:
        """Ask for what the startup packet sets as SET would be asked for. Raises Turned."""
        facts = login.setting_facts(hello.parameters)
        verdict = self._policies().decide(principal, hello.datasource, facts, context)
        if not isinstance(verdict, Allow):
            names = ", ".join(touch.resource.path[0] for touch in facts.touches)
            raise login.Turned(
                "42501",
                f"startup parameter refused: {verdict.message}",
                f"settings {names} denied",
                "leave it out of the connection's options",
            )

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
        backend = await target.upstream.connect(
            login.upstream_parameters(admitted, identifier, role, observe=observe, is_veiled=is_veiled)
        )
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
        statuses = b"".join(postgres.parameter_status(name, value) for name, value in backend.parameters.items())
        arrival.link.write(
            postgres.authentication_ok()
            + statuses
            + postgres.backend_key_data(backend.pid, seat.client_key)
            + postgres.ready_for_query("I")
        )
        return seat

    def _is_veiled(self, admitted: Admitted, address: str) -> bool:
        """Whether a session that begins now is one that masks."""
        masking = self._masking.get(admitted.datasource)
        context = Context(address, admitted.application, at_ns=self._now_ns(), evidence=login.EVIDENCE)
        return masking is not None and masking.concerns(self._policies(), admitted.principal, context)

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
            ),
            Veil() if is_veiled else None,
        )  # fmt: skip

    async def _relay(self, seat: Seat) -> None:
        """Let the session live, then record how it ended."""
        session = seat.session
        key = (seat.backend.pid, seat.client_key)
        self._seats[session.id] = seat
        self._cancel_keys[key] = seat
        reason = "defect"
        try:
            # Whoever was revoked while the login went on was not yet among the seats that revoking ends.
            if not self._directory.may_continue(seat.principal, seat.credential):
                self._end(seat, "57P01", "terminating connection: the credential was revoked")
            reason = await session.run()
            if session.is_running:
                await seat.upstream.cancel(seat.backend.pid, seat.backend.secret)
        finally:
            del self._seats[session.id]
            del self._cancel_keys[key]
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
        seat = self._cancel_keys.get((packet.pid, packet.secret))
        if seat is not None:
            seat.session.trail.event("cancel", {})
            if seat.session.withdraw():
                return
            await seat.upstream.cancel(seat.backend.pid, seat.backend.secret)

    # -- helpers ------------------------------------------------------------------------------------------------------
    def _end(self, seat: Seat, sqlstate: str, message: str) -> bool:
        if seat.session.ended is not None:
            return False
        seat.session.end(message, refusal.good_bye(sqlstate, message))
        return True

    def _describe(self, identifier: str, seat: Seat) -> dict[str, object]:
        return {
            "id": identifier,
            "principal": seat.principal,
            "on_behalf_of": seat.on_behalf_of,
            "credential": seat.credential,
            "datasource": seat.datasource,
            "client_address": seat.client_address,
            "application": seat.application,
            "tls": seat.tls,
            "began_at": seat.began_s,
            "backend_pid": seat.backend.pid,
            "statements": seat.session.trail.statements,
            "rows": seat.session.trail.rows,
            "state": "running" if seat.session.is_running else "idle" if seat.session.is_idle else "in transaction",
        }

    def _reject(self, source: str, user: str, reason: str) -> None:
        """Count a connection that came to nothing; a flood of them must not fill the disk."""
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


def role_of(principal: Principal, datasource: Datasource) -> str | None:
    """The upstream role of the first configured group that the principal is in; None for the user's own."""
    return roles_of(principal, datasource)[0]


def roles_of(principal: Principal, datasource: Datasource) -> Sequence[str | None]:
    """The upstream roles that a session of the principal may have."""
    return [role for group, role in datasource.roles.items() if group in principal.groups] or [None]


def _is_loopback(address: str) -> bool:
    return address == "::1" or address.startswith("127.")
