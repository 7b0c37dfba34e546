"""The Lua scripts, as they are loaded."""

from pathlib import Path

import pytest

from receiver.runtime import scripts
from tests.support.valkey import Valkey

ROOT = Path(__file__).parents[2]
FILES = sorted(path for room in ("receiver", "workers") for path in (ROOT / room).rglob("*.lua"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_server_compiles_every_script(valkey: Valkey, file: Path) -> None:
    package = ".".join(file.relative_to(ROOT).parent.parts)
    text = scripts.load(package, file.stem)
    assert "-- include" not in text
    assert valkey.client().script_load(text)


def test_what_two_includes_share_is_included_once() -> None:
    text = scripts.load("workers.forward", "lease")  # `marks` itself, and by `restore_group`
    assert text.startswith("#!lua flags=allow-oom\n")
    assert text.count("local marks = {}") == 1
    assert text.count("local function now_ms()") == 1
    assert text.count("local function refuse(") == 1


def test_a_script_has_its_own_flags_and_not_those_of_what_it_includes() -> None:
    text = scripts.load("receiver.auth", "revoke_again")
    assert text.startswith("#!lua flags=allow-oom\n")
    assert text.count("#!lua") == 1
