"""Every command that a page or an alert names is one, with the options that it is named with."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command_line import leaves
from tests.support.commands import ROOT

PAGES = [
    ROOT / "README.md",
    ROOT / "deploy/monitoring/alerts.yml",
    *sorted((ROOT / "docs").glob("*.md")),
]
OPTIONS = {
    leaf.words: {name for one in leaf.command.params for name in (*one.opts, *one.secondary_opts)}
    for leaf in leaves()
}
GROUPS = {words[:length] for words in OPTIONS for length in range(len(words))}


def named(page: Path) -> Iterator[list[str]]:
    """The words of each command, in a line of a program or between backticks."""
    text = page.read_text("utf-8")
    found = re.findall(r"`receiver ([^`\n]+)`", text)
    found += re.findall(r"^(?:\S*/)?receiver ([a-z][^\n]*)$", "\n".join(_programs(text)), re.M)
    for command in found:
        words = re.split(r"[#|>;&]", command)[0].split()
        if words and re.fullmatch(r"[a-z][a-z-]*", words[0]):  # not `receiver --version`
            yield words


def _programs(text: str) -> Iterator[str]:
    for block in re.findall(r"^```sh[^\n]*\n(.*?)^```", text, re.M | re.S):
        yield block.replace("\\\n", " ")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_is_there_with_its_options(page: Path) -> None:
    for words in named(page):
        path: tuple[str, ...] = ()
        rest = list(words)
        while rest and path in GROUPS and (*path, rest[0]) in GROUPS | set(OPTIONS):
            path = (*path, rest.pop(0))
        assert path, words
        given = {word.partition("=")[0] for word in rest if re.match(r"--[a-z]", word)}
        if path in OPTIONS:
            assert given <= OPTIONS[path] | {"--help"}, words
