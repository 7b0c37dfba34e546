"""The progress of events with each reader: our sinks, and the company's consumer groups."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

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
    sink_state,
)
from receiver.contract.stored_values import UNREADABLE, decoded, text
from receiver.operations import parked_events
from receiver.runtime.redis_errors import unless_foreign

_event = msgspec.json.Decoder(dict[str, Any]).decode

Progress = tuple[dict[str, str], str, dict[str, Any]]
"""Who, what, and what else is known about it."""
_Said = tuple[str, dict[str, Any]]
_FOREIGN: Final[_Said] = ("cannot be told: another program has written to a key of the sink", {})


def progress(
    client: redis.Redis, events: Mapping[str, bytes], sinks: Sequence[SinkSettings]
) -> dict[str, list[Progress]]:
    """Return the progress of entries on the events stream, each with its event, for every consumer
    group there is now. However many they are, a group is asked a few times.
    """
    configured = {sink.name: sink for sink in sinks}
    found: dict[str, list[Progress]] = {entry: [] for entry in events}
    groups: Any = client.xinfo_groups(EVENTS) if events else ()
    for group in groups:
        name = text(group["name"])
        sink = name.removeprefix(forward_group(""))
        ours = sink != name
        read = _if_readable if ours else _in_group
        for entry, said in read(client, [*events], group).items():
            found[entry].append(({"sink": sink} if ours else {"group": name}, *said))
            if ours and sink in configured and _is_unwanted(configured[sink], events[entry]):
                found[entry].append(({"sink": sink}, "is not wanted by its filters", {}))
    return found


def _is_unwanted(sink: SinkSettings, event: bytes) -> bool:
    try:
        return not sink.wants(_event(event))
    except (*UNREADABLE, KeyError, TypeError, AttributeError):
        return False  # it is none of ours


def _if_readable(
    client: redis.Redis, entries: list[str], group: dict[str, Any]
) -> dict[str, _Said]:
    """Return what `_at_sink` does, or that another program has written to a key of the sink's."""
    try:
        found = unless_foreign(partial(_at_sink, client, entries, group), None)
    except (ValueError, *UNREADABLE):
        found = None
    return found or dict.fromkeys(entries, _FOREIGN)


def _at_sink(client: redis.Redis, entries: list[str], group: dict[str, Any]) -> dict[str, _Said]:
    sink = text(group["name"]).removeprefix(forward_group(""))
    stopped: Any = client.hget(sink_state(sink), "stopped")
    about: dict[str, Any] = {"stopped": text(stopped)} if stopped else {}
    items: Any = client.hmget(retry_items(sink), entries)
    stored = {entry: item for entry, item in zip(entries, items, strict=True) if item is not None}
    found = _retried(client, stored, sink)
    rest = [entry for entry in entries if entry not in stored]
    parked, host = parked_events.among(client, sink, rest) if rest else ([], "")
    found |= dict.fromkeys(parked, ("is parked", {"host": host}))
    found |= _in_group(client, [entry for entry in rest if entry not in found], group)
    return {entry: (found[entry][0], about | found[entry][1]) for entry in entries}


def _retried(client: redis.Redis, stored: dict[str, bytes], sink: str) -> dict[str, _Said]:
    """Return what waits for another attempt: entry -> what is said of it."""
    pipe = client.pipeline(transaction=False)
    for entry in stored:
        pipe.zscore(retry_due(sink), entry)
    due = pipe.execute()
    return {entry: _retry(item, at) for (entry, item), at in zip(stored.items(), due, strict=True)}


def _retry(item: bytes, due: float | None) -> _Said:
    delivery = decoded(decode_delivery, item)
    if delivery is None:
        return _FOREIGN
    about = {"attempts": delivery.attempts, "reason": delivery.reason, "due": int(due or 0)}
    return "will be tried again", about


def _in_group(client: redis.Redis, entries: list[str], group: dict[str, Any]) -> dict[str, _Said]:
    last = order(group["last-delivered-id"].decode())
    pending = pending_of(client, EVENTS, group["name"], [x for x in entries if order(x) <= last])
    return {entry: _read(pending.get(entry)) for entry in entries}


def _read(pending: Any) -> _Said:
    """Return how an entry stands with its group; `pending` is None where it was not delivered."""
    if pending is None:
        return "has not been read yet", {}
    if pending:
        about = {"consumer": text(pending[0]["consumer"]), "times": pending[0]["times_delivered"]}
        return "has been read and not acknowledged", about
    return "is settled", {"unless": "this reader began after it"}


def pending_of(
    client: redis.Redis, stream: str, group: str | bytes, entries: Sequence[str]
) -> dict[str, Any]:
    """Return what a group has not acknowledged of these entries: entry -> as XPENDING has it, a
    list that is empty where it has. In one go.
    """
    pipe = client.pipeline(transaction=False)
    for entry in entries:
        pipe.xpending_range(stream, group, entry, entry, 1)
    return dict(zip(entries, pipe.execute(), strict=True))
