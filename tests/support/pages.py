"""The documentation as tests see it: its fenced blocks, and what is needed to run them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.support.commands import ROOT

PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "examples").rglob("*.md")),
]
_FENCE = re.compile(
    r"^(?P<comment>[ ]*<!-- [^\n]+ -->\n)?"
    r"(?P<indent>[ ]*)```(?P<info>[^\n]*)\n(?P<text>.*?)^(?P=indent)```$",
    re.DOTALL | re.MULTILINE,
)


class Block(NamedTuple):
    """One fenced block."""

    page: str
    language: str
    tag: str
    """The second word behind the backquotes."""
    name: str
    """What a comment before it calls it."""
    text: str


def blocks(path: Path) -> Iterator[Block]:
    """All fenced blocks of a page, in order."""
    for found in _FENCE.finditer(path.read_text("utf-8")):
        language, _, tag = found["info"].partition(" ")
        lines = [line.removeprefix(found["indent"]) for line in found["text"].splitlines()]
        name = re.sub(r"<!--|-->|snippet:", "", found["comment"] or "").strip()
        yield Block(path.name, language, tag, name, "\n".join(lines) + "\n")


def snippet(page: str, name: str) -> str:
    """The text of one named block."""
    return next(one.text for one in blocks(ROOT / "docs" / page) if one.name == name)
