"""The sweep: every few seconds, ring where work is open, and keep the histories bounded."""

from importlib.resources import files
from typing import Any, Final

import redis
import structlog

from receiver.notification import DEAD_LETTERS, EVENTS, GROUP, INBOUND, LEDGER
from workers import bell

log = structlog.get_logger()

EVERY: Final = 3.0
"""Seconds between two sweeps: the longest that work waits when every bell is lost."""
DAY: Final = 24 * 3600 * 1000
INBOUND_KEPT: Final = DAY
EVENTS_KEPT: Final = 7 * DAY
DEAD_LETTERS_KEPT: Final = 30 * DAY
EVENTS_MOST: Final = 1_000_000
DEAD_LETTERS_MOST: Final = 100_000
SHORT_AT: Final = 0.6
"""Share of `maxmemory` from which old history goes: only open work may close the door."""


class Sweep:
    """One supervisor's sweep; any number of them may run at once."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._script = client.register_script(
            files("workers").joinpath("sweep.lua").read_text("utf-8")
        )

    def run(self) -> None:
        """Sweep once. Raises `redis.RedisError`."""
        memory: Any = self._client.info("memory")
        short = memory["used_memory"] > SHORT_AT * (memory.get("maxmemory") or float("inf"))
        is_open = self._script(
            keys=[INBOUND, EVENTS, DEAD_LETTERS, LEDGER],
            args=[
                GROUP,
                INBOUND_KEPT,
                EVENTS_KEPT,
                DEAD_LETTERS_KEPT,
                EVENTS_MOST,
                DEAD_LETTERS_MOST,
                int(short),
            ],
        )
        if is_open:
            bell.ring(self._client)
