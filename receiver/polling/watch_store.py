"""The watched messages in Redis. Each script is all or nothing, and safe to run again.

What a script is called with is a `Call`: `client.eval(*call)` runs it, with either kind of client.
"""

from typing import Any, Final

from receiver.contract.redis_keys import WATCH, WATCH_COUNTS, WATCHES, watch_due
from receiver.polling.watch import LONGEST, PAUSES, Step, Watch, encode
from receiver.runtime import scripts

_ADD: Final = scripts.load(__package__, "add_watch")
_CLAIM: Final = scripts.load(__package__, "claim_watches")
_SETTLE: Final = scripts.load(__package__, "settle_watch")
HOLD: Final = 90.0
"""Seconds after which a claimed watch that nobody has settled is due again: longer than a request
without an answer takes."""

Call = tuple[Any, ...]
"""A script, the number of its keys, its keys and its arguments."""


def add(watch: Watch, entry: str = "") -> Call:
    """Begin to watch a message, and delete the entry of `WATCH` that asked for it.

    Returns 1, or 0 where it is watched already.
    """
    due = watch.since + round(PAUSES[0] * 1000)
    keys = (WATCH, WATCHES, WATCH_COUNTS, watch_due(watch.poll))
    return (_ADD, len(keys), *keys, watch.field, encode(watch), watch.poll, due, entry)


def claim(poll: str, most: int) -> Call:
    """Take at most so many watches that are due. Returns Redis' time (ms), then their records.

    Nobody else gets them for `HOLD` seconds.
    """
    keys = (WATCHES, watch_due(poll))
    return (_CLAIM, len(keys), *keys, most, round(HOLD * 1000), round(LONGEST * 1000))


def settle(watch: Watch, before: bytes, step: Step) -> Call:
    """Write what follows for a watch whose record was `before`. Returns 1, or 0 where its record
    has changed since: then somebody else has settled it, and nothing is written.
    """
    keys = (WATCHES, WATCH_COUNTS, watch_due(watch.poll))
    after = encode(step.watch) if step.watch else b""
    pause = round(step.pause * 1000)
    return (
        _SETTLE, len(keys), *keys, watch.field, watch.poll, before, after, pause, *step.counts
    )  # fmt: skip
