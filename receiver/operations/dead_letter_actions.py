"""Replaying and dropping dead letters.

Each dead letter is handled in one script that removes it from its stream first, and only if it is
still there. So every action may be repeated, and two operators may act at once.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

import redis

from receiver.contract.records import Delivery, encode
from receiver.contract.redis_keys import (
    DEAD_LETTERS,
    INBOUND,
    LEDGER,
    SINKS,
    retry_due,
    retry_items,
)
from receiver.operations.dead_letters import PAGE, Found
from receiver.runtime.scripts import whole

# # The letter is the only copy: what could fail after it went is asked for first
# (`receiver.runtime.scripts`).
# Its outcome is taken back: the notification is open again, and nothing of it was ever published
# or its identity claimed.
_REPLAY_NOTIFICATION: Final = """
refuse({'XDEL', KEYS[1], '0-0'}, {'XADD', KEYS[2], '*', 'n', ''}, {'HINCRBY', KEYS[3], 'dead', '1'})
refuse_full(KEYS[2])
refuse_words(KEYS[3], 'dead')
if redis.call('XDEL', KEYS[1], ARGV[1]) == 0 then
    return 0
end
redis.call('XADD', KEYS[2], '*', 'n', ARGV[2])
redis.call('HINCRBY', KEYS[3], 'dead', -1)
return 1
"""
_REPLAY_EVENT: Final = """
refuse(
    {'XDEL', KEYS[1], '0-0'}, {'HSETNX', KEYS[2], 'x', ''}, {'HINCRBY', KEYS[4], 'x', '1'},
    {'ZADD', KEYS[3], 'NX', '0', 'x'})
redis.call('HLEN', KEYS[2])
redis.call('ZCARD', KEYS[3])
refuse_words(KEYS[4], ARGV[5])
if redis.call('XDEL', KEYS[1], ARGV[1]) == 0 then
    return 0
end
if redis.call('HSETNX', KEYS[2], ARGV[2], ARGV[3]) == 1 then
    redis.call('HINCRBY', KEYS[4], ARGV[5], 1)
end
redis.call('ZADD', KEYS[3], 'NX', ARGV[4], ARGV[2])
return 1
"""
# Its outcome stays: it was a dead letter, and now nobody can read it any more.
_DROP: Final = """
refuse({'XDEL', KEYS[1], '0-0'}, {'HINCRBY', KEYS[2], 'dead_dropped', '1'})
refuse_words(KEYS[2], 'dead_dropped')
if redis.call('XDEL', KEYS[1], ARGV[1]) == 0 then
    return 0
end
redis.call('HINCRBY', KEYS[2], 'dead_dropped', 1)
return 1
"""


class DeadLetterActions:
    """Replays or drops dead letters, many at a time.

    Each method yields for every dead letter its outcome: `done`, `gone` (another operator was
    faster) or, in words, why it failed.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._notification = client.register_script(whole(_REPLAY_NOTIFICATION))
        self._event = client.register_script(whole(_REPLAY_EVENT))
        self._drop = client.register_script(whole(_DROP))
        self._now = 0
        """When this page is due: by Redis' clock, as the workers say what is."""

    def replay(
        self,
        letters: Iterable[Found],
        sinks: frozenset[str],
        pace: Callable[[Sequence[Found]], None] = lambda _: None,
    ) -> Iterator[tuple[str, str]]:
        """Requeue dead letters: a notification to the inbound stream, an event to its sink, due
        now.

        Nothing is changed in them, so that their ids stay what they are. `sinks` are those that
        are configured: to another one nothing is sent. `pace` is called before each page.
        """

        def ask(pipe: Any, found: Found) -> str:
            one, letter = found.summary, found.letter
            if one.kind == "notification":
                keys = [DEAD_LETTERS, INBOUND, LEDGER]
                self._notification(keys=keys, args=[one.id, letter.notification], client=pipe)
                return ""
            if one.kind == "unreadable" or not letter.event:
                return "nothing is left of it that could be sent"
            if one.sink not in sinks:
                return f"there is no sink {one.sink!r} in receiver.toml"
            self._again(pipe, found)
            return ""

        return self._each(letters, ask, pace)

    def drop(self, letters: Iterable[Found]) -> Iterator[tuple[str, str]]:
        """Delete dead letters for good; the ledger counts them."""

        def ask(pipe: Any, found: Found) -> str:
            self._drop(keys=[DEAD_LETTERS, LEDGER], args=[found.summary.id], client=pipe)
            return ""

        return self._each(letters, ask)

    def _again(self, pipe: Any, found: Found) -> None:
        letter, now = found.letter, self._now
        entry = letter.entry or found.summary.id
        # It is given up so long after the later of two clocks.
        first = max(now, time.time_ns() // 1_000_000)
        delivery = encode(Delivery(entry, letter.event, first))
        self._event(
            keys=[DEAD_LETTERS, retry_items(letter.sink), retry_due(letter.sink), SINKS],
            args=[found.summary.id, entry, delivery, now, f"{letter.sink}:replayed"],
            client=pipe,
        )

    def _each(
        self,
        letters: Iterable[Found],
        ask: Callable[[Any, Found], str],
        pace: Callable[[Sequence[Found]], None] = lambda _: None,
    ) -> Iterator[tuple[str, str]]:
        source = iter(letters)
        while page := list(islice(source, PAGE)):
            pace(page)
            now: Any = self._client.time()
            self._now = now[0] * 1000 + now[1] // 1000
            pipe = self._client.pipeline(transaction=False)
            refused = [ask(pipe, found) for found in page]
            answers = iter(pipe.execute(raise_on_error=False))
            for found, fault in zip(page, refused, strict=True):
                yield found.summary.id, fault or _outcome(next(answers))


def _outcome(answer: object) -> str:
    if isinstance(answer, Exception):
        return f"Redis: {answer}"
    return "done" if answer else "gone"
