"""The gateway's own TLS pair: a self-signed certificate that clients can pin, until you bring one of yours."""

from __future__ import annotations

from datetime import datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = timedelta(days=3650)  # it is its own trust anchor: clients that pin it would all break on a renewal
CLOCK_SKEW = timedelta(hours=1)


def self_signed(hosts: list[str], now: datetime) -> tuple[bytes, bytes]:
    """(certificate, private key), both PEM, valid for `hosts` (names or addresses) from `now` on.

    ECDSA P-256 with SHA-256, so that SCRAM's tls-server-end-point binding is SHA-256 (RFC 5929 §4.1). The certificate
    is no authority: who trusts it trusts this gateway and nobody else. ValueError for a host that is neither.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tidewaiter gateway")])
    subject_key = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectAlternativeName([_general_name(host) for host in hosts]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(usage, critical=True)
        .add_extension(subject_key, critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM), private


def is_pinnable(certificate_pem: bytes, host: str) -> bool:
    """Whether a client that trusts only this certificate can verify `host` with it: self-signed, valid for the host."""
    certificate = x509.load_pem_x509_certificate(certificate_pem)
    if certificate.issuer != certificate.subject:
        return False
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    return _general_name(host) in list(names)


def expiry(certificate_pem: bytes) -> datetime:
    """When the certificate ends, in UTC. ValueError when it cannot be read."""
    return x509.load_pem_x509_certificate(certificate_pem).not_valid_after_utc


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)
