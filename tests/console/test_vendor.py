"""What others wrote is what its list says, and nothing in the templates needs a weaker policy."""

import hashlib
import re
import tomllib
from pathlib import Path

import receiver.console

ROOM = Path(receiver.console.__file__).parent
VENDOR = ROOM / "static" / "vendor"


def test_each_vendored_file_is_the_published_one() -> None:
    listed = tomllib.loads((VENDOR / "vendor.toml").read_text())["file"]
    found = {path.name for path in VENDOR.iterdir()} - {"vendor.toml"}
    assert {one["name"] for one in listed} == found
    for one in listed:
        digest = hashlib.sha256((VENDOR / one["name"]).read_bytes()).hexdigest()
        assert digest == one["sha256"], one["name"]


def test_templates_need_no_inline_script_or_style_and_escape_everything() -> None:
    forbidden = re.compile(r"hx-on|hx-live|js:|style=|<script(?! src=)|\|\s*safe|<style|\bon\w+=")
    for path in (ROOM / "templates").iterdir():
        assert not forbidden.search(path.read_text()), path.name


def test_the_script_is_small() -> None:
    assert len((ROOM / "static" / "console.js").read_text().splitlines()) <= 150
