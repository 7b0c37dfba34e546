"""A sink on our own Redis that is held: by an operator, or since it was another kind of sink."""

import time

import pytest

from receiver.config.settings import RedisStreamSink, RqSink, SinkSettings
from receiver.operations import sink_ledger, sink_orders
from tests.support.consumer import answering, consuming
from tests.support.forwarding import Forwarding, http_sink, publish_many
from tests.support.valkey import Valkey

HOUR = 3600


@pytest.mark.parametrize(
    "sink",
    [
        RedisStreamSink(name="hook", stream="company:events", give_up_hours=5),
        RqSink(name="hook", queue="company", function="a.b", give_up_hours=5),
    ],
    ids=["redis-stream", "rq"],
)
def test_while_it_is_paused_nothing_is_delivered_and_what_waits_too_long_is_given_up(
    valkey: Valkey, sink: SinkSettings
) -> None:
    forwarding = Forwarding(valkey, sink)
    forwarding.now = time.time()  # that of the entries' ids
    sink_orders.pause(forwarding.client, "hook", "moved")
    publish_many(valkey, 20)
    forwarding.later(4 * HOUR)
    assert forwarding.dead() == []
    forwarding.later(2 * HOUR)
    assert {letter.reason for letter in forwarding.dead()} == {
        "given up: nothing could be sent all the time it waited"
    }
    (books,) = sink_ledger.read(forwarding.client)
    assert (books.delivered, books.dead, books.open, books.balanced) == (0, 20, 0, True)
    assert not forwarding.client.exists("company:events", "rq:queue:company")


@pytest.mark.parametrize(
    "sink",
    [
        RedisStreamSink(name="hook", stream="company:events"),
        RqSink(name="hook", queue="company", function="a.b"),
    ],
    ids=["redis-stream", "rq"],
)
def test_the_circuit_of_a_web_hook_that_was_dead_closes_when_it_gets_this_kind(
    valkey: Valkey, sink: SinkSettings
) -> None:
    with consuming() as consumer:
        hook = Forwarding(valkey, http_sink(consumer))
        consumer.behaviour = answering(500)
        publish_many(valkey, 500)
        hook.run()
        assert b"open_until" in hook.state()
    local = Forwarding(valkey, sink)
    local.later(HOUR)
    (books,) = sink_ledger.read(local.client)
    assert (books.delivered, books.failing, books.open_until) == (500, False, 0)
