"""The gateway's own TLS pair."""

from __future__ import annotations

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from tidewaiter.app.certificates import expiry, is_pinnable, self_signed

NOW = datetime.now(UTC)
HOSTS = ["localhost", "127.0.0.1", "::1"]


def handshake(folder: Path, host: str) -> str | None:
    """Version of TLS that a strict client agreed on while it trusts only our certificate."""
    certificate, key = self_signed(HOSTS, NOW)
    (folder / "cert").write_bytes(certificate)
    (folder / "key").write_bytes(key)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "cert", folder / "key")
    client = ssl.create_default_context(cafile=str(folder / "cert"))
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    ours, theirs = socket.socketpair()

    def accept() -> None:
        try:
            with server.wrap_socket(theirs, server_side=True) as peer:
                peer.recv(1)
        except (ssl.SSLError, OSError):
            theirs.close()

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        with client.wrap_socket(ours, server_hostname=host) as tls:
            return tls.version()
    finally:
        ours.close()
        thread.join(10)


@pytest.mark.parametrize("host", HOSTS)
def test_a_strict_client_that_pins_the_certificate_connects(tmp_path: Path, host: str) -> None:
    assert handshake(tmp_path, host) == "TLSv1.3"


def test_another_host_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(tmp_path, "db.example.com")


def test_it_vouches_for_its_hosts_only() -> None:
    certificate, _ = self_signed(HOSTS, NOW)
    assert all(is_pinnable(certificate, host) for host in HOSTS)
    assert not is_pinnable(certificate, "example.com")


def test_it_lasts_and_begins_before_now_for_slow_clocks() -> None:
    certificate, _ = self_signed(HOSTS, NOW)
    assert timedelta(days=3649) < expiry(certificate) - NOW < timedelta(days=3651)
    assert x509.load_pem_x509_certificate(certificate).not_valid_before_utc < NOW


def test_a_certificate_without_names_or_from_an_authority_cannot_be_pinned() -> None:
    key = ec.generate_private_key(ec.SECP256R1())

    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    def made(subject: str, issuer: str) -> bytes:
        builder = x509.CertificateBuilder(named(issuer), named(subject), key.public_key(), 1, NOW, NOW + timedelta(1))
        from cryptography.hazmat.primitives.serialization import Encoding

        return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)

    assert not is_pinnable(made("localhost", "localhost"), "localhost")
    assert not is_pinnable(made("localhost", "some authority"), "localhost")
