"""The sweep of the sinks: ring for what is due or new, and let go of sinks that are no more."""

import time
from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Final

import redis
import structlog

from receiver.notification import EVENTS, SINKS, forward_group, retry_due, sink_state
from receiver.settings import SinkSettings
from workers import bell, deliveries

log = structlog.get_logger()

RETIRED_AFTER: Final = 24 * 3600 * 1000
"""Milliseconds after which a sink that no supervisor knows any more holds no history."""


class SinkSweep:
    """One supervisor's sweep of its sinks; any number of them may run at once."""

    def __init__(self, client: redis.Redis, sinks: Sequence[SinkSettings]) -> None:
        self._client = client
        self._sinks = sinks
        self._retire = client.register_script(_lua("retire"))
        self._waiting = client.register_script(_lua("waiting"))

    def begin(self) -> None:
        """Before any worker of ours publishes, so that a new sink misses nothing of theirs."""
        for sink in self._sinks:
            deliveries.begin(self._client, sink.name)

    def run(self) -> None:
        """Sweep once. Raises `redis.RedisError`."""
        now = time.time_ns() // 1_000_000
        names = [sink.name for sink in self._sinks]
        retired: Any = self._retire(keys=[EVENTS, SINKS], args=[now, RETIRED_AFTER, *names])
        for name in retired:
            log.warning("sink.retired", sink=name.decode())
        for sink in self._sinks:
            keys = [EVENTS, retry_due(sink.name), sink_state(sink.name)]
            if self._waiting(keys=keys, args=[forward_group(sink.name), now]):
                bell.ring_sink(self._client, sink)


def _lua(name: str) -> str:
    return files("workers").joinpath(f"{name}.lua").read_text("utf-8")
