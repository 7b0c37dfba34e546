"""The texts that a CloudEvent's attribute may hold."""

import re
from typing import Final

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]").search


def has_control(text: str) -> bool:
    """Return whether a text has control characters, which an attribute may not (CloudEvents 1.0.2,
    section 2.4, String).
    """
    return not text.isprintable() and _CONTROL(text) is not None


def attribute(text: str | None) -> str | None:
    """Return `text` if it may be an attribute of the event we publish, else None: it is then only
    in the event's `data`.
    """
    return text if text and not has_control(text) else None
