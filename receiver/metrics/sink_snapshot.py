"""The sinks in Redis, read for one scrape or one examination."""

from typing import Any, Final

import msgspec
import redis

from receiver.contract.redis_keys import forward_group, retry_due, sink_parking, sink_state
from receiver.contract.stored_values import texts, whole
from receiver.runtime.redis_errors import is_foreign

BEATS_WITHIN: Final = 60.0
"""Seconds after which a worker that said nothing counts as dead; one job takes some ten."""


class Waiting(msgspec.Struct, frozen=True):
    """Hold what one consumer group has still to acknowledge."""

    entries: int
    """-1 when the server cannot tell."""
    oldest: float
    """Age of the oldest of them in seconds; 0 when there is none."""


class Sink(msgspec.Struct, frozen=True):
    """Hold the counts and the state of one sink."""

    counts: dict[str, int]
    """As `receiver.contract.redis_keys.SINKS` says."""
    waiting: Waiting
    retries: int
    state: dict[str, str]
    """As `receiver.contract.redis_keys.sink_state` says."""
    parking: dict[str, str] = {}
    """As `receiver.contract.redis_keys.sink_parking` says."""

    @property
    def failing(self) -> bool:
        """Return whether requests failed and only a probe now and then is sent."""
        return self.state.get("opened", "0") != "0"

    @property
    def parked(self) -> int:
        """Return how many of its events are parked on a disk."""
        return whole(self.parking.get("total")) - whole(self.parking.get("returned"))

    @property
    def parking_trouble(self) -> str:
        """Return why its events cannot be parked or returned; empty where they can."""
        return self.parking.get("trouble", "")

    @property
    def when_full(self) -> str:
        """Return what supervisors do with what exceeds its share, `park` if one of them does; empty
        where none ever had the sink.
        """
        known = max(0, self.counts.get("configured", 0) - 1000 * BEATS_WITHIN)
        policies = ("park", "shed", "hold")
        return next((one for one in policies if self.counts.get(f"{one}s", 0) > known), "")

    def unseen(self, now: float) -> bool:
        """Return whether events are parked on a disk that no worker has looked after lately."""
        return self.parked > 0 and now - whole(self.parking.get("seen")) / 1000 > BEATS_WITHIN

    def known(self, now: float) -> bool:
        """Return whether a supervisor has configured the sink: it says so every few seconds."""
        return now - self.counts.get("configured", 0) / 1000 < BEATS_WITHIN


def read(
    client: redis.Redis, counts: dict[str, int], groups: dict[str, Waiting]
) -> dict[str, Sink]:
    """Return the sinks that have a consumer group; others are retired. `counts` are the fields of
    `SINKS`; `groups` the events stream's. Raises `redis.RedisError`.
    """
    prefix = forward_group("")
    names = sorted(name.removeprefix(prefix) for name in groups if name.startswith(prefix))
    pipe = client.pipeline(transaction=False)
    for name in names:
        pipe.zcard(retry_due(name))
        pipe.hgetall(sink_state(name))
        pipe.hgetall(sink_parking(name))
    replies = map(ours, pipe.execute(raise_on_error=False))
    own: dict[str, dict[str, int]] = {name: {} for name in names}
    for field, count in counts.items():
        name, _, said = field.partition(":")
        own.get(name, {})[said] = count
    return {
        name: Sink(own[name], groups[prefix + name], retries or 0, texts(state), texts(parking))
        for name, retries, state, parking in zip(names, replies, replies, replies, strict=True)
    }


def ours(reply: Any) -> Any:
    """Return a reply; nothing for a key of another type. Raises any other error reply."""
    if isinstance(reply, Exception):
        if not is_foreign(reply):
            raise reply
        return {}
    return reply
