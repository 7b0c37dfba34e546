"""Replay of events that are still on their stream, to one sink.

They go through the sink's retry set, marked with the CloudEvents extension attribute `replayed`
(a Boolean, true), under the id they have always had.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final

import msgspec
import redis
from rq import Queue
from rq.serializers import JSONSerializer

from receiver.config.settings import SinkSettings
from receiver.contract.entry_ids import order
from receiver.contract.redis_keys import (
    EVENTS,
    FORWARD_JOB,
    forward_group,
    forward_queue,
    retry_due,
    sink_state,
)
from receiver.contract.stored_values import UNREADABLE, text
from receiver.operations import parked_events
from receiver.operations.look import last_delivered, newest_entry
from receiver.operations.requeue import Requeue
from receiver.runtime.server_time import server_time

PAGE: Final = 200
AT_ONCE: Final = 2_000
"""Events handed over before the sink has to take them all: what is due goes first there, so that
with more of it always due nothing new would ever be sent."""
WAITING_MOST: Final = 5_000
"""Deliveries that may wait for the sink, for whatever reason: they lie in Redis a second time."""
_PENDING_MOST: Final = 1_000
"""Pending entries that are looked at: more than a page of the stream has."""

_FORWARD_OPTIONS: Final = {
    "description": "forward",
    "job_timeout": 300,  # more than any sink's own
    "result_ttl": 60,
    "failure_ttl": 3600,
}

_event = msgspec.json.Decoder(dict[str, Any]).decode


class Stopped(Exception):
    """Raised where somebody has to start the sink first; the message says which and why."""


def refuse_stopped(client: redis.Redis, sink: str) -> None:
    """Raise `Stopped` where a sink is, and `redis.RedisError`."""
    why: Any = client.hget(sink_state(sink), "stopped")
    if why is not None:
        raise Stopped(f"sink {sink!r} is stopped: {text(why)}")


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """The selection of events: by when they were appended, and by types and listeners if any."""

    since: int
    """Milliseconds since 1970."""
    until: int
    """Before this time."""
    types: tuple[str, ...] = ()
    """Globs."""
    listeners: tuple[str, ...] = ()

    def holds(self, event: dict[str, Any]) -> bool:
        """Return whether an event is selected."""
        return (
            not self.types or any(fnmatchcase(event["type"], glob) for glob in self.types)
        ) and (not self.listeners or event["source"].rpartition("/")[2] in self.listeners)


class Step(msgspec.Struct, frozen=True):
    """The counts of one replayed page."""

    last: str
    """The last entry that was looked at: everything up to it is done."""
    looked_at: int
    chosen: int
    new: int
    """Of the chosen, those that were not waiting for the sink already."""
    first: str = ""
    final: str = ""
    """The first and the last entry of the chosen; empty where none is."""


def until_now(client: redis.Redis) -> int:
    """Return Redis' time (ms), or one after the newest event where that is later: the stream goes
    on from its newest entry where the clock has jumped back. Raises `redis.RedisError`.
    """
    return max(order(newest_entry(client, EVENTS))[0] + 1, server_time(client))


class Replay:
    """One replay: bounded in memory, here and in Redis, and complete up to each step it yields."""

    def __init__(
        self,
        client: redis.Redis,
        sink: SinkSettings,
        wanted: Wanted,
        waits: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`waits` hears, again and again, what is waited for; it ends the replay by raising."""
        self._waits = waits
        self._client = client
        self._sink = sink
        self._wanted = wanted
        self._requeue = Requeue(client)
        self._queue = Queue(forward_queue(sink.name), connection=client, serializer=JSONSerializer)
        self._room = 0

    def steps(self, *, dry: bool) -> Iterator[Step]:
        """Replay page by page, as soon as the sink has room, and yield the counts of each. Raises
        `Stopped` and `redis.RedisError`.
        """
        if self._wanted.until <= self._wanted.since:
            return  # of "-1" a server makes no end that is before all entries
        at = str(self._wanted.since)
        # What is published meanwhile may have the last time too.
        last = newest_entry(self._client, EVENTS, str(self._wanted.until - 1))
        while True:
            page: Any = self._client.xrange(EVENTS, min=at, max=last, count=PAGE)
            if not page:
                return
            chosen = [(entry, fields[b"event"]) for entry, fields in page if self._means(fields)]
            events = self._to_send(chosen)
            new = len(events) if dry else self._send(events)
            entry = page[-1][0].decode()
            first, final = (chosen[at][0].decode() if chosen else "" for at in (0, -1))
            yield Step(entry, len(page), len(chosen), new, first, final)
            at = f"({entry}"

    def _means(self, fields: dict[bytes, bytes]) -> bool:
        try:
            event = _event(fields.get(b"event", b""))
            return self._wanted.holds(event) and self._sink.wants(event)
        except (*UNREADABLE, KeyError, TypeError, AttributeError):
            return False  # whoever put it there, it is none of ours

    def _to_send(self, chosen: list[tuple[bytes, bytes]]) -> list[tuple[str, bytes]]:
        """Return the chosen events, marked, but for those that the sink is to get anyway."""
        found = {entry.decode(): event for entry, event in chosen}
        waiting = _still_waiting(self._client, self._sink.name, list(found))
        return [(entry, _marked(event)) for entry, event in found.items() if entry not in waiting]

    def _send(self, events: list[tuple[str, bytes]]) -> int:
        if not events:
            return 0
        if self._wait_for_room(len(events)):
            events = self._still_there(events)
        new = self._requeue.send(self._sink.name, events, server_time(self._client))
        self._ring()
        return int(new)

    def _still_there(self, events: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
        """Return those that have not gone from the stream, as what `receiver erase` erases does."""
        found: Any = self._client.xrange(EVENTS, events[0][0], events[-1][0], count=PAGE)
        there = {entry.decode() for entry, _ in found}
        return [one for one in events if one[0] in there]

    def _wait_for_room(self, wanted: int) -> bool:
        """Wait until the sink has room for so many. Returns whether that took any time."""
        due, waited = retry_due(self._sink.name), False
        while self._room < wanted:
            waiting: Any = self._client.zcard(due)
            now = server_time(self._client)  # by which workers decide what is due
            if waiting <= WAITING_MOST and not self._client.zcount(due, "-inf", now):
                self._room = AT_ONCE
            else:
                refuse_stopped(self._client, self._sink.name)
                self._waits(f"sink {self._sink.name!r} has {waiting} deliveries to do first")
                time.sleep(0.05)
                waited = True
        self._room -= wanted
        return waited

    def _ring(self) -> None:
        """Enqueue the forward job; the sweep would too, but only every few seconds."""
        if self._queue.count == 0:
            self._queue.enqueue(FORWARD_JOB, **_FORWARD_OPTIONS)


def _marked(event: bytes) -> bytes:
    """Mark an event as replayed. Our encoder wrote it: an object with members, without a space."""
    return b'{"replayed":true,' + event[1:]


def _still_waiting(client: redis.Redis, sink: str, entries: Sequence[str]) -> set[str]:
    """Return those of some entries of the events stream, in its order, that the sink's group has
    not read or acknowledged, or that are parked. What waits among its retries is none of them.
    Raises `redis.RedisError`.
    """
    group = forward_group(sink)
    last = last_delivered(client, EVENTS, group) if entries else None
    if last is None:
        return set()
    # In the order in which an event goes on: what does so meanwhile is among these or the retries.
    waiting = {entry for entry in entries if order(entry) > order(last)}
    waiting |= _pending(client, group, entries)
    return waiting.union(parked_events.among(client, sink, entries)[0])


def _pending(client: Any, group: str, entries: Sequence[str]) -> set[str]:
    found = client.xpending_range(EVENTS, group, entries[0], entries[-1], _PENDING_MOST)
    return {one["message_id"].decode() for one in found}
