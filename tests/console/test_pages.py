"""Pages from templates, and the files beside them."""

from __future__ import annotations

import re

import pytest
from jinja2 import UndefinedError

from tidewaiter.console.pages import STATIC, page, static


def body(response: object) -> str:
    return bytes(response.body).decode()  # type: ignore[attr-defined]


def test_what_goes_into_a_page_is_escaped() -> None:
    shown = body(page("message", title="<b>", said="\"'><script>", link="javascript:<"))
    assert not any(bad in shown for bad in ("<b>", "<script>", 'href="javascript:<'))


def test_a_page_without_what_it_shows_is_a_defect() -> None:
    with pytest.raises(UndefinedError):
        page("sign_in")


def test_no_page_needs_inline_scripts_or_styles() -> None:
    from importlib.resources import files

    for template in files("tidewaiter.console").joinpath("templates").iterdir():
        text = template.read_text()
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|<script(?! src=)", text), template.name


def test_every_file_is_served_as_what_it_is_and_no_other() -> None:
    for name, kind in STATIC.items():
        found = static(name)
        assert (found.status_code, found.headers["content-type"]) == (200, kind)
        assert found.body
    assert static("../app.py").status_code == 404
