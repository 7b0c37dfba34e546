"""What may stand in an attribute of a CloudEvent."""

import re
from typing import Final

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]").search


def has_control(text: str) -> bool:
    """Control characters may not stand in one (CloudEvents 1.0.2, section 2.4, String)."""
    return not text.isprintable() and _CONTROL(text) is not None


def attribute(text: str | None) -> str | None:
    """`text` if it may be an attribute of the event we publish; else it is only in its `data`."""
    return text if text and not has_control(text) else None
