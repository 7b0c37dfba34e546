"""The history that the console's charts show: a sample of the counts for each minute."""

from typing import Any, Final

import redis
from redis.exceptions import ResponseError

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
        try:
            self._script(keys=[HISTORY, LEDGER, INBOUND, EVENTS, SINKS, METER], args=arguments)
        except ResponseError as error:
            if "WRONGTYPE" not in str(error):
                raise
