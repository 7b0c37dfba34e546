"""Gathering: a short wait between two batches, so that what comes in meanwhile is one batch too."""

import time
from typing import Final

SECONDS: Final = 0.004
"""A batch costs a worker and Redis as much as some ten entries of it do. What comes alone, this
long after the last, does not wait."""


def gather() -> None:
    """Wait until some more may have come; call it between a batch and a read that would block."""
    time.sleep(SECONDS)
