"""Log a client in: protocol version, startup parameters, SCRAM against stored verifiers."""

from __future__ import annotations

import re
import secrets
import ssl
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificates

from tidewaiter.errors import LoginRefused, ProtocolViolation
from tidewaiter.identity import Directory
from tidewaiter.model import Facts, Principal, Resource, ResourceType, Touch
from tidewaiter.proxy import refusal
from tidewaiter.proxy.door import Arrival
from tidewaiter.sql.rewrite.names import check_setting
from tidewaiter.sql.rewrite.state import Refusal
from tidewaiter.wire import auth, postgres

NEWEST_MINOR = 2
SECRET_BYTES = {0: 4, 1: 4, 2: 32}  # 3.0 clients reject keys over 4 bytes
APPLICATION_BYTES = 63  # NAMEDATALEN - 1: the server cuts application_name there

# What drivers send. Everything else is refused, because a startup parameter sets a default that RESET returns to.
PARAMETERS = frozenset(
    name.lower()
    for name in (
        "user", "database", "options", "application_name", "client_encoding", "DateStyle", "TimeZone", "IntervalStyle",
        "extra_float_digits", "bytea_output", "search_path", "statement_timeout", "lock_timeout",
        "idle_in_transaction_session_timeout", "idle_session_timeout", "transaction_timeout",
        "default_transaction_isolation", "default_transaction_read_only", "default_transaction_deferrable", "geqo",
        "jit", "work_mem", "standard_conforming_strings", "client_min_messages", "lc_messages", "tcp_user_timeout",
        "tcp_keepalives_idle", "target_session_attrs", "compute_query_id", "plan_cache_mode",
    )
)  # fmt: skip
EVIDENCE = "password"
"""How a login proves who it is, as policies see it: SCRAM with the password of a credential."""
# How values are shown and connections kept: no policy could want to know, and drivers send them unasked.
HARMLESS = frozenset({
    "user", "database", "options", "application_name", "client_encoding", "datestyle", "timezone", "intervalstyle",
    "extra_float_digits", "bytea_output", "client_min_messages", "geqo", "target_session_attrs", "tcp_user_timeout",
    "tcp_keepalives_idle",
})  # fmt: skip
# What concerns the connection, not what statements mean or show.
CONNECTION = frozenset({
    "options", "geqo", "target_session_attrs", "tcp_user_timeout", "tcp_keepalives_idle", "compute_query_id",
})  # fmt: skip
PINNED = {
    "client_encoding": "UTF8",
    "client_min_messages": "notice",
    "standard_conforming_strings": "on",
    "DateStyle": "ISO",
}
FORBIDDEN = frozenset({"role", "session_authorization", "replication"})


class Turned(Exception):
    """Turned away: the client is told `message` and goes. `reason` is for the ledger only.

    `answer` is what is sent, where those are not the gateway's own words.
    """

    def __init__(self, sqlstate: str, message: str, reason: str, hint: str = "", answer: bytes = b"") -> None:
        super().__init__(message)
        self.sqlstate, self.message, self.reason, self.hint = sqlstate, message, reason, hint
        self.answer = answer or refusal.good_bye(sqlstate, message, hint)


@dataclass(slots=True)
class Admitted:
    """Who logged in, with what, to what. `parameters` are those that go on to the server."""

    principal: Principal
    credential: str
    datasource: str
    application: str
    parameters: dict[str, str]
    minor: int


@dataclass(slots=True)
class Hello:
    """What a startup packet says before anybody has proved anything."""

    user: str
    datasource: str
    application: str
    parameters: dict[str, str]
    minor: int


def read_startup(packet: postgres.Startup) -> tuple[Hello, bytes]:
    """Check a startup packet; return what it says, and the NegotiateProtocolVersion to send, if any. Raises Turned."""
    parameters = dict(packet.params)
    user = parameters.pop("user", "")
    if not user:
        raise Turned("28000", "no PostgreSQL user name specified in startup packet", "no user name")
    extensions = [name for name in parameters if name.startswith("_pq_.")]
    for name in extensions:
        del parameters[name]
    negotiation = b""
    minor = packet.minor
    if minor > NEWEST_MINOR or extensions:
        minor = min(minor, NEWEST_MINOR)
        negotiation = postgres.negotiate_protocol_version(minor, tuple(extensions))
    datasource = parameters.pop("database", "") or user
    return Hello(user, datasource, parameters.get("application_name", ""), parameters, minor), negotiation


def refused_parameter(parameters: Mapping[str, str], *, observe: bool) -> str | None:
    """The first startup parameter that may not go on to the server; settings inside `options` count too."""
    for name in _names(parameters):
        if name in FORBIDDEN or not (observe or name in PARAMETERS):
            return name
    return None


def why_refused(parameter: str) -> str:
    """What the client can do instead."""
    if parameter == "replication":
        return "a replication stream has no statements to decide on: connect to the database itself"
    if parameter in FORBIDDEN:
        return "the gateway takes the role that `roles` of the datasource names for your group"
    return "leave it out of the connection's options; once connected, SET asks policy"


def setting_facts(parameters: Mapping[str, str]) -> Facts:
    """What the startup parameters set in the session, as SET would say it; what every driver sends is left out."""
    names = dict.fromkeys(name for name in _names(parameters) if name not in HARMLESS)
    touches = tuple(Touch("set", Resource(ResourceType.SETTING, (name,))) for name in names)
    return Facts(("set",) if touches else (), touches)


def unsafe_where_masked(parameters: Mapping[str, str]) -> str | None:
    """Why a session that masks cannot begin with these parameters, None if it can: as SET would say it."""
    for name, value in _pairs(parameters):
        if name not in CONNECTION:
            try:
                check_setting(name, [value.strip("'")])
            except Refusal as refusal:
                return refusal.reason
    return None


def pinned_where_masked(parameters: Mapping[str, str]) -> dict[str, str]:
    """Settings that a session which masks begins with, and returns to at RESET, whatever role and database say."""
    given = {name for name, _ in _pairs(parameters)}
    return {name: value for name, value in PINNED.items() if name.lower() not in given}


def _names(parameters: Mapping[str, str]) -> list[str]:
    """The names of all parameters, those inside `options` included."""
    return [name for name, _ in _pairs(parameters)]


def _pairs(parameters: Mapping[str, str]) -> list[tuple[str, str]]:
    """All parameters with their values, those inside `options` included."""
    pairs = [(name.lower(), value) for name, value in parameters.items()]
    for name, value in parameters.items():
        if name.lower() == "options":
            pairs += _options(value)
    return pairs


def _options(text: str) -> list[tuple[str, str]]:
    """The settings in a startup packet's `options`; a switch other than -c and -- counts by itself."""
    names: list[tuple[str, str]] = []
    words = split_options(text)[::-1]
    while words:
        word = words.pop()
        if word == "-c" and words:
            word = words.pop()
        elif word.startswith("-c") or word.startswith("--"):
            word = word[2:]
        else:
            return [*names, (word, "")]
        name, _, value = word.partition("=")
        names.append((name.lower().replace("-", "_"), value))
    return names


def split_options(text: str) -> list[str]:
    """The words of `options` as the server splits them (pg_split_opts): a backslash keeps what follows it, and quotes
    are letters like others.
    """
    words: list[str] = []
    for match in _WORD.finditer(text):
        words.append(re.sub(r"\\(.?)", r"\1", match[0], flags=re.DOTALL))
    return words


_WORD = re.compile(r"(?:\\.|\\$|[^\\ \t\n\v\f\r])+", re.DOTALL)


async def authenticate(arrival: Arrival, hello: Hello, directory: Directory, certificate: bytes | None, now_s: float,
                       *, is_limited: bool) -> tuple[Principal, str]:  # fmt: skip
    """Run SCRAM; return the principal and the credential that matched. Raises LoginRefused, the same for every reason.

    `certificate` is ours (DER) when the client came through TLS, for channel binding. `is_limited`: this source failed
    too often, so that even the right proof is refused after the whole exchange.
    """
    link = arrival.link
    principal = directory.principal(hello.user)
    verifiers = [
        (verifier.id, verifier.stored_key, verifier.server_key)
        for verifier in directory.credentials_of(hello.user, now_s)
        if not verifier.datasources or hello.datasource in verifier.datasources
    ]
    binding = auth.channel_binding_data(certificate) if certificate else None
    link.write(postgres.authentication_sasl(auth.mechanisms(binding)))
    mechanism, data = postgres.parse_sasl_initial_response(await _password_message(arrival))
    scram = auth.ScramServer(
        mechanism,
        salt=directory.salt_of(hello.user),
        iterations=directory.iterations,
        verifiers=[] if principal is None else verifiers,
        server_nonce=secrets.token_urlsafe(18),
        channel_binding=binding,
    )
    link.write(postgres.authentication_sasl_continue(scram.first(data or b"")))
    last = scram.final(postgres.parse_sasl_response(await _password_message(arrival)))
    if principal is None or scram.matched is None or is_limited:
        raise LoginRefused("password authentication failed")
    link.write(postgres.authentication_sasl_final(last))
    return principal, scram.matched


async def _password_message(arrival: Arrival) -> bytes:
    kind, body = await arrival.link.read_message()
    if kind != postgres.PASSWORD:
        raise ProtocolViolation(f"expected SASL response, got message type {kind}")
    return body


def upstream_parameters(
    admitted: Admitted, session: str, role: str | None, *, observe: bool, is_veiled: bool = False
) -> dict[str, str]:
    """The client's own startup parameters, the human's name for the database's log, and the role."""
    parameters = dict(admitted.parameters)
    if is_veiled:
        parameters |= pinned_where_masked(parameters)
    if not observe:
        for name in [name for name in parameters if name.lower() == "application_name"]:
            del parameters[name]  # in whatever case: a later one would overrule ours
        marked = f"tidewaiter:{admitted.principal.name}:{session}:{admitted.application}".encode()[:APPLICATION_BYTES]
        parameters["application_name"] = marked.decode("utf-8", "ignore").rstrip(":")
    if role is not None:
        parameters["role"] = role
    return parameters


def certificate_of(pem: bytes) -> bytes:
    """The certificate that clients see, in DER: the first of a chain, whatever text stands around it.

    ValueError where there is none.
    """
    return load_pem_x509_certificates(pem)[0].public_bytes(Encoding.DER)


def tls_context(certificate: str, key: str) -> ssl.SSLContext:
    """The gateway's own TLS settings: 1.2 and newer, ALPN for direct connections."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["postgresql"])
    return context
