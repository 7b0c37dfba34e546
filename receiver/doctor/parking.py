"""Check of what becomes of the events of sinks that take none, and how long that lasts."""

import shutil
from collections.abc import Iterator
from typing import Any, Final

import redis

from receiver.config.settings import Settings, SinkSettings
from receiver.contract.redis_keys import EVENTS, RETIRED_SECONDS
from receiver.contract.stored_values import whole
from receiver.doctor.credentials import WEEK
from receiver.doctor.finding import Finding
from receiver.metrics.sink_snapshot import Sink
from receiver.metrics.snapshot import Snapshot

_SAMPLE: Final = 20
"""Events whose size is asked for."""
_ENTRY_BYTES: Final = 40
"""What an entry of the stream takes besides its event."""
_COMPRESSED: Final = 0.25
"""What is left of an event on the disk, where none is parked yet."""


def event_bytes(client: redis.Redis) -> float:
    """Return the mean size of the newest events in Redis. Raises `redis.RedisError`."""
    newest: Any = client.xrevrange(EVENTS, count=_SAMPLE)
    sizes = [len(one) for _, fields in newest for one in fields.values()] or [0]
    return sum(sizes) / len(sizes) + _ENTRY_BYTES


def parking(settings: Settings, found: Snapshot, event: float) -> Iterator[Finding]:
    """Check each sink's parked events, and say of sinks that take nothing what holds for them.
    `event` is what one takes in Redis, in bytes.
    """
    yield from parked(settings, found)
    for sink in settings.sinks:
        state = found.sinks.get(sink.name)
        if state and ("stopped" in state.state or state.failing):
            yield _how_long(settings, found, sink, event)


def parked(settings: Settings, found: Snapshot) -> Iterator[Finding]:
    """Check each sink's parked events, whatever environment the workers have."""
    configured = {sink.name for sink in settings.sinks}
    for name, one in found.sinks.items():
        if name not in configured and one.parked:
            yield _unknown(name, one, found.now)
    for sink in settings.sinks:
        if state := found.sinks.get(sink.name):
            yield from _parked(sink, state, found.now)


def _unknown(name: str, state: Sink, now: float) -> Finding:
    left = RETIRED_SECONDS - now + state.counts.get("configured", 0) / 1000
    host = state.parking.get("host", "another host")
    return Finding(
        "warning",
        f"{state.parked} events of {name} are parked, and {name} is not in receiver.toml",
        f"it is retired {_in(left / 3600)}: then they count as lost, and only files on {host} stay",
        f"receiver sinks list  # was it renamed? Keep {name} as well until nothing of it is parked",
    )


def _parked(sink: SinkSettings, state: Sink, now: float) -> Iterator[Finding]:
    if state.parking_trouble:
        yield Finding(
            "serious",
            f"events of {sink.name} cannot be parked: {state.parking_trouble}",
            "they stay in Redis, which fills until intake closes for everybody",
            "df -h  # of RECEIVER_PARK_DIR on the worker's host",
        )
    elif state.unseen(now):
        host = state.parking.get("host", "another host")
        yield Finding(
            "serious",
            f"{state.parked} events of {sink.name} are parked on {host}, where no worker runs",
            "they do not come back, and newer ones wait behind them in Redis",
            f"receiver worker  # on {host}, with its RECEIVER_PARK_DIR. If that disk is lost: "
            f"receiver sinks skip-parked {sink.name}",
        )
    at = whole(state.parking.get("damaged")) / 1000 or now  # the count stays for ever
    if (damaged := state.counts.get("parked_damaged")) and now - at < WEEK:
        yield Finding(
            "warning",
            f"{damaged} parked events of {sink.name} did not come back",
            "they could not be read, or somebody gave them up; the files are kept on that disk",
            "receiver replay --help  # what is still on the stream can be sent again",
        )


def _how_long(settings: Settings, found: Snapshot, sink: SinkSettings, event: float) -> Finding:
    """Return what becomes of a sink's events, and when, at the rate at which they came in."""
    state = found.sinks[sink.name]
    policy = state.when_full or settings.when_full(sink)
    waiting = state.waiting
    rate = waiting.entries / waiting.oldest if waiting.oldest > 0 else 0.0
    limit, used = (int(found.info.get(name, 0)) for name in ("maxmemory", "used_memory"))
    share = _lasts(sink.share / 100 * limit - waiting.entries * event, rate * event)
    closes = _lasts(settings.full_percent / 100 * limit - used, rate * event)
    past = f"past {sink.share:g} % of Redis, {share} at the present rate, its oldest events"
    why = {
        "hold": f"its events stay in Redis, where intake closes for everybody {closes}",
        "shed": f"{past} are let go, and nobody has them any more",
        "park": f"{past} are parked on disk{_disk(settings, rate * event)}",
    }[policy]
    return Finding(
        "note" if policy == "park" else "warning",
        f"what waits for {sink.name}: {max(0, waiting.entries) + state.retries} events in Redis, "
        f"{state.parked} parked",
        why if limit else "its events stay in Redis, which has no maxmemory",
        f"receiver sinks list  # then mend {sink.name}",
    )


def _disk(settings: Settings, rate: float) -> str:
    """Return how long this host's disk takes them; empty where it is not seen from here."""
    try:
        free = shutil.disk_usage(settings.park_dir or "").free
    except OSError:
        return ""
    return f", which is full {_lasts(free, rate * _COMPRESSED)}"


def _lasts(left: float, rate: float) -> str:
    if left <= 0:
        return _in(0.0)
    return _in(left / rate / 3600 if rate > 0 else float("inf"))


def _in(hours: float) -> str:
    if hours <= 0:
        return "now"
    if hours > 24 * 365:
        return "in more than a year"
    return f"in {hours / 24:.0f} days" if hours > 48 else f"in {hours:.1f} h"
