"""Gathering: a short wait between two batches, so that what comes in meanwhile is one batch too."""

import time
from typing import Final

SECONDS: Final = 0.004
"""A batch costs a worker and Redis as much as some ten entries of it do. What comes alone, this
long after the last, does not wait."""
FEW: Final = 16
"""Entries of a batch after which to wait: a worker that handles more at once is busy, and a wait
would make its batches so large that the writes of web processes are held up by them."""


def gather(handled: int = 0) -> None:
    """Wait until some more may have come, unless more than a few were handled just now; call it
    between a batch and a read that would block.
    """
    if handled < FEW:
        time.sleep(SECONDS)
