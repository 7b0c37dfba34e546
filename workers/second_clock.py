"""The local clock, beside Redis' clock: nothing expires unless both clocks say so.

One clock alone is sometimes wrong by days: a machine that starts before its clock is set, a
failover to one where nobody set it. So a period (a history's age, an identity, the time a sink
tries) begins by the later of the two clocks and ends by the earlier.
"""

import time


def local_time() -> int:
    """Return this machine's time, in milliseconds since 1970."""
    return time.time_ns() // 1_000_000
