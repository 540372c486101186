"""The two worlds behind real gateways: `tidewaiter serve` with the worlds' masks, and a principal who sees them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from freeports import free_port
from rig import Deployment
from world import MASKS, PASSWORD, World, tag_of

from targets import Raw
from tidewaiter.config.shape import Mask
from tidewaiter.demo.deployment import NAME, Listeners, settings
from tidewaiter.sql.catalog import quoted

WHO = "mallory"
RULES = """
@id("all-but-unmask")
permit (
  principal,
  action in [
    Action::"connect", Action::"read", Action::"write", Action::"define", Action::"grant", Action::"run",
    Action::"session", Action::"maintain", Action::"unknown"
  ],
  resource
);
"""
OPTIONS = {"application_name": "oracle", "options": "-c search_path=public -c timezone=UTC"}


def classification(masks: Mapping[tuple[str, str], Mapping[str, Mask]] = MASKS) -> str:
    """classification.toml with a tag of its own for each masked column."""
    tags: list[str] = []
    tables: list[str] = []
    for (schema, table), columns in masks.items():
        tables.append(f"[datasource.shop.{json.dumps(quoted((schema, table)), ensure_ascii=False)}]")
        for column, mask in columns.items():
            tag = tag_of(table, column)
            given: dict[str, Any] = {"name": mask.name, **mask.parameters}
            told = ", ".join(f"{key} = {json.dumps(value)}" for key, value in given.items())
            tags += [f"[tags.{tag}]", f"mask = {{ {told} }}"]
            tables.append(f'{json.dumps(column, ensure_ascii=False)} = ["{tag}"]')
    return "\n".join([*tags, *tables, ""])


def lay_out(folder: Path, world: World) -> Deployment:
    """A deployment in front of one world, not started."""
    found = Deployment(folder, world.server, free_port(), free_port())
    folder.mkdir(parents=True)
    found.cli("init", ".", "--name", NAME)
    listeners = Listeners(f"127.0.0.1:{found.port}", f"127.0.0.1:{found.console}")
    (folder / "tidewaiter.toml").write_text(
        "\n".join(
            [
                *settings(listeners, ()),
                "[[datasource]]",
                'name = "shop"',
                'kind = "postgres"',
                f'address = "{world.server.host}:{world.server.port}"',
                'database = "shop"',
                'user = "app"',
                'password = "file:keys/shop.password"',
                'tls = "disable"',
            ]
        )
        + "\n"
    )
    secret = folder / "keys" / "shop.password"
    secret.touch(mode=0o600)
    secret.write_text(PASSWORD)
    (folder / "classification.toml").write_text(classification())
    for path in (folder / "policies").iterdir():
        path.unlink()
    (folder / "policies" / "worlds.cedar").write_text(RULES)
    found.cli("principal", "add", WHO, "--kind", "user")
    found.issued[WHO] = found.issue(WHO)
    return found


@contextmanager
def gateways(pair: tuple[World, World]) -> Iterator[Mapping[str, Deployment]]:
    """A running gateway for each world, by the world's name."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="tw-gateways-", ignore_cleanup_errors=True)))
        found: dict[str, Deployment] = {}
        for world in pair:
            found[world.name] = lay_out(folder / world.name, world)
            stack.callback(found[world.name].kill)
            found[world.name].start()
        yield found


def through(found: Mapping[str, Deployment], world: World) -> Raw:
    """A session through a world's gateway."""
    return Raw(found[world.name].raw(WHO, options=OPTIONS))
