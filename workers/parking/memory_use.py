"""What each sink's waiting events take of Redis's memory, and how many have to leave."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import redis
from redis.exceptions import ResponseError

from receiver.config.settings import SinkSettings
from receiver.contract.entry_ids import order
from receiver.contract.redis_keys import (
    EVENTS,
    SINKS,
    erase_parked,
    forward_group,
    retry_due,
    retry_items,
    sink_parking,
    sink_state,
)
from receiver.contract.stored_values import text, whole
from receiver.runtime import redis_errors
from workers.forward.delivery_queue import MOST_RETRIES

TOGETHER: Final = 0.5
"""Share of `maxmemory` that events which wait for all sinks together may take."""
BACK: Final = 0.1
"""Share of `maxmemory` that what has come back to all sinks may take: histories that nobody waits
for any more take what is left, up to nearly where intake is closed."""
SPARE: Final = 0.05
"""Of its share, that much is freed beyond it, so that events leave in blocks of some size."""
_SAMPLE: Final = 8
"""Events that tell the size of all: as many of the oldest and of the newest that wait."""
_SETTLED: Final = ("delivered", "filtered", "dead", "shed", "parked_damaged", "erased")
"""Counts of a sink's events that it waits for no more."""
_ENTRY_BYTES: Final = 40
"""What an entry of the stream takes besides its event."""
_RETRY_BYTES: Final = 250
"""What a delivery in the retry set takes besides its event: its id twice, its place in both."""


class Use(NamedTuple):
    """What waits for one sink, and what of it is parked."""

    position: str
    """The last entry that its group was given; empty where it has no group."""
    waiting: int
    """Events behind that."""
    pending: int
    """Entries that were given to a worker and are not settled."""
    retries: int
    event_bytes: float
    """What one waiting event takes, on average."""
    stopped: bool
    failing: bool
    """Whether the circuit is open."""
    place: str
    """Name of the directory that has what is parked."""
    host: str
    """The machine that had it when the last of them were parked."""
    total: int
    returned: int
    erase: Mapping[str, bytes]
    """Whose events are to be erased from what is parked: person -> encoded `EraseParked`."""
    to: str
    """The last entry that was parked; empty where nothing ever was."""
    returned_to: str
    """The last that came back, or that was given to a worker before the first was parked."""
    turn: str = ""
    """Named by who parks: what was sent to Redis in an earlier one parks nothing any more."""

    @property
    def parked(self) -> int:
        """Return how many events are parked."""
        return self.total - self.returned

    @property
    def retry_bytes(self) -> float:
        """Return the bytes that its retries take in Redis."""
        return self.retries * (self.event_bytes + _RETRY_BYTES) if self.retries else 0.0

    @property
    def bytes(self) -> float:
        """Return the bytes that all its waiting events take in Redis."""
        return self.waiting * self.event_bytes + self.retry_bytes


def read(
    client: redis.Redis,
    sinks: Sequence[SinkSettings],
    trouble: Callable[[str, str], object] = lambda _sink, _why: None,
) -> dict[str, Use]:
    """Return what waits for each sink that has a group. One of which that cannot be read is left
    out, and `trouble` is told why. Raises `redis.RedisError`.
    """
    if not client.exists(EVENTS):
        return {}
    groups: Any = client.xinfo_groups(EVENTS)
    known = {text(group["name"]): group for group in groups}
    found = {}
    for name in (sink.name for sink in sinks if forward_group(sink.name) in known):
        try:
            found[name] = _use(client, name, known[forward_group(name)])
        except (ResponseError, ValueError) as error:
            if isinstance(error, ResponseError) and not redis_errors.is_foreign(error):
                raise
            trouble(name, "another program has written into its keys in Redis")
    return found


def excess(sink: SinkSettings, uses: Mapping[str, Use], limit: int) -> int:
    """Return how many of a sink's waiting events have to leave a Redis with this `maxmemory`.

    Sinks that wait for the same entries share them: together they take what the one that is
    furthest behind does, and their retries. Where that is too much, the furthest behind gives way.
    """
    own = uses[sink.name]
    if not limit or not own.waiting:
        return 0
    allowed = sink.share / 100 * limit
    over = own.bytes - allowed
    behind = max(uses.values(), key=lambda one: one.waiting * one.event_bytes)
    if behind is own:
        retries = sum(one.retry_bytes for one in uses.values())
        over = max(over, own.waiting * own.event_bytes + retries - TOGETHER * limit)
    if over <= 0:
        return 0
    return min(own.waiting, math.ceil((over + SPARE * allowed) / own.event_bytes))


def may_return(sink: SinkSettings, uses: Mapping[str, Use], limit: int) -> bool:
    """Return whether parked events may come back now: what did takes less than half of the sink's
    share, and less than its part of what may be back of all sinks, and that of all sinks together
    takes less than half of their share. One block always may.
    """
    own = uses[sink.name]
    if not limit or not own.retries:
        return own.retries < MOST_RETRIES
    retries = sum(one.retry_bytes for one in uses.values())
    part = BACK / max(1, sum(one.parked > 0 for one in uses.values()))
    mine = min(sink.share / 200, part) * limit
    return own.retry_bytes < mine and retries < TOGETHER / 2 * limit


def _use(client: redis.Redis, sink: str, group: dict[str, Any]) -> Use:
    position = group["last-delivered-id"].decode()
    pipe = client.pipeline(transaction=False)
    pipe.zcard(retry_due(sink))
    pipe.zrange(retry_due(sink), 0, _SAMPLE - 1)
    pipe.hmget(sink_state(sink), "stopped", "opened")
    pipe.hmget(
        sink_parking(sink), "place", "host", "total", "returned", "to", "returned_to", "turn"
    )
    pipe.xrange(EVENTS, f"({position}", "+", count=_SAMPLE)
    pipe.xrevrange(EVENTS, "+", f"({position}", count=_SAMPLE)
    pipe.hgetall(erase_parked(sink))
    retries, names, (stopped, opened), parking, oldest, newest, asked = pipe.execute()
    place, host, total, returned, to, back, turn = (one.decode() if one else "" for one in parking)
    return Use(
        position=position,
        waiting=_waiting(client, sink, group, len(oldest)),
        pending=group["pending"],
        retries=retries,
        event_bytes=_event_bytes(client, sink, [*oldest, *newest], names),
        stopped=bool(stopped),
        failing=(opened or b"0") != b"0",
        place=place,
        host=host,
        total=int(total or 0),
        returned=int(returned or 0),
        erase=_unanswered(asked),
        to=to and _entry(to),
        returned_to=_entry(back or "0-0"),
        turn=turn,
    )


def _entry(stored: str) -> str:
    """Return the id of an entry. Raises `ValueError` for what is none."""
    order(stored)
    return stored


def _event_bytes(client: Any, sink: str, entries: list[Any], retries: list[bytes]) -> float:
    """Return what one event takes: of those on the stream, else of those to be tried again."""
    sizes = [len(event) for _, fields in entries for event in fields.values()]
    if not sizes and retries:
        sizes = [len(one or b"") for one in client.hmget(retry_items(sink), retries)]
    return sum(sizes) / max(1, len(sizes)) + _ENTRY_BYTES


def _waiting(client: redis.Redis, sink: str, group: dict[str, Any], seen: int) -> int:
    """Return how many events a sink's group was not given. The server does not say while one ahead
    of the group has been deleted, as `receiver erase` does: then it is `seen`, the number of the
    oldest that were read, if there are no more, else what the sink's ledger leaves for them.
    """
    if group["lag"] is not None or seen < _SAMPLE:
        return seen if group["lag"] is None else int(group["lag"])
    # Apart, for on a full server a transaction's replies are as a script returns them; and first:
    # what comes in or is delivered meanwhile makes the result smaller, never larger.
    found: Any = client.xinfo_stream(EVENTS), client.xpending(EVENTS, forward_group(sink))
    stream, group = found
    pipe = client.pipeline(transaction=True)
    pipe.zcard(retry_due(sink))
    pipe.hmget(sink_parking(sink), "total", "returned")
    pipe.hmget(SINKS, [f"{sink}:{name}" for name in ("replayed", "begun", *_SETTLED)])
    retries, parked, counts = pipe.execute()
    total, returned, replayed, *gone = map(whole, (*parked, *counts))
    left = stream["entries-added"] + replayed - sum(gone) - (total - returned) - retries
    return int(min(max(seen, left - group["pending"]), stream["length"]))


def _unanswered(asked: Mapping[bytes, bytes]) -> dict[str, bytes]:
    """Return the requests of `receiver.contract.redis_keys.erase_parked` that are not answered."""
    found = {}
    for field, request in asked.items():
        what, _, person = field.partition(b" ")
        if what == b"request" and asked.get(b"answered " + person) != request:
            found[text(person)] = request
    return found
