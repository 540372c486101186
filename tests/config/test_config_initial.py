"""The files of a new deployment."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tidewaiter.config import default_policies, initial_files, load
from tidewaiter.config.sections import DATASOURCE, SECTIONS


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return folder / "tidewaiter.toml"


def with_datasource(text: str) -> str:
    """The commented example datasource, taken out of its comments."""
    head, _, tail = text.partition("# [[datasource]]")
    lines = [line.removeprefix("# ") for line in ("# [[datasource]]" + tail).splitlines()]
    return head + "\n".join(line for line in lines if not line.startswith(("tls_cert", "tls_key", "tls_root")))


def test_a_new_deployment_is_valid_as_it_stands(tmp_path: Path) -> None:
    config = load(write(tmp_path, dict(initial_files("demo"))), {})
    assert (config.name, config.ledger.origin) == ("demo", "tidewaiter/demo")
    assert config.datasources == {}
    assert set(config.classification.tags) >= {"email", "ssn"}


def test_the_example_datasource_is_valid_once_it_is_uncommented(tmp_path: Path) -> None:
    files = dict(initial_files("demo", "crm-2"))
    files["tidewaiter.toml"] = with_datasource(files["tidewaiter.toml"])
    (source,) = load(write(tmp_path, files), {}).datasources.values()
    assert (source.name, source.password, source.roles) == ("crm-2", "env:CRM_2_PASSWORD", {"dba": "app_admin"})


def test_the_file_shows_every_key_with_its_default() -> None:
    text = initial_files("demo")["tidewaiter.toml"]
    shown = tomllib.loads(with_datasource(re.sub(r"(?m)^# (origin|url|tls|tls_\w+) ", r"\1 ", text)))
    for section, fields in SECTIONS.items():
        assert set(shown[section]) == set(fields)
        for key, field in fields.items():
            if key not in ("name", "origin", "tls") and field.default is not None:
                assert field.parse(shown[section][key]) == field.default, (section, key)
    for key in DATASOURCE:
        assert f"\n# {key} = " in text


def test_policies_are_about_the_named_datasource() -> None:
    policies = default_policies("crm")
    assert set(policies) == {"agents.cedar", "base.cedar", "destructive.cedar", "people.cedar"}
    assert all('"shop' not in text for text in policies.values())
    assert 'Schema::"crm.pg_temp"' in policies["people.cedar"]
    assert {f"policies/{name}": text for name, text in policies.items()}.items() <= initial_files("x", "crm").items()


@pytest.mark.parametrize("name", ["", "A", 'x"', "a b"])
def test_names_that_cannot_be_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        default_policies(name)
    with pytest.raises(ValueError, match="name"):
        initial_files(name)
