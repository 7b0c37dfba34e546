"""Asking the workers to erase a person's events from what they have parked on their disks.

Whoever has a sink's files open erases in them (`workers.parking.erasing`): nobody else may write
there, and they may be on any machine.
"""

import secrets
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import redis

from receiver.contract.records import EraseParked, encode
from receiver.contract.redis_keys import ERASE_PARKED_SECONDS, erase_parked
from receiver.operations import sink_ledger
from receiver.operations.sink_ledger import SinkLedger

UNSEEN_WITHIN: Final = 60
"""Seconds after which a disk that no worker has looked at is looked after by none."""
BEGUN_WITHIN: Final = 30.0
"""Seconds within which a worker begins to erase, where one runs."""
_LOOK_EVERY: Final = 0.1


class Answer(NamedTuple):
    """What became of a person's events among those of one sink."""

    erased: int
    left: str
    """What could not be looked through, a sentence; empty where everything was."""


def erase(client: redis.Redis, digits: Sequence[str]) -> Iterator[Answer]:
    """Yield what each sink answers of which anything is parked. Raises `redis.RedisError`."""
    for sink in sink_ledger.read(client):
        if sink.parked:
            yield _ask(client, sink, digits)


def not_looked_at(client: redis.Redis, then: str) -> Iterator[str]:
    """Yield a sentence for each sink of which anything is parked; `then` says how it will be looked
    at. Raises `redis.RedisError`.
    """
    return (_left(sink, then) for sink in sink_ledger.read(client) if sink.parked)


def _ask(client: Any, sink: SinkLedger, digits: Sequence[str]) -> Answer:
    """Have the worker that has the files erase, and wait for its answer."""
    if sink.parked_unseen_seconds > UNSEEN_WITHIN:
        return Answer(0, _left(sink))
    key, request = erase_parked(sink.name), encode(EraseParked(secrets.token_hex(8), [*digits]))
    pipe = client.pipeline()
    pipe.delete(key)
    pipe.hset(key, "request", request)
    pipe.expire(key, ERASE_PARKED_SECONDS)
    pipe.execute()
    try:
        return _answer(client, sink, request)
    finally:
        client.delete(key)  # it names a person


def _answer(client: Any, sink: SinkLedger, request: bytes) -> Answer:
    asked = time.monotonic()
    while True:
        said = client.hmget(erase_parked(sink.name), "began", "answered", "erased", "unread")
        began, answered, erased, unread = said
        if answered == request:
            return Answer(int(erased), _unread(sink, int(unread)))
        waited = time.monotonic() - asked
        if waited > (ERASE_PARKED_SECONDS if began == request else BEGUN_WITHIN):
            return Answer(0, _left(sink))
        time.sleep(_LOOK_EVERY)


def _left(sink: SinkLedger, then: str = "run this again while a worker runs there") -> str:
    where = f"{sink.parked} events of sink {sink.name} are parked on the disk of {sink.parked_on}"
    return f"{where} and were not looked at: {then}"


def _unread(sink: SinkLedger, places: int) -> str:
    if not places:
        return ""
    where = f"sink {sink.name} has files on the disk of {sink.parked_on} of which {places} parts"
    return f"{where} cannot be read or written, or were kept aside: delete them, or run this again"
