from __future__ import annotations

import os
import pwd

from tidewaiter.admin.actor import Actor, Channel


def test_an_actor_is_the_user_of_this_machine() -> None:
    uid = os.getuid()
    actor = Actor.of(Channel.SHELL, uid)
    assert (actor.os_user, actor.os_uid) == (pwd.getpwuid(uid).pw_name, uid)
    assert actor.fields() == {"channel": "shell", "os_user": actor.os_user, "os_uid": uid}


def test_a_user_without_a_name_is_its_number() -> None:
    taken = {entry.pw_uid for entry in pwd.getpwall()}
    nobody = next(uid for uid in range(60_001, 65_000) if uid not in taken)
    assert Actor.of(Channel.SOCKET, nobody).os_user == str(nobody)
