"""Which texts stand where an id should and identify nothing, and which are ids after all."""

import pytest

from receiver.carriers.formats.placeholder_id import identifies_nothing

SEEN = [
    *(
        "null",
        "nil",
        "none",
        "NaN",
        "N/A",
        "undef",
        "undefined",
        "unknown",
        "unset",
        "unavailable",
        "empty",
        "blank",
        "missing",
        "not-available",
    ),
    *(
        "not_applicable",
        "not.set",
        "not-defined",
        "not-known",
        "not-given",
        "not-provided",
        "not-specified",
        "not-present",
        "no-id",
    ),
    *(
        "no-message-id",
        "[objectObject]",
        "<objectNull>",
        "{objectUndefined}",
        "0",
        "000",
        "0x0",
        "0X0L",
        "0L",
        "-1",
        "-1.0",
        "-1L",
        "-",
        "--",
        "{}",
    ),
]
LONG = [
    "\u2003" * 30,  # blank, though no ASCII blank
    "00000000-0000-0000-0000-000000000000",
    "{ffffffff-ffff-ffff-ffff-ffffffffffff}",
    " -1 ",
    "- " * 20,
    "n o t - p r e s e nt",  # twenty characters: as long as a word may be
]
IDS = [
    *("1", "-2", "10", "0x1", "f" * 31, "f" * 33, "a", "nullable", "id-none", "x"),
    "n o t - p r e s e n t",  # twenty-one
    "ffffffff-ffff-ffff-ffff-fffffffffffe",
]


@pytest.mark.parametrize("text", ["", " ", *SEEN, *LONG])
def test_a_placeholder_identifies_nothing(text: str) -> None:
    assert identifies_nothing(text)
    assert identifies_nothing(text.upper())


@pytest.mark.parametrize("text", IDS)
def test_what_is_no_placeholder_is_an_id(text: str) -> None:
    assert not identifies_nothing(text)
