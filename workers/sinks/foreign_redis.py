"""A sink on a foreign Redis: its commands cannot run in the script that acknowledges."""

import itertools
from collections.abc import Sequence
from typing import Final

import redis

from receiver.runtime import redis_errors
from workers.sinks.sink import NOT_AN_EVENT, TAKEN, Answer, Item, TransactionalSink

BATCH: Final = 200


class ForeignRedis:
    """Deliver to a foreign Redis by the commands of a transactional sink: at least once."""

    batch_size = BATCH
    concurrency = 1
    seconds = 5.0

    def __init__(self, local: TransactionalSink, client: redis.Redis) -> None:
        self._local = local
        self._client = client
        self._asked: list[list[Item]] = []

    def send(self, items: list[Item]) -> None:
        """Queue one request; it is sent when its answer is asked for."""
        self._asked.append(items)

    def answers(self, _seconds: float) -> list[tuple[list[Item], Answer]]:
        """Send each request as one transaction; a Redis error is a failed attempt."""
        asked, self._asked = self._asked, []
        return [(items, self._send(items)) for items in asked]

    def _send(self, items: Sequence[Item]) -> Answer:
        pipe = self._client.pipeline(transaction=True)
        try:
            each = map(self._local.commands, items)
            for command in itertools.chain(self._local.opening, *each):
                pipe.execute_command(*command)  # type: ignore[no-untyped-call]
        except NOT_AN_EVENT:
            return Answer("unsent", "not an event")
        try:
            pipe.execute()
        except redis_errors.DOWN as error:
            return Answer("failed", f"Redis: {redis_errors.refusal(error)}")
        return TAKEN
