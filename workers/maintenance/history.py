"""The history that the console's charts show: a sample of the counts for each minute."""

from typing import Any, Final

import redis

from receiver.contract.redis_keys import (
    EVENTS,
    GROUP,
    HISTORY,
    INBOUND,
    LEDGER,
    METER,
    SINKS,
    forward_group,
    retry_due,
    sink_parking,
)
from receiver.metrics.counters import BOUNDS, PUBLISHED
from receiver.runtime import scripts
from receiver.runtime.redis_errors import unless_foreign

KEPT: Final = 2_880
"""Samples: those of 48 hours."""


class HistorySampler:
    """Add the samples, for one supervisor; of any number of them one writes each minute's."""

    def __init__(self, client: redis.Redis) -> None:
        self._script = client.register_script(scripts.load(__package__, "sample_history"))
        self._bounds = [*BOUNDS[PUBLISHED], "inf"]

    def run(self) -> None:
        """Add the sample of this minute, if it is missing. Raises `redis.RedisError`; where a key
        is of another program's, and so of another type, there is no sample.
        """
        prefixes = [forward_group(""), retry_due(""), sink_parking("")]
        arguments: list[Any] = [KEPT, GROUP, *prefixes, PUBLISHED, *self._bounds]
        keys = [HISTORY, LEDGER, INBOUND, EVENTS, SINKS, METER]
        unless_foreign(lambda: self._script(keys=keys, args=arguments), None)
