"""The file that `receiver init` writes is valid, whole, and says what holds without it."""

import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from receiver.config import template
from receiver.config.check import check
from receiver.config.receiver_toml import ConfigFile, Document
from tests.support.commands import run
from tests.support.settings_keys import keys

VARIABLES = ("BILLING_AUTH", "NAC_KEY", "ORANGE_SECRET", "ATT_KEY", "ATT_SECRET")


def test_it_is_well_as_it_is_written_and_with_everything_uncommented(tmp_path: Path) -> None:
    (tmp_path / "fleet.txt").write_text("+12065550100\n")
    environ = dict.fromkeys(VARIABLES, "x") | {"BILLING_SECRET": "whsec_MTIz"}
    for text in (template.text(), _uncommented()):
        (tmp_path / "receiver.toml").write_text(text)
        assert check({"RECEIVER_CONFIG": str(tmp_path / "receiver.toml"), **environ}) == []
    assert Document(Path("receiver.toml"), template.text()).config == ConfigFile()


def test_every_key_is_in_it() -> None:
    document = Document(Path("receiver.toml"), _uncommented())
    assert not document.faults
    there = set(_there(tomllib.loads(document.text)))
    missing = {key for key in keys() if key not in there}
    assert missing == {"subscription.devices", "poll.devices_file"}  # one of two, not both
    assert "or devices = [" in document.text
    assert "or devices_file = " in document.text


def test_what_is_not_marked_as_an_example_is_the_default() -> None:
    config = Document(Path("receiver.toml"), _uncommented()).config
    lines = _uncommented().splitlines()
    examples = {line.partition(" ")[0] for line in lines if "# example" in line}
    for one in (*config.listener, *config.sink, *config.reader, *config.operator, *config.poll):
        for field in msgspec.structs.fields(type(one)):
            value = getattr(one, field.name)
            if isinstance(value, int | float) and field.default is not None:
                assert value == field.default or field.name in examples, (one.name, field.name)
    assert {"max_per_second", "days", "max_days"} <= examples


def test_the_command_writes_it_once(tmp_path: Path) -> None:
    first = run(tmp_path, "init")
    assert (first.returncode, (tmp_path / "receiver.toml").read_text()) == (0, template.text())
    (tmp_path / "receiver.toml").write_text("mine")
    again = run(tmp_path, "init")
    assert (again.returncode, (tmp_path / "receiver.toml").read_text()) == (2, "mine")
    assert "is there already" in again.stderr
    assert first.stderr.endswith("then receiver config check\n")
    assert run(tmp_path, "init", "--force", "receiver.toml").returncode == 0
    other = run(tmp_path, "init", "my own.toml")
    assert other.stderr.endswith("then receiver config check 'my own.toml'\n")
    assert (tmp_path / "receiver.toml").read_text() == template.text()


def _uncommented() -> str:
    """Return it with everything in it that can be uncommented: what `#` and no blank begins."""
    return re.sub(r"^#(?=[^ #\n])", "", template.text(), flags=re.MULTILINE)


def _there(raw: Any, name: str = "") -> list[str]:
    found = []
    for key, value in raw.items():
        own = f"{name}.{key}".removeprefix(".")
        found.append(own)
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict):
                found += _there(each, own)
    return found
