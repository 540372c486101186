"""Credentials: what is handed out once, what is kept of it, and how it is made.

A password reads `tw1_<id>_<secret>`: a prefix that secret scanners can look for, the id to revoke a leaked one by, and
32 characters from 62 (190 bits), beyond guessing whatever the iteration count. Only SCRAM verifiers are kept.
"""

from __future__ import annotations

import hmac
import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tidewaiter.errors import UsageError
from tidewaiter.model import Kind, Secret

ITERATIONS = 4096  # RFC 7677 §4's minimum and PostgreSQL's default; more would only slow clients down, see above
ID_CHARACTERS = 8
SECRET_CHARACTERS = 32
DEFAULT_TTL_S = 8 * 3600.0
DAY_S = 86400.0
MAX_TTL_S = {Kind.USER: 30 * DAY_S, Kind.AGENT: 30 * DAY_S, Kind.SERVICE: 90 * DAY_S}
"""People and agents can fetch a fresh credential; a service's is rotated by hand, once a quarter."""

_BASE62 = string.digits + string.ascii_letters

RandomText = Callable[[int], str]


def base62(characters: int) -> str:
    """That many characters from the operating system's generator, 5.95 bits each."""
    return "".join(secrets.choice(_BASE62) for _ in range(characters))


@dataclass(frozen=True, slots=True)
class Verifier:
    """What a login is checked against: SCRAM's StoredKey and ServerKey (RFC 5802 §3). No `datasources` means all."""

    id: str
    stored_key: bytes = field(repr=False)
    server_key: bytes = field(repr=False)
    datasources: frozenset[str]
    expires_at_s: float


@dataclass(frozen=True, slots=True)
class Credential:
    """One issued credential without its secret, for listings. Times are Unix seconds."""

    id: str
    principal: str
    datasources: tuple[str, ...]
    created_at_s: float
    expires_at_s: float
    revoked_at_s: float | None
    label: str

    def state(self, now_s: float) -> str:
        """`live`, `expired` or `revoked`."""
        if self.revoked_at_s is not None:
            return "revoked"
        return "live" if now_s < self.expires_at_s else "expired"


@dataclass(frozen=True, slots=True)
class Issued:
    """A credential in the one moment when its password is known. `datasources` empty means all."""

    id: str
    principal: str
    user: str
    password: Secret
    datasources: tuple[str, ...]
    expires_at_s: float

    def document(self, host: str, port: int) -> dict[str, object]:
        """The members of `credential issue --format json`; `expires_at` is RFC 3339 in UTC, never later than true."""
        return {
            "id": self.id,
            "principal": self.principal,
            "user": self.user,
            "password": self.password.value,
            "host": host,
            "port": port,
            "datasources": list(self.datasources),
            "expires_at": rfc3339(self.expires_at_s),
        }


def rfc3339(at_s: float) -> str:
    """`2026-11-22T10:00:00Z`; fractions of a second are cut."""
    return datetime.fromtimestamp(int(at_s), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def expiry(kind: Kind, ttl_s: float, now_s: float) -> float:
    """When a credential issued now ends, in Unix seconds. Raises UsageError for a TTL that is not in (0, maximum]."""
    limit_s = MAX_TTL_S[kind]
    if not 0 < ttl_s <= limit_s:
        raise UsageError(f"a {kind} credential lives more than 0 s and at most {limit_s / DAY_S:.0f} days")
    return now_s + ttl_s


def salt_for(salt_key: bytes, name: str) -> bytes:
    """The SCRAM salt of a user name, 16 bytes: always the same, whether the name exists or not.

    The salt is sent before the client proves anything, so one that differed between known and unknown names, or between
    two asks, would tell which names exist. `name` may be anything a client sent.
    """
    return hmac.digest(salt_key, b"scram-sha-256 salt\0" + name.encode(errors="surrogatepass"), "sha256")[:16]


def derived_key(deployment_key: bytes, purpose: str) -> str:
    """A key for one purpose, 64 hexadecimal digits: it tells nothing of the deployment's or of other purposes' keys."""
    return hmac.digest(deployment_key, b"key for\0" + purpose.encode(), "sha256").hex()
