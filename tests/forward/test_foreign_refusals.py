"""Sinks on another Redis, which refuses what they write."""

from collections.abc import Callable

from receiver.config.settings import RedisStreamSink
from tests.support.forwarding import Forwarding, publish_many
from tests.support.valkey import Valkey


def test_why_another_redis_refuses_is_said_by_its_own_word(
    valkey: Valkey, start_valkey: Callable[..., Valkey]
) -> None:
    theirs = start_valkey()
    theirs.client().set("company:events", "in the way")
    sink = RedisStreamSink(name="copy", stream="company:events", redis_url=theirs.url)
    forwarding = Forwarding(valkey, sink)
    publish_many(valkey, 2)
    forwarding.run()
    assert {each.reason for each in forwarding.retries()} == {"Redis: WRONGTYPE"}
    forwarding.close()
