"""TOML files + environment → frozen values, all errors at once. The only reader of the environment.

`load` reads `tidewaiter.toml` and, beside it, `classification.toml`. Each key of a section can be overridden by
`TIDEWAITER_<SECTION>_<KEY>`, of a datasource by `TIDEWAITER_DATASOURCE_<NAME>_<KEY>`, of a channel likewise (upper
case, `-` becomes `_`; `tls` is written `CERT,KEY`; names, other tables and lists are for the file alone).
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from tidewaiter.config.console import addresses, request_link
from tidewaiter.config.initial import default_policies, default_policy_tests, initial_files
from tidewaiter.config.reader import check_classification, load, load_classification
from tidewaiter.config.secret import resolve_secret
from tidewaiter.config.shape import (
    Address,
    ApprovalsConfig,
    ChannelConfig,
    Classification,
    Config,
    ConsoleConfig,
    Datasource,
    GatewayConfig,
    GithubConfig,
    JiraConfig,
    LedgerConfig,
    Limits,
    Mask,
    SlackConfig,
    StoreConfig,
    TlsPair,
    WebhookConfig,
    differing,
    split_relation,
)

__all__ = [
    "Address",
    "ApprovalsConfig",
    "ChannelConfig",
    "Classification",
    "Config",
    "ConsoleConfig",
    "Datasource",
    "GatewayConfig",
    "GithubConfig",
    "JiraConfig",
    "LedgerConfig",
    "Limits",
    "Mask",
    "SlackConfig",
    "StoreConfig",
    "TlsPair",
    "WebhookConfig",
    "addresses",
    "check_classification",
    "default_policies",
    "default_policy_tests",
    "differing",
    "environment",
    "initial_files",
    "load",
    "load_classification",
    "request_link",
    "resolve_secret",
    "split_relation",
]


def environment() -> Mapping[str, str]:
    """The process's environment as it is now, for `load` and `resolve_secret`."""
    return dict(os.environ)  # noqa: TID251 - the one place that reads it
