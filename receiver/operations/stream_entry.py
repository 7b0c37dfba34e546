"""Ids of stream entries, as people and addresses have them."""

import re
from typing import Final

_ENTRY: Final = re.compile(r"[0-9]{1,16}-([0-9]{1,20})").fullmatch


def is_entry(text: str) -> bool:
    """Return whether a text is the id of a stream's entry, one that Redis takes."""
    found = _ENTRY(text)
    return found is not None and int(found[1]) < 2**64
