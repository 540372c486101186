"""Accounts that principals have elsewhere, by which an approval channel recognises them: e-mail, GitHub, Jira.

An account belongs to one principal. A GitHub account is its numeric id and a Jira account its account id: names can be
changed, and then be taken by somebody else.
"""

from __future__ import annotations

import re
from enum import StrEnum

from sqlalchemy import ColumnElement, delete, select

from tidewaiter.errors import Conflict, NotFound, UsageError
from tidewaiter.store import Store
from tidewaiter.store.tables import accounts, principals

ACCOUNT_CHARACTERS = 254  # the longest e-mail address (RFC 5321 §4.5.3.1.3)


class Realm(StrEnum):
    """Where an account is."""

    EMAIL = "email"
    GITHUB = "github"
    JIRA = "jira"


FORMS = {
    Realm.EMAIL: (re.compile(r"[!-?A-~]+@[a-z0-9.-]+"), "an e-mail address"),
    Realm.GITHUB: (re.compile(r"[0-9]{1,20}"), "the numeric id of a user, as https://api.github.com/users/LOGIN says"),
    Realm.JIRA: (re.compile(r"[A-Za-z0-9:_.-]{1,128}"), "an account id, as the address of a profile page ends with"),
}


class Accounts:
    """Which principal an account belongs to. Each method is a transaction; call it off the loop. StoreUnavailable."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, principal: str, realm: Realm, account: str) -> bool:
        """Give an account to a principal; False when it has it. Raises NotFound, UsageError, Conflict."""
        account = checked(realm, account)
        with self._store.changing() as change:
            if (
                change.connection.execute(select(principals.c.name).where(principals.c.name == principal)).first()
                is None
            ):
                raise NotFound(f"there is no principal {principal!r}")
            found = change.connection.scalar(select(accounts.c.principal).where(*_one(realm, account)))
            if found is None and realm is Realm.EMAIL:
                found = change.connection.scalar(select(principals.c.name).where(principals.c.name == account))
            if found == principal:
                return False
            if found is not None:
                raise Conflict(f"{realm} account {account!r} belongs to {found!r}")
            change.connection.execute(accounts.insert().values(realm=realm.value, account=account, principal=principal))
        return True

    def remove(self, principal: str, realm: Realm, account: str) -> bool:
        """Take an account from a principal; False when it did not have it."""
        with self._store.changing() as change:
            of_this = (*_one(realm, normal(realm, account)), accounts.c.principal == principal)
            return change.connection.execute(delete(accounts).where(*of_this)).rowcount == 1

    def of(self, principal: str) -> list[tuple[Realm, str]]:
        """A principal's accounts."""
        query = select(accounts).where(accounts.c.principal == principal).order_by(accounts.c.realm, accounts.c.account)
        with self._store.reading() as connection:
            return [(Realm(row.realm), row.account) for row in connection.execute(query)]

    def principal_of(self, realm: Realm, account: str) -> str | None:
        """Whose account it is; a principal that is called like an e-mail address has that address."""
        account = normal(realm, account)
        with self._store.reading() as connection:
            found: str | None = connection.scalar(select(accounts.c.principal).where(*_one(realm, account)))
            if found is None and realm is Realm.EMAIL:
                found = connection.scalar(select(principals.c.name).where(principals.c.name == account))
            return found


def normal(realm: Realm, account: str) -> str:
    """The form in which accounts are compared: e-mail addresses in lower case, as every provider treats them."""
    return account.lower() if realm is Realm.EMAIL else account


def checked(realm: Realm, account: str) -> str:
    """The account in its normal form. Raises UsageError when it is none."""
    account = normal(realm, account)
    form, said = FORMS[realm]
    if len(account) > ACCOUNT_CHARACTERS or not form.fullmatch(account):
        raise UsageError(f"{account!r} is not {said}")
    return account


def _one(realm: Realm, account: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return accounts.c.realm == realm.value, accounts.c.account == account
