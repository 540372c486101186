"""Who may come in: from a startup packet to a principal who proved who it is and may connect to a datasource."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tidewaiter.config import Config, Datasource
from tidewaiter.errors import LoginRefused
from tidewaiter.identity import Directory, FailedLogins
from tidewaiter.model import Allow, Context, Principal
from tidewaiter.policy import Policies
from tidewaiter.proxy import login
from tidewaiter.proxy.door import Arrival
from tidewaiter.proxy.login import Admitted
from tidewaiter.wire import postgres

_SEE = "dbname is the name of a datasource; see `tidewaiter datasource ls`"


class Admission:
    """Logs clients in. `certificate` is the gateway's own in DER, for channel binding; `now_ns` is Unix time."""

    def __init__(
        self,
        config: Config,
        directory: Directory,
        policies: Callable[[], Policies],
        datasources: Mapping[str, Datasource],
        certificate: bytes | None,
        now_ns: Callable[[], int],
        failed_logins: FailedLogins,
    ) -> None:
        self._require_tls = config.gateway.require_tls
        self._directory = directory
        self._policies = policies
        self._datasources = datasources
        self._certificate = certificate
        self._now_ns = now_ns
        self._failed_logins = failed_logins

    async def log_in(self, arrival: Arrival, packet: postgres.Startup, address: str, *, is_full: bool) -> Admitted:
        """Prove who it is and that they may connect. Raises Turned, LoginRefused. `is_full`: no more sessions fit."""
        hello, negotiation = login.read_startup(packet)
        wanted = self._require_tls
        if not arrival.tls and (wanted == "always" or (wanted == "remote" and not _is_loopback(address))):
            raise login.Turned("28000", "this gateway accepts TLS connections only", "no TLS", "use sslmode=require")
        if is_full:
            raise login.Turned("53300", "sorry, too many clients already", "too many connections")
        if negotiation:
            arrival.link.write(negotiation)
        principal, credential = await self._authenticate(arrival, hello, address)
        datasource = self._datasources.get(hello.datasource)
        if datasource is None:  # said to whoever has proved who they are, so it helps nobody to find names
            raise login.Turned(
                "3D000", f'database "{hello.datasource}" does not exist', f"no datasource {hello.datasource}", _SEE
            )
        self._ask_to_connect(principal, hello, datasource, address)
        return Admitted(principal, credential, hello.datasource, hello.application, hello.parameters, hello.minor)

    async def _authenticate(self, arrival: Arrival, hello: login.Hello, address: str) -> tuple[Principal, str]:
        now_s = self._now_ns() / 1e9
        certificate = self._certificate if arrival.tls else None
        is_limited = not self._failed_logins.allow(address, now_s)
        try:
            return await login.authenticate(arrival, hello, self._directory, certificate, now_s, is_limited=is_limited)
        except LoginRefused:
            self._failed_logins.failed(address, self._now_ns() / 1e9)
            raise

    def _ask_to_connect(self, principal: Principal, hello: login.Hello, datasource: Datasource, address: str) -> None:
        """Ask for the connection, and for what the startup packet sets as SET would be asked for. Raises Turned."""
        context = Context(address, hello.application, at_ns=self._now_ns(), evidence=login.EVIDENCE)
        observe, policies = datasource.mode == "observe", self._policies()
        verdict = policies.may_connect(principal, hello.datasource, context)
        if not (isinstance(verdict, Allow) or observe):
            message = f'{principal.name} may not connect to datasource "{hello.datasource}"'
            raise login.Turned("42501", message, f"connect to {hello.datasource} denied", _SEE)
        refused = login.refused_parameter(hello.parameters, observe=observe)
        if refused is not None:
            message = f'startup parameter "{refused}" is refused by this gateway'
            raise login.Turned("0A000", message, f"parameter {refused}", login.why_refused(refused))
        if observe:
            return
        facts = login.setting_facts(hello.parameters)
        asked = policies.decide(principal, hello.datasource, facts, context)
        if not isinstance(asked, Allow):
            names = ", ".join(touch.resource.path[0] for touch in facts.touches)
            message, hint = f"startup parameter refused: {asked.message}", "leave it out of the connection's options"
            raise login.Turned("42501", message, f"settings {names} denied", hint)


def _is_loopback(address: str) -> bool:
    return address == "::1" or address.startswith("127.")
