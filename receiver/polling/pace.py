"""How long things take and rest in polling: all its times in one place."""

import random
from typing import Final

from msgspec import Struct

_SPREAD: Final = random.SystemRandom()


class Pace(Struct, frozen=True, kw_only=True):
    """Seconds."""

    jitter: float = 15.0
    """On top of the cadence, so that polls do not come together."""
    failures: tuple[float, ...] = (30.0, 60.0, 120.0, 300.0)
    """After the first, second, … failure in a row; the last one for all that follow."""
    connect: float = 10.0
    idle: float = 60.0
    """Without a byte; a whole answer has no limit, for giving one up destroys messages."""
    lease: float = 15.0
    tick: float = 1.0
    """Between two looks at what is due, at the lease, and at pages that wait."""
    quiet: float = 2.0
    """Between two looks of a poll for delivery statuses while none is due."""
    warns: float = 15 * 60.0
    """Since the last success, while Redis is away."""
    alarms: float = 20 * 60.0
    regardless: float = 25 * 60.0
    """Then polls go on into page files: the gateway drops messages after 30 minutes."""
    grace: float = 20.0
    """For an answer that is under way when the process is told to stop."""
    append: float = 30.0
    """For one page on its way to Redis."""

    def after(self, failures: int) -> float:
        """Return the pause after so many failures in a row, at least one."""
        return self.failures[min(failures, len(self.failures)) - 1]

    def spread(self) -> float:
        """Return a part of the jitter."""
        return _SPREAD.uniform(0.0, self.jitter)
