"""The loop of the job behind each sink, whether it is on our own Redis or elsewhere."""

import time
from collections.abc import Callable
from typing import Final

import msgspec

from receiver.config.settings import SinkSettings
from workers.forward.delivery_queue import Deliveries

WORK_SECONDS: Final = 10.0
"""After this long a job ends and rings, so that RQ sees a living worker."""
LINGER_MILLISECONDS: Final = 200
"""How long a job waits for more before it ends."""


class Shift(msgspec.Struct, frozen=True):
    """What one worker has at hand for one sink, and how long it works at a time."""

    sink: SinkSettings
    deliveries: Deliveries
    ring: Callable[[], None]
    stopping: Callable[[], bool]

    def work(self, step: Callable[[], bool], end: Callable[[], None] = lambda: None) -> None:
        """Step until a step says that nothing is left, the time is up or a stop is asked for.

        In the last two cases there may be more: `end` runs, and the bell is rung.
        """
        until = time.monotonic() + WORK_SECONDS
        try:
            while not self.stopping() and time.monotonic() < until:
                if not step():
                    return
            end()
            self.ring()
        finally:
            self.deliveries.write()

    def idle(self) -> bool:
        """Whether nothing came for a while, or nothing may be sent: the sweep rings again."""
        return self.deliveries.held or not self.deliveries.more_within(LINGER_MILLISECONDS)
