"""Ids of stream entries."""

import re
from typing import Final

_ENTRY: Final = re.compile(r"[0-9]{1,16}-([0-9]{1,20})").fullmatch


def is_entry(text: str) -> bool:
    """Return whether a text, of a person or an address, is the id of an entry, one Redis takes."""
    found = _ENTRY(text)
    return found is not None and int(found[1]) < 2**64


def order(entry: str) -> tuple[int, int]:
    """Return the sort key of an entry's id: its time (ms) and its number in that."""
    milliseconds, _, number = entry.partition("-")
    return int(milliseconds), int(number)
