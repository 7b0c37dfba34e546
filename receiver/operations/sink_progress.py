"""The progress of one event with each of its readers: our sinks, and the company's own consumer
groups.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import msgspec
import redis

from receiver.config.settings import SinkSettings
from receiver.contract.entry_ids import order
from receiver.contract.records import decode_delivery
from receiver.contract.redis_keys import (
    EVENTS,
    forward_group,
    retry_due,
    retry_items,
    sink_parking,
    sink_state,
)
from receiver.contract.stored_values import UNREADABLE, text
from receiver.runtime.redis_errors import unless_foreign

_event = msgspec.json.Decoder(dict[str, Any]).decode

Progress = tuple[dict[str, str], str, dict[str, Any]]
"""Who, what, and what else is known about it."""


def progress(
    client: redis.Redis, entry: str, event: bytes, sinks: Sequence[SinkSettings]
) -> Iterator[Progress]:
    """Yield the progress of one entry on the events stream, for every consumer group there is
    now.
    """
    configured = {sink.name: sink for sink in sinks}
    groups: Any = client.xinfo_groups(EVENTS)
    for group in groups:
        name = text(group["name"])
        sink = name.removeprefix(forward_group(""))
        if sink == name:
            yield {"group": name}, *_in_group(client, entry, group)
        else:
            yield {"sink": sink}, *_if_readable(client, entry, group, sink)
            if sink in configured and _is_unwanted(configured[sink], event):
                yield {"sink": sink}, "is not wanted by its filters", {}


def _is_unwanted(sink: SinkSettings, event: bytes) -> bool:
    try:
        return not sink.wants(_event(event))
    except (*UNREADABLE, KeyError, TypeError, AttributeError):
        return False  # it is none of ours


def _if_readable(
    client: redis.Redis, entry: str, group: dict[str, Any], sink: str
) -> tuple[str, dict[str, Any]]:
    """Return what `_at_sink` does, or that another program has written to a key of the sink's."""
    try:
        found = unless_foreign(partial(_at_sink, client, entry, group, sink), None)
    except (ValueError, *UNREADABLE):
        found = None
    return found or ("cannot be told: another program has written to a key of the sink", {})


def _at_sink(
    client: redis.Redis, entry: str, group: dict[str, Any], sink: str
) -> tuple[str, dict[str, Any]]:
    stopped: Any = client.hget(sink_state(sink), "stopped")
    about: dict[str, Any] = {"stopped": text(stopped)} if stopped else {}
    stored: Any = client.hget(retry_items(sink), entry)
    if stored is None and (host := _parked_on(client, entry, sink)):
        return "is parked", about | {"host": host}
    if stored is None:
        what, more = _in_group(client, entry, group)
        return what, about | more
    delivery = decode_delivery(stored)
    due = client.zscore(retry_due(sink), entry)
    about |= {"attempts": delivery.attempts, "reason": delivery.reason, "due": int(due or 0)}
    return "will be tried again", about


def _parked_on(client: redis.Redis, entry: str, sink: str) -> str:
    """Return the host on whose disk an entry is parked; empty where it is not."""
    stored: Any = client.hmget(sink_parking(sink), "total", "returned", "returned_to", "to", "host")
    total, returned, first, last, host = (text(value or b"") for value in stored)
    parked = total != returned and order(first) < order(entry) <= order(last)
    return host if parked else ""


def _in_group(client: redis.Redis, entry: str, group: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    last = group["last-delivered-id"].decode()
    if order(entry) > order(last):
        return "has not been read yet", {}
    pending: Any = client.xpending_range(EVENTS, group["name"], entry, entry, 1)
    if pending:
        one = pending[0]
        about = {"consumer": text(one["consumer"]), "times": one["times_delivered"]}
        return "has been read and not acknowledged", about
    return "is settled", {"unless": "this reader began after it"}
