"""The fields of a form or an address, bounded."""

from typing import Any, Final
from urllib.parse import parse_qs

from starlette.requests import Request

MOST: Final = 20
LONGEST: Final = 256


async def fields(request: Request) -> dict[str, str]:
    """Return the fields of a form, the first of each name."""
    text = (await request.body()).decode("utf-8", "replace")
    try:
        found: dict[str, list[str]] = parse_qs(text, keep_blank_values=True, max_num_fields=MOST)
    except ValueError:
        return {}
    return {name: values[0][:LONGEST] for name, values in found.items()}


def number(values: Any, name: str, default: int) -> int:
    """Return a field that is a whole number; the default where it is none."""
    text = values.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else default
