"""A watch that cannot be read holds up no other."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from receiver.contract.redis_keys import WATCHES, watch_due
from receiver.polling import watch
from tests.support.outboxes import Outbox, Watched, outbox, statuses
from tests.support.valkey import Valkey


@pytest.fixture
def gateway() -> Iterator[Outbox]:
    with outbox() as found:
        yield found


@pytest.fixture
def watched(valkey: Valkey, gateway: Outbox, tmp_path: Path) -> Watched:
    return Watched(valkey, gateway, tmp_path)


def test_those_that_are_due_with_one_that_cannot_be_read_are_asked_for(watched: Watched) -> None:
    names = ["SMS1", "SMS2", "SMS3"]
    unreadable = watch.field("promo", "SMS0")
    watched.redis.hset(WATCHES, unreadable, "no record")
    watched.redis.zadd(watch_due("promo"), {unreadable: 0})
    for name in names:
        watched.gateway.script[name] = [statuses(("tel:+12065550100", "DeliveredToTerminal"))]
    watched.ask_for(*names)
    watched.poll(lambda: watched.counts().get("final") == len(names), within=30)
    assert watched.redis.hkeys(WATCHES) == [unreadable.encode()]
    assert watched.redis.zscore(watch_due("promo"), unreadable)
