"""The probe of a sink's open circuit: one at a time, and always an event that is sent."""

from typing import Any

import pytest

from tests.support.consumer import Consumer, answering
from tests.support.forwarding import Forwarding, event, http_sink, publish, publish_many
from tests.support.valkey import Valkey
from workers.forward import delivery_queue, outcomes


def held_by_a_circuit(valkey: Valkey, consumer: Consumer) -> Forwarding:
    """A sink that wants one type only; its consumer, which answered nothing good, works again."""
    forwarding = Forwarding(valkey, http_sink(consumer, types=("device.*",), concurrency=1))
    consumer.behaviour = answering(500)
    publish(valkey, *(wanted(number) for number in range(delivery_queue.FAILURES)))
    forwarding.run()
    assert b"open_until" in forwarding.state()
    consumer.behaviour = answering(204)
    consumer.requests.clear()
    return forwarding


def wanted(number: int) -> dict[str, Any]:
    return event(number, type="device.roaming.changed.v1")


def test_an_event_that_the_sink_does_not_want_is_no_probe(
    valkey: Valkey, consumer: Consumer
) -> None:
    forwarding = held_by_a_circuit(valkey, consumer)
    publish_many(valkey, 50, first=100)
    publish(valkey, wanted(200))
    forwarding.later(2)
    assert wanted(200)["id"] in consumer.ids
    assert forwarding.count("filtered") == 50
    assert b"open_until" not in forwarding.state()


def test_what_is_no_event_is_no_probe(valkey: Valkey, consumer: Consumer) -> None:
    forwarding = held_by_a_circuit(valkey, consumer)
    for _ in range(5):
        forwarding.client.xadd("receiver:events", {"event": "[]"})
    publish(valkey, wanted(200))
    forwarding.later(2)
    assert wanted(200)["id"] in consumer.ids
    assert len(forwarding.dead()) == 5


def test_one_probe_at_a_time_whatever_an_older_lease_settles(
    valkey: Valkey, consumer: Consumer
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer, types=("device.*",), concurrency=1))
    late = Forwarding(valkey, http_sink(consumer, types=("device.*",)), consumer="late")
    publish_many(valkey, 1)
    (old,) = late.deliveries.lease(1)
    late.deliveries.settle([outcomes.pause(1000)])
    publish(valkey, wanted(200), wanted(201))
    forwarding.now += 2
    assert len(forwarding.deliveries.lease(10)) == 1
    late.deliveries.settle([outcomes.filtered(old)])
    assert late.deliveries.lease(10) == []
    assert late.deliveries.held


@pytest.mark.parametrize("due", [False, True])
def test_a_probe_that_a_stop_gives_back_is_not_waited_for(
    valkey: Valkey, consumer: Consumer, due: bool
) -> None:
    forwarding = held_by_a_circuit(valkey, consumer)
    if not due:
        publish(valkey, wanted(200))
    forwarding.now += 3600  # what failed is due
    job: Any = forwarding.job
    job._lease()
    assert forwarding.deliveries.lease(1) == []  # the probe is with the job
    forwarding.stop = True
    job._end()
    assert consumer.requests == []
    other = Forwarding(valkey, forwarding.sink, consumer="other")
    other.now = forwarding.now
    other.run()
    assert len(consumer.ids) >= 10
    assert other.count("delivered") == len(consumer.ids)
