"""What is changed in a source, and what is left as it is."""

from pathlib import Path

from tests.mutants import lua_source, python_source
from tests.mutants.overlay import Overlay
from tests.mutants.rooms import ROOMS
from tests.support.commands import ROOT

PYTHON = b'''"""A docstring."""
LIMIT: Final[int] = 4


def taken(\xc3\xa4: list[int]) -> bool:
    if not \xc3\xa4 or len(\xc3\xa4) > LIMIT:
        raise ValueError("a text for people")
    return True
'''
LUA = b"""local kept = 10 -- at most 20
if #ARGV == 2 and kept then
    redis.call('SET', KEYS[1], 'a == b')
end
-- the caller's 2 and what is not its == 1
"""


def test_python_is_changed_where_it_decides_counts_or_acts() -> None:
    found = list(python_source.mutants("a.py", PYTHON))
    assert {(one.line, one.lines()[1]) for one in found} == {
        (2, "LIMIT: Final[int] = 5"),
        (6, "if (ä) or len(ä) > LIMIT:"),
        (6, "if not ä and len(ä) > LIMIT:"),
        (6, "if not ä or len(ä) >= LIMIT:"),
        (6, "if True:"),
        (6, "if False:"),
        (7, "pass"),
        (8, "return None"),
        (8, "return False"),
    }


def test_lua_is_changed_outside_of_comments_and_texts() -> None:
    found = list(lua_source.mutants("a.lua", LUA))
    assert {(one.line, one.lines()[1]) for one in found} == {
        (1, "local kept = 11 -- at most 20"),
        (2, "if #ARGV ~= 2 and kept then"),
        (2, "if #ARGV == 2 or kept then"),
        (2, "if #ARGV == 3 and kept then"),
        (2, "if true then"),
        (2, "if false then"),
        (3, "redis.call('SET', KEYS[2], 'a == b')"),
        (3, ""),
    }


def test_a_change_is_undone_to_what_the_source_was_when_the_run_began(tmp_path: Path) -> None:
    overlay = Overlay(tmp_path)
    file = tmp_path / "workers" / "bell.py"
    source = file.read_bytes()
    mutant = next(python_source.mutants("workers/bell.py", source))
    overlay.put(mutant)
    assert file.read_bytes() == mutant.applied() != source
    overlay.restore(mutant)
    assert file.read_bytes() == source


def test_what_the_rooms_name_is_there_and_each_script_has_its_tests() -> None:
    named = [test for room in ROOMS.values() for test in (*room.tests, *room.always)]
    scripts = {script: tests for room in ROOMS.values() for script, tests in room.scripts.items()}
    named += [test for tests in scripts.values() for test in tests]
    for test in named:
        file, _, function = test.partition("::")
        assert (ROOT / file).exists(), test
        assert not function or f"def {function}(" in (ROOT / file).read_text(), test
    there = [*(ROOT / "receiver").rglob("*.lua"), *(ROOT / "workers").rglob("*.lua")]
    assert {path.name for path in there} == set(scripts)
