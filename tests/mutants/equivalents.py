"""Mutants that change nothing anybody could notice, each with the reason."""

import functools
import tomllib
from pathlib import Path

from tests.mutants.mutant import Mutant

_FILE = Path(__file__).with_name("equivalents.toml")


def reason(mutant: Mutant) -> str:
    """Return why the mutant is equivalent to the original, or nothing."""
    was, becomes = mutant.lines()
    return _known().get((Path(mutant.path).name, was, becomes), "")


@functools.cache
def _known() -> dict[tuple[str, str, str], str]:
    found = tomllib.loads(_FILE.read_text("utf-8")).get("equivalent", [])
    return {(one["file"], one["was"], one["becomes"]): one["reason"] for one in found}
