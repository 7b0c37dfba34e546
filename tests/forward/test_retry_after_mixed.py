"""A consumer that asks for a pause while it takes other events that were sent before."""

import pytest

from tests.support.consumer import Consumer, Handler, Request
from tests.support.forwarding import Forwarding, http_sink, publish_many
from tests.support.valkey import Valkey


def too_many_of_every_second(request: Request, handler: Handler) -> int | None:
    if int(request.headers["webhook-id"], 16) % 2:
        handler.answer(429, retry_after="30")
        return None
    return 204


@pytest.mark.parametrize("concurrency", [1, 8])
def test_retry_after_holds_a_sink_that_takes_others(
    valkey: Valkey, consumer: Consumer, concurrency: int
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer, concurrency=concurrency))
    consumer.behaviour = too_many_of_every_second
    ids = publish_many(valkey, 200)
    forwarding.run()
    asked = len(consumer.requests)
    assert asked <= 4 * concurrency
    forwarding.later(29)
    assert len(consumer.requests) == asked
    consumer.behaviour = lambda _request, _handler: 204
    forwarding.later(2)
    for _ in range(3):
        forwarding.later(31)
    assert (sorted(set(consumer.ids)), forwarding.count("delivered")) == (ids, 200)
    assert forwarding.state().keys() == {b"took_at"}
