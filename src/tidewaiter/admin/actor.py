"""Who administers: the channel that an operation came through and the user that the operating system vouches for."""

from __future__ import annotations

import pwd
from dataclasses import dataclass
from enum import StrEnum


class Channel(StrEnum):
    """How an operation reached the deployment."""

    SOCKET = "socket"  # through the admin socket of a running server
    SHELL = "shell"  # on the deployment folder itself, while no server runs
    SIGNAL = "signal"  # SIGHUP
    SERVER = "server"  # the server itself, at start and stop


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it. `os_user` is the user's name on this machine, or its number when it has none."""

    channel: Channel
    os_user: str
    os_uid: int

    @classmethod
    def of(cls, channel: Channel, uid: int) -> Actor:
        """The user with this id."""
        try:
            return cls(channel, pwd.getpwuid(uid).pw_name, uid)
        except KeyError:
            return cls(channel, str(uid), uid)

    def fields(self) -> dict[str, object]:
        """What an entry says of it."""
        return {"channel": self.channel.value, "os_user": self.os_user, "os_uid": self.os_uid}
