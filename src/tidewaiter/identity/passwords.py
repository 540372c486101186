"""Logins that send the password itself, as the console's form does: checked against the same verifiers as SCRAM's."""

from __future__ import annotations

from tidewaiter.errors import LoginRefused
from tidewaiter.identity.credentials import Verifier
from tidewaiter.identity.directory import Directory
from tidewaiter.model import Principal
from tidewaiter.wire import auth

PASSWORD_CHARACTERS = 200  # ours have 45; a longer one is wrong, and costs no more to find out


def proven(directory: Directory, name: str, password: str, now_s: float) -> tuple[Principal, Verifier]:
    """Whose password it is, and the credential that it belongs to. About 1 ms of work: call it off the event loop.

    Raises LoginRefused, the same after the same work for names that do not exist, principals that are disabled, and
    passwords that are wrong, expired or revoked; StoreUnavailable.
    """
    principal = directory.principal(name)
    verifiers = directory.credentials_of(name, now_s)
    tried = [(one.id, one.stored_key, one.server_key) for one in verifiers]
    given = password if len(password) <= PASSWORD_CHARACTERS else ""
    matched = auth.matching(given, directory.salt_of(name), directory.iterations, tried if principal else [])
    found = next((one for one in verifiers if one.id == matched), None)
    if principal is None or found is None:
        raise LoginRefused("password authentication failed")
    return principal, found
