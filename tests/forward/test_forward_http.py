"""The http sink: how events arrive at a real consumer."""

import threading

import msgspec
import pytest
from redis.exceptions import ResponseError
from standardwebhooks import Webhook

from receiver.contract.records import sequence
from receiver.contract.redis_keys import SINKS
from receiver.operations import sink_ledger
from tests.support.consumer import Consumer, Handler, Request, answering
from tests.support.forwarding import VARIABLES, Forwarding, event, http_sink, publish, publish_many
from tests.support.valkey import Valkey
from workers.forward import delivery_queue


def test_an_event_arrives_as_a_structured_cloud_event(valkey: Valkey, consumer: Consumer) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer))
    (entry,) = publish(valkey, event(1))
    forwarding.run()
    (request,) = consumer.requests
    assert request.path == "/hook?key=1"
    assert request.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert request.headers["webhook-id"] == event(1)["id"]
    assert request.event == event(1) | {"sequence": sequence(entry)}
    assert (forwarding.count("delivered"), forwarding.pending()) == (1, 0)


def test_an_event_arrives_in_binary_mode(valkey: Valkey, consumer: Consumer) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer, mode="binary"))
    publish(valkey, event(1, subject="Zoë 100%"))
    forwarding.run()
    (request,) = consumer.requests
    assert request.headers["ce-id"] == event(1)["id"]
    assert request.headers["ce-subject"] == "Zo%C3%AB%20100%25"
    assert request.headers["content-type"] == "application/json"
    assert request.event == event(1)["data"]


def test_events_arrive_in_batches(valkey: Valkey, consumer: Consumer) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer, mode="batch", batch_size=3))
    ids = publish_many(valkey, 7)
    forwarding.run()
    bodies = [msgspec.json.decode(request.body) for request in consumer.requests]
    assert sorted(map(len, bodies)) == [1, 3, 3]
    assert sorted(each["id"] for body in bodies for each in body) == ids
    for body in bodies:  # within a batch the order is the stream's
        assert [each["sequence"] for each in body] == sorted(each["sequence"] for each in body)
    assert forwarding.count("delivered") == 7


def test_a_batch_holds_no_more_than_a_megabyte(valkey: Valkey, consumer: Consumer) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer, mode="batch"))
    publish(valkey, *(event(n, data={"raw": "x" * 300_000}) for n in range(10)))
    forwarding.run()
    assert max(len(request.body) for request in consumer.requests) < 1_010_000
    assert forwarding.count("delivered") == 10


def test_a_stop_lets_what_is_under_way_end_and_leaves_the_rest(
    valkey: Valkey, consumer: Consumer
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer, concurrency=1))

    def stop(_request: Request, _handler: Handler) -> int:
        forwarding.stop = True
        return 204

    consumer.behaviour = stop
    ids = publish_many(valkey, 20)
    forwarding.run()
    assert len(consumer.requests) < 20
    forwarding.stop, consumer.behaviour = False, answering(204)
    forwarding.run()
    assert sorted(consumer.ids) == ids  # none of them twice
    assert forwarding.count("delivered") == 20


def test_both_signatures_of_a_rotation_verify(valkey: Valkey, consumer: Consumer) -> None:
    sink = http_sink(
        consumer,
        secrets_env=("HOOK_SECRET", "HOOK_NEXT"),
        headers_env={"Authorization": "HOOK_AUTH"},
    )
    forwarding = Forwarding(valkey, sink)
    publish(valkey, event(1))
    forwarding.run()
    (request,) = consumer.requests
    for name in ("HOOK_SECRET", "HOOK_NEXT"):
        Webhook(VARIABLES[name]).verify(request.body, request.headers)
    assert request.headers["authorization"] == "Bearer consumer"


def test_fifty_requests_use_no_more_connections_than_may_run_at_once(
    valkey: Valkey, consumer: Consumer
) -> None:
    ports: set[int] = set()

    def note(_request: Request, handler: Handler) -> int:
        ports.add(handler.client_address[1])
        return 204

    consumer.behaviour = note
    forwarding = Forwarding(valkey, http_sink(consumer, concurrency=2))
    publish_many(valkey, 50)
    forwarding.run()
    assert len(consumer.requests) == 50
    assert len(ports) <= 2


def test_first_attempts_run_concurrently(valkey: Valkey, consumer: Consumer) -> None:
    together = threading.Barrier(8, timeout=60)

    def meet(_request: Request, _handler: Handler) -> int:
        together.wait()
        return 204

    consumer.behaviour = meet
    forwarding = Forwarding(valkey, http_sink(consumer, concurrency=8, timeout=20))
    publish_many(valkey, 8)
    forwarding.run()
    assert forwarding.count("delivered") == 8


def test_a_sink_that_waits_with_as_many_retries_as_it_may_reads_no_new_event(
    valkey: Valkey, consumer: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_queue, "MOST_RETRIES", 3)
    forwarding = Forwarding(valkey, http_sink(consumer))
    consumer.behaviour = answering(500)
    waiting = publish_many(valkey, 3)
    forwarding.run()
    new = publish_many(valkey, 2, first=3)
    forwarding.run()
    assert sorted(consumer.ids) == waiting
    assert forwarding.deliveries.held
    consumer.behaviour = answering(204)
    forwarding.later(5)
    assert sorted(consumer.ids[3:]) == waiting + new
    assert forwarding.count("delivered") == 5


def test_what_redis_does_not_settle_is_settled_before_anything_new_is_sent(
    valkey: Valkey, consumer: Consumer
) -> None:
    sink = http_sink(consumer, concurrency=2)
    forwarding = Forwarding(valkey, sink)
    ids = publish_many(valkey, 200)
    forwarding.client.hset(SINKS, "hook:delivered", "x")
    for _ in range(5):
        with pytest.raises(ResponseError, match="is not a number"):
            forwarding.run()
    assert 0 < len(consumer.requests) <= 2 * sink.concurrency
    forwarding.client.hdel(SINKS, "hook:delivered")
    forwarding.run()
    forwarding.run()
    assert sorted(consumer.ids) == ids
    (books,) = sink_ledger.read(forwarding.client)
    assert (books.delivered, books.open, books.balanced) == (200, 0, True)
