"""Asking the workers to erase a person's events from what they have parked on their disks.

Whoever has a sink's files open erases in them (`workers.parking.erasing`): nobody else may write
there, and they may be on any machine.
"""

import secrets
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import redis

from receiver.contract.records import EraseParked, encode
from receiver.contract.redis_keys import (
    ERASE_PARKED_SECONDS,
    erase_parked,
    erase_parked_fields,
    sink_parking,
)
from receiver.contract.stored_values import whole
from receiver.erasure.wait import Say, Wait
from receiver.operations import sink_ledger
from receiver.operations.sink_ledger import SinkLedger
from receiver.runtime import scripts

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


def erase(client: redis.Redis, digits: Sequence[str], say: Say) -> Iterator[Answer]:
    """Yield the answer of each sink that has parked events. Raises `redis.RedisError`."""
    for sink in sink_ledger.read(client):
        if sink.parked:
            yield _ask(client, sink, digits, say)


def not_looked_at(client: redis.Redis, then: str) -> Iterator[str]:
    """Yield a sentence for each sink that has parked events; `then` says how they will be looked
    at. Raises `redis.RedisError`.
    """
    return (_left(sink, then) for sink in sink_ledger.read(client) if sink.parked)


def _ask(client: Any, sink: SinkLedger, digits: Sequence[str], say: Say) -> Answer:
    """Have the worker that has the files erase, and wait for its answer. What it erased for a
    command that was killed before it counted that is in it.
    """
    if sink.parked_unseen_seconds > UNSEEN_WITHIN:
        return Answer(0, _left(sink))
    key, fields = erase_parked(sink.name), erase_parked_fields(",".join(sorted({*digits})))
    parked = f"{sink.parked} events of sink {sink.name} that are parked there"
    wait = Wait(f"the worker on {sink.parked_on} looks through {parked}", say)
    answer = None
    while answer is None:  # another command that asked for the same may have taken the answer
        request = encode(EraseParked(secrets.token_hex(8), [*digits]))
        pipe = client.pipeline()
        pipe.hset(key, fields[0], request)
        pipe.expire(key, ERASE_PARKED_SECONDS)
        pipe.execute()
        answer = _answer(client, sink, fields, request, wait)
    return answer


def _answer(
    client: Any, sink: SinkLedger, fields: list[str], request: bytes, wait: Wait
) -> Answer | None:
    """Wait for the answer; None where another command takes it."""
    claim = client.register_script(scripts.load(__package__, "claim_parked"))
    key, asked = erase_parked(sink.name), wait.seconds
    while True:
        found = claim(keys=[key], args=[*fields, ""])
        if found:
            return Answer(found[0], _unread(sink, found[1]))
        newest, began = client.hmget(key, *fields[:2])
        if newest is None:
            return None
        waited, unseen = wait.seconds - asked, _unseen(client, sink.name)
        if waited > (ERASE_PARKED_SECONDS if began == newest else BEGUN_WITHIN):
            left = _left(sink)
        elif unseen > UNSEEN_WITHIN:
            left = _ended(sink, unseen)
        else:
            wait.pause(_LOOK_EVERY)
            continue
        found = claim(keys=[key], args=[*fields, request])
        return Answer(found[0] if found else 0, left)


def _unseen(client: Any, sink: str) -> int:
    """Return how many seconds ago the worker that has the files last looked."""
    pipe = client.pipeline(transaction=False)
    seen, clock = pipe.hget(sink_parking(sink), "seen").time().execute()
    return int(clock[0] - whole(seen) // 1000)


def _ended(sink: SinkLedger, unseen: int) -> str:
    return (
        f"{sink.parked} events of sink {sink.name} are parked on the disk of {sink.parked_on} and "
        f"were not looked through: the worker there was last heard of {unseen} s ago; run this "
        "again while one runs there"
    )


def _left(sink: SinkLedger, then: str = "run this again while a worker runs there") -> str:
    where = f"{sink.parked} events of sink {sink.name} are parked on the disk of {sink.parked_on}"
    return f"{where} and were not looked at: {then}"


def _unread(sink: SinkLedger, places: int) -> str:
    if not places:
        return ""
    where = f"sink {sink.name} has files on the disk of {sink.parked_on} of which {places} parts"
    return f"{where} cannot be read or written, or were kept aside: delete them, or run this again"
