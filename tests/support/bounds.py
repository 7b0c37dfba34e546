"""Bounds on what a test's work may take: far above what it takes, far below what it took."""

import os
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

LONG: Final = 10.0
"""Seconds: the largest body takes a part of one, and a minute where each of its characters is tried
as the beginning of all that follow."""
MUCH: Final = 64 * 1024**2
"""Bytes: many times the largest body, and a small part of a product of its parts."""


@contextmanager
def soon() -> Iterator[None]:
    """Fail where what is done inside takes long."""
    began = time.process_time()
    yield
    assert time.process_time() - began < LONG


@contextmanager
def with_little_memory(most: int = MUCH) -> Iterator[None]:
    """Fail where what is done inside takes much memory at any time."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


def seconds_of(pid: int) -> float:
    """What a process has taken of the processors so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
