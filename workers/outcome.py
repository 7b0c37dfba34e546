"""From one inbound entry to what `publish.lua` is told about it. Nothing here touches Redis."""

import itertools
import time
from typing import Any, Final

import structlog
from rq.timeouts import BaseTimeoutException

from receiver.carriers import CALLBACKS
from receiver.carriers.callback import Unreadable
from receiver.notification import DeadLetter, decode_notification, encode
from receiver.settings import Settings
from workers.event import claim

log = structlog.get_logger()

Entry = tuple[bytes, bytes]
"""Inbound stream id, and the encoded notification."""
Outcome = list[Any]
"""Entry id, number of events, then four arguments per event, or one dead letter."""

_CALLBACKS: Final = {callback.name: callback for callback in CALLBACKS}


def outcome(entry: Entry, settings: Settings) -> Outcome:
    """Say what one entry means. What fails is a dead letter with its reason, never an exception,
    but for a job's time that is up.
    """
    try:
        notification = decode_notification(entry[1])
        callback = _CALLBACKS[notification.callback]
        events = callback.normalise(notification, settings.zone(notification.listener))
        claims = [claim(callback, notification, event, i) for i, event in enumerate(events)]
        return [entry[0], len(claims), *itertools.chain.from_iterable(claims)]
    except Unreadable as error:
        return dead(entry, str(error))
    except BaseTimeoutException:
        raise  # wherever it happened to strike: no fault of this entry
    except Exception as error:  # noqa: BLE001 - a fault of ours may not hold back a batch
        log.error("normalise.fault", error=type(error).__name__)
        return dead(entry, f"normalising failed: {type(error).__name__}")


def dead(entry: Entry, reason: str) -> Outcome:
    """The outcome of an entry that nothing can be made of."""
    now = time.time_ns() // 1_000_000
    return [entry[0], 0, encode(DeadLetter(now, reason, entry[1]))]
