"""Every error says for each surface what it is, and no two look alike to clients without need."""

from __future__ import annotations

import re

import pytest

from tidewaiter import errors
from tidewaiter.errors import ConfigError, Tampered, TidewaiterError, UsageError

ERRORS = [
    one for one in vars(errors).values()
    if isinstance(one, type) and issubclass(one, TidewaiterError)
]  # fmt: skip


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_has_a_code_for_every_surface_and_a_remedy(error: type[TidewaiterError]) -> None:
    fault = error.fault
    assert re.fullmatch(r"[0-9A-Z]{5}", fault.sqlstate)
    assert fault.exit_code in (errors.EXIT_NO, errors.EXIT_USAGE, errors.EXIT_TAMPERED)
    assert 400 <= fault.http_status < 600
    assert fault.remedy and "\n" not in fault.remedy and not fault.remedy.endswith(".")


def test_each_error_has_a_sqlstate_of_its_own() -> None:
    states = [error.fault.sqlstate for error in ERRORS]
    assert len(set(states)) == len(states)


def test_only_tampering_exits_as_such_and_only_mistakes_of_the_caller_as_usage() -> None:
    by_code = {code: {error for error in ERRORS if error.fault.exit_code == code} for code in range(4)}
    assert by_code[errors.EXIT_OK] == set()
    assert by_code[errors.EXIT_TAMPERED] == {Tampered}
    assert by_code[errors.EXIT_USAGE] == {ConfigError, UsageError}


def test_a_configuration_error_lists_every_problem() -> None:
    error = ConfigError(["a.toml:1: one", "a.toml:2: two"])
    assert str(error) == "a.toml:1: one\na.toml:2: two"
    assert error.problems == ["a.toml:1: one", "a.toml:2: two"]
