from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.facts import Scope, understand
from tidewaiter.sql.routines import (
    ASKS_NOTHING,
    BY_CONSTANT,
    HARMLESS_VOLATILE,
    LISTED,
    LOCKS,
    READERS,
    SIGNALS,
    SYSTEM,
    action_of,
    reviewed_action,
)

ROOT = Path(__file__).parents[2]

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
        ("pg_try_advisory_xact_lock", True, "lock"),
        ("pg_advisory_unlock_all", True, None),
        ("pg_reload_conf", True, "system"),
        ("brought_by_a_newer_server", True, "function"),
        ("brought_by_a_newer_server", False, "function"),
        ("lower", True, "function"),
    ],
)
def test_built_ins_ask_what_they_do(name: str, is_volatile: bool, action: str | None) -> None:
    assert action_of(name, is_volatile) == action


def test_lists_do_not_overlap_and_name_what_exists(shop: Catalog) -> None:
    lists = [HARMLESS_VOLATILE, READERS, LOCKS, SIGNALS, SYSTEM, BY_CONSTANT]
    names = [name for one in lists for name in one]
    assert len(names) == len(set(names))
    assert set(names) - shop.builtins.keys() <= REMOVED_OR_NEWER


def test_only_volatile_functions_need_to_be_called_harmless(shop: Catalog) -> None:
    assert {name for name in HARMLESS_VOLATILE if not shop.builtins[name]} == set()


def test_the_list_is_what_real_servers_and_the_reviewed_lists_say(tmp_path: Path) -> None:
    """Run `python scripts/list_builtins.py` when it differs. An older minor release may lack what asks `function`."""
    if not Path("/usr/lib/postgresql/15/bin").exists():
        pytest.skip("PostgreSQL 15 is not installed in /usr/lib/postgresql")
    target = tmp_path / "builtins.txt"
    script = [sys.executable, "scripts/list_builtins.py", "--to", str(target)]
    subprocess.run(script, cwd=ROOT, check=True, capture_output=True)
    found, listed = _listed(target), _listed(ROOT / "src" / "tidewaiter" / "sql" / "builtins.txt")
    assert found - listed == set()
    assert {class_ for _, class_, _ in listed - found} <= {"function"}


def _listed(file: Path) -> set[tuple[str, str, str]]:
    """(name, class, server version) of each line."""
    lines = [line.split("\t") for line in file.read_text().splitlines() if not line.startswith("#")]
    return {(name, class_, version) for name, class_, versions in lines for version in versions.split(",")}


def test_every_reviewed_name_is_listed_with_what_the_review_says() -> None:
    for name in (*HARMLESS_VOLATILE, *READERS, *LOCKS, *SIGNALS, *SYSTEM):
        action = reviewed_action(name, is_volatile=True)
        assert (LISTED[name] in ASKS_NOTHING) == (action is None), name


def test_built_in_operators_ask_nothing() -> None:
    operators = {name: word for name, word in LISTED.items() if name.startswith("operator ")}
    assert len(operators) > 70
    assert set(operators.values()) <= ASKS_NOTHING


def test_a_function_that_somebody_put_into_pg_catalog_is_asked_for(shop: Catalog) -> None:
    catalog = replace(shop, builtins={**shop.builtins, "pg_file_write": False})
    assert understand("select pg_file_write('/x', 'y', true)", catalog, Scope()).verbs == ("function",)
