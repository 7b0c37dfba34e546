"""Every counter and depth in Redis, read for one scrape or one examination."""

import itertools
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
import redis
from redis.exceptions import ResponseError

from receiver.auth import credential_store
from receiver.auth.credential_store import Stored, all_stored
from receiver.config.settings import Settings
from receiver.contract.entry_ids import order
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
    WORKER_SECONDS,
    forward_queue,
)
from receiver.contract.stored_values import counts, is_whole, number, text, whole
from receiver.metrics import sink_snapshot
from receiver.metrics.sink_snapshot import BEATS_WITHIN, Sink, Waiting, ours
from receiver.operations import ledger, watch_ledger
from receiver.operations.ledger import Ledger
from receiver.operations.watch_ledger import WatchLedger
from receiver.polling import overview
from receiver.polling.mailbox import consent_record
from receiver.polling.mailbox.consent_record import Consent
from receiver.polling.overview import PollState
from receiver.runtime import scripts
from receiver.runtime.redis_errors import unless_foreign
from receiver.subscriptions import operator_state
from receiver.subscriptions.operator_state import OperatorState

STREAMS: Final = (INBOUND, EVENTS, DEAD_LETTERS, REJECTED)
_COUNTS: Final = (METER, TURNED_AWAY, HEARD, SINKS, LOSSES, DEAD_LETTER_OWNERS)
_SECTIONS: Final = ("memory", "server", "replication", "persistence")


class Snapshot(msgspec.Struct, frozen=True):
    """Hold one reading of Redis: its parts are milliseconds apart, the ledger is of one moment."""

    now: float
    """Redis's clock, seconds since 1970."""
    ledger: Ledger | None
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
    """Listener -> when it was last heard (milliseconds since 1970)."""
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
    unreadable: list[tuple[str, str]] = []
    """Key and field of each count that is none: somebody else has written there."""
    subscription_credentials: int = 0
    """The credentials of subscriptions, which are made and dropped by the controllers."""


def read(client: redis.Redis, polls: Iterable[str] = (), operators: Iterable[str] = ()) -> Snapshot:
    """Read a snapshot; `polls` and `operators` are the names of those that are configured. Raises
    `redis.RedisError`.

    A key of another type, a count that is no number: somebody else's, and left out.
    """
    streams, hashes, info = _together(client)
    now, entries, groups = _of_streams(streams)
    counted = {key: counts(stored) for key, stored in hashes.items()}
    sinks = sink_snapshot.read(client, counted[SINKS], groups[EVENTS])
    states = overview.states(client, polls)
    watches, late = unless_foreign(lambda: _watches(client, now), ([], 0.0))
    return Snapshot(
        now=now,
        ledger=unless_foreign(lambda: ledger.read(client), None),
        entries=entries,
        groups=groups[EVENTS],
        inbound=groups[INBOUND].get(GROUP) or _all_wait(client, now, entries[INBOUND]),
        sinks=sinks,
        meter=counted[METER],
        turned_away=counted[TURNED_AWAY],
        heard=counted[HEARD],
        credentials=unless_foreign(lambda: all_stored(client), []),
        lost=sum(counted[LOSSES].values()),
        moves=unless_foreign(lambda: _moves(client), {}),
        info=info,
        workers=_alive(client, [NORMALISE_QUEUE, *map(forward_queue, sinks)]),
        polls=states,
        consents=unless_foreign(lambda: _consents(client), {}) if states else {},
        unreadable=_unreadable(hashes),
        watches=watches,
        watch_late=late,
        dead_letters=counted[DEAD_LETTER_OWNERS],
        operators=unless_foreign(lambda: operator_state.read(client, operators), []),
        subscription_credentials=unless_foreign(lambda: credential_store.subscriptions(client), 0),
    )


def of_settings(client: redis.Redis, settings: Settings) -> Snapshot:
    """Read a snapshot with all polls and operators of `settings`. Raises `redis.RedisError`."""
    polls = [one.name for one in settings.polls]
    return read(client, polls, [one.name for one in settings.operators])


def _together(client: redis.Redis) -> tuple[Any, dict[str, dict[bytes, bytes]], dict[str, Any]]:
    """Return in one round trip what `snapshot.lua` replies, the hashes of counts by their keys, and
    INFO; of that nothing where the user may not ask.
    """
    pipe = client.pipeline(transaction=False)
    pipe.eval(scripts.load(__package__, "snapshot"), len(STREAMS), *STREAMS)
    for key in _COUNTS:
        pipe.hgetall(key)
    for section in _SECTIONS:
        pipe.info(section)
    replies = pipe.execute(raise_on_error=False)
    sections = [one for one in replies[-len(_SECTIONS) :] if not isinstance(one, ResponseError)]
    streams, *hashes = map(ours, replies[: -len(_SECTIONS)])
    info = {name: value for section in map(ours, sections) for name, value in section.items()}
    if info.get("role") == "slave":  # the address may lead to another by now; a reader is not told
        client.connection_pool.disconnect(inuse_connections=False)
    return streams, dict(zip(_COUNTS, hashes, strict=True)), info


def _of_streams(reply: Any) -> tuple[float, dict[str, int], dict[str, dict[str, Waiting]]]:
    """Return Redis's clock (seconds since 1970), and by stream its entries and what its consumer
    groups have still to acknowledge.
    """
    now, *each = reply
    found = dict(zip(STREAMS, each, strict=True))
    entries = {stream: length for stream, (length, _) in found.items()}
    groups = {
        stream: {text(name): _waiting(now, *rest) for name, *rest in its_groups}
        for stream, (_, its_groups) in found.items()
    }
    return now / 1000, entries, groups


def _unreadable(hashes: dict[str, dict[bytes, bytes]]) -> list[tuple[str, str]]:
    return [
        (key, text(name))
        for key, stored in hashes.items()
        for name, value in stored.items()
        if not is_whole(value) and (key, name) != (DEAD_LETTER_OWNERS, b"indexed")
    ]


def _consents(client: redis.Redis) -> dict[str, Consent]:
    stored: Any = client.hgetall(CONSENTS)
    return consent_record.all_of(stored)


def _watches(client: redis.Redis, now: float) -> tuple[list[WatchLedger], float]:
    ledgers = watch_ledger.read(client)
    return ledgers, watch_ledger.late_seconds(client, ledgers, now)


def _moves(client: redis.Redis) -> dict[str, tuple[int, float]]:
    stored: Any = client.hgetall(MARKS)
    return {
        text(group): (whole(times), number(stored.get(group + b":moved")))
        for name, times in stored.items()
        if (group := name.removesuffix(b":moves")) != name
    }


def _all_wait(client: redis.Redis, now: float, entries: int) -> Waiting:
    """Return what waits where no worker has ever begun: all that came in."""
    first: Any = client.xrange(INBOUND, count=1) if entries else []
    return _waiting(round(now * 1000), entries, order(first[0][0].decode())[0] if first else 0)


def _waiting(now: int, entries: int, oldest: int) -> Waiting:
    return Waiting(entries, max(0, now - oldest) / 1000 if oldest else 0.0)


def _alive(client: redis.Redis, queues: Sequence[str]) -> dict[str, int]:
    """Count the living workers of each queue: RQ keeps a set of them, and a heartbeat for each, by
    the clock of its host. Where that is behind, Redis still tells how long ago it was written.
    """
    pipe = client.pipeline(transaction=False)
    for queue in queues:
        pipe.smembers(f"rq:workers:{queue}")
    names: list[list[Any]] = [[*ours(reply)] for reply in pipe.execute(raise_on_error=False)]
    for name in itertools.chain.from_iterable(names):
        pipe.hget(name, "last_heartbeat")
        pipe.pttl(name)
    replies = map(ours, pipe.execute(raise_on_error=False))
    alive = iter([_lives(beat, left) for beat, left in zip(replies, replies, strict=True)])
    return {
        queue: sum(next(alive) for _ in each) for queue, each in zip(queues, names, strict=True)
    }


def _lives(beat: bytes | None, left: int) -> bool:
    """Return whether a worker lives; `left`: milliseconds that Redis keeps what it wrote."""
    kept = WORKER_SECONDS + 60
    return time.time() - _heard(beat) < BEATS_WITHIN or left / 1000 > kept - BEATS_WITHIN


def _heard(beat: bytes | None) -> float:
    """Return when a worker was heard (seconds since 1970); 0 for what is no time."""
    try:
        return datetime.fromisoformat(text(beat or b"")).timestamp()
    except (ValueError, OverflowError):
        return 0.0
