"""Which built-in functions ask nothing, and what the others ask. Reviewed against PostgreSQL 15 and 18.

`builtins.txt` lists every function of the system schemas of these versions with its class, as written from their
catalogs by `scripts/list_builtins.py` and the lists below. What is not in it (a newer server's function, one that
somebody added to pg_catalog) asks `function` until somebody looked at it; so does one that the server at hand calls
volatile and the lists below do not name.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files

from tidewaiter.sql.levels import words

HARMLESS_VOLATILE = words(
    # chance and time
    "random random_normal setseed gen_random_uuid uuidv4 uuidv7 clock_timestamp timeofday array_sample array_shuffle "
    # waiting is limited by statement_timeout, not by knowing about it here
    "pg_sleep pg_sleep_for pg_sleep_until "
    # giving back advisory locks: of this session only, and drivers do so for every session that they hand on
    "pg_advisory_unlock pg_advisory_unlock_all pg_advisory_unlock_shared "
    # sizes and positions: numbers about storage, which tools show
    "pg_database_size pg_indexes_size pg_relation_size pg_table_size pg_tablespace_size pg_total_relation_size "
    "pg_current_wal_flush_lsn pg_current_wal_insert_lsn pg_current_wal_lsn pg_last_wal_receive_lsn "
    "pg_last_wal_replay_lsn pg_last_xact_replay_timestamp pg_is_in_recovery pg_is_wal_replay_paused "
    "pg_get_wal_replay_pause_state pg_notification_queue_usage "
    # this session's own sequence values; the values of a sequence as its relation shows them
    "currval lastval pg_sequence_last_value pg_get_sequence_data "
    # transactions and locks by number
    "pg_blocking_pids pg_safe_snapshot_blocking_pids pg_isolation_test_session_is_blocked pg_lock_status "
    "pg_xact_status txid_status pg_xact_commit_timestamp pg_xact_commit_timestamp_origin pg_last_committed_xact "
    "pg_get_multixact_members pg_prepared_xact pg_export_snapshot "
    # descriptions of objects and of the server
    "amvalidate pg_partition_ancestors pg_partition_tree pg_collation_actual_version "
    "pg_database_collation_actual_version pg_jit_available pg_get_wait_events pg_get_wal_resource_managers "
    "pg_control_checkpoint pg_control_init pg_control_recovery pg_control_system pg_extension_config_dump "
    # statistics counters, this session's view of them included
    "pg_stat_clear_snapshot pg_stat_force_next_flush pg_stat_have_stats pg_stat_get_backend_io "
    "pg_stat_get_backend_wal pg_stat_get_io pg_stat_get_recovery_prefetch pg_stat_get_xact_blocks_fetched "
    "pg_stat_get_xact_blocks_hit pg_stat_get_xact_function_calls pg_stat_get_xact_function_self_time "
    "pg_stat_get_xact_function_total_time pg_stat_get_xact_numscans pg_stat_get_xact_tuples_deleted "
    "pg_stat_get_xact_tuples_fetched pg_stat_get_xact_tuples_hot_updated pg_stat_get_xact_tuples_inserted "
    "pg_stat_get_xact_tuples_newpage_updated pg_stat_get_xact_tuples_returned pg_stat_get_xact_tuples_updated "
    # the text of the present statement
    "current_query"
)

RUNS_TEXT = words(
    "query_to_xml query_to_xml_and_xmlschema query_to_xmlschema cursor_to_xml cursor_to_xmlschema ts_stat ts_rewrite "
    # relations that are named by a value, as are views that call anything
    "table_to_xml table_to_xmlschema table_to_xml_and_xmlschema schema_to_xml schema_to_xmlschema "
    "schema_to_xml_and_xmlschema database_to_xml database_to_xmlschema database_to_xml_and_xmlschema"
)
"""Built-ins that run a text as a query, which nobody looks into: it may do what any statement may."""

READERS = RUNS_TEXT | words(
    # they call the input function and the checks of a type that is named by a value
    "pg_input_is_valid pg_input_error_info "
    # the server's files
    "pg_read_file pg_read_binary_file pg_stat_file pg_ls_dir lo_import lo_export "
    # statements of other sessions, with the data in them
    "pg_stat_get_activity pg_stat_get_backend_activity "
    # the address of a row's newest version, in a relation that is named by a value: whether a row changed
    "currtid2"
)
"""Built-ins that read what their text does not name: always asked as `function`, volatile or not."""

LOCKS = words(
    "pg_advisory_lock pg_advisory_lock_shared pg_advisory_xact_lock pg_advisory_xact_lock_shared pg_try_advisory_lock "
    "pg_try_advisory_lock_shared pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared"
)
"""What takes advisory locks: numbers that other sessions wait for, so whoever takes them can stop a migration."""

SIGNALS = frozenset({"pg_cancel_backend", "pg_terminate_backend", "pg_log_backend_memory_contexts"})

SYSTEM = words(
    "pg_reload_conf pg_rotate_logfile pg_rotate_logfile_old pg_promote pg_switch_wal pg_create_restore_point "
    "pg_wal_replay_pause pg_wal_replay_resume pg_backup_start pg_backup_stop pg_import_system_collations "
    "pg_create_physical_replication_slot pg_create_logical_replication_slot pg_copy_physical_replication_slot "
    "pg_copy_logical_replication_slot pg_drop_replication_slot pg_replication_slot_advance pg_sync_replication_slots "
    "pg_replication_origin_create pg_replication_origin_drop pg_replication_origin_advance pg_log_standby_snapshot "
    "pg_stat_reset pg_stat_reset_shared pg_stat_reset_slru pg_stat_reset_replication_slot "
    "pg_stat_reset_subscription_stats pg_stat_reset_backend_stats pg_stat_reset_single_table_counters "
    "pg_stat_reset_single_function_counters pg_clear_attribute_stats pg_clear_relation_stats "
    "pg_restore_attribute_stats pg_restore_relation_stats"
)

BY_CONSTANT = frozenset({"set_config", "nextval", "setval", "pg_notify"})
"""Built-ins whose question depends on a constant argument; `sql.calls` reads it."""


def _listed() -> dict[str, str]:
    lines = (files("tidewaiter.sql") / "builtins.txt").read_text("utf-8").splitlines()
    entries = (line.split("\t") for line in lines if line and not line.startswith("#"))
    found: dict[str, str] = {}
    for name, word, _versions in entries:
        # Where versions differ, the one that asks more counts.
        found[name] = word if name not in found or word not in ASKS_NOTHING else found[name]
    return found


ASKS_NOTHING = frozenset({"computes", "looks", "harmless"})

LISTED: Mapping[str, str] = _listed()
"""Name of a built-in function, or "operator " and a built-in operator → class."""


def action_of(name: str, is_volatile: bool) -> str | None:
    """The action that calling a built-in asks for; None: it asks nothing. `is_volatile`: as the server at hand says."""
    if name not in LISTED:
        return "function"
    return reviewed_action(name, is_volatile)


def reviewed_action(name: str, is_volatile: bool) -> str | None:
    """The same by the reviewed lists alone: what `builtins.txt` is written from."""
    if name in LOCKS:
        return "lock"
    if name in SIGNALS:
        return "signal"
    if name in SYSTEM:
        return "system"
    if name in READERS or (is_volatile and name not in HARMLESS_VOLATILE):
        return "function"
    return None
