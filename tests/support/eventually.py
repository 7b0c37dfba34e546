"""Waiting for a condition, instead of for a time."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(condition: Callable[[], T], *, within: float = 120) -> T:
    """The first true value of the condition; an AssertionError when there is none in time.

    The time is for the slowest machine: a test that passes does not wait for it.
    """
    begun = time.monotonic()
    while not (found := condition()):
        waited = time.monotonic() - begun
        assert waited < within, f"not within {within} s: {condition!r}"
        # What is long in coming is asked for more rarely: asking, too, takes a core's time.
        threading.Event().wait(min(0.1, max(0.01, waited / 20)))
    return found
