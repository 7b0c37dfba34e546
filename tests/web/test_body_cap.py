"""A body may have exactly as many bytes as the cap, however they come."""

import time
from typing import Any

from receiver.contract.records import decode_refusal
from receiver.contract.redis_keys import REJECTED
from tests.support.bare import connect, read_answer, request, status
from tests.support.running import TOKEN, Receiver, mo

CAP = 2000
BEARER = ("authorization", f"Bearer {TOKEN}")


def of(size: int) -> bytes:
    """A body of this size."""
    body = mo("x" * (size - len(mo(""))))
    assert len(body) == size
    return body


def ways(body: bytes) -> dict[str, list[bytes]]:
    """The pieces of a request with this body, by length and in chunks."""
    size = len(body)
    whole = request("/att/sms/mo", body, BEARER)
    head = request("/att/sms/mo", b"", BEARER, ("transfer-encoding", "chunked"))
    head = head.replace(b"content-length: 0\r\n", b"")
    one = head + b"%x\r\n%b\r\n0\r\n\r\n" % (size, body)
    many = head + b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    return {
        "length": [whole],
        "length, divided": [whole[:-1], whole[-1:]],
        "length, head first": [whole[:-size], whole[-size:]],
        "one chunk": [one],
        "one chunk, divided": [one[:-8], one[-8:]],
        "many chunks": [many],
        "many chunks, divided": [many[:-1000], many[-1000:]],
    }


def answers(receiver: Receiver, body: bytes) -> dict[str, int]:
    found = {}
    for way, pieces in ways(body).items():
        with connect(receiver.port) as line:
            for piece in pieces:
                line.sendall(piece)
                time.sleep(0.02)  # else the pieces may arrive as one
            found[way] = status(read_answer(line))
    return found


def test_a_body_of_the_cap_is_taken_and_one_byte_more_is_too_much(receiver: Receiver) -> None:
    receiver.also(RECEIVER_MAX_BODY_BYTES=str(CAP))
    receiver.start_web()
    most, more = of(CAP), of(CAP + 1)
    assert set(answers(receiver, most).values()) == {204}
    assert receiver.redis.xlen(REJECTED) == 0
    assert set(answers(receiver, more).values()) == {413}
    assert receiver.books().accepted == len(ways(most))
    entries: Any = receiver.redis.xrange(REJECTED)
    kept = [decode_refusal(fields[b"r"]).body for _, fields in entries]
    assert kept == [more] * len(ways(more))
