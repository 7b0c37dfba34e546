"""Ids of stream entries, as they come in addresses."""

import re
from typing import Final

_ENTRY: Final = re.compile(r"\d{1,16}-\d{1,20}").fullmatch


def entry_id(text: str) -> str:
    """Return a stream entry's id; empty where the text is none."""
    return text if _ENTRY(text) else ""
