"""The ledger of each sink: every event has an outcome, is parked on disk, or is still open."""

import itertools
from typing import Any

import msgspec
import redis

from receiver.contract.records import decode_delivery
from receiver.contract.redis_keys import (
    EVENTS,
    SINKS,
    forward_group,
    retry_due,
    retry_items,
    sink_parking,
    sink_state,
)
from receiver.contract.stored_values import UNREADABLE, text
from receiver.runtime import scripts

_BEGUN = b":begun"


class SinkLedger(msgspec.Struct, frozen=True):
    """One reading of one sink's ledger, in events."""

    name: str
    events: int
    """On the stream since the sink began, and asked for again since."""
    delivered: int
    filtered: int
    """Not wanted by the sink."""
    dead: int
    """Given up, and kept as dead letters."""
    open: int
    """Not done yet; `retrying` is a part of it."""
    retrying: int
    """Tried at least once, or asked for again; waiting to be sent."""
    failed_attempts: int
    stream_trimmed: int
    """Entries that went from a `redis-stream` sink's stream because memory was short."""
    stream_unread_trimmed: int
    """Of them, those that a consumer group had not acknowledged, counted once per group."""
    stopped: str
    """Why nothing is sent until somebody starts the sink again; empty when it is not stopped."""
    open_until: int
    """Until when (ms) nothing is sent because the consumer does not answer; 0 when it does."""
    begun: bool
    """Whether it holds events for a worker: false once it was taken out of the configuration."""
    failing: bool
    """Whether requests failed and only a probe now and then asks whether the consumer is back."""
    unknown_seconds: int
    """How long ago a supervisor last had it in its receiver.toml; since 1970 when none ever had."""
    refused: str
    """What the consumer last answered, where that was a refusal; else empty."""
    parked: int
    """On the disk of a worker's host, oldest first; they come back as the sink takes them."""
    parked_bytes: int
    """What they take there."""
    shed: int
    """Let go because the sink had more than its share, or was retired: nobody has them."""
    parked_damaged: int
    """Parked ones that did not come back: unreadable, or given up; their files are kept."""
    erased: int
    """Not delivered, because all about a person was erased (`receiver erase`)."""
    parked_on: str
    """The host that has, or had, them; empty where nothing was ever parked."""
    parking_trouble: str
    """Why that host cannot park or return; empty where it can."""
    parked_unseen_seconds: int
    """How long ago that host's worker last looked; 0 where none is parked."""
    parked_since: int
    """When (ms) the first of those that are parked was; 0 where none is."""
    when_full: str
    """What becomes of its oldest events past its share: `park`, `shed` or `hold`, as supervisors
    have it; empty where none ever had the sink."""
    exact: bool
    """False where `open` may be more: an entry that waits was deleted (by `receiver erase` or by
    hand), and counting on would take long."""
    reason: str
    """Why the latest of those that are `retrying` was not taken; empty when there is none."""
    unreadable: list[str] = []
    """What is 0 or empty here because something else stands there; `state` is whether it sends."""

    @property
    def balanced(self) -> bool:
        """Return whether every event is accounted for, as far as can be told."""
        settled = self.delivered + self.filtered + self.dead + self.shed + self.parked_damaged
        known = settled + self.erased + self.parked + self.open
        return self.events == known or (not self.exact and self.events > known)


def known_sinks(client: redis.Redis) -> list[str]:
    """Return the names of all sinks there ever were, in order. Raises `redis.RedisError`."""
    fields: Any = client.hkeys(SINKS)
    return sorted(text(one.removesuffix(_BEGUN)) for one in fields if one.endswith(_BEGUN))


def read(client: redis.Redis) -> list[SinkLedger]:
    """Read the ledgers of all sinks there ever were, by name. Raises `redis.RedisError`."""
    names = known_sinks(client)
    if not names:
        return []
    script = scripts.load(__package__, "sink_ledger")
    own = itertools.chain.from_iterable(
        (retry_due(name), retry_items(name), sink_state(name), sink_parking(name)) for name in names
    )
    keys = [EVENTS, SINKS, *own]
    told = itertools.chain.from_iterable((name, forward_group(name)) for name in names)
    reply: Any = client.eval(script, len(keys), *keys, *told)
    return [_books(row) for row in reply]


def _books(row: Any) -> SinkLedger:
    *found, item, unreadable = row
    values = [text(each) if isinstance(each, bytes) else each for each in found]
    values += [_reason(item), sorted(set(map(text, unreadable)))]
    named = dict(zip(SinkLedger.__struct_fields__, values, strict=True))
    return msgspec.convert(named, SinkLedger, strict=False)


def _reason(item: bytes) -> str:
    try:
        return decode_delivery(item).reason if item else ""
    except UNREADABLE:
        return "not ours"  # somebody else wrote it
