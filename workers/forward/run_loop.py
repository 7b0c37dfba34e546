"""The run loop of the forward jobs, transactional or remote."""

import time
from collections.abc import Callable
from typing import Final

import msgspec

from receiver.config.settings import SinkSettings
from workers import gathering
from workers.forward.delivery_queue import DeliveryQueue
from workers.forward.tracing import DeliverySpans

WORK_SECONDS: Final = 10.0
"""After this long a job ends and rings, so that RQ sees a living worker."""
GIVES_WAY: Final = 0.1
"""Seconds of one wait for the next lease: a stop is seen that soon."""
LINGER_MILLISECONDS: Final = 200
"""How long a job waits for more before it ends."""


class RunLoop(msgspec.Struct, frozen=True):
    """Run one sink's job for a limited time; holds what the job of a sink needs."""

    sink: SinkSettings
    deliveries: DeliveryQueue
    ring: Callable[[], None]
    stopping: Callable[[], bool]
    spans: DeliverySpans = DeliverySpans()

    def run(self, step: Callable[[], bool], end: Callable[[], None] = lambda: None) -> None:
        """Call `step` until it returns False (nothing left), the time is up or a stop is asked for.

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
            self.deliveries.write_metrics()

    def give_way(self) -> None:
        """Wait until the next lease may be, or a part of that time."""
        time.sleep(min(max(0.0, self.deliveries.pace.left()), GIVES_WAY))

    def idle(self) -> bool:
        """Return whether nothing came for a while or nothing may be sent; the sweep rings again."""
        if self.deliveries.held:
            return True
        gathering.gather()
        return not self.deliveries.wait_for_event(LINGER_MILLISECONDS)
