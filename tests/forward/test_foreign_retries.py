"""What somebody else wrote among a sink's retries: it holds up no delivery beside it."""

from typing import Any

import msgspec
import pytest

from receiver.config.settings import RedisStreamSink, SinkSettings
from receiver.contract.records import Delivery
from receiver.contract.redis_keys import retry_due, retry_items
from tests.support.consumer import Consumer
from tests.support.foreign_records import unreadable
from tests.support.forwarding import Forwarding, event, http_sink
from tests.support.valkey import Valkey

GOOD = msgspec.json.encode(event(1))
STRANGE = [*unreadable(Delivery("1-1", GOOD, 1, 1, "reason"), "reason"), b"nothing", b"\xc0"]


@pytest.fixture(params=["http", "redis-stream"])
def sink(request: pytest.FixtureRequest, consumer: Consumer) -> SinkSettings:
    if request.param == "http":
        return http_sink(consumer)
    return RedisStreamSink(name="hook", stream="company:events")


def wait(forwarding: Forwarding, entry: bytes, record: bytes) -> None:
    """Have a record wait for another attempt."""
    client: Any = forwarding.client
    client.hset(retry_items("hook"), entry, record)
    client.zadd(retry_due("hook"), {entry: 1})


def test_what_is_no_delivery_of_ours_is_a_dead_letter_and_the_others_go_on(
    valkey: Valkey, sink: SinkSettings
) -> None:
    forwarding = Forwarding(valkey, sink)
    for number, record in enumerate(STRANGE):
        wait(forwarding, b"%d-1" % (number + 10), record)
    wait(forwarding, b"\xff\xfe", STRANGE[0])
    wait(forwarding, b"99-1", msgspec.msgpack.encode(Delivery("99-1", GOOD, 1, 1, "was away")))
    forwarding.run()
    assert (forwarding.client.zcard(retry_due("hook")), forwarding.pending()) == (0, 0)
    assert forwarding.count("delivered") == 1
    reasons = [one.reason for one in forwarding.dead()]
    assert reasons == ["not an event"] * (len(STRANGE) + 1)
