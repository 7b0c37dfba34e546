"""Every counter and depth in Redis, read for one scrape or one examination."""

import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final, TypeVar

import msgspec
import redis
from redis.exceptions import ResponseError

from receiver.auth import credential_store
from receiver.auth.credential_store import Stored, all_stored
from receiver.contract.redis_keys import (
    CONSENTS,
    DEAD_LETTER_OWNERS,
    DEAD_LETTERS,
    EVENTS,
    GROUP,
    HEARD,
    INBOUND,
    LOSSES,
    MARKS,
    METER,
    NORMALISE_QUEUE,
    REJECTED,
    SINKS,
    TURNED_AWAY,
    forward_group,
    forward_queue,
    retry_due,
    sink_parking,
    sink_state,
)
from receiver.operations import ledger, watch_ledger
from receiver.operations.ledger import Ledger
from receiver.operations.watch_ledger import WatchLedger
from receiver.polling import overview
from receiver.polling.mailbox import consent_record
from receiver.polling.mailbox.consent_record import Consent
from receiver.polling.overview import PollState
from receiver.runtime import scripts
from receiver.subscriptions import operator_state
from receiver.subscriptions.operator_state import OperatorState

T = TypeVar("T")

STREAMS: Final = (INBOUND, EVENTS, DEAD_LETTERS, REJECTED)
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
    """`delivered`, `filtered`, `dead`, `replayed`, `failed_attempts`."""
    waiting: Waiting
    retries: int
    state: dict[str, str]
    """As `receiver.contract.sink_state` says."""
    parking: dict[str, str] = {}
    """As `receiver.contract.sink_parking` says."""

    @property
    def parked(self) -> int:
        """Return how many of its events are parked on a disk."""
        return int(self.parking.get("total", 0)) - int(self.parking.get("returned", 0))

    @property
    def parking_trouble(self) -> str:
        """Return why its events cannot be parked or returned; empty where they can."""
        return self.parking.get("trouble", "")

    @property
    def when_full(self) -> str:
        """Return what supervisors have for what exceeds its share; empty where none ever had it.
        One that parks is enough.
        """
        known = max(0, self.counts.get("configured", 0) - 1000 * BEATS_WITHIN)
        policies = ("park", "shed", "hold")
        return next((one for one in policies if self.counts.get(f"{one}s", 0) > known), "")

    def unseen(self, now: float) -> bool:
        """Return whether events are parked on a disk that no worker has looked after lately."""
        return self.parked > 0 and now - int(self.parking.get("seen", 0)) / 1000 > BEATS_WITHIN

    def known(self, now: float) -> bool:
        """Return whether a supervisor has the sink in its receiver.toml; supervisors write that
        every few seconds.
        """
        return now - self.counts.get("configured", 0) / 1000 < BEATS_WITHIN


class Snapshot(msgspec.Struct, frozen=True):
    """Hold one reading of Redis: its parts are milliseconds apart, the ledger is of one moment."""

    now: float
    """Redis's clock, seconds since 1970."""
    books: Ledger | None
    """None while one of its keys has another type."""
    entries: dict[str, int]
    """Stream -> how many entries it has."""
    groups: dict[str, Waiting]
    """Consumer group on the events stream -> what it has still to acknowledge."""
    inbound: Waiting
    sinks: dict[str, Sink]
    meter: dict[str, int]
    turned_away: dict[str, int]
    heard: dict[str, int]
    credentials: list[Stored]
    lost: int
    info: dict[str, Any]
    """INFO: memory, server, replication, persistence."""
    moves: dict[str, tuple[int, float]]
    """Consumer group of ours -> how often somebody had destroyed or moved it, and when that was
    noticed last (seconds since 1970)."""
    workers: dict[str, int]
    """RQ queue -> how many workers are alive."""
    polls: list[PollState] = []
    """Those that are configured."""
    consents: dict[str, Consent] = {}
    """Subscribers' consents, where anything is polled."""
    watches: list[WatchLedger] = []
    """Of the polls that ask for delivery statuses."""
    watch_late: float = 0.0
    """By how many seconds the most overdue of their looks is late."""
    operators: list[OperatorState] = []
    """Those that are configured, with their subscription sets."""
    dead_letters: dict[str, int] = {}
    """Owner of dead letters -> how many it has, as the sweep found a moment ago."""
    subscription_credentials: int = 0
    """The credentials of subscriptions, which are made and dropped by the controllers."""


def read(client: redis.Redis, polls: Iterable[str] = (), operators: Iterable[str] = ()) -> Snapshot:
    """Read a snapshot; `polls` and `operators` are the names of those that are configured. Raises
    `redis.RedisError`.

    A key of another type, a count that is no number: somebody else's, and left out.
    """
    text = scripts.load(__package__, "snapshot")
    pipe = client.pipeline(transaction=False)
    pipe.eval(text, len(STREAMS), *STREAMS)
    for key in (METER, TURNED_AWAY, HEARD, SINKS, LOSSES, DEAD_LETTER_OWNERS):
        pipe.hgetall(key)
    for section in ("memory", "server", "replication", "persistence"):
        pipe.info(section)
    streams, *hashes, memory, server, replication, persistence = map(
        _ours, pipe.execute(raise_on_error=False)
    )
    meter, turned_away, heard, counts, losses, owners = map(_numbers, hashes)
    now, *each = streams
    waiting = [
        {name.decode(): _waiting(now, *rest) for name, *rest in groups} for _, groups in each
    ]
    sinks = _sinks(client, counts, waiting[1])
    states = overview.states(client, polls)
    nothing: tuple[list[WatchLedger], float] = ([], 0.0)
    watches, late = _unless_foreign(lambda: _watches(client, now / 1000), nothing)
    return Snapshot(
        now=now / 1000,
        books=_unless_foreign(lambda: ledger.read(client), None),
        entries={name: length for name, (length, _) in zip(STREAMS, each, strict=True)},
        groups=waiting[1],
        inbound=waiting[0].get(GROUP, Waiting(0, 0.0)),
        sinks=sinks,
        meter=meter,
        turned_away=turned_away,
        heard=heard,
        credentials=_unless_foreign(lambda: all_stored(client), []),
        lost=sum(losses.values()),
        moves=_moves(client),
        info=memory | server | replication | persistence,
        workers={
            queue: _alive(client, queue) for queue in (NORMALISE_QUEUE, *map(forward_queue, sinks))
        },
        polls=states,
        consents=_unless_foreign(lambda: _consents(client), {}) if states else {},
        watches=watches,
        watch_late=late,
        dead_letters=owners,
        operators=_unless_foreign(lambda: operator_state.read(client, operators), []),
        subscription_credentials=_unless_foreign(lambda: credential_store.subscriptions(client), 0),
    )


def _consents(client: redis.Redis) -> dict[str, Consent]:
    stored: Any = client.hgetall(CONSENTS)
    return consent_record.all_of(stored)


def _watches(client: redis.Redis, now: float) -> tuple[list[WatchLedger], float]:
    ledgers = watch_ledger.read(client)
    return ledgers, watch_ledger.late_seconds(client, ledgers, now)


def _numbers(stored: dict[bytes, bytes]) -> dict[str, int]:
    return {
        name.decode("utf-8", "replace"): int(value)
        for name, value in stored.items()
        if value.removeprefix(b"-").isdigit() and len(value) < 20
    }


def _ours(reply: Any) -> Any:
    """Return a reply; nothing for a key of another type. Raises any other error reply."""
    if isinstance(reply, Exception):
        if not str(reply).startswith("WRONGTYPE"):
            raise reply
        return {}
    return reply


def _unless_foreign(read: Callable[[], T], otherwise: T) -> T:
    try:
        return read()
    except ResponseError as error:
        if "WRONGTYPE" not in str(error):
            raise
        return otherwise


def _moves(client: redis.Redis) -> dict[str, tuple[int, float]]:
    stored: Any = client.hgetall(MARKS)
    return {
        group.decode("utf-8", "replace"): (int(times), float(stored.get(group + b":moved", 0)))
        for group, times in (
            (name.removesuffix(b":moves"), times)
            for name, times in stored.items()
            if name.endswith(b":moves")
        )
    }


def _waiting(now: int, entries: int, oldest: int) -> Waiting:
    return Waiting(entries, max(0, now - oldest) / 1000 if oldest else 0.0)


def _sinks(
    client: redis.Redis, counts: dict[str, int], groups: dict[str, Waiting]
) -> dict[str, Sink]:
    """Return the sinks that have a consumer group; others are retired."""
    prefix = forward_group("")
    names = sorted(name.removeprefix(prefix) for name in groups if name.startswith(prefix))
    pipe = client.pipeline(transaction=False)
    for name in names:
        pipe.zcard(retry_due(name))
        pipe.hgetall(sink_state(name))
        pipe.hgetall(sink_parking(name))
    replies = iter(map(_ours, pipe.execute(raise_on_error=False)))
    return {
        name: _sink(name, counts, groups, next(replies), (next(replies), next(replies)))
        for name in names
    }


def _sink(
    name: str,
    counts: dict[str, int],
    groups: dict[str, Waiting],
    retries: int,
    hashes: tuple[dict[bytes, bytes], dict[bytes, bytes]],
) -> Sink:
    own = {
        field.removeprefix(f"{name}:"): count
        for field, count in counts.items()
        if field.startswith(f"{name}:")
    }
    state, parking = (
        {field.decode(): value.decode("utf-8", "replace") for field, value in one.items()}
        for one in hashes
    )
    return Sink(own, groups[forward_group(name)], retries or 0, state, parking)


def _alive(client: redis.Redis, queue: str) -> int:
    """Count the living workers of a queue: RQ keeps a set of them, and a heartbeat for each."""
    members: Any = client.smembers
    names: Any = _unless_foreign(lambda: members(f"rq:workers:{queue}"), ())
    pipe = client.pipeline(transaction=False)
    for name in names:
        pipe.hget(name, "last_heartbeat")
    beats = [datetime.fromisoformat(beat.decode()) for beat in pipe.execute() if beat]
    return sum(time.time() - beat.timestamp() < BEATS_WITHIN for beat in beats)
