"""The telephone numbers of one person, and whether something stored says one of them."""

import re
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import phonenumbers

from receiver.carriers import BY_NAME
from receiver.carriers.carrier import Unreadable
from receiver.carriers.formats import phone_number
from receiver.config.settings import Settings
from receiver.contract.records import Notification, Refusal
from receiver.erasure.said import said

_json = msgspec.json.Encoder().encode
_BETWEEN: Final = rb"(?:\(0\)|[-.()/ ]|\xc2\xa0|\xe2\x80[\x90-\x95\xaf]|\xe2\x88\x92){0,3}"
"""What people put between digits: beside ASCII the blanks and hyphens that do not break; and the
trunk prefix behind a country code, as in +44 (0)20."""
_BEFORE: Final = rb"(?:(?<![0-9].)|(?<=(?<![0-9])00.)|(?<=(?<![0-9])011.))"
"""What may stand before a number whose first digit has been read: no digit, or 00 or 011. As it
came it may also have a +, or %2B, which ends with a letter."""
_NO_DIGIT: Final = re.compile("[^0-9]+")
_TELLING: Final = 7
"""Last digits of a number that stand in each spelling of it."""


class Person:
    """Tells what names a person: any of the telephone numbers, however it is written."""

    def __init__(self, numbers: Sequence[str], settings: Settings) -> None:
        """`numbers` with their country codes. Raises `ValueError` for one that cannot be any."""
        self.digits = [_digits(number) for number in numbers]
        self.in_bytes = naming(self.digits)
        """Tells whether a number stands in what is stored, such as an event."""
        self._ends = [digits[-_TELLING:] for digits in self.digits]
        self._settings = settings
        self._unread: set[str] = set()
        """Receipts of notifications that nobody could look into."""

    @property
    def left(self) -> list[str]:
        """Return what could not be looked into so far, a sentence; empty where everything could."""
        if not self._unread:
            return []
        return [
            f"{len(self._unread)} notifications that the receiver fails to read were searched only "
            "for the number as it is written here: look at them (`receiver explain "
            f"{min(self._unread)}` tells of one, `receiver dead-letters list --reason 'normalising "
            "failed'` lists those that are kept longest), drop what is about this person, and run "
            "this again with a version that reads them"
        ]

    def in_notification(self, one: Notification) -> bool:
        """Tell whether a notification is about the person, in whatever encoding it came and whether
        with a country code or without. Where reading it fails it is one of `left`, and not about
        the person unless the number stands in it.
        """
        if self.in_bytes(one.body) or self._in_headers(one):
            return True
        callback = BY_NAME.get(one.callback)
        try:
            events = callback.events(one, self._settings.place(one.listener)) if callback else []
            return any(self.in_bytes(_json([one.subject, one.data])) for one in events)
        except Unreadable:
            return self._in_values(one.body, one.content_type, one.listener)
        except Exception:  # noqa: BLE001 - a fault of ours in one may not hold back all erasing
            self._unread.add(one.receipt)
            return False

    def in_refusal(self, one: Refusal) -> bool:
        """Tell whether a refused request is about the person, by the same rules."""
        if self.in_bytes(one.body) or self._in_headers(one):
            return True
        kind = next((value for name, value in one.headers if name == "content-type"), "")
        return self._in_values(one.body, kind, one.listener)

    def _in_headers(self, one: Notification | Refusal) -> bool:
        """Tell whether a header says one of the numbers. Each is looked at alone: what stands
        before and behind it in the record may be a byte that looks like one more digit.
        """
        _, region = self._settings.place(one.listener)
        return any(self._names(value, region) for _, value in one.headers)

    def _in_values(self, body: bytes, content_type: str, listener: str) -> bool:
        _, region = self._settings.place(listener)
        return any(self._names(value, region) for value in said(body, content_type))

    def _names(self, value: str, region: str) -> bool:
        digits = _NO_DIGIT.sub("", value)
        if not any(end in digits for end in self._ends):
            return False  # quickly: a body may have very many values
        return self.in_bytes(value.encode()) or self.in_bytes(
            phone_number.normal(value, region).encode()
        )


def naming(digits: Sequence[str]) -> Callable[[bytes], bool]:
    """Return what tells whether one of these numbers stands in something stored."""
    every = b"|".join(map(_pattern, digits))
    search = re.compile(rb"(?:%s)(?![0-9])" % every, re.DOTALL).search
    return lambda stored: search(stored) is not None


def _pattern(digits: str) -> bytes:
    """Return the pattern of a number, which begins with a digit: so it is looked for quickly."""
    first, *others = (b"%c" % one for one in digits.encode())
    return _BETWEEN.join([first + _BEFORE, *others])


def _digits(number: str) -> str:
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        parsed = None
    if parsed is None or not phonenumbers.is_possible_number(parsed):
        raise ValueError("a telephone number with its country code is wanted, such as +12065550100")
    return f"{parsed.country_code}{phonenumbers.national_significant_number(parsed)}"
