"""The sweep of the sinks: ring for due or new deliveries, and retire sinks no longer configured."""

import time
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any, Final

import redis
import structlog

from receiver.config.settings import SinkSettings
from receiver.contract.records import DeadLetter, Delivery, decode_delivery, encode
from receiver.contract.redis_keys import (
    EVENTS,
    MARKS,
    RETIRED_SECONDS,
    SINKS,
    forward_group,
    retry_due,
    retry_items,
    sink_deliveries,
    sink_parking,
    sink_state,
)
from receiver.contract.stored_values import decoded, text
from receiver.runtime import scripts
from workers import bell, second_clock
from workers.forward import delivery_queue
from workers.forward.outcomes import Outcome
from workers.maintenance.steps import Steps

log = structlog.get_logger()

RETIRED_AFTER: Final = 1000 * RETIRED_SECONDS
"""Milliseconds after which a sink that no supervisor knows any more is retired."""

UNUSED_AFTER: Final = 3600 * 1000
"""Milliseconds after which a consumer's name goes: where hosts come and go, so do their names."""


class SinkSweep:
    """Sweep the sinks of one supervisor; any number of supervisors may sweep at once."""

    def __init__(
        self,
        client: redis.Redis,
        sinks: Sequence[SinkSettings],
        when_full: Mapping[str, str] | None = None,
        steps: Steps | None = None,
    ) -> None:
        """`when_full`: sink -> what becomes of its events past its share; hold if not said."""
        self._client = client
        self._steps = steps or Steps()
        self._sinks = sinks
        policies = when_full or {}
        self._configured = {sink.name: policies.get(sink.name, "hold") for sink in sinks}
        self._retire = client.register_script(scripts.load(__package__, "retire_sinks"))
        self._has_work = client.register_script(scripts.load(__package__, "sink_has_work"))

    def create_groups(self) -> None:
        """Create the sinks' groups before any worker publishes: a new sink misses nothing."""
        for sink in self._sinks:
            delivery_queue.create_group(self._client, sink.name)

    def run(self) -> None:
        """Sweep once, each sink by itself. Raises `redis.RedisError`."""
        found: list[bytes] = self._steps.take("find sinks to retire", self._unconfigured, [])
        for sink in map(text, found):
            self._steps.take(f"retire sink {sink}", partial(self._retire_sink, sink), None)
        for one in self._sinks:
            self._steps.take(f"ring for sink {one.name}", partial(self._ring, one), None)

    def _unconfigured(self) -> list[bytes]:
        configured = chain.from_iterable(self._configured.items())
        found: Any = self._retire(
            keys=[EVENTS, SINKS, MARKS],
            args=[RETIRED_AFTER, UNUSED_AFTER, second_clock.local_time(), *configured],
        )
        retired: list[bytes] = found
        return retired

    def _ring(self, sink: SinkSettings) -> None:
        name = sink.name
        keys = [EVENTS, retry_due(name), sink_state(name), MARKS, sink_parking(name)]
        tries = int(3_600_000 * sink.give_up_hours)
        lease = delivery_queue.lease_milliseconds(sink.seconds)
        args: list[Any] = [forward_group(name), tries, second_clock.local_time(), lease]
        if self._has_work(keys=keys, args=args):
            bell.ring_sink(self._client, sink)

    def _retire_sink(self, name: str) -> None:
        """Retire a sink: its retries become dead letters, what is parked counts as not come back,
        all else that it had to get as let go, and its consumer group goes.
        """
        own = delivery_queue.DeliveryQueue(self._client, name, "sweep")
        client: Any = self._client  # redis-py's types allow every reply for every command
        while entries := client.zrange(retry_due(name), 0, 499):
            found = client.hmget(retry_items(name), entries)
            own.settle([_unsent(name, *each) for each in zip(entries, found, strict=True)])
        keys = [sink_parking(name), SINKS, EVENTS, MARKS, sink_state(name)]
        script = scripts.load(__package__, "forget_sink")
        shed, parked = client.eval(script, len(keys), *keys, name, forward_group(name))
        client.delete(sink_deliveries(name))
        log.warning("sink.retired", sink=name, shed=shed, parked=parked)


def _unsent(sink: str, entry: bytes, packed: bytes | None) -> Outcome:
    one = decoded(decode_delivery, packed) or Delivery(text(entry), packed or b"", 0)
    why, now = "the sink is not configured any more", time.time_ns() // 1_000_000
    letter = DeadLetter(now, why, b"", sink, one.event, one.attempts, one.entry)
    return Outcome(True, entry, "", "unsent", (encode(letter),))
