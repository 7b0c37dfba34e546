"""Parsing dates and times as people and programming languages write them, word by word.

`15 Apr 2026 12:00:00 +0000` (RFC 5322), `Thu Jul 26 21:55:01 GMT 2012` (Java, C), `Fri Nov 22 2013
12:12:13 GMT+0000 (UTC)` (JavaScript), `04/15/2026 12:00:00 PM` (.NET), `2026-04-15T24:00:00Z[UTC]`.
"""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from datetime import time as clock_time
from typing import Final

from msgspec import Struct

_TOKEN: Final = re.compile(
    r"(?P<date>[0-9]{1,4}(?P<mark>[-/.])[0-9]{1,2}(?P=mark)[0-9]{1,4}(?![0-9]))"
    r"|(?P<clock>[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,:][0-9]{1,9})?)?(?![0-9]))"
    r"|(?P<offset>[+-](?:0[0-9]|1[0-4])(?::?[0-5][0-9])?(?![0-9]))"
    r"|(?P<year>[0-9]{4}(?![0-9]))|(?P<day>[0-9]{1,2}(?![0-9]))"
    r"|(?P<word>[A-Za-z]+\.?)|\[(?P<place>[^\]]*)\]|(?P<rest>\([^)]*\)|[ ,/:]+|-)"
)
_MONTHS: Final = (
    *("january", "february", "march", "april", "may", "june", "july", "august"),
    *("september", "october", "november", "december"),
)
_WEEKDAYS: Final = (
    *("monday", "tuesday", "wednesday", "thursday"),
    *("friday", "saturday", "sunday"),
)
_MERIDIEM: Final = ("am", "pm")
_UTC: Final = ("z", "utc", "gmt", "ut")
_HOURS: Final = {
    **{"est": -5, "edt": -4, "cst": -6, "cdt": -5},
    **{"mst": -7, "mdt": -6, "pst": -8, "pdt": -7},
}
"""RFC 5322, section 4.3. Other abbreviations only mean something in their own zone."""

# Where 04/05 is the fifth of April (CLDR: short dates of en-US, fil): zones of the IANA database.
_MONTH_FIRST: Final = re.compile(
    r"US/.*|America/(?:New_York|Detroit|Chicago|Menominee|Denver|Boise|Phoenix|Los_Angeles|Anchorage"
    r"|Juneau|Sitka|Metlakatla|Yakutat|Nome|Adak|Puerto_Rico|(?:Indiana|Kentucky|North_Dakota)/.*)"
    r"|Pacific/(?:Honolulu|Guam)|Asia/Manila|[ECMP]ST[0-9][ECMP]DT"
).fullmatch


class LocalTime(Struct, frozen=True):
    """A date and time on the clocks of a zone."""

    clock: datetime
    """Without a zone."""
    zone: tzinfo
    later: timedelta
    """What to add: :60 (a leap second) is the next minute's :00."""


class _Parts(Struct):
    date: str = ""
    clock: str = "00:00"
    offset: str = ""
    year: str = ""
    day: str = ""
    month: int = 0
    meridiem: str = ""
    place: str = ""
    """A zone's name or abbreviation."""


def words(text: str, zone: tzinfo) -> LocalTime | None:
    """Parse `text`; None when a word of it is not understood, or its date is ambiguous."""
    parts = _parts(text)
    if parts is None:
        return None
    date = _date(parts, zone)
    if date is None:
        return None
    try:
        said, days, later = _on_the_clock(parts.clock, parts.meridiem)
        year, month, day = map(int, date)
        naive = datetime.combine(datetime(year, month, day), said) + days
    except (ValueError, OverflowError):
        return None
    where = _zone(parts, naive, zone)
    return None if where is None else LocalTime(naive, where, later)


def _parts(text: str) -> _Parts | None:
    parts, end = _Parts(), 0
    for token in _TOKEN.finditer(text):
        if token.start() != end:
            return None
        end, kind, said = token.end(), token.lastgroup or "", token[0]
        if kind in ("date", "clock", "offset", "year", "day"):
            if getattr(parts, kind) not in ("", "00:00"):
                return None
            setattr(parts, kind, said)
        elif kind == "place":
            parts.place = parts.place or token["place"].lower()
        elif kind == "word" and not _word(parts, said.rstrip(".").lower()):
            return None
    return parts if end == len(text) else None


def _word(parts: _Parts, word: str) -> bool:
    """Add a word to the parts; return whether it is one that stands in a time."""
    if word in _MERIDIEM:
        parts.meridiem = word
    elif month := _named(word, _MONTHS):
        parts.month = month
    elif word in _UTC or (len(word) in (3, 4) and not _named(word, _WEEKDAYS)):
        parts.place = word
    elif word != "t" and not _named(word, _WEEKDAYS):
        return False
    return True


def _named(word: str, names: tuple[str, ...]) -> int:
    """Return the number of the name that the word is or begins, from 1; 0 for none."""
    if len(word) < 3:
        return 0
    return next((i for i, name in enumerate(names, 1) if name.startswith(word)), 0)


def _date(parts: _Parts, zone: tzinfo) -> tuple[str, str, str] | None:
    """Return year, month and day; None where they cannot be told, or are there twice."""
    apart = (parts.year, str(parts.month or ""), parts.day)
    if parts.date:
        return None if any(apart) else _numbers(parts.date, zone)
    return apart


def _numbers(date: str, zone: tzinfo) -> tuple[str, str, str] | None:
    """Return year, month and day; None where nobody can say which is which."""
    mark = "-" if "-" in date else "/" if "/" in date else "."
    first, second, third = date.split(mark)
    if len(first) == 4:
        return first, second, third
    if len(third) != 4 or len(first) > 2:
        return None  # which of them is the year?
    if mark == "." or (mark == "/" and int(first) > 12):
        return third, second, first
    if mark == "-" or int(second) > 12 or int(first) == int(second):
        return third, first, second  # AT&T documents 04-15-2011
    name = getattr(zone, "key", "UTC")
    if name == "UTC":
        return None
    return (third, first, second) if _MONTH_FIRST(name) else (third, second, first)


def _on_the_clock(clock: str, meridiem: str) -> tuple[clock_time, timedelta, timedelta]:
    """Return the time of day, the day that 24:00 adds, on the clocks of its zone, and the leap
    second to add after that. Raises `ValueError`.
    """
    hour, minute, second, fraction = (*re.split("[:.,]", clock), "0", "0")[:4]
    hours, seconds, days, later = int(hour), int(second), timedelta(), timedelta()
    if meridiem and 1 <= hours <= 12:
        hours = hours % 12 + (12 if meridiem == "pm" else 0)
    if hours == 24 and int(minute) == seconds == int(fraction) == 0:
        hours, days = 0, timedelta(days=1)
    if seconds == 60:
        seconds, later = 59, timedelta(seconds=1)
    micros = int(fraction.ljust(6, "0")[:6])
    return clock_time(hours, int(minute), seconds, micros), days, later


def _zone(parts: _Parts, naive: datetime, zone: tzinfo) -> tzinfo | None:
    """Return the zone that the time names, else the listener's; None for an unknown name."""
    if parts.offset:
        sign, hours, minutes = parts.offset[0], parts.offset[1:3], parts.offset[3:].lstrip(":")
        offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
        return timezone(-offset if sign == "-" else offset)
    if not parts.place:
        return zone
    if parts.place in _UTC or parts.place in ("etc/utc", "etc/gmt"):
        return UTC
    if parts.place == getattr(zone, "key", "").lower():
        return zone
    for fold in (0, 1):  # an hour that comes twice has a name of its own each time
        at = naive.replace(tzinfo=zone, fold=fold)
        if parts.place == (at.tzname() or "").lower():
            return timezone(at.utcoffset() or timedelta())
    hours_off = _HOURS.get(parts.place)
    return None if hours_off is None else timezone(timedelta(hours=hours_off))
