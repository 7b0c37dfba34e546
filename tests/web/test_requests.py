"""A request is what it says, however its bytes come and whatever else it offers."""

import json
import re
import socket
from collections.abc import Iterator
from typing import Any, cast

import pytest

from receiver.contract.redis_keys import METER, REJECTED
from tests.support.bare import connect, exchange, header, read_answer, request, status
from tests.support.eventually import eventually
from tests.support.running import TOKEN, Receiver, mo
from tests.support.valkey import Valkey
from tests.support.wired import echo, serving

BEARER = ("authorization", f"Bearer {TOKEN}")
CHUNKED = (
    b"POST /chunked HTTP/1.1\r\nhost: x\r\n%btransfer-encoding: chunked\r\n\r\n"
    b"3;a=b\r\nabc\r\n2\r\nde\r\n0\r\n%b\r\n"
)
H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\n"
WEBSOCKET = b"connection: keep-alive, upgrade\r\nuPGRADE:websocket\r\n"
LENGTH = b"POST /length?a=b HTTP/1.1\r\nhost: x\r\n%bempty:\r\ncontent-length: 5\r\n\r\nabcde"
REQUESTS = {
    "a length": LENGTH % b"",
    "chunks": CHUNKED % (b"", b""),
    "trailers": CHUNKED % (b"", b"authorization: Bearer x\r\nhost: y\r\n"),
    "h2c and a length": LENGTH % H2C,
    "h2c and chunks": CHUNKED % (H2C, b""),
    "websocket and a length": LENGTH % WEBSOCKET,
    "websocket, chunks and trailers": CHUNKED % (WEBSOCKET, b"upgrade: h2c\r\n"),
    "h2c without a body": b"GET /none HTTP/1.1\r\nhost: x\r\n" + H2C + b"\r\n",
    "two offers": LENGTH % (H2C + b"upgrade: websocket\r\n"),
    "an offer without its connection": LENGTH % b"upgrade: h2c\r\n",
}


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with serving(echo, lifespan="off") as port:
        yield port


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    """A web half that all tests here knock at."""
    valkey = Valkey()
    found = Receiver(valkey, tmp_path_factory.mktemp("door"))
    try:
        yield found.start_web()
    finally:
        found.stop()
        valkey.stop()


def said(port: int, *pieces: bytes) -> list[Any]:
    """What the application was told of each request; every answer is one line of JSON."""
    with connect(port) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            line.sendall(piece)
        line.shutdown(socket.SHUT_WR)
        got = b""
        while chunk := line.recv(65536):
            got += chunk
    assert set(re.findall(rb"HTTP/1.1 (\d+)", got)) <= {b"200"}, got
    return [json.loads(found) for found in re.findall(rb"(?m)^\[.*?\](?=HTTP|\Z)", got)]


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_is_the_same_wherever_its_bytes_are_divided(port: int, name: str) -> None:
    whole = REQUESTS[name]
    told = said(port, whole)
    body = "" if name == "h2c without a body" else "abcde"
    assert [one[3] for one in told] == [body]
    for at in range(1, len(whole)):
        assert said(port, whole[:at], whole[at:]) == told, whole[:at]
    assert said(port, *(bytes([byte]) for byte in whole)) == told


def test_requests_that_offer_another_protocol_may_be_sent_ahead(port: int) -> None:
    ahead = list(REQUESTS.values()) * 3
    apart = [said(port, one)[0] for one in ahead]
    assert said(port, b"".join(ahead)) == apart
    joined = b"".join(ahead)
    assert said(port, *(joined[at : at + 97] for at in range(0, len(joined), 97))) == apart


def test_what_follows_a_body_in_chunks_is_no_header(port: int) -> None:
    names = [name for name, _ in said(port, REQUESTS["trailers"])[0][2]]
    assert names == ["host", "transfer-encoding"]


TRAILERS = [
    b"authorization: Bearer " + TOKEN.encode(),
    b"AUTHORIZATION: bearer " + TOKEN.encode(),
    b"x-correlator: abc",
    b"content-type: application/cloudevents-batch+json",
    b"content-encoding: gzip",
    b"ce-specversion: 1.0",
    b"expect: 100-continue",
    b"connection: close",
    b"connection: upgrade\r\nupgrade: h2c",
    b"x-http-method-override: PUT",
    b"empty:",
]


@pytest.mark.parametrize("trailer", TRAILERS)
def test_a_trailer_neither_authenticates_nor_changes_anything(
    door: Receiver, trailer: bytes
) -> None:
    body = mo()
    chunks = b"transfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n%b\r\n\r\n" % (
        len(body), body, trailer,
    )  # fmt: skip
    head = b"POST /att/sms/mo HTTP/1.1\r\nhost: x\r\n"
    for cut in (0, len(chunks) - 2, chunks.index(b"\r\n0\r\n") + 2):
        for known in (b"", b"authorization: Bearer " + TOKEN.encode() + b"\r\n"):
            whole = head + known + chunks
            at = len(whole) - len(chunks) + cut
            with connect(door.port) as line:
                line.sendall(whole[:at])
                line.sendall(whole[at:])
                answer = read_answer(line)
                assert status(answer) == (204 if known else 401)
                assert b"x-correlator" not in answer
                # The next one on this connection, if it stays, is a request like any other.
                if known and header(answer, b"connection") != b"close":
                    line.sendall(request("/att/sms/mo", mo(), BEARER))
                    assert status(read_answer(line)) == 204


@pytest.mark.parametrize("trailer", [b"content-length: 3", b"transfer-encoding: gzip"])
def test_a_trailer_that_speaks_of_lengths_makes_no_request(port: int, trailer: bytes) -> None:
    assert status(exchange(port, CHUNKED % (b"", trailer + b"\r\n"))) == 400


def test_trailers_without_end_are_cut_short(door: Receiver) -> None:
    head = request("/att/sms/mo", b"", BEARER, ("transfer-encoding", "chunked"))
    head = head.replace(b"content-length: 0\r\n", b"") + b"1\r\nx\r\n0\r\n"
    for trailers in (b"x: " + b"y" * 1_000_000, b"x: y\r\n" * 200_000):
        answer = exchange(door.port, head + trailers)
        assert status(answer) in (0, 431)  # 0: he was still writing, and saw no more than the end
    assert status(exchange(door.port, request("/att/sms/mo", mo(), BEARER))) == 204


@pytest.mark.parametrize("offer", ["h2c", "websocket", "TLS/1.0, HTTP/1.1"])
def test_a_notification_with_an_offer_is_kept_wherever_it_is_divided(
    door: Receiver, offer: str
) -> None:
    before = door.books().accepted
    headers = [BEARER, ("Connection", "Upgrade"), ("Upgrade", offer)]
    for at in range(40, 160, 7):
        whole = request("/att/sms/mo", mo(), *headers)
        with connect(door.port) as line:
            line.sendall(whole[:at])
            line.sendall(whole[at:])
            assert status(read_answer(line)) == 204
    assert door.books().accepted - before == len(range(40, 160, 7))


def test_who_ends_his_side_after_his_requests_gets_every_answer(door: Receiver) -> None:
    one = request("/att/sms/mo", mo(), BEARER)
    for ahead in (1, 2, 5):
        answers = exchange(door.port, *[request("/att/sms/mo", mo(), BEARER)] * ahead)
        assert re.findall(rb"HTTP/1.1 (\d+)", answers) == [b"204"] * ahead
    assert status(exchange(door.port, one[:60], one[60:])) == 204
    assert status(exchange(door.port, request("/att/sms/mo", b"{", BEARER))) == 400
    assert status(exchange(door.port, request("/att/sms/mo", b"{"))) == 401
    assert status(exchange(door.port, request("/metrics", method="GET"))) == 200
    for name in ("h2c and chunks", "trailers"):
        assert status(exchange(door.port, REQUESTS[name])) == 404


def test_who_ends_his_side_within_a_request_is_not_waited_for(door: Receiver) -> None:
    whole, before = request("/att/sms/mo", mo(), BEARER), door.books().accepted
    for at in range(1, len(whole), 9):
        exchange(door.port, whole[:at])  # or it would time out
    answers = exchange(door.port, request("/att/sms/mo", mo(), BEARER) + whole[:70])
    assert status(answers) == 204
    assert door.books().accepted == before + 1


def test_who_hangs_up_within_a_body_leaves_a_count_and_nothing_else(door: Receiver) -> None:
    def counted() -> int:
        return int(cast(Any, door.redis.hget(METER, "answered|att.sms.delivery-status|0")) or 0)

    before, kept = counted(), door.redis.xlen(REJECTED)
    with connect(door.port) as line:
        line.sendall(request("/att/sms/delivery-status", mo(), BEARER)[:-1])
    eventually(lambda: counted() == before + 1)
    assert door.redis.xlen(REJECTED) == kept
