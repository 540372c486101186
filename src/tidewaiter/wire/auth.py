"""SCRAM-SHA-256 and SCRAM-SHA-256-PLUS as steps without I/O, both roles, and the MD5 method of old servers.

RFC 5802 (SCRAM), RFC 7677 (SHA-256), RFC 5929 §4 (tls-server-end-point), and what PostgreSQL makes of them: the user
name inside the SCRAM message is ignored, there is no authorization identity, passwords are prepared by `saslprep`.
Nonces are arguments. Secrets never appear in an error.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
from collections.abc import MutableMapping, Sequence
from typing import Final

from tidewaiter.errors import LoginRefused, ProtocolViolation, UpstreamError
from tidewaiter.wire.saslprep import saslprep

SCRAM_SHA_256: Final = "SCRAM-SHA-256"
SCRAM_SHA_256_PLUS: Final = "SCRAM-SHA-256-PLUS"

KEY_BYTES: Final = 32  # SHA-256

TRIES: Final = 8
"""A proof is tried against at least so many verifiers, dummies included, each about 4 µs.

So a login takes the same time for an unknown user, a user whose credentials have expired, and a user with a few.
"""

ITERATIONS_MIN: Final = 4096
"""The least that RFC 7677 recommends. A server that asks for fewer gets a proof from which guessing is cheap.

For a database with a lower scram_iterations the caller says so.
"""

ITERATIONS_MAX: Final = 1_000_000
"""About half a second of one processor, which a server could otherwise make arbitrarily long for everybody.

PostgreSQL's default is 4,096; the present OWASP recommendation for PBKDF2-HMAC-SHA256, 600,000, passes.
"""

MESSAGE_BYTES: Final = 16_384  # a user name fills at most a startup packet (10,000); no other part grows

_GS2_PLUS: Final = b"p=tls-server-end-point"
_DUMMY: Final = (bytes(KEY_BYTES), bytes(KEY_BYTES))  # nobody knows what hashes to zeros, and a match would not count

Verifier = tuple[str, bytes, bytes]
"""(credential id, StoredKey, ServerKey)."""


# --- keys ---------------------------------------------------------------------------------------------------------


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def _xor(left: bytes, right: bytes) -> bytes:
    return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).to_bytes(KEY_BYTES, "big")


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def salted_password(password: str, salt: bytes, iterations: int) -> bytes:
    """SaltedPassword of RFC 5802 §3: the expensive step, about 1 ms for 4,096 iterations."""
    return hashlib.pbkdf2_hmac("sha256", saslprep(password), salt, iterations)


def make_verifier(password: str, salt: bytes, iterations: int) -> tuple[bytes, bytes]:
    """(StoredKey, ServerKey) of RFC 5802 §3: enough to check a login and to prove so, not enough to log in."""
    salted = salted_password(password, salt, iterations)
    client_key = _hmac(salted, b"Client Key")
    return hashlib.sha256(client_key).digest(), _hmac(salted, b"Server Key")


def md5_password(user: str, password: str, salt: bytes) -> str:
    """The answer to AuthenticationMD5Password: "md5" and 32 hexadecimal digits."""
    inner = hashlib.md5(_utf8(password) + _utf8(user), usedforsecurity=False).hexdigest()
    return "md5" + hashlib.md5(inner.encode("ascii") + salt, usedforsecurity=False).hexdigest()


def channel_binding_data(certificate: bytes) -> bytes | None:
    """The tls-server-end-point binding of a server's certificate in DER: its hash, RFC 5929 §4.1.

    The hash is the certificate signature's own, SHA-256 in the place of MD5 and SHA-1. None for signatures without one
    (Ed25519), for which the RFC defines no binding: SCRAM-SHA-256-PLUS is then not to be offered. Raises ValueError for
    bytes that are not a certificate.
    """
    from cryptography import x509  # here: it is slow to import, and many a command makes verifiers

    parsed = x509.load_der_x509_certificate(certificate)
    algorithm = parsed.signature_hash_algorithm
    if algorithm is None:
        return None
    name = "sha256" if algorithm.name in ("md5", "sha1") else algorithm.name
    return hashlib.new(name, certificate).digest()


# --- messages -----------------------------------------------------------------------------------------------------


def _is_nonce(nonce: bytes) -> bool:
    """Printable ASCII without comma, at least one (RFC 5802 §7)."""
    return bool(nonce) and all(0x21 <= byte <= 0x7E and byte != 0x2C for byte in nonce)


def _own_nonce(nonce: str | bytes) -> bytes:
    own = nonce.encode("ascii") if isinstance(nonce, str) else nonce
    if not _is_nonce(own):
        raise ValueError("a nonce is printable ASCII without comma")
    return own


def _attributes(message: bytes) -> list[tuple[bytes, bytes]]:
    """The comma-separated attributes of a message: (letter, value) each."""
    parts: list[tuple[bytes, bytes]] = []
    if len(message) > MESSAGE_BYTES or 0 in message:
        raise ProtocolViolation("malformed SCRAM message: too long, or NUL inside")
    for part in message.split(b","):
        if len(part) < 2 or part[1:2] != b"=" or not part[:1].isalpha():
            raise ProtocolViolation("malformed SCRAM message: expected attributes")
        parts.append((part[:1], part[2:]))
    return parts


def _expect(attributes: Sequence[tuple[bytes, bytes]], *letters: bytes) -> list[bytes]:
    """Values of the attributes that a message must begin with, in this order; optional ones may follow."""
    if len(attributes) < len(letters):
        raise ProtocolViolation("malformed SCRAM message: an attribute is missing")
    values: list[bytes] = []
    for letter, (found, value) in zip(letters, attributes, strict=False):
        if found == b"m":
            raise ProtocolViolation("SCRAM message requires an extension that is not supported")
        if found != letter:
            raise ProtocolViolation(f"malformed SCRAM message: expected attribute {letter.decode()!r}")
        values.append(value)
    return values


def _decode(text: bytes) -> bytes:
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error:
        raise ProtocolViolation("malformed SCRAM message: expected base64") from None


def _encode(data: bytes) -> bytes:
    return binascii.b2a_base64(data, newline=False)


def mechanisms(channel_binding: bytes | None) -> tuple[str, ...]:
    """What a server offers, best first; SCRAM-SHA-256-PLUS only where there is a channel to bind to."""
    return (SCRAM_SHA_256,) if channel_binding is None else (SCRAM_SHA_256_PLUS, SCRAM_SHA_256)


# --- server -------------------------------------------------------------------------------------------------------


class ScramServer:
    """One login, seen from the server: `first`, then `final`; then `matched` is the id of the credential used.

    `mechanism` is what the client chose. `channel_binding` is `channel_binding_data` of our certificate, None without
    TLS. All verifiers must have been made with this salt and iteration count; none are needed: then `final` refuses
    after the same work. Raises ProtocolViolation when the mechanism was not offered, ValueError for an unusable nonce.
    """

    def __init__(
        self,
        mechanism: str,
        *,
        salt: bytes,
        iterations: int,
        verifiers: Sequence[Verifier],
        server_nonce: str | bytes,
        channel_binding: bytes | None = None,
    ) -> None:
        if mechanism not in mechanisms(channel_binding):
            raise ProtocolViolation("client selected a SASL mechanism that was not offered")
        self.matched: str | None = None
        self._is_over = False
        self._is_plus = mechanism == SCRAM_SHA_256_PLUS
        self._salt = salt
        self._iterations = iterations
        self._verifiers = tuple(verifiers)
        self._server_nonce = _own_nonce(server_nonce)
        self._channel_binding = channel_binding
        self._gs2_header = b""
        self._client_first_bare = b""
        self._server_first = b""
        self._nonce = b""

    def first(self, client_first: bytes) -> bytes:
        """Take the client-first-message, return the server-first-message.

        Raises ProtocolViolation for a malformed message, LoginRefused for a downgraded one.
        """
        if self._server_first:
            raise ProtocolViolation("a second client-first-message")
        parts = client_first.split(b",", 2)
        if len(parts) != 3:
            raise ProtocolViolation("malformed SCRAM message: no GS2 header")
        self._check_gs2(parts[0], parts[1])
        _, client_nonce = _expect(_attributes(parts[2]), b"n", b"r")
        if not _is_nonce(client_nonce):
            raise ProtocolViolation("malformed SCRAM message: non-printable characters in nonce")
        self._gs2_header = parts[0] + b"," + parts[1] + b","
        self._client_first_bare = parts[2]
        self._nonce = client_nonce + self._server_nonce
        iterations = str(self._iterations).encode("ascii")
        self._server_first = b"r=" + self._nonce + b",s=" + _encode(self._salt) + b",i=" + iterations
        return self._server_first

    def _check_gs2(self, flag: bytes, authzid: bytes) -> None:
        """The channel binding flag must agree with the mechanism chosen and with what was offered (RFC 5802 §6)."""
        if self._is_plus:
            if flag != _GS2_PLUS:
                raise ProtocolViolation("SCRAM-SHA-256-PLUS needs channel binding of type tls-server-end-point")
        elif flag == b"y":
            if self._channel_binding is not None:
                # The client could bind but saw no such offer, and we made one: somebody between us removed it.
                raise LoginRefused("SCRAM channel binding negotiation error")
        elif flag != b"n":
            raise ProtocolViolation("malformed SCRAM message: unexpected channel-binding flag")
        if authzid:
            raise ProtocolViolation("client uses authorization identity, but it is not supported")

    def final(self, client_final: bytes) -> bytes:
        """Take the client-final-message, return the server-final-message and set `matched`.

        Raises ProtocolViolation for a malformed message, LoginRefused for a wrong proof or channel.
        """
        if not self._server_first or self._is_over:
            raise ProtocolViolation("a client-final-message out of turn")
        self._is_over = True  # one guess per exchange, whatever comes of it
        attributes = _attributes(client_final)
        binding, nonce = _expect(attributes, b"c", b"r")
        letter, proof_text = attributes[-1]
        proof = _decode(proof_text)
        if letter != b"p" or len(proof) != KEY_BYTES:
            raise ProtocolViolation("malformed SCRAM message: expected a proof at the end")
        self._check_binding(_decode(binding))
        if not hmac.compare_digest(nonce, self._nonce):
            raise ProtocolViolation("invalid SCRAM response: nonce does not match")
        without_proof = client_final[: client_final.rindex(b",")]
        message = self._client_first_bare + b"," + self._server_first + b"," + without_proof
        self.matched, server_key = self._match(message, proof)
        if self.matched is None:
            raise LoginRefused("password authentication failed")
        return b"v=" + _encode(_hmac(server_key, message))

    def _check_binding(self, sent: bytes) -> None:
        """The GS2 header must be the one of the first message, the channel the one that we are on."""
        data = self._channel_binding if self._is_plus else None
        if hmac.compare_digest(sent, self._gs2_header + (data or b"")):
            return
        if self._is_plus:
            raise LoginRefused("SCRAM channel binding check failed")
        raise ProtocolViolation("unexpected SCRAM channel-binding attribute")

    def _match(self, message: bytes, proof: bytes) -> tuple[str | None, bytes]:
        """(credential id, ServerKey) that the proof belongs to. Every verifier is tried, whichever matches."""
        matched: str | None = None
        server_key = b""
        for credential, stored_key, key in self._verifiers:
            if _proves(proof, stored_key, message):
                matched, server_key = credential, key
        for _ in range(TRIES - len(self._verifiers)):
            _proves(proof, _DUMMY[0], message)
        return matched, server_key


def _proves(proof: bytes, stored_key: bytes, message: bytes) -> bool:
    """Does the proof come from who knows the ClientKey behind this StoredKey?"""
    client_key = _xor(proof, _hmac(stored_key, message))
    return hmac.compare_digest(hashlib.sha256(client_key).digest(), stored_key)


def matching(password: str, salt: bytes, iterations: int, verifiers: Sequence[Verifier]) -> str | None:
    """The id of the credential whose password this is, for logins that send it as it is: None for none.

    The work is that of a SCRAM login of either side, the same whichever matches and whether one does.
    """
    stored, _ = make_verifier(password, salt, iterations)
    matched: str | None = None
    for credential, stored_key, _ in verifiers:
        if hmac.compare_digest(stored, stored_key):
            matched = credential
    for _ in range(TRIES - len(verifiers)):
        hmac.compare_digest(stored, _DUMMY[0])
    return matched


# --- client -------------------------------------------------------------------------------------------------------


class ScramClient:
    """One login, seen from the client: `first`, `final`, `verify`; then `is_verified`: the server knew the password.

    `channel_binding` is `channel_binding_data` of the server's certificate, None without TLS; it is to be given
    whether or not the server offers SCRAM-SHA-256-PLUS, so that a removed offer is noticed. `offered` are the
    mechanisms of AuthenticationSASL. `salted_passwords` spares the expensive step when salt and iteration count are
    known: it belongs to one password, and its owner bounds it. Raises UpstreamError when nothing offered fits.
    """

    def __init__(
        self,
        user: str,
        password: str,
        client_nonce: str | bytes,
        channel_binding: bytes | None = None,
        *,
        offered: Sequence[str] = (SCRAM_SHA_256_PLUS, SCRAM_SHA_256),
        salted_passwords: MutableMapping[tuple[bytes, int], bytes] | None = None,
        iterations_min: int = ITERATIONS_MIN,
    ) -> None:
        self.is_verified = False
        self.mechanism, self._gs2_header = _choice(offered, channel_binding)
        self._channel_binding = channel_binding if self.mechanism == SCRAM_SHA_256_PLUS else None
        self._password = password
        self._client_nonce = _own_nonce(client_nonce)
        self._salted_passwords = salted_passwords
        self._iterations_min = iterations_min
        name = _utf8(user.replace("=", "=3D").replace(",", "=2C"))
        self._first_bare = b"n=" + name + b",r=" + self._client_nonce
        self._server_signature = b""

    def first(self) -> bytes:
        """The client-first-message."""
        return self._gs2_header + self._first_bare

    def final(self, server_first: bytes) -> bytes:
        """Take the server-first-message, return the client-final-message. Costs PBKDF2 unless the result is known.

        Raises ProtocolViolation for a malformed message, UpstreamError for an iteration count out of bounds.
        """
        if self._server_signature:
            raise ProtocolViolation("a second server-first-message")
        nonce, salt_text, count = _expect(_attributes(server_first), b"r", b"s", b"i")
        if not nonce.startswith(self._client_nonce) or len(nonce) == len(self._client_nonce) or not _is_nonce(nonce):
            raise ProtocolViolation("invalid SCRAM message: the server's nonce does not continue ours")
        salt = _decode(salt_text)
        if not salt or not count.isdigit() or len(count) > 10:
            raise ProtocolViolation("malformed SCRAM message: expected salt and iteration count")
        salted = self._salted(salt, int(count))
        client_key = _hmac(salted, b"Client Key")
        binding = _encode(self._gs2_header + (self._channel_binding or b""))
        without_proof = b"c=" + binding + b",r=" + nonce
        message = self._first_bare + b"," + server_first + b"," + without_proof
        proof = _xor(client_key, _hmac(hashlib.sha256(client_key).digest(), message))
        self._server_signature = _hmac(_hmac(salted, b"Server Key"), message)
        return without_proof + b",p=" + _encode(proof)

    def _salted(self, salt: bytes, iterations: int) -> bytes:
        if not self._iterations_min <= iterations <= ITERATIONS_MAX:
            raise UpstreamError(
                f"the server asks for {iterations} SCRAM iterations;"
                f" accepted are {self._iterations_min} to {ITERATIONS_MAX}"
            )
        known = self._salted_passwords
        salted = known.get((salt, iterations)) if known is not None else None
        if salted is None:
            salted = salted_password(self._password, salt, iterations)
            if known is not None:
                known[(salt, iterations)] = salted
        return salted

    def verify(self, server_final: bytes) -> None:
        """Take the server-final-message. Raises UpstreamError when it reports an error or does not prove knowledge."""
        if not self._server_signature:
            raise ProtocolViolation("a server-final-message out of turn")
        letter, value = _attributes(server_final)[0]
        if letter == b"e":
            said = value[:64].decode("ascii", "backslashreplace")
            raise UpstreamError(f"the server refused the login: {said!r}")
        if letter != b"v":
            raise ProtocolViolation("malformed SCRAM message: expected a server signature")
        if not hmac.compare_digest(_decode(value), self._server_signature):
            raise UpstreamError("the server did not prove that it knows the password")
        self.is_verified = True


def _choice(offered: Sequence[str], channel_binding: bytes | None) -> tuple[str, bytes]:
    """(mechanism, GS2 header): bind where both sides can; say `y` where we could and the server seems not to."""
    if channel_binding is not None and SCRAM_SHA_256_PLUS in offered:
        return SCRAM_SHA_256_PLUS, _GS2_PLUS + b",,"
    if SCRAM_SHA_256 not in offered:
        raise UpstreamError("the server offers no SASL mechanism that is spoken here")
    return SCRAM_SHA_256, b"n,," if channel_binding is None else b"y,,"
