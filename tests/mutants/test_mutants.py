"""What is changed in a source, and what is left as it is."""

from tests.mutants import lua_source, python_source

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
    assert {(one.line, one.lines(PYTHON)[1]) for one in found} == {
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
    assert {(one.line, one.lines(LUA)[1]) for one in found} == {
        (1, "local kept = 11 -- at most 20"),
        (2, "if #ARGV ~= 2 and kept then"),
        (2, "if #ARGV == 2 or kept then"),
        (2, "if #ARGV == 3 and kept then"),
        (2, "if true then"),
        (2, "if false then"),
        (3, "redis.call('SET', KEYS[2], 'a == b')"),
        (3, ""),
    }
