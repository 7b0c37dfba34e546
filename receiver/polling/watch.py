"""A message whose delivery status is watched, and what follows from each answer. No Redis here."""

import random
import re
import time
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

from receiver.carriers.att.outbox import Reason, Status
from receiver.carriers.formats.placeholder_id import identifies_nothing

PAUSES: Final = (20.0, 60.0, 120.0, 240.0, 480.0)
"""Seconds before the first looks."""
STEADY: Final = 600.0
"""Seconds before each later one. Growing pauses would miss a status: the gateway forgets it thirty
minutes after it has become final."""
_JITTER: Final = 0.1
LONGEST: Final = STEADY * (1 + _JITTER)
"""Seconds: no look is put off for longer."""
LIFE: Final = 73 * 3600.0
"""Seconds after which nothing more is to be expected: AT&T tries to deliver for 72 hours."""
GRACE: Final = 3600.0
"""Seconds beyond that in which a last answer is still asked for, should there have been none."""
AGAIN: Final = (0.0, 30.0, 60.0, 120.0, 300.0)
"""Seconds before the next attempt, after so many in a row whose answer was cut short."""
_PUSHED_ONLY: Final = re.compile(r"0x[0-9a-f]+l", re.IGNORECASE).fullmatch
_ID: Final = re.compile(r"[!-~]{1,256}").fullmatch
_SENDER: Final = re.compile(r"[!-~]{1,64}").fullmatch


class Watch(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message that is watched; times are milliseconds since 1970 by Redis' clock."""

    poll: str
    id: str
    """The message id, as the gateway gave it."""
    sender: str = ""
    """The short code it was sent from; empty for the poll's own."""
    receipt: str
    """Ours, unique: the end of this watch is appended under it, once."""
    since: int
    looks: int = 0
    """How many answers there were."""
    cut: int = 0
    """How many attempts in a row brought no complete answer."""
    known: dict[str, tuple[str, bool]] = {}
    """Address -> the last status and whether it is final."""
    closing: Reason | None = None
    """Why this watch ends, once that is decided and not carried out."""

    @property
    def field(self) -> str:
        """Return its name in `WATCHES` and `watch_due`."""
        return field(self.poll, self.id)

    @property
    def open_addresses(self) -> list[str]:
        """Return the addresses that have no final status yet, of those that are known."""
        return [address for address, (_, final) in self.known.items() if not final]


class Step(Struct, frozen=True, kw_only=True):
    """What follows from an answer: the record afterwards, when it is due, what is counted."""

    watch: Watch | None
    """None: it has ended."""
    pause: float = 0.0
    """Seconds until it is due."""
    counts: tuple[str, ...] = ()
    """Fields of `WATCH_COUNTS`, without the poll."""


def field(poll: str, message_id: str) -> str:
    """Return the name of a watch in `WATCHES` and `watch_due`."""
    return f"{poll} {message_id}"


encode = msgspec.json.Encoder().encode
"""Encodes a `Watch`."""
decode = msgspec.json.Decoder(Watch).decode


def read(name: str, record: bytes) -> Watch:
    """Return the watch of this name. Raises `ValueError`, or what else msgspec raises, where its
    record is none, or another watch's.
    """
    found = decode(record)
    if found.field != name:
        raise ValueError("the record is another watch's")
    return found


def fault(message_id: str, sender: str = "") -> str:
    """Return why a message cannot be watched, in a sentence; empty when it can."""
    if _PUSHED_ONLY(message_id):
        return "statuses of ids of the form 0x…L are pushed only and cannot be asked for"
    if not _ID(message_id) or identifies_nothing(message_id):
        return "a message id is wanted: up to 256 printable characters without blanks"
    if sender and not _SENDER(sender):
        return "sender: the short code or number that sends is wanted, such as 22627000"
    return ""


def pause(looks: int) -> float:
    """Return the seconds until the next look, after so many."""
    if looks < len(PAUSES):
        return PAUSES[looks]
    return STEADY * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - not a secret


def answered(watch: Watch, found: Sequence[Status], now: int) -> Step:
    """Return what follows from a complete answer with these statuses."""
    known = watch.known | {one.address: (one.status, one.final) for one in found}
    after = msgspec.structs.replace(watch, known=known, looks=watch.looks + 1, cut=0)
    if known and all(final for _, final in known.values()):
        return Step(watch=None, counts=("final",))
    step = _on(after, now)
    return step if known != watch.known else msgspec.structs.replace(step, counts=("same",))


def salvaged(watch: Watch, found: Sequence[Status]) -> Step:
    """Return what follows from an answer that was cut short after these statuses.

    What was cut off cannot be known to be final, even where all that is left is.
    """
    known = watch.known | {one.address: (one.status, one.final) for one in found}
    after = msgspec.structs.replace(watch, known=known, cut=watch.cut + 1)
    wait = AGAIN[min(watch.cut, len(AGAIN) - 1)]
    return Step(watch=after, pause=wait)


def refused(watch: Watch, now: int) -> Step:
    """Return what follows from an answer that says nothing about the message, and may pass."""
    return _on(msgspec.structs.replace(watch, looks=watch.looks + 1), now)


def hopeless(watch: Watch, now: int) -> bool:
    """Return whether there was no answer for so long that none is worth asking for."""
    return _over(watch, now, GRACE)


def closing(watch: Watch, reason: Reason) -> Step:
    """Return the step that decides on the end without a final status; `closed` carries it out."""
    return Step(watch=msgspec.structs.replace(watch, closing=reason))


def closed(reason: Reason) -> Step:
    """Return the step that ends a watch which is closing, once its event is durable."""
    return Step(watch=None, counts=(reason,))


def earlier(server: int) -> int:
    """Return the earlier of Redis' time and this machine's (ms): one alone may be days ahead for a
    moment, and a watch that has ended is not begun again.
    """
    return min(server, time.time_ns() // 1_000_000)


def _on(after: Watch, now: int) -> Step:
    if _over(after, now):
        return closing(after, "expired")
    left = after.since / 1000 + LIFE - now / 1000
    return Step(watch=after, pause=min(pause(after.looks), left))


def _over(watch: Watch, now: int, more: float = 0.0) -> bool:
    return now - watch.since >= (LIFE + more) * 1000
