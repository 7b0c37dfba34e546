"""Options that take a time: an age such as 10m, or an RFC 3339 time."""

import re
import time
from datetime import UTC, datetime

import click

_AGE = re.compile(r"(\d+)([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class TimeOption(click.ParamType[int]):
    """The type of options that take an age such as 10m, or an RFC 3339 time."""

    name = "moment"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Convert an age or a time to milliseconds since 1970; a time without a zone is UTC."""
        if age := _AGE.fullmatch(value):
            return int((time.time() - int(age[1]) * _SECONDS[age[2]]) * 1000)
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(
                f"{value!r}: an age such as 90s, 10m, 2h, 1d or a time such as "
                "2026-01-31T12:00:00Z is wanted",
                param,
                ctx,
            )
        return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1000)


def format_time(milliseconds: int) -> str:
    """Format milliseconds since 1970 as RFC 3339, in UTC, as `TimeOption` reads it."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
