"""The local clock, beside Redis' clock: nothing expires unless both clocks say so.

One clock alone can be wrong by days: a machine starts before its clock is set, or a failover goes
to a machine whose clock nobody set. So a period (a history's age, the time to remember an identity,
the time until a sink gives up) begins by the later of the two clocks and ends by the earlier.
"""

import time


def local_time() -> int:
    """Return this machine's time, in milliseconds since 1970."""
    return time.time_ns() // 1_000_000
