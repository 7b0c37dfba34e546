"""The fields of a form or an address, bounded. What cannot be read does nothing."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qs

from starlette.requests import Request

from receiver.console import render
from receiver.contract.entry_ids import is_entry

MOST: Final = 20
LONGEST: Final = 256
MOST_DAYS: Final = 36_500


class NotDone(Exception):
    """Says why what somebody asked for is not done: a status, a title and a sentence, which may
    lead to a command.
    """

    def __init__(self, status: int, title: str, sentence: str, command: str = "") -> None:
        super().__init__(sentence)
        self.status = status
        self.title = title
        self.sentence = sentence
        self.command = command


async def fields(request: Request) -> dict[str, str]:
    """Return the fields of a form, the first of each name. Raises `NotDone` for too many."""
    text = (await request.body()).decode("utf-8", "replace")
    try:
        found: dict[str, list[str]] = parse_qs(text, keep_blank_values=True, max_num_fields=MOST)
    except ValueError:
        raise NotDone(400, "Nothing was done", f"At most {MOST} fields are taken.") from None
    return {name: values[0][:LONGEST] for name, values in found.items()}


def number(values: Any, name: str) -> int:
    """Return a field that is a whole number; 0 where it is none."""
    text = values.get(name, "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0


def entry_id(text: str) -> str:
    """Return a stream entry's id; empty where the text is none. `0-0` is before every entry: Redis
    refuses to look for what comes before it.
    """
    return text if is_entry(text) and text.strip("0") != "-" else ""


def days(form: Mapping[str, str]) -> int:
    """Return a number of days. Raises `NotDone` for anything else: an end that somebody meant is
    neither now nor never.
    """
    found = number(form, "days")
    if not 0 < found <= MOST_DAYS:
        sentence = f"Days are a whole number from 1 to {MOST_DAYS}."
        raise NotDone(400, "Nothing was changed", sentence)
    return found


def action(form: Mapping[str, str], known: Sequence[str]) -> str:
    """Return which of the known actions a form asks for. Raises `NotDone` for none of them."""
    found = form.get("action", "")
    if found not in known:
        raise NotDone(400, "Nothing was done", f"The form asks for neither {' nor '.join(known)}.")
    return found


def check_typed(form: Mapping[str, str]) -> None:
    """Raise `NotDone` unless the number that is to be dropped was typed, or only one was picked."""
    if form.get("action") != "drop" or entry_id(form.get("id", "")):
        return
    count = number(form, "count")
    if "".join(form.get("typed", "").split()) != str(count):
        sentence = f"To drop {count} for ever, type that number into the field."
        raise NotDone(400, "Nothing was dropped", sentence)


def counted(action: str, count: int, noun: str) -> str:
    """Return an action on so many, as a title: `Replay 1 234 dead letters`."""
    return f"{action.capitalize()} {render.count(count)} {noun}{'' if count == 1 else 's'}"
