"""The http sink: a real consumer that misbehaves in every way, and what becomes of the events."""

import socket
import struct
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import msgspec
import pytest
from standardwebhooks import Webhook

from receiver.books import sink_books
from receiver.notification import sequence
from tests.consumer import Consumer, Handler, Request, consuming
from tests.forwarding import VARIABLES, Forwarding, event, http_sink, publish, publish_many
from tests.valkey import Valkey
from workers import backoff, deliveries


@pytest.fixture
def consumer() -> Iterator[Consumer]:
    with consuming() as server:
        yield server


def answering(status: int, **headers: str) -> Any:
    return lambda _request, handler: handler.answer(status, **headers)


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


def test_connections_are_kept(valkey: Valkey, consumer: Consumer) -> None:
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
    together = threading.Barrier(8, timeout=20)

    def meet(_request: Request, _handler: Handler) -> int:
        together.wait()
        return 204

    consumer.behaviour = meet
    forwarding = Forwarding(valkey, http_sink(consumer, concurrency=8, timeout=20))
    publish_many(valkey, 8)
    forwarding.run()
    assert forwarding.count("delivered") == 8


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 599])
def test_a_consumer_in_trouble_gets_the_event_again_until_it_takes_it(
    valkey: Valkey, consumer: Consumer, status: int
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer))
    publish(valkey, event(1))
    consumer.behaviour = answering(status)
    for attempt in range(1, 4):
        forwarding.later(3600)
        (waiting,) = forwarding.retries()
        assert (waiting.attempts, waiting.reason) == (attempt, f"answered {status}")
        assert forwarding.due() <= min(3600, backoff.FIRST * 2 ** (attempt - 1))
    consumer.behaviour = answering(204)
    forwarding.later(3600)
    assert len(set(consumer.ids)) == 1
    assert len(consumer.ids) == 4
    assert forwarding.retries() == []
    assert (forwarding.count("delivered"), forwarding.count("failed_attempts")) == (1, 3)


def test_what_is_not_due_is_not_sent(valkey: Valkey, consumer: Consumer) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer))
    publish(valkey, event(1))
    consumer.behaviour = answering(503, Retry_After="120")
    forwarding.run()
    forwarding.later(119)
    assert len(consumer.requests) == 1
    forwarding.later(3600)
    assert len(consumer.requests) == 2


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_holds_the_whole_sink(valkey: Valkey, consumer: Consumer, form: str) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer, concurrency=1))
    then = datetime.now(UTC) + timedelta(seconds=900)
    said = "900" if form == "seconds" else format_datetime(then, usegmt=True)
    consumer.behaviour = answering(429, Retry_After=said)
    publish(valkey, event(1))
    forwarding.run()
    assert 880 < forwarding.due() <= 900
    publish(valkey, event(2))
    forwarding.later(800)
    assert len(consumer.requests) == 1


def test_retry_after_is_capped(valkey: Valkey, consumer: Consumer) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer))
    consumer.behaviour = answering(503, Retry_After="99999999999")
    publish(valkey, event(1))
    forwarding.run()
    assert forwarding.due() <= 3600


def test_a_retry_after_that_nobody_can_read_is_as_if_it_were_not_there(
    valkey: Valkey, consumer: Consumer
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer))
    consumer.behaviour = answering(503, Retry_After="Mon, 01 Jan 2024 00:00:00 +99999999999999")
    publish(valkey, event(1))
    forwarding.run()
    (waiting,) = forwarding.retries()
    assert waiting.reason == "answered 503"


def test_an_event_that_cannot_be_asked_about_holds_nothing_back(
    valkey: Valkey, consumer: Consumer
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer, mode="binary"))
    publish(valkey, event(1, **{"no header\n": "x"}), event(2))
    forwarding.run()
    assert consumer.ids == [event(2)["id"]]
    assert forwarding.retries() == []
    (letter,) = forwarding.dead()
    assert letter.reason == "not an event"


def test_after_72_hours_it_is_a_dead_letter_with_the_reason(
    valkey: Valkey, consumer: Consumer
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer))
    consumer.behaviour = answering(500)
    (entry,) = publish(valkey, event(1))
    begun = forwarding.now
    while not forwarding.dead():
        forwarding.later(7200)
    (letter,) = forwarding.dead()
    assert 72 * 3600 <= forwarding.now - begun <= 78 * 3600
    assert (letter.sink, letter.entry, letter.notification) == ("hook", entry, b"")
    assert letter.reason == "given up: answered 500"
    assert letter.attempts == len(consumer.requests)
    assert msgspec.json.decode(letter.event) == event(1)
    assert forwarding.retries() == []
    assert forwarding.count("dead") == 1


@pytest.mark.parametrize("status", [400, 401, 404, 413, 422, 301, 302, 307, 308])
def test_a_refusal_is_a_dead_letter_at_once(
    valkey: Valkey, consumer: Consumer, status: int
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer))
    with consuming() as elsewhere:
        consumer.behaviour = answering(status, Location=elsewhere.url)
        publish(valkey, event(1))
        forwarding.run()
        assert elsewhere.requests == []
    (letter,) = forwarding.dead()
    assert letter.reason.startswith(f"answered {status}")
    assert (letter.attempts, len(consumer.requests)) == (1, 1)


def test_a_redirect_to_a_metadata_address_is_not_followed(
    valkey: Valkey, consumer: Consumer
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer))
    consumer.behaviour = answering(302, Location="http://169.254.169.254/latest/meta-data/")
    publish(valkey, event(1))
    forwarding.run()
    (letter,) = forwarding.dead()
    assert letter.reason == "answered 302: redirects are not followed"


def test_one_bad_event_does_not_take_its_batch_with_it(valkey: Valkey, consumer: Consumer) -> None:
    def picky(request: Request, _handler: Handler) -> int:
        return 422 if event(3)["id"].encode() in request.body else 204

    consumer.behaviour = picky
    forwarding = Forwarding(valkey, http_sink(consumer, mode="batch"))
    publish_many(valkey, 10)
    forwarding.run()
    (letter,) = forwarding.dead()
    assert msgspec.json.decode(letter.event)["id"] == event(3)["id"]
    assert letter.attempts == 1
    assert (forwarding.count("delivered"), forwarding.count("dead")) == (9, 1)


def test_410_stops_the_sink_and_keeps_the_events_until_it_is_started_again(
    valkey: Valkey, consumer: Consumer
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer, concurrency=1))
    consumer.behaviour = answering(410)
    ids = publish_many(valkey, 5)
    forwarding.run()
    asked = len(consumer.requests)
    assert asked <= 2  # what was under way
    assert forwarding.state()[b"stopped"] == b"answered 410: it wants no more events"
    forwarding.later(24 * 3600)
    assert len(consumer.requests) == asked
    assert forwarding.dead() == []
    consumer.behaviour = answering(204)
    assert sink_books.start(forwarding.client, "hook")
    forwarding.run()
    assert sorted(set(consumer.ids)) == ids
    assert forwarding.count("delivered") == 5


def reset(_request: Request, handler: Handler) -> None:
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    socket.close(handler.connection.detach())


def endless(_request: Request, handler: Handler) -> None:
    handler.send_response(200)
    handler.end_headers()
    while not handler.server.over.is_set():  # type: ignore[attr-defined]
        handler.wfile.write(b"x" * 65536)


def drip_head(_request: Request, handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nx-slow: ")
    while not handler.server.over.wait(0.05):  # type: ignore[attr-defined]
        handler.wfile.write(b"x")


def drip_body(_request: Request, handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("content-length", "1000")
    handler.end_headers()
    while not handler.server.over.wait(0.05):  # type: ignore[attr-defined]
        handler.wfile.write(b"x")


def drip_body_to_the_close(_request: Request, handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("connection", "close")
    handler.end_headers()
    while not handler.server.over.wait(0.05):  # type: ignore[attr-defined]
        handler.wfile.write(b"x")


def broken_chunk(_request: Request, handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("transfer-encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"-5\r\nabc")
    handler.close_connection = True


def hang(_request: Request, handler: Handler) -> None:
    handler.server.over.wait(60)  # type: ignore[attr-defined]


def rubbish(_request: Request, handler: Handler) -> None:
    handler.wfile.write(b"SMTP ready\r\n\r\n")
    handler.close_connection = True


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (hang, "no answer within 0.3 s"),
        (drip_head, "no answer within 0.3 s"),
        (reset, "no answer: ConnectionResetError"),
        (rubbish, "no answer: BadStatusLine"),
    ],
)
def test_a_consumer_that_gives_no_answer_gets_the_event_again(
    valkey: Valkey, consumer: Consumer, behaviour: Any, reason: str
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer, timeout=0.3))
    consumer.behaviour = behaviour
    publish(valkey, event(1))
    forwarding.run()
    (waiting,) = forwarding.retries()
    assert waiting.reason.startswith(reason)
    consumer.behaviour = answering(204)
    forwarding.later(3600)
    assert forwarding.count("delivered") == 1


@pytest.mark.parametrize("behaviour", [endless, drip_body, drip_body_to_the_close, broken_chunk])
def test_a_body_without_an_end_is_cut_and_the_status_counts(
    valkey: Valkey, consumer: Consumer, behaviour: Any
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer, timeout=0.3))
    consumer.behaviour = behaviour
    publish(valkey, event(1))
    forwarding.run()
    assert (forwarding.count("delivered"), forwarding.retries()) == (1, [])


def test_nobody_listening_is_a_failed_attempt(valkey: Valkey) -> None:
    with consuming() as gone:
        sink = http_sink(gone)
    forwarding = Forwarding(valkey, sink)
    publish(valkey, event(1))
    forwarding.run()
    (waiting,) = forwarding.retries()
    assert waiting.reason == "no answer: ConnectionRefusedError"


def test_a_kept_connection_that_was_closed_meanwhile_is_no_failure(
    valkey: Valkey, consumer: Consumer
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer))
    for number in range(3):
        publish(valkey, event(number))
        forwarding.run()
        consumer.behaviour = close_after
    assert forwarding.count("delivered") == 3
    assert forwarding.count("failed_attempts") == 0


def close_after(_request: Request, handler: Handler) -> None:
    handler.answer(204)
    handler.close_connection = True


def test_a_private_address_is_refused_when_it_is_connected_to(
    valkey: Valkey, consumer: Consumer
) -> None:
    sink = http_sink(consumer, allow=("other.internal",))
    forwarding = Forwarding(valkey, sink)
    publish(valkey, event(1))
    forwarding.run()
    assert consumer.requests == []
    (waiting,) = forwarding.retries()
    assert waiting.reason.startswith("the address is private")


def test_the_circuit_opens_and_nothing_burns_while_it_is_open(
    valkey: Valkey, consumer: Consumer
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer, concurrency=1))
    consumer.behaviour = answering(500)
    publish_many(valkey, 50)
    forwarding.run()
    asked = len(consumer.requests)
    assert deliveries.FAILURES <= asked <= deliveries.FAILURES + 2
    assert b"open_until" in forwarding.state()
    forwarding.run()
    assert len(consumer.requests) == asked
    assert forwarding.dead() == []


def test_half_open_lets_one_probe_through_and_waits_longer_each_time(
    valkey: Valkey, consumer: Consumer
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer, concurrency=1))
    consumer.behaviour = answering(500)
    publish_many(valkey, 50)
    forwarding.run()
    asked = len(consumer.requests)
    for pause in (1, 2, 4, 8, 16, 32, 60, 60):
        forwarding.later(pause - 0.1)
        assert len(consumer.requests) == asked
        forwarding.later(0.2)
        asked += 1
        assert len(consumer.requests) == asked


def test_the_first_success_closes_the_circuit_and_everything_comes(
    valkey: Valkey, consumer: Consumer
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer, concurrency=4))
    consumer.behaviour = answering(500)
    ids = publish_many(valkey, 100)
    forwarding.run()
    consumer.behaviour = answering(204)
    forwarding.later(3600)
    forwarding.later(3600)
    assert sorted(set(consumer.ids)) == ids
    assert forwarding.count("delivered") == 100
    assert forwarding.state() == {}


@pytest.mark.parametrize("trouble", [410, 500])
def test_a_consumer_gone_for_good_holds_events_only_as_long_as_the_sink_tries(
    valkey: Valkey, consumer: Consumer, trouble: int
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer, concurrency=1))
    forwarding.now = time.time()  # that of the entries' ids
    consumer.behaviour = answering(trouble)
    publish_many(valkey, 50)
    forwarding.run()
    asked = len(consumer.requests)
    if trouble == 500:  # still so after a day, and a probe has just said so again
        forwarding.client.hset("receiver:sink:hook", "open_until", 2**52)
    forwarding.later(71 * 3600)
    assert forwarding.dead() == []
    forwarding.later(2 * 3600)
    letters = forwarding.dead()
    assert {letter.reason for letter in letters} == {
        "given up: nothing could be sent all the time it waited"
    }
    books = sink_books.read(forwarding.client)[0]
    assert books.balanced
    assert len(letters) + books.open == 50
    assert len(letters) >= 50 - deliveries.FAILURES - 2
    assert len(consumer.requests) == asked


def test_events_that_only_waited_for_a_worker_are_sent_however_old(
    valkey: Valkey, consumer: Consumer
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer))
    forwarding.now = time.time() + 30 * 24 * 3600
    publish_many(valkey, 5)
    forwarding.run()
    assert forwarding.count("delivered") == 5


def test_filtered_events_are_counted_and_not_sent(valkey: Valkey, consumer: Consumer) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer, types=("device.*",)))
    publish(valkey, event(1), event(2, type="device.roaming.changed.v1"))
    forwarding.run()
    assert consumer.ids == [event(2)["id"]]
    assert (forwarding.count("delivered"), forwarding.count("filtered")) == (1, 1)


def test_what_is_no_event_is_a_dead_letter(valkey: Valkey, consumer: Consumer) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer))
    forwarding.client.xadd("receiver:events", {"event": "[]"})
    forwarding.run()
    (letter,) = forwarding.dead()
    assert (letter.reason, consumer.requests) == ("not an event", [])


def test_a_new_sink_begins_with_what_comes_from_now_on(valkey: Valkey, consumer: Consumer) -> None:
    publish(valkey, event(1))
    forwarding = Forwarding(valkey, http_sink(consumer))
    publish(valkey, event(2))
    forwarding.run()
    assert consumer.ids == [event(2)["id"]]


def test_a_redis_that_lost_everything_is_taken_from_its_new_beginning(
    valkey: Valkey, consumer: Consumer
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer))
    valkey.client().flushall()
    forwarding.now += 1
    publish(valkey, event(1))
    forwarding.run()
    assert consumer.ids == [event(1)["id"]]


def test_another_worker_takes_over_what_a_dead_one_left_but_not_what_a_live_one_holds(
    valkey: Valkey, consumer: Consumer
) -> None:
    dead = Forwarding(valkey, http_sink(consumer), consumer="dead")
    publish_many(valkey, 3)
    assert len(dead.deliveries.take(10)) == 3
    other = Forwarding(valkey, http_sink(consumer), consumer="other")
    other.run()
    assert consumer.ids == []
    open_now: Any = other.client.xpending_range("receiver:events", "forward:hook", "-", "+", 10)
    entries: Any = [each["message_id"] for each in open_now]
    # As long as one exchange may take, it may still be under way.
    other.client.xclaim("receiver:events", "forward:hook", "dead", 0, entries, idle=20_000)
    other.run()
    assert consumer.ids == []
    other.client.xclaim("receiver:events", "forward:hook", "dead", 0, entries, idle=30_001)
    other.run()
    assert len(consumer.ids) == 3
    assert other.count("delivered") == 3


def test_the_books_of_a_sink_add_up(valkey: Valkey, consumer: Consumer) -> None:
    def mixed(request: Request, _handler: Handler) -> int:
        return (204, 204, 400, 500)[int(request.headers["webhook-id"], 16) % 4]

    consumer.behaviour = mixed
    forwarding = Forwarding(valkey, http_sink(consumer, where={"type": "sms.message.received.v1"}))
    publish_many(valkey, 40)
    publish(valkey, *(event(n, type="other") for n in range(100, 105)))
    forwarding.run()
    (books,) = sink_books.read(forwarding.client)
    assert (books.events, books.filtered, books.open) == (45, 5, len(forwarding.retries()))
    assert books.balanced
    publish_many(valkey, 5, first=200)
    assert sink_books.read(forwarding.client)[0].open == books.open + 5
    assert sink_books.read(forwarding.client)[0].balanced


def test_the_books_of_a_sink_add_up_after_redis_lost_everything(
    valkey: Valkey, consumer: Consumer
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer))
    publish_many(valkey, 5)
    forwarding.run()
    valkey.client().delete("receiver:events")
    publish_many(valkey, 3, first=10)
    forwarding.run()
    (books,) = sink_books.read(forwarding.client)
    assert (books.events, books.delivered, books.balanced) == (8, 8, True)
