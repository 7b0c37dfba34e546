"""Parsing points in time, from every notation carriers use, to an aware UTC `datetime`.

What cannot be read, or lies outside of the years 1 to 9999, is None: never an exception.
"""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final

from receiver.carriers.formats import timestamp_words

_RFC3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
).fullmatch
_EPOCH: Final = re.compile(r"([0-9]{9,19})(?:\.([0-9]{1,9}))?").fullmatch
_DOTNET: Final = re.compile(r"\\?/Date\(([0-9]{9,19})(?:[+-][0-9]{4})?\)\\?/").fullmatch
_BASIC: Final = re.compile(
    r"((?:19|20)[0-9]{2})([0-9]{2})([0-9]{2})"
    r"(?:T?([0-9]{2})([0-9]{2})([0-9]{2})?[.,]?([0-9]{1,9})? ?(Z|[+-][0-9]{2}:?[0-9]{2})?)?",
    re.IGNORECASE,
).fullmatch
_PER_SECOND: Final = {
    **dict.fromkeys((9, 10, 11), 1),
    **dict.fromkeys((12, 13), 10**3),
    **dict.fromkeys((15, 16), 10**6),
    **dict.fromkeys((18, 19), 10**9),
}
"""Digits of a time since 1970 -> its units per second. Each unit has these from 1973 on (seconds
until 5138, the others until 2286); 14 and 17 digits are a basic date (ISO 8601) only.
"""
_LONGEST: Final = 80
_1970: Final = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=1)  # whoever checks a time reads it next
def rfc3339(text: str) -> datetime | None:
    """Return a CloudEvents timestamp: RFC 3339 with a zone, and a date that exists; else None."""
    if not _RFC3339(text):
        return None
    if text[17:19] == "60":  # a leap second is valid RFC 3339 (section 5.6)
        return _later(_iso(f"{text[:17]}59{text[19:]}".upper(), UTC), timedelta(seconds=1))
    return _iso(text.upper(), UTC)


def read(value: str | None, zone: tzinfo) -> datetime | None:
    """Return the time in any notation seen in practice; None when it is none, or ambiguous. A time
    without a zone is in `zone`.

    AT&T documents `04-15-2011T12:00:00`, month first; its traffic had `26/Jul/2012:21:55:01:462
    +0000`; OneAPI peers send ISO 8601, milliseconds since 1970, or what their language prints.
    """
    if not value:
        return None
    text = value.strip()
    if text[2:3] == "-" and text[5:6] == "-":
        text = f"{text[6:10]}-{text[:5]}{text[10:]}"
    if text[4:5] == "-" and (found := _iso(text, zone)):
        return found
    if not text.isascii() or len(text) > _LONGEST:
        return None
    if text.isdigit() and len(text) == 12:  # 202604151200; as milliseconds it would be 1976
        return _basic(text, zone) or _epoch(text)
    return _epoch(text) or _basic(text, zone) or _worded(text, zone)


def _epoch(text: str) -> datetime | None:
    found = _EPOCH(text) or _DOTNET(text)
    units = _PER_SECOND.get(len(found[1])) if found else None
    if not found or not units:
        return None
    fraction = found[2] if found.re.groups > 1 and found[2] else ""
    billionths = int(found[1] + fraction.ljust(9, "0"))
    return _later(_1970, timedelta(microseconds=billionths // (units * 1000)))


def _basic(text: str, zone: tzinfo) -> datetime | None:
    """Parse a time without separators (ISO 8601, section 4) as the same time with them."""
    found = _BASIC(text)
    if not found:
        return None
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    text = f"{year}-{month}-{day}"
    if hour:
        text += f" {hour}:{minute}:{second or '00'}.{fraction or '0'} {offset or ''}"
    return _worded(text, zone)


def _worded(text: str, zone: tzinfo) -> datetime | None:
    if said := timestamp_words.words(text, zone):
        return _later(said.clock.replace(tzinfo=said.zone), said.later)
    return None


def _iso(text: str, zone: tzinfo) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone)
        return moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _later(moment: datetime | None, by: timedelta) -> datetime | None:
    try:
        return moment and moment.astimezone(UTC) + by
    except (ValueError, OverflowError):
        return None
