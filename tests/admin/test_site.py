"""The two grounds that operations stand on offer what they are promised, under the promised names of arguments."""

from __future__ import annotations

import inspect

import pytest

from tidewaiter.admin.site import Finding, Reached, Site
from tidewaiter.app.deployment import Deployment
from tidewaiter.app.running import Running

PROMISED = [name for name in vars(Site) if not name.startswith("_") and name != "config"]
"""All but the configuration, which one of them keeps as a plain attribute."""


@pytest.mark.parametrize("ground", [Deployment, Running])
@pytest.mark.parametrize("name", PROMISED)
def test_a_ground_offers_what_is_promised(ground: type, name: str) -> None:
    promised, offered = inspect.getattr_static(Site, name), inspect.getattr_static(ground, name, None)
    if offered is None:
        assert name in ground.__annotations__  # a plain attribute
    elif not isinstance(promised, property):
        assert inspect.iscoroutinefunction(promised) == inspect.iscoroutinefunction(offered)
        assert list(inspect.signature(promised).parameters) == list(inspect.signature(offered).parameters)


def test_what_is_not_said_is_no_warning() -> None:
    assert Reached("18.1", False, "verify-full", 1.0).warnings == ()
    assert not Finding("disk", is_ok=True, said="ok").is_warning
