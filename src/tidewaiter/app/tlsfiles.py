"""Whether the TLS files that a configuration names can be used, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from tidewaiter.config import Config
from tidewaiter.errors import UpstreamError
from tidewaiter.proxy import login, upstream


def problems_of(config: Config) -> Iterator[str]:
    """What is wrong with the TLS files of a configuration, each with its place."""
    for section, pair in (("gateway", config.gateway.tls), ("console", config.console.tls)):
        if pair is not None:
            found = problem_of(pair.cert, pair.key)
            try:
                if found is None:
                    login.tls_context(str(pair.cert), str(pair.key))
            except OSError as error:  # the library has rules of its own, such as the least length of a key
                found = f"{pair.cert} and {pair.key} cannot be used: {error}"
            if found is not None:
                yield f"{config.place(section, 'tls')}{found}"
    for source in config.datasources.values():
        key = "tls_cert" if source.tls_cert else "tls_root" if source.tls_root else "tls"
        found = problem_of(source.tls_cert, source.tls_key) if source.tls_cert and source.tls_key else None
        try:
            if found is None:
                upstream.tls_context(source)
        except UpstreamError as error:
            found, key = str(error), "tls_root" if source.tls_root else key
        if found is not None:
            yield f"{config.place('datasource', source.name, key)}{found}"


def problem_of(cert: Path, key: Path) -> str | None:
    """Why two PEM files are not a certificate with its private key; None when they are."""
    try:
        certificate = x509.load_pem_x509_certificates(cert.read_bytes())[0]
    except OSError as error:
        return f"{cert} cannot be read: {error.strerror or error}"
    except ValueError:
        return f"{cert} holds no certificate in PEM"
    try:
        private = serialization.load_pem_private_key(key.read_bytes(), None)
    except OSError as error:
        return f"{key} cannot be read: {error.strerror or error}"
    except TypeError:
        return f"{key} is encrypted: a gateway that starts by itself has nobody to ask for the pass phrase"
    except (ValueError, UnsupportedAlgorithm):
        return f"{key} holds no private key in PEM"
    if _public(private.public_key()) != _public(certificate.public_key()):
        return f"the key in {key} is not that of the certificate in {cert}"
    return None


def _public(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
