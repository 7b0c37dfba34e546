"""Cancelling tasks so that they end."""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

_AGAIN: Final = 1.0
"""Seconds until a task that has not ended is cancelled once more."""


async def cancel(tasks: "Iterable[asyncio.Future[Any]]") -> None:
    """Cancel tasks and wait until each has ended; what they raise is dropped.

    A task is cancelled again until it ends: where a time-out comes at the same moment, as it does
    after the process was stopped for a while, a library may take the cancellation for its own.
    """
    left = set(tasks)
    while left:
        for each in left:
            each.cancel()
        done, left = await asyncio.wait(left, timeout=_AGAIN)
        for each in done:
            if not each.cancelled():
                each.exception()
