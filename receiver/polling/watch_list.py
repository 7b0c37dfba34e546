"""The watched messages as commands see and change them."""

from collections.abc import Iterator, Sequence
from typing import Any

import redis

from receiver.config.polls import AttStatusPoll, Poll
from receiver.contract.redis_keys import WATCHES, watch_due
from receiver.contract.stored_values import UNREADABLE, text, time_of
from receiver.intake.accept import Receipts
from receiver.polling import watch_store
from receiver.polling.watch import Step, Watch, fault, field, read
from receiver.runtime.server_time import server_time


class Unwatchable(ValueError):
    """The message cannot be watched; the message of the error says why and what is wanted."""


def status_poll(polls: Sequence[Poll], name: str) -> AttStatusPoll:
    """Return the poll of kind att-status of this name, or without a name the only one. Raises
    `Unwatchable`.
    """
    found = {one.name: one for one in polls if isinstance(one, AttStatusPoll)}
    if not found:
        raise Unwatchable('receiver.toml has no [[poll]] of kind = "att-status"')
    if not name and len(found) == 1:
        return next(iter(found.values()))
    if name not in found:
        said = f"there is no such poll of kind att-status as {name!r}" if name else "which poll?"
        raise Unwatchable(f"{said}: {', '.join(found)}")
    return found[name]


def refuse(poll: AttStatusPoll, message_id: str, sender: str) -> None:
    """Raise `Unwatchable` unless the poll can ask for the status of a message."""
    if wrong := fault(message_id, sender):
        raise Unwatchable(wrong)
    if "{sender}" in poll.template and not (sender or poll.sender):
        raise Unwatchable(f"the poll {poll.name} names the sender: give one, or set it there")


def add(client: redis.Redis, poll: str, message_id: str, sender: str = "") -> bool:
    """Begin to watch a message. Returns whether it is new. Raises `Unwatchable`."""
    if wrong := fault(message_id, sender):
        raise Unwatchable(wrong)
    since = server_time(client)
    receipt = Receipts().new(since)
    watch = Watch(poll=poll, id=message_id, sender=sender, receipt=receipt, since=since)
    return bool(client.eval(*watch_store.add(watch)))


def drop(client: redis.Redis, poll: str, message_id: str) -> bool:
    """End the watch of a message without an event. Returns whether it was watched."""
    while record := _record(client, poll, message_id):
        step = Step(watch=None, counts=("dropped",))
        if client.eval(*watch_store.settle(_watch(poll, message_id, record), record, step)):
            return True
    return False


def find(client: redis.Redis, poll: str, message_id: str) -> Watch | None:
    """Return the watch of a message; None where there is none."""
    record = _record(client, poll, message_id)
    return _watch(poll, message_id, record) if record else None


def listed(client: redis.Redis, poll: str) -> Iterator[tuple[Watch, int]]:
    """Yield a poll's watches, the first due first, and when (ms, Redis' clock). One that cannot be
    read has begun in 1970.
    """
    members: Any = client.zrangebyscore(watch_due(poll), "-inf", "+inf", withscores=True)
    for name, due in members:
        record: Any = client.hget(WATCHES, name)
        if record:
            yield _watch(poll, text(name).removeprefix(field(poll, "")), record), time_of(due)


def _watch(poll: str, message_id: str, record: bytes) -> Watch:
    """Return a watch; of a record that is none only what its name says."""
    try:
        return read(field(poll, message_id), record)
    except (*UNREADABLE, ValueError):
        return Watch(poll=poll, id=message_id, receipt="", since=0)


def _record(client: redis.Redis, poll: str, message_id: str) -> bytes | None:
    found: Any = client.hget(WATCHES, field(poll, message_id))
    return bytes(found) if found else None
