"""The telephone numbers of one person, and whether something stored says one of them."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import phonenumbers

from receiver.carriers import BY_NAME
from receiver.carriers.carrier import Unreadable
from receiver.config.settings import Settings
from receiver.contract.records import Notification

_json = msgspec.json.Encoder().encode


class Person:
    """Tells what names a person: any of the telephone numbers, however it is written."""

    def __init__(self, numbers: Sequence[str], settings: Settings) -> None:
        """`numbers` with their country codes. Raises `ValueError` for one that cannot be any."""
        self.digits = [_digits(number) for number in numbers]
        self.in_bytes = naming(self.digits)
        """Tells whether a number stands in what is stored, such as an event."""
        self._settings = settings

    def in_notification(self, one: Notification) -> bool:
        """Tell whether a notification is about the person, in whatever encoding it came and whether
        with a country code or without.
        """
        if self.in_bytes(one.body):
            return True
        callback = BY_NAME.get(one.callback)
        try:
            events = callback.events(one, self._settings.place(one.listener)) if callback else []
        except Unreadable:
            return False
        return any(self.in_bytes(_said(event)) for event in events)


def naming(digits: Sequence[str]) -> Callable[[bytes], bool]:
    """Return what tells whether one of these numbers stands in something stored."""
    every = "|".join(digits).encode()
    # As it came it may have a +, 00 or 011 before it, or %2B, which ends with a letter.
    search = re.compile(rb"(?<![0-9])(?:00|011)?(?:%s)(?![0-9])" % every).search
    return lambda stored: search(stored) is not None


def _said(event: Any) -> bytes:
    return _json([event.subject, event.data])


def _digits(number: str) -> str:
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        parsed = None
    if parsed is None or not phonenumbers.is_possible_number(parsed):
        raise ValueError("a telephone number with its country code is wanted, such as +12065550100")
    return f"{parsed.country_code}{phonenumbers.national_significant_number(parsed)}"
