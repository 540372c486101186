"""Operations on the accounts that principals have elsewhere, by which approval channels recognise them."""

from __future__ import annotations

import asyncio
from typing import Any

from tidewaiter.admin.actor import Actor
from tidewaiter.admin.site import Site
from tidewaiter.errors import TidewaiterError, UsageError
from tidewaiter.identity.accounts import Realm, checked

Json = Any


async def principal_account_add(site: Site, by: Actor, name: str, realm: str, account: str) -> Json:
    """Give an account to a principal. Raises NotFound, UsageError, Conflict."""
    return await _change(site, by, name, _realm(realm), account, True)


async def principal_account_rm(site: Site, by: Actor, name: str, realm: str, account: str) -> Json:
    """Take an account from a principal. Raises NotFound, UsageError."""
    return await _change(site, by, name, _realm(realm), account, False)


async def principal_account_ls(site: Site, by: Actor, name: str) -> Json:
    """A principal's accounts. Raises NotFound."""
    site.directory.account(name)
    found = await asyncio.to_thread(site.accounts.of, name)
    return [{"realm": realm.value, "account": account} for realm, account in found]


async def _change(site: Site, by: Actor, name: str, realm: Realm, account: str, is_added: bool) -> Json:
    """Record, then do. What is recorded and then fails is followed by an entry that says so."""
    site.directory.account(name)
    account = checked(realm, account)
    word = "account_add" if is_added else "account_rm"
    told = {"change": word, "principal": name, "realm": realm.value, "account": account, "by": by.fields()}
    receipt = await site.record("principal.change", told)
    try:
        apply = site.accounts.add if is_added else site.accounts.remove
        changed = await asyncio.to_thread(apply, name, realm, account)
    except TidewaiterError as error:
        await site.record("principal.change", told | {"failed": str(error), "intent": receipt})
        raise
    return {"name": name, "realm": realm.value, "account": account, "changed": changed}


def _realm(word: str) -> Realm:
    if word not in tuple(Realm):
        raise UsageError(f"{word!r} is no realm of accounts: use {', '.join(Realm)}")
    return Realm(word)
