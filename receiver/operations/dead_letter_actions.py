"""Replaying and dropping dead letters.

Each dead letter is handled in one script that removes it from its stream first, and only if it is
still there. So every action may be repeated, and two operators may act at once.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

import redis

from receiver.contract.redis_keys import DEAD_LETTERS, INBOUND, LEDGER
from receiver.operations.dead_letters import PAGE, Found
from receiver.operations.requeue import Requeue
from receiver.runtime import redis_errors, scripts
from receiver.runtime.server_time import server_time

_GONE: Final = -1


class DeadLetterActions:
    """Replays or drops dead letters, many at a time.

    Each method yields for every dead letter its outcome: `done`, `gone` (another operator was
    faster) or, in words, why it failed. Where Redis refuses one as it would refuse every other, it
    raises that `redis.RedisError`.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._reopen = client.register_script(scripts.load(__package__, "reopen_notification"))
        self._drop = client.register_script(scripts.load(__package__, "drop_dead_letter"))
        self._event = Requeue(client)
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
                self._reopen(keys=keys, args=[one.id, letter.notification], client=pipe)
                return ""
            if one.kind == "unreadable" or not letter.event:
                return "nothing is left of it that could be sent"
            if one.sink not in sinks:
                return f"there is no sink {one.sink!r} in receiver.toml"
            events = [(letter.entry or one.id, letter.event)]
            self._event.send(one.sink, events, self._now, letter=one.id, pipe=pipe)
            return ""

        return self._each(letters, ask, pace)

    def drop(self, letters: Iterable[Found]) -> Iterator[tuple[str, str]]:
        """Delete dead letters for good; the ledger counts them."""

        def ask(pipe: Any, found: Found) -> str:
            self._drop(keys=[DEAD_LETTERS, LEDGER], args=[found.summary.id], client=pipe)
            return ""

        return self._each(letters, ask)

    def _each(
        self,
        letters: Iterable[Found],
        ask: Callable[[Any, Found], str],
        pace: Callable[[Sequence[Found]], None] = lambda _: None,
    ) -> Iterator[tuple[str, str]]:
        source = iter(letters)
        while page := list(islice(source, PAGE)):
            pace(page)
            self._now = server_time(self._client)
            pipe = self._client.pipeline(transaction=False)
            refused = [ask(pipe, found) for found in page]
            answers = iter(pipe.execute(raise_on_error=False))
            for found, fault in zip(page, refused, strict=True):
                yield found.summary.id, fault or _outcome(next(answers))


def _outcome(answer: object) -> str:
    if isinstance(answer, Exception):
        if redis_errors.is_of_all_keys(answer):
            raise answer
        return f"Redis: {answer}"
    return "gone" if answer == _GONE else "done"
