"""The http sink: consumers that give no answer, or one without an end."""

import socket
import struct
from typing import Any

import pytest

from tests.support.consumer import Consumer, Handler, Request, answering
from tests.support.forwarding import Forwarding, event, http_sink, publish, unheard_sink
from tests.support.valkey import Valkey

SOON = 1.0
"""Seconds for an exchange, where its end is waited for: a busy machine may need one for an answer
that comes at once, so the event may need an attempt more."""


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
    ("behaviour", "timeout", "reason"),
    [
        (hang, SOON, "no answer within 1 s"),
        (drip_head, SOON, "no answer within 1 s"),
        (reset, 5, "no answer: ConnectionResetError"),
        (rubbish, 5, "no answer: BadStatusLine"),
    ],
)
def test_a_consumer_that_gives_no_answer_gets_the_event_again(
    valkey: Valkey, consumer: Consumer, behaviour: Any, timeout: float, reason: str
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer, timeout=timeout))
    consumer.behaviour = behaviour
    publish(valkey, event(1))
    forwarding.run()
    (waiting,) = forwarding.retries()
    assert waiting.reason.startswith(reason)
    consumer.behaviour = answering(204)
    until_none_waits(forwarding)
    assert forwarding.count("delivered") == 1


def until_none_waits(forwarding: Forwarding) -> None:
    """Attempt after attempt, up to the last one after 72 hours."""
    while forwarding.retries():
        forwarding.later(3600)


@pytest.mark.parametrize("behaviour", [endless, drip_body, drip_body_to_the_close, broken_chunk])
def test_a_body_without_an_end_is_cut_and_the_status_counts(
    valkey: Valkey, consumer: Consumer, behaviour: Any
) -> None:
    forwarding = Forwarding(valkey, http_sink(consumer, timeout=SOON))
    consumer.behaviour = behaviour
    publish(valkey, event(1))
    forwarding.run()
    until_none_waits(forwarding)
    assert forwarding.count("delivered") == 1


def test_nobody_listening_is_a_failed_attempt(valkey: Valkey) -> None:
    forwarding = Forwarding(valkey, unheard_sink())
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
