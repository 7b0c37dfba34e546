"""Requests that arrive whole take a shorter way; nobody may notice by anything but the time."""

import re
import socket
import struct
import time

from receiver.web.http_parser import AHEAD
from tests.support.bare import connect, header, read_all, read_answer, request, status
from tests.support.eventually import eventually
from tests.support.running import TOKEN, Receiver, mo

BEARER = ("authorization", f"Bearer {TOKEN}")
JSON = ("content-type", "application/json")
BATCH = ("content-type", "application/cloudevents-batch+json")
GOOD = b'{"specversion":"1.0","id":"1","source":"s","type":"t"}'
REQUESTS = {
    "taken": request("/att/sms/mo", mo(), BEARER, JSON),
    "token in the query": request(f"/att/sms/mo/promo?access_token={TOKEN}", mo(), JSON),
    "correlated": request("/camara/notifications", GOOD, BEARER, JSON, ("x-correlator", "abc")),
    "some of a batch": request("/camara/notifications", b"[%s,{}]" % GOOD, BEARER, BATCH),
    "an empty batch": request("/camara/notifications", b"[]", BEARER, BATCH),
    "the last one": request("/att/sms/mo", mo(), BEARER, ("connection", "close")),
    "expecting": request("/att/sms/mo", mo(), BEARER, ("expect", "100-continue")),
    "compressed": request("/att/sms/mo", mo(), BEARER, ("content-encoding", "gzip")),
    "rubbish": request("/att/sms/mo", b"x", BEARER),
    "nothing": request("/att/sms/mo", b"", BEARER),
    "too large": request("/att/sms/mo", b"x" * 262145, BEARER),
    "a stranger": request("/att/sms/mo", mo(), ("authorization", "Bearer no")),
    "another method": request("/att/sms/mo", mo(), BEARER, method="PUT"),
    "nowhere": request("/att/sms/no", mo(), BEARER),
}


def _answered(port: int, *pieces: bytes) -> bytes:
    """The answer, less what differs from one to the next."""
    with connect(port) as line:
        for piece in pieces:
            line.sendall(piece)
            time.sleep(0.05)  # else the pieces may arrive as one
        answer = read_answer(line).removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
        return re.sub(rb"(?m)^(date|x-receipt-id): .*", rb"\1", answer or read_answer(line))


def test_the_answer_is_the_same_whether_a_request_comes_in_one_piece_or_in_two(
    receiver: Receiver,
) -> None:
    receiver.start_web()
    in_two = {
        name: _answered(receiver.port, *whole.partition(b"\r\n\r\n"))
        for name, whole in REQUESTS.items()
    }
    assert {name: _answered(receiver.port, whole) for name, whole in REQUESTS.items()} == in_two
    assert {status(answer) for answer in in_two.values()} == {204, 400, 401, 404, 405, 413, 415}


def test_requests_sent_ahead_are_answered_in_their_order(receiver: Receiver) -> None:
    receiver.start_web()
    good, bad = REQUESTS["taken"], REQUESTS["rubbish"]
    with connect(receiver.port) as line:
        line.sendall(good + bad + good + REQUESTS["the last one"])
        said = read_all(line)
    assert re.findall(rb"HTTP/1.1 (\d+)", said) == [b"204", b"400", b"204", b"204"]


def test_a_connection_is_closed_after_its_last_answer(receiver: Receiver) -> None:
    receiver.start_web()
    with connect(receiver.port) as line:
        line.sendall(REQUESTS["the last one"])
        answer = read_all(line)
    assert (status(answer), header(answer, b"connection")) == (204, b"close")


def test_senders_that_hang_up_before_their_answers_harm_nobody(receiver: Receiver) -> None:
    receiver.start()
    for _ in range(50):
        with connect(receiver.port) as line:
            line.sendall(b"".join(request("/att/sms/mo", mo(), BEARER) for _ in range(4)))
    with connect(receiver.port) as line:
        line.sendall(REQUESTS["taken"])
        assert status(read_answer(line)) == 204
    eventually(lambda: receiver.settled().published >= 51)
    assert "request.fault" not in receiver.log.read_text()
    assert "intake.broken" not in receiver.log.read_text()


def test_what_could_not_be_stored_in_time_is_answered_503(receiver: Receiver) -> None:
    receiver.start_web()
    with connect(receiver.port) as line:
        receiver.valkey.pause()
        try:
            line.sendall(REQUESTS["correlated"])
            answer = read_answer(line)
        finally:
            receiver.valkey.resume()
        assert (status(answer), header(answer, b"x-correlator")) == (503, b"abc")
        assert b"UNAVAILABLE" in answer
        eventually(lambda: receiver.get("/readyz").status == 200)
        line.sendall(REQUESTS["taken"])
        assert status(read_answer(line)) == 204


def test_a_full_house_refuses_as_many_as_may_be_sent_ahead(receiver: Receiver) -> None:
    receiver.also(RECEIVER_MAX_IN_FLIGHT="1")
    receiver.start_web()
    head, _, _ = REQUESTS["expecting"].partition(b"{")
    with connect(receiver.port) as first, connect(receiver.port) as second:
        first.sendall(head)
        # Once it has been told to go on it is in, until its body has come; there is room for one.
        assert read_answer(first).startswith(b"HTTP/1.1 100 ")
        second.sendall(REQUESTS["taken"] * AHEAD + REQUESTS["the last one"])
        said = read_all(second)
    assert said.count(b"HTTP/1.1 429 ") == AHEAD + 1
    assert "Fatal" not in receiver.log.read_text()


def test_who_hangs_up_with_requests_sent_ahead_is_no_fault(receiver: Receiver) -> None:
    receiver.start_web()
    receiver.valkey.pause()
    try:
        with connect(receiver.port) as line:
            line.sendall(REQUESTS["rubbish"] * 2)
            time.sleep(0.2)  # the first waits for Valkey, the second for the first
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        time.sleep(2.5)  # until the first is told that it was not in time
    finally:
        receiver.valkey.resume()
    eventually(lambda: receiver.post("/att/sms/mo", mo()).status == 204)
    assert "Exception in ASGI" not in receiver.log.read_text()
