from __future__ import annotations

import pytest

from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.routines import BY_CONSTANT, HARMLESS_VOLATILE, READERS, SIGNALS, SYSTEM, action_of

REMOVED_OR_NEWER = {"pg_rotate_logfile_old"}
"""Not in PostgreSQL 18, from which the test's list of built-ins was captured."""


@pytest.mark.parametrize(
    ("name", "is_volatile", "action"),
    [
        ("lower", False, None),
        ("random", True, None),
        ("pg_read_file", True, "function"),
        ("table_to_xml", False, "function"),
        ("lo_import", True, "function"),
        ("pg_terminate_backend", True, "signal"),
        ("pg_reload_conf", True, "system"),
        ("brought_by_a_newer_server", True, "function"),
    ],
)
def test_built_ins_ask_what_they_do(name: str, is_volatile: bool, action: str | None) -> None:
    assert action_of(name, is_volatile) == action


def test_lists_do_not_overlap_and_name_what_exists(shop: Catalog) -> None:
    lists = [HARMLESS_VOLATILE, READERS, SIGNALS, SYSTEM, BY_CONSTANT]
    names = [name for one in lists for name in one]
    assert len(names) == len(set(names))
    assert set(names) - shop.builtins.keys() <= REMOVED_OR_NEWER


def test_only_volatile_functions_need_to_be_called_harmless(shop: Catalog) -> None:
    assert {name for name in HARMLESS_VOLATILE if not shop.builtins[name]} == set()
