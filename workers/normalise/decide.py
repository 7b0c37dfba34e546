"""Deciding the outcome of one inbound entry: events, or a dead letter. Nothing here uses Redis."""

import itertools
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import structlog
from rq.timeouts import BaseTimeoutException

from receiver.carriers import BY_NAME
from receiver.carriers.carrier import Unreadable
from receiver.config.settings import Settings
from receiver.contract.records import DeadLetter, Notification, decode_notification, encode
from receiver.runtime.logs import Seldom
from workers.normalise.cloudevent import Claim, claim

if TYPE_CHECKING:
    from receiver.runtime.tracing.spans import Span

_seldom = Seldom(structlog.get_logger())

Entry = tuple[bytes, bytes]
"""Inbound stream id, and the encoded notification."""


class Outcome(NamedTuple):
    """Hold what `publish.lua` does with one inbound entry, and what the log says about it."""

    entry: bytes
    """Its id on the inbound stream."""
    claims: list[Claim]
    """Its events; none if it becomes a dead letter."""
    dead_letter: bytes
    """The encoded dead letter; empty if there are events."""
    notification: Notification | None
    """None when it could not even be decoded."""
    reason: str
    """Why it is a dead letter: never a value of its body."""
    span: "Span | None" = None

    def args(self) -> list[Any]:
        """Return the arguments of `publish.lua`: entry id, number of events, then four per event,
        or one dead letter.
        """
        if not self.claims:
            return [self.entry, 0, self.dead_letter]
        return [self.entry, len(self.claims), *itertools.chain.from_iterable(self.claims)]


def decide(entry: Entry, settings: Settings) -> Outcome:
    """Decide the outcome of one entry. What fails is a dead letter with its reason.

    Raises nothing but RQ's `BaseTimeoutException`, when the time of the job is up.
    """
    notification = None
    try:
        notification = decode_notification(entry[1])
        callback = BY_NAME[notification.callback]
        events = callback.events(notification, settings.place(notification.listener))
        repeats = settings.publishes_repeats(notification.listener)
        claims = [
            claim(callback, notification, event, index, repeats=repeats)
            for index, event in enumerate(events)
        ]
        return Outcome(entry[0], claims, b"", notification, "")
    except Unreadable as error:
        return dead_letter(entry, str(error), notification)
    except BaseTimeoutException:
        raise  # wherever it happened to strike: no fault of this entry
    except Exception as error:  # noqa: BLE001 - a fault of ours may not hold back a batch
        _seldom.say("error", "normalise.fault", error=type(error).__name__)
        return dead_letter(entry, f"normalising failed: {type(error).__name__}", notification)


def dead_letter(entry: Entry, reason: str, notification: Notification | None = None) -> Outcome:
    """Return the outcome of an entry that no event can be made of: a dead letter."""
    now = time.time_ns() // 1_000_000
    letter = encode(DeadLetter(now, reason, entry[1]))
    return Outcome(entry[0], [], letter, notification, reason)
