"""A Redis whose clock is days ahead for a while: no watch of a message's status ends for that."""

from typing import Any

import pytest
import redis.asyncio

from tests.polling.test_poll_clocks import DAY, moved
from tests.support.outboxes import DELIVERED, SENT, A, Watched, statuses


def asked_ahead(patch: pytest.MonkeyPatch, seconds: int) -> None:
    """To who asks Redis for the time it is ahead by so many seconds."""
    right: Any = redis.asyncio.Redis.time

    async def said(self: Any) -> tuple[int, int]:
        found = await right(self)
        return found[0] + seconds, found[1]

    patch.setattr(redis.asyncio.Redis, "time", said)


def test_no_watch_ends_because_the_clock_of_redis_is_days_ahead(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.gateway.script["SMS1"] = [statuses((A, SENT))]
    watched.ask_for("SMS1")
    moved(monkeypatch, 4 * DAY)
    watched.poll(lambda: watched.looks() == 1 or watched.ended())
    assert watched.looks() == 1
    asked_ahead(monkeypatch, 4 * DAY)
    watched.later()
    watched.poll(lambda: watched.looks() == 2 or watched.ended())
    assert watched.looks() == 2
    monkeypatch.undo()
    watched.gateway.script["SMS1"] = [statuses((A, DELIVERED))]
    watched.later()
    watched.poll(watched.ended)
    assert [one[1] for one in watched.said()] == ["sent", "delivered"]
