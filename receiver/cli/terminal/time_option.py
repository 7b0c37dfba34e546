"""Options that take a time: an age such as 10m, or an RFC 3339 time."""

from datetime import UTC, datetime

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


def format_time(milliseconds: int) -> str:
    """Format milliseconds since 1970 as RFC 3339, in UTC, as `TimeOption` reads it."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
