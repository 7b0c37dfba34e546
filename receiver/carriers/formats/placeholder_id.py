"""Placeholders that senders write in place of an id, and that identify nothing."""

import re
from typing import Final

_WORDS: Final = frozenset({
    "null", "nil", "none", "nan", "na", "undef", "undefined", "unknown", "unset", "unavailable",
    "empty", "blank", "missing", "notavailable", "notapplicable", "notset", "notdefined",
    "notknown", "notgiven", "notprovided", "notspecified", "notpresent", "noid", "nomessageid",
    "objectobject", "objectnull", "objectundefined",
})  # fmt: skip
_NUMBERS: Final = frozenset({"-1", "-1.0", "-1L"})
_MAX_UUID: Final = "f" * 32
"""RFC 9562, section 5.10; the nil UUID is nothing but zeros."""
_ZEROS: Final = re.compile("(?:0x)?0+l?").fullmatch
_BETWEEN: Final = re.compile(r"[\W_]+")
_OF_A_WORD: Final = 20
"""Characters that a word for nothing has at most; nearly every real id has more."""
_OF_A_NUMBER: Final = "0fFxXlL{}[]()<>\"'-_:. \t"


def identifies_nothing(text: str) -> bool:
    """Return whether `text` is empty, blank or a word or number for `there is none`, in any case.

    `n/a`, `<null>`, `Not Available`, `0`, `0x0L`, `-1`, a nil UUID in braces, dashes alone.
    """
    if not text or text.isspace():
        return True
    if len(text) > _OF_A_WORD and text.strip(_OF_A_NUMBER):
        return False
    plain = _BETWEEN.sub("", text).lower()
    return (
        not plain
        or plain in _WORDS
        or _ZEROS(plain) is not None
        or plain == _MAX_UUID
        or text.strip() in _NUMBERS
    )
