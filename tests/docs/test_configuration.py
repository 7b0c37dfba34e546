"""docs/configuration.md has every variable and key that the code reads, and no other."""

import re

import pytest

from receiver.config import signing_secrets
from receiver.config.environment import VARIABLES
from receiver.config.unknown_variables import BESIDE
from tests.support.commands import ROOT
from tests.support.settings_keys import keys

PAGE = (ROOT / "docs/configuration.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")
COUNTS = "## What counts without a restart"


def section(title: str) -> str:
    """What stands under a heading of the second rank."""
    return PAGE.partition(f"\n{title}\n")[2].partition("\n## ")[0]


def test_every_variable_that_is_read_is_on_the_page_and_no_other() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)(?:<CALLBACK>)?` \|", section("## Environment"), re.MULTILINE)
    read = {one.name for one in VARIABLES} | set(BESIDE) | {signing_secrets.PREFIX}
    assert sorted(rows) == sorted(read)


def test_the_bounds_of_each_number_are_on_the_page() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \|(.*)$", section("## Environment"), re.MULTILINE)
    casts = {one.name: one.cast for one in VARIABLES}
    numbers = [name for name, cast in casts.items() if "_whole" in cast.__qualname__]
    for name, said in rows:
        if name not in numbers:
            continue
        found = re.search(r"\(([0-9]+) to ([0-9]+)\)", said)
        assert found, name
        low, high = int(found[1]), int(found[2])
        assert (casts[name](found[1]), casts[name](found[2])) == (low, high)
        for beyond in (low - 1, high + 1):
            if name != "PORT" or beyond:  # 0 is what `receiver up` takes
                with pytest.raises(ValueError, match=f"to {high} is wanted"):
                    casts[name](str(beyond))


def test_every_key_that_may_stand_in_the_file_is_on_the_page_and_no_other() -> None:
    found: list[str] = []
    for part in section("## receiver.toml").split("\n### ")[1:]:
        table = re.match(r"`\[\[?(\w+)\]\]?`", part)
        rows = re.findall(r"^\| `([\w.]+)` \|", part, re.MULTILINE)
        found += [f"{table[1]}.{row}" if table else row for row in rows]
    tables = {"listener", "handshake", "sink", "reader", "operator", "subscription", "poll"}
    assert sorted(found) == sorted(keys() - tables)


def test_the_readme_has_what_is_needed_most_and_leads_to_the_page() -> None:
    assert "(docs/configuration.md)" in README
    short = re.findall(r"^\| (`[A-Z_]+`[^|]*) \|", README, re.MULTILINE)
    names = {name for one in short for name in re.findall(r"`([A-Z_]+)`", one)}
    assert {"REDIS_URL", "RECEIVER_BEARER_TOKENS", "RECEIVER_CONFIG"} <= names
    assert names <= {one.name for one in VARIABLES} | set(BESIDE)


@pytest.mark.parametrize("table", ["listener", "sink", "reader", "subscription", "poll"])
def test_what_a_reload_does_with_each_table_is_on_the_page(table: str) -> None:
    assert f"`[[{table}]]`" in section(COUNTS)


@pytest.mark.parametrize("unit", sorted((ROOT / "deploy/systemd").glob("receiver-*.service")))
def test_each_unit_of_ours_takes_the_file_at_systemctl_reload(unit: object) -> None:
    text = (ROOT / str(unit)).read_text("utf-8")
    ours = "receiver-valkey" not in str(unit)
    assert ("\nExecReload=/bin/kill -HUP $MAINPID\n" in text) is ours
