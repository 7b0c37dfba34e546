"""Somebody destroys the group of a sink or moves it: the sink gets all of it once all the same."""

import json

from receiver.config.settings import RedisStreamSink
from receiver.contract.redis_keys import EVENTS, forward_group
from receiver.operations import sink_ledger
from tests.support.consumer import consuming
from tests.support.forwarding import Forwarding, http_sink, publish_many
from tests.support.valkey import Valkey
from tests.workers.conftest import Stranger, moves
from workers.maintenance.sink_sweep import SinkSweep


def test_a_sink_on_our_own_redis_stays_exactly_once(valkey: Valkey, stranger: Stranger) -> None:
    sink = RedisStreamSink(name="copy", stream="company:events")
    forwarding = Forwarding(valkey, sink)
    client = forwarding.client
    publish_many(valkey, 400)
    forwarding.run()
    publish_many(valkey, 100, first=400)
    other = Forwarding(valkey, sink, consumer="other")
    assert len(other.deliveries.lease(30)) == 30
    stranger(client, EVENTS, forward_group("copy"))
    publish_many(valkey, 1, first=500)
    forwarding.run()
    other.run()
    forwarding.run()
    copied = [json.loads(fields[b"event"])["id"] for _, fields in client.xrange("company:events")]
    assert (len(copied), len(set(copied))) == (501, 501)
    (books,) = sink_ledger.read(client)
    assert (books.delivered, books.open, books.balanced) == (501, 0, True)
    assert moves(client, forward_group("copy")) >= 1


def test_in_the_middle_of_a_job_a_sink_gets_nothing_again(
    valkey: Valkey, stranger: Stranger
) -> None:
    forwarding = Forwarding(valkey, RedisStreamSink(name="copy", stream="company:events"))
    publish_many(valkey, 100)
    forwarding.run()
    publish_many(valkey, 50, first=100)
    forwarding.deliveries.lease(1)
    forwarding.deliveries.recover = lambda: None  # type: ignore[method-assign]
    stranger(forwarding.client, EVENTS, forward_group("copy"))
    forwarding.run()
    del forwarding.deliveries.recover
    forwarding.run()
    entries = forwarding.client.xrange("company:events")
    copied = [json.loads(fields[b"event"])["id"] for _, fields in entries]
    assert (len(copied), len(set(copied))) == (150, 150)


def test_a_web_hook_gets_nothing_again_that_it_had_taken(
    valkey: Valkey, stranger: Stranger
) -> None:
    with consuming() as consumer:
        consumer.behaviour = lambda request, _handler: (204, 500)[
            int(request.headers["webhook-id"], 16) % 2
        ]
        sink = http_sink(consumer, concurrency=3)
        forwarding = Forwarding(valkey, sink)
        publish_many(valkey, 9)
        forwarding.run()
        assert len(consumer.requests) == 9
        stranger(forwarding.client, EVENTS, forward_group("hook"))
        publish_many(valkey, 1, first=100)
        SinkSweep(forwarding.client, (sink,)).run()
        forwarding.run()
        assert len(consumer.requests) == 10
        (books,) = sink_ledger.read(forwarding.client)
        assert (books.delivered, books.open, books.balanced) == (6, 4, True)


def test_a_sink_begins_where_it_was_left_when_a_supervisor_finds_its_group_gone(
    valkey: Valkey,
) -> None:
    sink = RedisStreamSink(name="copy", stream="company:events")
    forwarding = Forwarding(valkey, sink)
    publish_many(valkey, 10)
    forwarding.run()
    forwarding.client.xgroup_destroy(EVENTS, forward_group("copy"))
    publish_many(valkey, 5, first=10)
    SinkSweep(forwarding.client, (sink,)).create_groups()
    forwarding.run()
    assert forwarding.client.xlen("company:events") == 15
    assert sink_ledger.read(forwarding.client)[0].balanced
