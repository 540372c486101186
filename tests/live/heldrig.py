"""What live tests of held statements share: policies that hold, a client that blocks, who waits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from rig import PATIENCE, Deployment, eventually

POLICY = """
@id("notes-wait") @hold("dba") @wait("120s") @message("Deleting notes waits for a DBA")
forbid (principal, action in Action::"delete", resource == Table::"shop.public.analyst_notes");
@id("notes-of-analysts")
permit (principal in Group::"analysts", action in [Action::"read", Action::"write"],
        resource == Table::"shop.public.analyst_notes");
@id("a-service-writes")
permit (principal == Service::"etl", action, resource in Datasource::"shop");
"""
DELETE = "delete from analyst_notes where note = 'to go'"
COUNT = "select count(*) from analyst_notes where note = 'to go'"


def note_to_go(desk: Deployment) -> None:
    """Nothing waits, and there is one note to delete."""
    for request in desk.json("request", "ls"):
        desk.cli("request", "deny", request["id"], "--as", "dora", "--reason", "cleaning up")
    desk.postgres.execute(
        "delete from analyst_notes where note = 'to go'; insert into analyst_notes (note) values ('to go')",
        database="shop",
    )


def open_requests(desk: Deployment) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = desk.json("request", "ls")
    return found


def waiting(desk: Deployment) -> str:
    """The id of the one request, once it is there."""
    eventually(lambda: len(open_requests(desk)) == 1, 10, desk.log)
    return str(open_requests(desk)[0]["id"])


class Running(threading.Thread):
    """Work of a client that blocks; `outcome` is its result, or what it raised."""

    def __init__(self, work: Callable[[], object]) -> None:
        super().__init__(daemon=True)
        self.work, self.outcome = work, None  # type: tuple[Callable[[], object], object]
        self.start()

    def run(self) -> None:
        try:
            self.outcome = self.work()
        except Exception as error:
            self.outcome = error

    def result(self, limit_s: float = 20 * PATIENCE) -> object:
        self.join(limit_s)
        assert not self.is_alive(), "the client still waits"
        return self.outcome
