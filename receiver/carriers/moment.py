"""Points in time, from every notation carriers use to an aware UTC `datetime`."""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final

_RFC3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
).fullmatch

# "26/Jul/2012:21:55:01:462 +0000": captured from AT&T's own listener in 2012; a colon stands before
# the milliseconds.
_LOG: Final = re.compile(
    r"([0-9]{1,2})/([A-Za-z]{3})/([0-9]{4}):([0-9:]{8})(?:[:.,]([0-9]{1,6}))?"
    r"(?: ?([+-][0-9:]{4,5}))?"
).fullmatch
# "Fri Nov 22 2013 12:12:13 GMT+0000 (UTC)": Globe's.
_SCRIPT: Final = re.compile(
    r"[A-Za-z]{3},? ([A-Za-z]{3}) ([0-9]{1,2}) ([0-9]{4}) ([0-9:]{8})"
    r"(?: (?:GMT|UTC)?([+-][0-9:]{4,5})?(?: \(.*\))?)?"
).fullmatch
_EPOCH: Final = re.compile(r"[0-9]{9,13}(?:\.[0-9]{1,9})?").fullmatch
_MONTHS: Final = "jan feb mar apr may jun jul aug sep oct nov dec"
_MILLISECONDS_FROM: Final = 10**11
"""A smaller epoch time is in seconds: as milliseconds it would lie before March 1973."""


@lru_cache(maxsize=1)  # whoever checks a time reads it next
def rfc3339(text: str) -> datetime | None:
    """A CloudEvents timestamp: RFC 3339 with a zone, and a date that exists; else None."""
    if not _RFC3339(text):
        return None
    if text[17:19] == "60":  # a leap second is valid RFC 3339 (section 5.6)
        before = _iso(f"{text[:17]}59{text[19:]}".upper(), UTC)
        return before and before + timedelta(seconds=1)
    return _iso(text.upper(), UTC)


def read(value: str | None, zone: tzinfo) -> datetime | None:
    """Any notation seen in the wild, best effort; None when it is not one. Zoneless is in `zone`.

    AT&T documents `04-15-2011T12:00:00`, month first; its traffic had `26/Jul/2012:21:55:01:462
    +0000`; OneAPI peers send ISO 8601 and milliseconds since 1970.
    """
    if not value:
        return None
    text = value.strip()
    if text[2:3] == "-" and text[5:6] == "-":
        text = f"{text[6:10]}-{text[:5]}{text[10:]}"
    return _iso(text, zone) or _worded(text, zone)


def _worded(text: str, zone: tzinfo) -> datetime | None:
    if found := _LOG(text):
        day, month, year, clock, fraction, offset = found.groups()
    elif found := _SCRIPT(text):
        month, day, year, clock, offset = found.groups()
        fraction = None
        offset = offset or "+0000"
    elif _EPOCH(text):
        return _epoch(float(text))
    else:
        return None
    number = _MONTHS.find(month.lower()) // 4 + 1  # 0, which no date has, for no month
    dot = f".{fraction}" if fraction else ""
    return _iso(f"{year}-{number:02}-{int(day):02}T{clock}{dot}{offset or ''}", zone)


def _epoch(value: float) -> datetime | None:
    seconds = value / 1000 if value >= _MILLISECONDS_FROM else value
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _iso(text: str, zone: tzinfo) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone)
        return moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
