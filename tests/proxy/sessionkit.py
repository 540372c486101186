"""What tests of whole sessions say and expect again and again."""

from __future__ import annotations

from playbook import rows, says
from playstage import Stage

from tidewaiter.wire import postgres as pg

SELECT = pg.query(b"select 1")
ONE = rows(b"1")
UPDATE = b"update orders set total = 0 where id = 1"
UPDATED = pg.command_complete("UPDATE 1")
SLOW = Stage(slow_disk=True)
NO_PATH = Stage(path=None)
LOST_LEDGER = says("58030", severity="FATAL")
BUG = says("XX000", severity="FATAL")
