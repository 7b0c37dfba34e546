"""Room for one more connection, where carriers have taken all that there are."""

from collections.abc import Iterable
from typing import Any, Final

from receiver.web.http_parser import Parsing

KEPT_IDLE: Final = 10.0
"""Seconds that a connection with a valid credential is kept for its next request although a
newcomer wants its place. A request that crosses with our closing would be a 502 for its carrier."""


def longest_idle(connections: Iterable[Any], now: float) -> Parsing | None:
    """Return the connection that has idled longest; None where that is not for `KEPT_IDLE`. `now`
    is the loop's time.
    """
    open_ = (one for one in connections if not one.transport.is_closing())
    found: Parsing | None = min(open_, key=lambda one: one.idle_since, default=None)
    return found if found and now - found.idle_since >= KEPT_IDLE else None
