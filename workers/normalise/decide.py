"""From one inbound entry to what `publish.lua` is told about it. Nothing here touches Redis."""

import itertools
import time
from typing import Any, Final

import structlog
from rq.timeouts import BaseTimeoutException

from receiver.carriers import CALLBACKS
from receiver.carriers.carrier import Unreadable
from receiver.config.settings import Settings
from receiver.contract.records import DeadLetter, Notification, decode_notification, encode
from receiver.runtime.logs import Seldom
from workers.normalise.cloudevent import claim
from workers.outcome_log import Told

_seldom = Seldom(structlog.get_logger())

Entry = tuple[bytes, bytes]
"""Inbound stream id, and the encoded notification."""
Outcome = tuple[list[Any], Told]
"""For `publish.lua`: entry id, number of events, then four arguments per event, or one dead letter;
and what is said of it. No class: making one per entry would show.
"""

_CALLBACKS: Final = {callback.name: callback for callback in CALLBACKS}


def outcome(entry: Entry, settings: Settings) -> Outcome:
    """Say what one entry means. What fails is a dead letter with its reason, never an exception,
    but for a job's time that is up.
    """
    notification = None
    try:
        notification = decode_notification(entry[1])
        callback = _CALLBACKS[notification.callback]
        events = callback.events(notification, settings.place(notification.listener))
        repeats = settings.publishes_repeats(notification.listener)
        claims = [
            claim(callback, notification, event, index, repeats=repeats)
            for index, event in enumerate(events)
        ]
        words = [entry[0], len(claims), *itertools.chain.from_iterable(claims)]
        return words, (notification, "")
    except Unreadable as error:
        return dead(entry, str(error), notification)
    except BaseTimeoutException:
        raise  # wherever it happened to strike: no fault of this entry
    except Exception as error:  # noqa: BLE001 - a fault of ours may not hold back a batch
        _seldom.say("error", "normalise.fault", error=type(error).__name__)
        return dead(entry, f"normalising failed: {type(error).__name__}", notification)


def dead(entry: Entry, reason: str, notification: Notification | None = None) -> Outcome:
    """The outcome of an entry that nothing can be made of."""
    now = time.time_ns() // 1_000_000
    letter = encode(DeadLetter(now, reason, entry[1]))
    return [entry[0], 0, letter], (notification, reason)
