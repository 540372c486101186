"""SCRAM against the vectors of RFC 7677, against itself, and against everything that may go wrong."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from tidewaiter.errors import LoginRefused, ProtocolViolation, UpstreamError
from tidewaiter.wire import auth
from tidewaiter.wire.saslprep import saslprep

# RFC 7677 §3
SALT = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
CLIENT_NONCE = "rOprNGfwEbeRWgbNEkqO"
SERVER_NONCE = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
CLIENT_FIRST = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
SERVER_FIRST = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
CLIENT_FINAL = (
    b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
)
SERVER_FINAL = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

BINDING = hashlib.sha256(b"certificate").digest()
PENCIL = ("c1", *auth.make_verifier("pencil", SALT, 4096))
OTHER = ("c2", *auth.make_verifier("other", SALT, 4096))
NONCE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters=","), min_size=1, max_size=24)


def server(
    *verifiers: auth.Verifier, mechanism: str = auth.SCRAM_SHA_256, binding: bytes | None = None
) -> auth.ScramServer:
    return auth.ScramServer(
        mechanism, salt=SALT, iterations=4096, verifiers=verifiers, server_nonce=SERVER_NONCE, channel_binding=binding
    )


def client(password: str = "pencil", binding: bytes | None = None, **more: object) -> auth.ScramClient:
    return auth.ScramClient("user", password, CLIENT_NONCE, binding, **more)  # type: ignore[arg-type]


def log_in(one: auth.ScramClient, other: auth.ScramServer) -> str | None:
    one.verify(other.final(one.final(other.first(one.first()))))
    assert one.is_verified
    return other.matched


# --- the two roles -------------------------------------------------------------------------------------------------


def test_server_follows_the_example_of_rfc_7677() -> None:
    played = server(PENCIL)
    assert played.first(CLIENT_FIRST) == SERVER_FIRST
    assert played.final(CLIENT_FINAL) == SERVER_FINAL
    assert played.matched == "c1"


def test_client_follows_the_example_of_rfc_7677() -> None:
    played = client()
    assert played.first() == CLIENT_FIRST
    assert played.final(SERVER_FIRST) == CLIENT_FINAL
    assert not played.is_verified
    played.verify(SERVER_FINAL)
    assert played.is_verified


@settings(max_examples=25, deadline=None)
@given(
    user=st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=10),
    passwords=st.lists(st.text(max_size=12), min_size=1, max_size=12, unique_by=saslprep),
    salt=st.binary(min_size=1, max_size=20),
    iterations=st.integers(1, 50),
    nonces=st.tuples(NONCE, NONCE),
    binding=st.none() | st.binary(min_size=32, max_size=64),
    data=st.data(),
)
def test_client_and_server_agree_on_who_it_is(
    user: str,
    passwords: list[str],
    salt: bytes,
    iterations: int,
    nonces: tuple[str, str],
    binding: bytes | None,
    data: st.DataObject,
) -> None:
    verifiers = [(str(i), *auth.make_verifier(word, salt, iterations)) for i, word in enumerate(passwords)]
    chosen = data.draw(st.integers(0, len(passwords) - 1))
    one = auth.ScramClient(user, passwords[chosen], nonces[0], binding, iterations_min=1)
    other = auth.ScramServer(
        one.mechanism,
        salt=salt,
        iterations=iterations,
        verifiers=verifiers,
        server_nonce=nonces[1].encode(),
        channel_binding=binding,
    )
    assert log_in(one, other) == str(chosen)


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_to_the_server_give_an_answer_or_a_refusal(data: bytes) -> None:
    for message in (data, b"n,,n=,r=" + data, b"n,," + data):
        with_answer(lambda message=message: server(PENCIL).first(message))
    for message in (data, CLIENT_FINAL[:60] + data, b"c=biws,r=" + data + b",p=" + data):
        played = server(PENCIL)
        played.first(CLIENT_FIRST)
        with_answer(lambda message=message, played=played: played.final(message))
        assert played.matched is None


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_to_the_client_give_an_answer_or_a_refusal(data: bytes) -> None:
    known = {(SALT, 4096): auth.salted_password("pencil", SALT, 4096)}
    for message in (data, SERVER_FIRST[:54] + data, SERVER_FIRST + b"," + data):
        played = client(salted_passwords=known)
        with_answer(lambda message=message, played=played: played.final(message))
    for message in (data, b"v=" + data, b"e=" + data):
        played = client(salted_passwords=known)
        played.final(SERVER_FIRST)
        with_answer(lambda message=message, played=played: played.verify(message))
        assert not played.is_verified


def with_answer(step: object) -> None:
    assert callable(step)
    try:
        step()
    except (ProtocolViolation, LoginRefused, UpstreamError):
        return


# --- several verifiers ---------------------------------------------------------------------------------------------


def test_the_verifier_that_matches_is_named_whatever_its_place() -> None:
    assert log_in(client(), server(PENCIL, OTHER)) == "c1"
    assert log_in(client(), server(OTHER, PENCIL)) == "c1"
    assert log_in(client("other"), server(PENCIL, OTHER)) == "c2"


@pytest.mark.parametrize("verifiers", [(), (OTHER,), (OTHER,) * 20])
def test_wrong_unknown_and_absent_credentials_are_refused_alike(verifiers: tuple[auth.Verifier, ...]) -> None:
    one, other = client(), server(*verifiers)
    final = one.final(other.first(one.first()))
    with pytest.raises(LoginRefused, match=r"^password authentication failed$"):
        other.final(final)
    assert other.matched is None


@pytest.mark.parametrize("verifiers", [(), (PENCIL,), (PENCIL, OTHER), (OTHER, PENCIL, OTHER)])
def test_as_many_proofs_are_computed_for_nobody_as_for_somebody(
    verifiers: tuple[auth.Verifier, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = 0

    def counting(left: bytes, right: bytes) -> bool:
        nonlocal compared
        compared += 1
        return left == right

    one, other = client(), server(*verifiers)
    final = one.final(other.first(one.first()))
    monkeypatch.setattr(hmac, "compare_digest", counting)
    with_answer(lambda: other.final(final))
    assert compared == auth.TRIES + 2  # the channel binding and the nonce


def test_an_exchange_is_good_for_one_guess() -> None:
    played = server(PENCIL)
    played.first(CLIENT_FIRST)
    with pytest.raises(LoginRefused):
        played.final(CLIENT_FINAL[:-44] + base64.b64encode(bytes(32)))
    with pytest.raises(ProtocolViolation, match="out of turn"):
        played.final(CLIENT_FINAL)
    with pytest.raises(ProtocolViolation, match="second"):
        played.first(CLIENT_FIRST)
    with pytest.raises(ProtocolViolation, match="out of turn"):
        server(PENCIL).final(CLIENT_FINAL)


# --- malformed messages --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "message",
    [
        b"", b"n", b"n,", b"n,,", b"n,,n=", b"n,,n=,r=", b"n,,r=abc,n=", b"n,,n=,r=a\x7f", b"n,,n=,r=\xc3\xa9",
        b"n,a=admin,n=,r=abc", b"x,,n=,r=abc", b"p=tls-unique,,n=,r=abc", b"p=tls-server-end-point,,n=,r=abc",
        b"n,,m=ext,n=,r=abc", b"n,,n=a\0b,r=abc", b"n,,n=,r=abc,", b"n,,n=,r=abc,=x", b"n,,n=,r=abc,xy",
        b"n,,n=" + b"a" * auth.MESSAGE_BYTES + b",r=abc", b"n,,1=,r=abc", b"n,,",
    ],
)  # fmt: skip
def test_malformed_first_messages_are_protocol_violations(message: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        server(PENCIL).first(message)


def test_user_name_and_optional_extensions_of_the_first_message_are_ignored() -> None:
    assert server(PENCIL).first(b"n,,n=somebody=2Celse,r=abc,x=later") == (
        b"r=abc" + SERVER_NONCE.encode() + SERVER_FIRST[SERVER_FIRST.index(b",s=") :]
    )


@pytest.mark.parametrize(
    "message",
    [
        b"", b"c=biws", CLIENT_FINAL[:-48], CLIENT_FINAL + b",x=1", CLIENT_FINAL[:-1], CLIENT_FINAL[:-4],
        CLIENT_FINAL.replace(b"k0,p", b"k1,p"), CLIENT_FINAL.replace(b"c=biws", b"c=eSws"), CLIENT_FINAL + b"\0",
        CLIENT_FINAL.replace(b"c=biws", b"c=bi*s"), CLIENT_FINAL.replace(b"c=biws,", b""), b"m=x," + CLIENT_FINAL,
        CLIENT_FINAL.replace(b",p=", b",q="), CLIENT_FINAL.replace(b",p=", b",p=\n"),
    ],
)  # fmt: skip
def test_malformed_final_messages_are_protocol_violations(message: bytes) -> None:
    played = server(PENCIL)
    played.first(CLIENT_FIRST)
    with pytest.raises(ProtocolViolation):
        played.final(message)
    assert played.matched is None


def test_optional_extensions_of_the_final_message_are_signed() -> None:
    """An attribute before the proof is part of what the proof covers, so adding one in transit breaks it."""
    played = server(PENCIL)
    played.first(CLIENT_FIRST)
    with pytest.raises(LoginRefused):
        played.final(CLIENT_FINAL.replace(b",p=", b",x=1,p="))


@pytest.mark.parametrize("nonce", ["", "a,b", "a b", "ä", b"\x7f"])
def test_unusable_nonces_of_our_own_are_refused(nonce: str | bytes) -> None:
    with pytest.raises(ValueError):
        auth.ScramClient("user", "pencil", nonce)
    with pytest.raises(ValueError):
        auth.ScramServer(auth.SCRAM_SHA_256, salt=SALT, iterations=4096, verifiers=(), server_nonce=nonce)


# --- channel binding -----------------------------------------------------------------------------------------------


def test_both_sides_bind_to_the_channel_where_they_can() -> None:
    one = client(binding=BINDING)
    assert one.mechanism == auth.SCRAM_SHA_256_PLUS
    assert one.first().startswith(b"p=tls-server-end-point,,")
    assert log_in(one, server(PENCIL, mechanism=one.mechanism, binding=BINDING)) == "c1"


def test_another_channel_is_refused() -> None:
    one, other = client(binding=BINDING), server(PENCIL, mechanism=auth.SCRAM_SHA_256_PLUS, binding=bytes(32))
    final = one.final(other.first(one.first()))
    with pytest.raises(LoginRefused, match="channel binding check"):
        other.final(final)


def test_a_removed_offer_is_noticed_by_the_server() -> None:
    one = client(binding=BINDING, offered=[auth.SCRAM_SHA_256])
    assert one.first().startswith(b"y,,")
    with pytest.raises(LoginRefused, match="negotiation"):
        server(PENCIL, binding=BINDING).first(one.first())


def test_a_client_that_could_bind_logs_in_where_nothing_was_offered() -> None:
    assert log_in(client(binding=BINDING, offered=[auth.SCRAM_SHA_256]), server(PENCIL)) == "c1"


def test_a_client_that_cannot_bind_logs_in_over_tls() -> None:
    assert log_in(client(), server(PENCIL, binding=BINDING)) == "c1"


@pytest.mark.parametrize("flag", [b"n", b"y", b"p=tls-unique", b"p=", b"p"])
def test_plus_with_another_flag_is_a_protocol_violation(flag: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        server(PENCIL, mechanism=auth.SCRAM_SHA_256_PLUS, binding=BINDING).first(flag + b",,n=,r=abc")


def test_mechanisms_that_were_not_offered_cannot_be_selected() -> None:
    assert auth.mechanisms(None) == ("SCRAM-SHA-256",)
    assert auth.mechanisms(BINDING) == ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256")
    for mechanism in ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-1", ""):
        with pytest.raises(ProtocolViolation, match="not offered"):
            server(PENCIL, mechanism=mechanism)


@pytest.mark.parametrize("offered", [[], ["OAUTHBEARER"], [auth.SCRAM_SHA_256_PLUS]])
def test_client_refuses_servers_that_offer_nothing_it_can_do(offered: list[str]) -> None:
    with pytest.raises(UpstreamError, match="mechanism"):
        client(offered=offered)


@pytest.fixture
def name() -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "db.internal")])


Key = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


def certificate(name: x509.Name, algorithm: hashes.SHA256 | hashes.SHA384 | None, key: Key) -> bytes:
    builder = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2027, 1, 1, tzinfo=UTC))
    )
    return builder.sign(key, algorithm).public_bytes(Encoding.DER)


def test_channel_binding_data_is_the_hash_of_the_certificates_own_signature(name: x509.Name) -> None:
    for algorithm, digest in ((hashes.SHA256(), hashlib.sha256), (hashes.SHA384(), hashlib.sha384)):
        der = certificate(name, algorithm, ec.generate_private_key(ec.SECP256R1()))
        assert auth.channel_binding_data(der) == digest(der).digest()


@pytest.mark.parametrize(("last_byte", "algorithm"), [(0x05, hashes.SHA1), (0x04, hashes.MD5)])
def test_channel_binding_data_of_broken_hashes_is_sha256(
    name: x509.Name, last_byte: int, algorithm: type[hashes.HashAlgorithm]
) -> None:
    """The library does not sign with these any more, so the algorithm's OID is changed in the bytes afterwards."""
    with_rsa = bytes.fromhex("2a864886f70d0101")  # 1.2.840.113549.1.1; then 11 is SHA-256, 5 SHA-1, 4 MD5
    der = certificate(name, hashes.SHA256(), rsa.generate_private_key(65537, 2048))
    der = der.replace(with_rsa + b"\x0b", with_rsa + bytes([last_byte]))
    assert isinstance(x509.load_der_x509_certificate(der).signature_hash_algorithm, algorithm)
    assert auth.channel_binding_data(der) == hashlib.sha256(der).digest()


def test_ed25519_certificates_have_no_channel_binding(name: x509.Name) -> None:
    assert auth.channel_binding_data(certificate(name, None, ed25519.Ed25519PrivateKey.generate())) is None


def test_channel_binding_data_of_no_certificate_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"."):
        auth.channel_binding_data(b"not a certificate")


# --- what the client demands of a server ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "message",
    [
        b"", b"r=abc", SERVER_FIRST.replace(b"r=rOpr", b"r=xOpr"), b"r=" + CLIENT_NONCE.encode() + b",s=QQ==,i=4096",
        SERVER_FIRST.replace(b"i=4096", b"i=4e3"), SERVER_FIRST.replace(b"i=4096", b"i="), b"m=x," + SERVER_FIRST,
        SERVER_FIRST.replace(b"i=4096", b"i=-1"), SERVER_FIRST.replace(b"i=4096", b"i=" + b"9" * 5000),
        SERVER_FIRST.replace(b"W22Z", b"W2*Z"), SERVER_FIRST.replace(b"s=W22ZaJ0SNY7soEsUEjb6gQ==", b"s="),
        SERVER_FIRST.replace(b"k0,s", b"k\xff,s"),
    ],
)  # fmt: skip
def test_malformed_server_first_messages_are_protocol_violations(message: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        client().final(message)


@pytest.mark.parametrize("iterations", [0, 1, 4095, 1_000_001, 2**31])
def test_iteration_counts_out_of_bounds_are_refused_without_the_work(iterations: int) -> None:
    with pytest.raises(UpstreamError, match="iterations"):
        client().final(SERVER_FIRST.replace(b"i=4096", b"i=%d" % iterations))


def test_a_caller_may_accept_fewer_iterations() -> None:
    assert client(iterations_min=1).final(SERVER_FIRST.replace(b"i=4096", b"i=1")).startswith(b"c=biws,")


@pytest.mark.parametrize(
    ("message", "error"),
    [
        (b"v=" + base64.b64encode(bytes(32)), UpstreamError), (b"e=invalid-proof", UpstreamError),
        (b"v=", UpstreamError), (b"e=\x1b[2J\xff", UpstreamError),
        (b"", ProtocolViolation), (b"x=1", ProtocolViolation), (b"v=*", ProtocolViolation),
    ],
)  # fmt: skip
def test_a_server_that_does_not_prove_itself_is_not_verified(message: bytes, error: type[Exception]) -> None:
    played = client()
    played.final(SERVER_FIRST)
    with pytest.raises(error) as caught:
        played.verify(message)
    assert "\x1b" not in str(caught.value)
    assert not played.is_verified


def test_verifying_before_the_final_message_is_out_of_turn() -> None:
    with pytest.raises(ProtocolViolation, match="out of turn"):
        client().verify(b"v=")


def test_a_known_salted_password_spares_the_work() -> None:
    known: dict[tuple[bytes, int], bytes] = {}
    assert client(salted_passwords=known).final(SERVER_FIRST) == CLIENT_FINAL
    assert list(known) == [(SALT, 4096)]
    assert client("not asked", salted_passwords=known).final(SERVER_FIRST) == CLIENT_FINAL


def test_a_user_name_with_comma_and_equals_sign_is_escaped() -> None:
    assert auth.ScramClient("a=b,c", "x", "abc").first() == b"n,,n=a=3Db=2Cc,r=abc"


# --- passwords -----------------------------------------------------------------------------------------------------


def test_md5_password_hashes_password_user_and_salt() -> None:
    inner = hashlib.md5(b"secretalice").hexdigest().encode()
    assert auth.md5_password("alice", "secret", b"\x01\x02\x03\x04") == (
        "md5" + hashlib.md5(inner + b"\x01\x02\x03\x04").hexdigest()
    )


def test_make_verifier_prepares_the_password() -> None:
    assert auth.make_verifier("I\u00adX", SALT, 10) == auth.make_verifier("IX", SALT, 10)
    assert auth.make_verifier("ix", SALT, 10) != auth.make_verifier("IX", SALT, 10)


def test_errors_never_show_a_password() -> None:
    secret = "s3cr3t"
    with pytest.raises(UpstreamError) as caught:
        client(secret).final(SERVER_FIRST.replace(b"i=4096", b"i=1"))
    assert secret not in str(caught.value)


def test_a_password_sent_as_it_is_matches_its_own_verifier_only() -> None:
    salt, made = b"s" * 16, [(f"c{n}", *auth.make_verifier(f"secret {n}", b"s" * 16, 4096)) for n in range(3)]
    for number in range(3):
        assert auth.matching(f"secret {number}", salt, 4096, made) == f"c{number}"
    assert auth.matching("secret 3", salt, 4096, made) is None
    assert auth.matching("secret 0", b"t" * 16, 4096, made) is None
    assert auth.matching("secret 0", salt, 4096, []) is None
