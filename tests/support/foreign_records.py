"""What another program may have written where our records stand."""

from typing import Any

from receiver.contract.records import encode

DEEP = b"\x91" * 100_000 + b"\xc0"
"""Lists in lists, in msgpack, beyond what anybody decodes."""


def unreadable(record: Any, text: str) -> list[bytes]:
    """A record of ours that is none any more: cut, with a text that is not UTF-8 instead of this
    one, and with a member more that is nested too deep.
    """
    good: bytes = encode(record)
    assert text.encode() in good
    members = good[0] & 0x0F  # fifteen at most, or the head would be longer
    nested = bytes([0x90 | members + 1]) + good[1:] + DEEP
    return [good[:-1], good.replace(text.encode(), b"\xff" * len(text)), nested]
