"""The files of a new deployment, as text: commented, and valid before anything is changed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files

from tidewaiter.config.values import NAME

TEMPLATE = files("tidewaiter") / "config" / "initial.toml"
TAGS = files("tidewaiter") / "config" / "initial_classification.toml"
POLICIES = files("tidewaiter") / "default_policies"
EXAMPLE = "shop"
"""The datasource that the packaged texts are written about."""


def default_policies(datasource: str) -> Mapping[str, str]:
    """The default policies for one datasource: file name → Cedar text.

    Groups are analysts (read), writers (read and write), dba (all but unmask) and agents (read few rows). Raises
    ValueError for a name that no datasource can have.
    """
    return _packaged(datasource, ".cedar")


def default_policy_tests(datasource: str) -> str:
    """The tests file that belongs to the default policies for one datasource, TOML."""
    return _packaged(datasource, ".toml")["tests.toml"]


def _packaged(datasource: str, ending: str) -> dict[str, str]:
    if not NAME.fullmatch(datasource):
        raise ValueError(f"{datasource!r} is not a datasource's name")
    texts = {path.name: path.read_text() for path in POLICIES.iterdir() if path.name.endswith(ending)}
    return {name: _about(text, datasource) for name, text in sorted(texts.items())}


def initial_files(name: str, datasource: str = EXAMPLE) -> Mapping[str, str]:
    """What `tidewaiter init` writes: path relative to the deployment folder → text.

    `name` is the deployment's. The example datasource, in comments, and the policies are about `datasource`. The
    configuration is valid as it stands, without a datasource. Raises ValueError for names that cannot be.
    """
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a deployment's name: it must match {NAME.pattern}")
    policies = {f"policies/{file}": text for file, text in default_policies(datasource).items()}
    return {
        "tidewaiter.toml": _about(TEMPLATE.read_text().replace("DEPLOYMENT", name), datasource),
        "classification.toml": _about(TAGS.read_text(), datasource),
        **policies,
        "policies/tests.toml": default_policy_tests(datasource),
    }


def _about(text: str, datasource: str) -> str:
    """Put a datasource's name, and its password variable, in the place of the example's."""
    variable = EXAMPLE.upper() + "_PASSWORD"
    text = text.replace(variable, datasource.upper().replace("-", "_") + "_PASSWORD")
    return re.sub(rf"\b{EXAMPLE}\b", datasource, text)
