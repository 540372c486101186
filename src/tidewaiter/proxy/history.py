"""What has changed in a catalog since when: whether a statement was judged by the definitions that it runs by. Pure."""

from __future__ import annotations

from collections import deque
from typing import Final

from tidewaiter.model import Facts, ResourceType

CHANGES: Final = 256
"""Remembered; a statement that is older than these counts as concerned by what came since."""
Paths = frozenset[tuple[str, ...]]


class History:
    """Changes of one catalog. `epoch` counts them: whoever looks at it before the catalog has that of then or later."""

    def __init__(self) -> None:
        self.epoch = 0
        self._changes: deque[Paths | None] = deque(maxlen=CHANGES)

    def note(self, paths: Paths | None) -> None:
        """Something changed, and with it what these relations are or show; None where nobody can tell what."""
        self._changes.append(paths)
        self.epoch += 1

    def concerns(self, facts: Facts, since: int) -> bool:
        """Whether a change after `since` may have changed what a statement with these facts shows."""
        count = self.epoch - since
        if count <= 0:
            return False
        if count > len(self._changes):
            return True
        changes = list(self._changes)[-count:]
        return any(paths is None for paths in changes) or not reached(facts).isdisjoint(
            path for paths in changes if paths is not None for path in paths
        )


def reached(facts: Facts) -> Paths:
    """The relations that a statement touches, through views too."""
    named = (touch.resource.path for touch in facts.touches if touch.resource.type is ResourceType.TABLE)
    return frozenset((*named, *(one.path for one in facts.indirect)))
