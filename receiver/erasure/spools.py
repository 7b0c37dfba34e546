"""Asking the web processes to erase a person's notifications in the spools of their hosts.

Whoever has a file of a spool erases in it (`receiver.erasure.own_spool`): nobody else may write
there, and it may be on any machine.
"""

import contextlib
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec
import redis

from receiver.contract.records import EraseSpooled, SpoolErased, decode_spool_erased, encode
from receiver.contract.redis_keys import (
    ERASE_SPOOLED,
    ERASE_SPOOLED_SECONDS,
    SPOOL_FORGOTTEN_SECONDS,
    SPOOLS,
)
from receiver.contract.stored_values import UNREADABLE, text
from receiver.erasure.wait import Say, Wait

HEARD_WITHIN: Final = 30
"""Seconds after which a spool that no web process has said that it has is one that nobody has."""
ANSWERED_WITHIN: Final = 60.0
"""Seconds within which whoever has a spool has looked through it."""
_LOOK_EVERY: Final = 0.1


class Answer(NamedTuple):
    """What became of a person's notifications in all spools."""

    notifications: int
    refusals: int
    left: list[str]
    """What could not be looked through, a sentence each."""


class Place(NamedTuple):
    """A spool that some host has, or had."""

    name: str
    host: str
    unheard: int
    """Seconds since a web process said that it has it."""


def erase(
    client: redis.Redis, digits: Sequence[str], say: Say = lambda _: None, *, dry_run: bool
) -> Answer:
    """Have a person's notifications erased, or with `dry_run` counted, in every spool that can be
    reached, and wait until that is done. Raises `redis.RedisError`.
    """
    known = list(_known(client))
    found = [one for one in known if one.unheard <= HEARD_WITHIN]
    said = _ask(client, found, EraseSpooled(secrets.token_hex(8), [*digits], dry_run), say)
    answers = [one for each in said.values() for one in each]
    left = [_unheard(one) for one in known if one not in found]
    for one in found:
        left += _left(one, said[one.name])
    notifications = sum(one.notifications for one in answers)
    return Answer(notifications, sum(one.refusals for one in answers), left)


def forget(client: redis.Redis, name: str) -> str | None:
    """Forget a spool that nobody has any more. Returns the host that had it; None where there is no
    such spool. Raises `ValueError` where a web process has it, and `redis.RedisError`.
    """
    for one in _known(client):
        if one.name == name:
            if one.unheard <= HEARD_WITHIN:
                raise ValueError(
                    f"a web process has the spool on {one.host}: `receiver erase NUMBER` asks it"
                )
            client.hdel(SPOOLS, name)
            return one.host
    return None


def _known(client: Any) -> Iterator[Place]:
    """Yield the spools there are, and forget those that nobody has had for long."""
    now, _ = client.time()
    for name, said in client.hgetall(SPOOLS).items():
        try:
            host, heard = msgspec.json.decode(said, type=tuple[str, int])
        except UNREADABLE:
            host, heard = "a host", now - HEARD_WITHIN - 1  # somebody else wrote it
        # By both clocks: one alone may be weeks ahead, and what is forgotten is in no report.
        if min(now, time.time()) - heard > SPOOL_FORGOTTEN_SECONDS:
            client.hdel(SPOOLS, name)
        else:
            yield Place(text(name), host, now - heard)


def _ask(
    client: Any, places: Sequence[Place], request: EraseSpooled, say: Say
) -> dict[str, list[SpoolErased]]:
    """Return what each spool's processes answer."""
    said: dict[str, list[SpoolErased]] = {one.name: [] for one in places}
    if not said:
        return said
    wait = Wait("another run asks the web processes for what is in their spools", say)
    while not _takes(client, encode(request)):  # of one that was killed the request ends
        wait.pause(_LOOK_EVERY)
    hosts = ", ".join(one.host for one in places)
    wait = Wait(f"the web processes look through their spools: {hosts}", say)
    until = time.monotonic() + ANSWERED_WITHIN
    try:
        while not all(map(_all_of_it, said.values())) and time.monotonic() < until:
            wait.pause(_LOOK_EVERY)
            said = _answers(client, said, request.name)
    finally:
        client.delete(ERASE_SPOOLED)  # it names a person
    return said


def _takes(client: Any, request: bytes) -> bool:
    """Return whether the request stands where no other run's did."""
    pipe = client.pipeline()
    pipe.hsetnx(ERASE_SPOOLED, "request", request)
    pipe.expire(ERASE_SPOOLED, ERASE_SPOOLED_SECONDS, nx=True)
    placed = pipe.execute()[0]
    if placed:
        client.expire(ERASE_SPOOLED, ERASE_SPOOLED_SECONDS)
    return bool(placed)


def _answers(client: Any, places: Iterable[str], request: str) -> dict[str, list[SpoolErased]]:
    said: dict[str, list[SpoolErased]] = {name: [] for name in places}
    for field, answer in client.hgetall(ERASE_SPOOLED).items():
        name = text(field).partition(" ")[0]
        with contextlib.suppress(*UNREADABLE):
            if name in said and (one := decode_spool_erased(answer)).request == request:
                said[name].append(one)
    return said


def _all_of_it(answers: Sequence[SpoolErased]) -> bool:
    """Return whether every file of a spool was looked at that holds anything."""
    looked_at = {file for one in answers for file in one.files}
    return bool(answers) and all(looked_at.issuperset(one.others) for one in answers)


def _unheard(one: Place) -> str:
    return (
        f"the spool on {one.host}, of which nothing was heard for {one.unheard} seconds, was not "
        "looked at: run this again while `receiver web` runs there; if that disk is gone for good, "
        f"`receiver erase --forget-spool {one.name}` first"
    )


def _left(place: Place, answers: Sequence[SpoolErased]) -> Iterator[str]:
    where = f"the spool on {place.host}"
    if not _all_of_it(answers):
        yield f"{where} was not looked through within {ANSWERED_WITHIN:.0f} seconds: run this again"
    for trouble in {one.trouble for one in answers if one.trouble}:
        yield f"{where} was not looked through: {trouble}; run this again once that is over"
    if unread := sorted({file for one in answers for file in one.unread}):
        yield (
            f"{where} has files that cannot be looked through, {', '.join(unread)}: look at them, "
            "and delete them (docs/failures.md)"
        )
