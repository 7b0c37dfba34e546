"""Requeue events: a sink has them delivered once more, from its retry set."""

import time
from collections.abc import Iterable
from itertools import chain
from typing import Any

import redis

from receiver.contract.records import Delivery, encode
from receiver.contract.redis_keys import DEAD_LETTERS, SINKS, retry_due, retry_items
from receiver.runtime import scripts


class Requeue:
    """Puts events into a sink's retry set, due now, and counts them as asked for again."""

    def __init__(self, client: redis.Redis) -> None:
        self._script = client.register_script(scripts.load(__package__, "requeue"))

    def send(
        self,
        sink: str,
        events: Iterable[tuple[str, bytes]],
        now: int,
        *,
        letter: str = "",
        pipe: Any = None,
    ) -> Any:
        """Requeue events, given as entry id and event. `now` is Redis' time in milliseconds.

        With `letter` the events come from this dead letter: it goes, and nothing happens where it
        was gone already. Returns how many were not waiting there before, or -1 where the letter was
        gone; in a pipeline, its reply is that.
        """
        first = max(now, time.time_ns() // 1_000_000)  # given up so long after the later clock
        pairs: Iterable[str | bytes] = chain.from_iterable(
            (entry, encode(Delivery(entry, event, first))) for entry, event in events
        )
        return self._script(
            keys=[retry_due(sink), retry_items(sink), SINKS, DEAD_LETTERS],
            args=[f"{sink}:replayed", now, letter, *pairs],
            client=pipe,
        )
