"""The fields of a form or an address, bounded."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qs

from starlette.requests import Request

from receiver.console import render
from receiver.console.entry_id import entry_id

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


def is_confirmed(form: Mapping[str, str], count: int) -> bool:
    """Return whether somebody asked for exactly so many: to drop more than one that was picked,
    the number is typed.
    """
    if form.get("action") != "drop" or entry_id(form.get("id", "")):
        return True
    return "".join(form.get("typed", "").split()) == str(count)


def unconfirmed(count: int) -> dict[str, str]:
    """Return what is said where a number was not typed."""
    sentence = f"To drop {count} for ever, type that number into the field."
    return {"title": "Nothing was dropped", "sentence": sentence}


def counted(action: str, count: int, noun: str) -> str:
    """Return an action on so many, as a title: `Replay 1 234 dead letters`."""
    return f"{action.capitalize()} {render.count(count)} {noun}{'' if count == 1 else 's'}"
