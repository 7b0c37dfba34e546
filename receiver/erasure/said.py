"""What a body says that no carrier made sense of: each of its values, as far as it can be read."""

import re
from collections.abc import Iterator
from typing import Any, Final

from receiver.carriers.att.body import text_of, understand
from receiver.carriers.carrier import Rejected
from receiver.carriers.formats.unicode_hex import candidates

_NUMBERS: Final = re.compile(r"\+?[0-9][0-9 ().-]{5,30}").findall


def said(body: bytes, content_type: str) -> Iterator[str]:
    """Yield the texts and numbers in JSON, XML or a form; of anything else its whole text,
    and what looks like a number there.
    """
    try:
        level: list[Any] = [understand(body, content_type)[0]]
    except Rejected:
        yield (text := text_of(body))
        yield from _NUMBERS(text)
        return
    while level:
        value = level.pop()
        if type(value) is dict:
            level += (*value, *value.values())
        elif type(value) is list:
            level += value
        elif type(value) is str:
            yield value
            yield from (one["text"] for one in candidates(value))
        elif type(value) is int:
            yield str(value)
        elif type(value) is float and value.is_integer():  # from who keeps numbers as doubles
            yield str(int(value))
