"""Options that take a time: an age such as 10m, or an RFC 3339 time."""

from datetime import UTC, datetime
from typing import Final

import click

from receiver.runtime.moment import moment


class TimeOption(click.ParamType[int]):
    """The type of options that take an age such as 10m, or an RFC 3339 time."""

    name = "moment"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Convert an age or a time to milliseconds since 1970; a time without a zone is UTC."""
        try:
            return moment(value)
        except ValueError as wrong:
            self.fail(f"{value!r}: {wrong}", param, ctx)


_FIRST: Final = -62_135_596_800_000
_LAST: Final = 253_402_300_799_999


def within_calendar(milliseconds: float) -> datetime:
    """Return the moment of milliseconds since 1970, in UTC; of what lies beyond the calendar its
    first or last one.
    """
    within = int(min(max(milliseconds, _FIRST), _LAST))
    return datetime.fromtimestamp(within // 1000, UTC).replace(microsecond=within % 1000 * 1000)


def format_time(milliseconds: float) -> str:
    """Format milliseconds since 1970 as RFC 3339, in UTC, as `TimeOption` reads it, and as
    `within_calendar` has it.
    """
    return within_calendar(milliseconds).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def cut_time(time: str, length: int = len("2026-01-31T12:00:00")) -> str:
    """Return a time as `format_time` has it, cut for a table: it still says that it is UTC."""
    return f"{time[:length]}Z" if time else ""
