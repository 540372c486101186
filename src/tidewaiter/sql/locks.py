"""Table-level locks: their order of strength, and which one each subcommand of ALTER TABLE takes.

Sources: https://www.postgresql.org/docs/18/explicit-locking.html#LOCKING-TABLES and, where the pages of ALTER TABLE
leave it open, AlterTableGetLockLevel() in src/backend/commands/tablecmds.c of PostgreSQL 18. Modes are named as
pg_locks names them.
"""

from __future__ import annotations

from tidewaiter.sql.levels import words
from tidewaiter.sql.parse import Node

ACCESS_SHARE = "AccessShareLock"
ROW_SHARE = "RowShareLock"
ROW_EXCLUSIVE = "RowExclusiveLock"
SHARE_UPDATE_EXCLUSIVE = "ShareUpdateExclusiveLock"
SHARE = "ShareLock"
SHARE_ROW_EXCLUSIVE = "ShareRowExclusiveLock"
EXCLUSIVE = "ExclusiveLock"
ACCESS_EXCLUSIVE = "AccessExclusiveLock"

MODES = (
    ACCESS_SHARE,
    ROW_SHARE,
    ROW_EXCLUSIVE,
    SHARE_UPDATE_EXCLUSIVE,
    SHARE,
    SHARE_ROW_EXCLUSIVE,
    EXCLUSIVE,
    ACCESS_EXCLUSIVE,
)
"""From weak to strong; LOCK TABLE counts them from 1 in this order."""

_WEAK = words(
    "AT_SetStatistics AT_ClusterOn AT_DropCluster AT_SetOptions AT_ResetOptions AT_ValidateConstraint "
    "AT_AttachPartition AT_DetachPartitionFinalize"
)
_TRIGGERS = words(
    "AT_EnableTrig AT_EnableTrigAlways AT_EnableReplicaTrig AT_EnableTrigAll AT_EnableTrigUser AT_DisableTrig "
    "AT_DisableTrigAll AT_DisableTrigUser"
)
_STRONG_OPTIONS = words(
    "user_catalog_table security_barrier security_invoker check_option "
    # of indexes
    "fastupdate gin_pending_list_limit autosummarize pages_per_range buffering"
)


def stronger(one: str | None, other: str) -> str:
    """The stronger of two modes."""
    return other if one is None or MODES.index(other) > MODES.index(one) else one


def of_lock_table(number: int) -> str:
    """The mode of LOCK TABLE as the grammar counts it."""
    return MODES[number - 1]


def of_alter_table(command: Node) -> str:
    """The mode that a subcommand of ALTER TABLE takes on its table."""
    kind = command["subtype"]
    if kind in _WEAK:
        return SHARE_UPDATE_EXCLUSIVE
    if kind in _TRIGGERS:
        return SHARE_ROW_EXCLUSIVE
    if kind == "AT_AddConstraint":
        is_key = command["def"]["Constraint"]["contype"] == "CONSTR_FOREIGN"
        return SHARE_ROW_EXCLUSIVE if is_key else ACCESS_EXCLUSIVE
    if kind == "AT_DetachPartition":
        is_concurrent = command["def"]["PartitionCmd"].get("concurrent", False)
        return SHARE_UPDATE_EXCLUSIVE if is_concurrent else ACCESS_EXCLUSIVE
    if kind in ("AT_SetRelOptions", "AT_ResetRelOptions"):
        return _of_options(command["def"]["List"]["items"])
    return ACCESS_EXCLUSIVE


def _of_options(items: list[Node]) -> str:
    """Storage parameters: those of planner and vacuum take the weak lock, those that change meaning the strong one."""
    names = {node["DefElem"]["defname"] for node in items}
    return ACCESS_EXCLUSIVE if names & _STRONG_OPTIONS else SHARE_UPDATE_EXCLUSIVE


PARTITIONING = frozenset({"AT_AttachPartition", "AT_DetachPartition", "AT_DetachPartitionFinalize"})
"""Subcommands that concern one partition, not all."""


def of_partition(command: Node) -> str:
    """The mode on the table that becomes a partition or stops being one."""
    return SHARE_UPDATE_EXCLUSIVE if command["subtype"] == "AT_DetachPartitionFinalize" else ACCESS_EXCLUSIVE
