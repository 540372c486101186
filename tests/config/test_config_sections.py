"""One table of the file: its keys, their overrides, and where each problem is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tidewaiter.config import Address
from tidewaiter.config.document import Document
from tidewaiter.config.sections import DATASOURCE, GATEWAY, LIMITS, SECTIONS, overrides_of, read_section, variable_name


def test_absent_keys_have_their_defaults_and_wrong_ones_no_value() -> None:
    document = Document("t.toml", "[limits]\nconnections = 0\n")
    section = read_section(document, ("limits",), document.root["limits"], LIMITS, {})
    assert section.get("connections") is None
    assert section.get("analyse_bytes") == 1_048_576
    assert document.problems == [
        "t.toml:2: [limits] connections: must be a whole number from 1 to 100000, not 0",
    ]


def test_required_keys_are_missed_and_unknown_ones_told() -> None:
    document = Document("t.toml", '[[datasource]]\nname = "a"\nuser = "u"\nadress = "h"\n')
    read_section(document, ("datasource", 0), document.root["datasource"][0], DATASOURCE, {})
    assert document.problems == [
        "t.toml:1: [datasource] address: is required",
        't.toml:4: [datasource] adress: unknown key; did you mean "address"?',
    ]


def test_what_is_no_table_has_no_values() -> None:
    document = Document("t.toml", "gateway = 1\n")
    assert read_section(document, ("gateway",), 1, GATEWAY, {}).values == {}
    assert document.problems == ["t.toml:1: [gateway]: must be a table"]


def test_overrides_win_and_later_problems_name_their_variable() -> None:
    document = Document("t.toml", '[gateway]\npostgres = "h:1"\n')
    overrides = overrides_of({"TIDEWAITER_GATEWAY_POSTGRES": "h:2", "OTHER": "x"}, ("gateway",), GATEWAY)
    section = read_section(document, ("gateway",), document.root["gateway"], GATEWAY, overrides)
    assert section.get("postgres") == Address("h", 2)
    section.report("postgres", "is taken")
    section.report("tls", "is missing")
    assert document.problems == [
        "t.toml:1: [gateway] tls: is missing",
        "environment TIDEWAITER_GATEWAY_POSTGRES: is taken",
    ]


def test_variables_are_upper_case_with_underscores() -> None:
    assert variable_name("datasource", "my-shop", "user") == "TIDEWAITER_DATASOURCE_MY_SHOP_USER"


def test_every_key_of_a_section_has_a_variable_of_its_own() -> None:
    names = [variable_name(section, key) for section, fields in SECTIONS.items() for key in fields]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("raw", "pair"), [("a,b", (Path("a"), Path("b"))), ("/a b,c", (Path("/a b"), Path("c")))])
def test_a_pair_of_files_is_written_with_a_comma_in_the_environment(raw: str, pair: tuple[Path, Path]) -> None:
    assert GATEWAY["tls"].parse(GATEWAY["tls"].from_text(raw)) == pair
