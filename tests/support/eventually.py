"""Waiting for a condition, instead of for a time."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(condition: Callable[[], T], *, within: float = 60) -> T:
    """The first true value of the condition; an AssertionError when there is none in time.

    The time is for the slowest machine: a test that passes does not wait for it.
    """
    deadline = time.monotonic() + within
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {within} s: {condition!r}"
        threading.Event().wait(0.01)
    return found
