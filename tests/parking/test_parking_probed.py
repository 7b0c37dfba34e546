"""A failing sink is asked with what is parked of it, the oldest first."""

import json
import time

from receiver.contract.redis_keys import EVENTS
from tests.parking.conftest import Made
from tests.support.consumer import Consumer, answering, consuming
from tests.support.forwarding import Forwarding, event, http_sink, publish_many
from tests.support.parking import Parking
from tests.support.valkey import Valkey
from workers.forward.delivery_queue import FAILURES


def failing(
    consumer: Consumer, valkey: Valkey, parking: Made, *, waiting: int
) -> tuple[Forwarding, Parking]:
    """A sink whose consumer is dead, and whose next 220 of so many events are parked."""
    consumer.behaviour = answering(500)
    sink = http_sink(consumer, concurrency=1)
    forwarding, parked = Forwarding(valkey, sink), parking(sink)
    forwarding.client.config_set("maxmemory", 100_000_000)
    forwarding.now = time.time()  # that of the entries' ids
    publish_many(valkey, FAILURES)
    forwarding.run()
    publish_many(valkey, waiting, first=FAILURES)
    assert parked.parker._parkings["hook"].relieve(parked.use("hook"), 220)
    consumer.requests.clear()
    return forwarding, parked


def test_a_web_hook_that_is_back_gets_what_is_parked_before_what_is_newer(
    valkey: Valkey, parking: Made
) -> None:
    with consuming() as consumer:
        forwarding, parked = failing(consumer, valkey, parking, waiting=250)
        ids = [event(FAILURES + number)["id"] for number in range(250)]
        for _ in range(3):  # it is still dead
            parked.run(1)
            forwarding.later(61)
        assert consumer.ids == ids[:3]
        consumer.behaviour = answering(204)
        consumer.requests.clear()
        for _ in range(6):
            parked.run(1)
            forwarding.later(61)
        first = [name for name in consumer.ids if name in ids[3:]]
        assert first == ids[3:]
        assert parked.books().delivered == FAILURES + 250


def test_what_is_parked_for_longer_than_it_is_tried_does_not_die_of_a_probe(
    valkey: Valkey, parking: Made
) -> None:
    with consuming() as consumer:
        forwarding, parked = failing(consumer, valkey, parking, waiting=220)
        forwarding.now += 100 * 3600
        new = [event(number) for number in range(1_000, 1_003)]
        for one in new:
            entry = f"{int(1000 * forwarding.now)}-*"
            forwarding.client.xadd(EVENTS, {"event": json.dumps(one)}, id=entry)
        for _ in new:
            parked.run(1)
            forwarding.later(61)
        assert consumer.ids == [one["id"] for one in new]
        assert parked.books().dead == 0
