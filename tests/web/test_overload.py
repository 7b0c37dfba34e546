"""More than fits is told to come again, and what is in the house stays bounded."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from receiver.auth.bearer import Credentials
from receiver.contract.records import decode_refusal
from receiver.contract.redis_keys import INBOUND, REJECTED, TURNED_AWAY
from receiver.intake.availability import Availability
from receiver.runtime.logs import Seldom
from receiver.web import admission, answers, ingest, protocol
from tests.intake.test_redis_trouble import Load
from tests.support.bare import connect, header, read_all, read_answer, request, status
from tests.support.eventually import eventually
from tests.support.in_process import serving
from tests.support.running import TOKEN, Receiver, mo
from tests.support.valkey import Valkey

TARGET = f"/att/sms/mo?access_token={TOKEN}"
JSON = ("content-type", "application/json")


@pytest.fixture
def port(valkey: Valkey) -> Iterator[int]:
    """The web application in this process, where its bounds can be made small."""
    with serving(
        REDIS_URL=valkey.url, RECEIVER_BEARER_TOKENS=TOKEN, RECEIVER_MAX_IN_FLIGHT="2"
    ) as port:
        yield port


def answer(port: int, body: bytes = b"") -> bytes:
    with connect(port) as line:
        line.sendall(request(TARGET, body or mo(), JSON))
        return read_answer(line)


def whole(port: int, body: bytes) -> socket.socket:
    """A request whose answer is still to be read."""
    line = connect(port)
    line.sendall(request(TARGET, body, JSON))
    return line


def half(port: int, body: bytes) -> socket.socket:
    """A request of which the last byte is missing."""
    line = connect(port)
    line.sendall(request(TARGET, body, JSON)[:-1])
    return line


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The kinds of our faults as they were logged."""
    found: list[Any] = []

    class Said:
        def error(self, event: str, **fields: Any) -> None:
            found.append((event, fields["error"], fields["callback"]))

    monkeypatch.setattr(answers, "_seldom", Seldom(Said()))
    return found


def test_a_fault_of_ours_is_a_503_and_the_web_process_goes_on(
    port: int, said: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(Credentials, "admit", lambda *_: 1 // 0)
        assert status(answer(port)) == 503
    assert status(answer(port)) == 204
    assert said == [("request.fault", "ZeroDivisionError", "att.sms.mo")]


def test_a_body_that_a_fault_of_ours_met_is_kept_and_its_connection_stays(
    port: int, valkey: Valkey, said: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect(port) as line:
        with monkeypatch.context() as broken:
            broken.setattr(ingest, "accept", lambda *_, **__: 1 // 0)
            line.sendall(request(TARGET, b"met", JSON))
            failed = read_answer(line)
            assert (status(failed), header(failed, b"connection")) == (503, None)
        entries: Any = valkey.client().xrange(REJECTED)
        assert [decode_refusal(fields[b"r"]).body for _, fields in entries] == [b"met"]
        line.sendall(request(TARGET, mo(), JSON))
        assert status(read_answer(line)) == 204
    assert said == [("request.fault", "ZeroDivisionError", "att.sms.mo")]


def test_while_nothing_can_be_stored_no_body_is_waited_for(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = property(lambda _: "Redis is full", lambda *_: None)
    monkeypatch.setattr(Availability, "closed", closed, raising=False)
    for line in (half(port, mo()), whole(port, mo())):
        with line:
            refused = read_all(line)  # to its end: what might still come was not wanted
            assert (status(refused), header(refused, b"connection")) == (503, b"close")


def test_more_requests_than_may_be_in_flight_are_429_on_a_connection_that_stays(
    port: int, valkey: Valkey
) -> None:
    with ExitStack() as inside, connect(port) as line:
        for _ in range(2):
            inside.enter_context(half(port, mo()))
        eventually(lambda: status(answer(port)) == 429)
        for _ in range(3):
            line.sendall(request(TARGET, mo(), JSON))
            refused = read_answer(line)
            assert (status(refused), header(refused, b"retry-after")) == (429, b"1")
            assert header(refused, b"connection") is None
    eventually(lambda: status(answer(port)) == 204)
    eventually(lambda: any(b"overload" in name for name in valkey.client().hkeys(TURNED_AWAY)))


def test_bodies_may_weigh_so_much_together_complete_or_not(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "BODY_BYTES", 100_000)
    large = b"x" * 60_000
    with half(port, large):
        eventually(lambda: status(answer(port, large)) == 429)
        with half(port, large) as second:  # refused before all of it is there
            assert status(read_answer(second)) == 429
        assert status(answer(port)) == 204  # there is room for a small one
    eventually(lambda: status(answer(port, large)) == 400)


def test_more_connections_than_may_be_open_are_503_and_closed(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "CONNECTIONS", 2)
    with connect(port) as one, connect(port) as two:
        for line in (one, two):
            line.sendall(request(TARGET, mo(), JSON))
            assert status(read_answer(line)) == 204
        with connect(port) as third:
            refused = read_all(third)
            assert (status(refused), header(refused, b"retry-after")) == (503, b"5")
    eventually(lambda: status(answer(port)) == 204)


@pytest.mark.soak
def test_a_deep_backlog_neither_slows_nor_grows_the_web_process(
    receiver: Receiver,
) -> None:
    client = receiver.redis
    client.config_set("maxmemory", "3gb")
    receiver.start_web()
    assert receiver.web

    def seconds_of(many: int) -> float:
        with Load(receiver) as load:
            eventually(lambda: len(load.sent) > many)
        assert {one.status for one in load.sent} == {204}
        return sorted(one.took for one in load.sent)[len(load.sent) // 2]

    seconds_of(5000)
    before, memory = seconds_of(5000), _kilobytes(receiver.web.pid)
    entries: Any = client.xrange(INBOUND, count=1)
    for _ in range(100):
        with client.pipeline(transaction=False) as pipe:
            for _ in range(10_000):
                pipe.xadd(INBOUND, entries[0][1])
            pipe.execute()
    assert client.xlen(INBOUND) > 1_000_000
    after = seconds_of(5000)
    assert after < 3 * before
    assert _kilobytes(receiver.web.pid) < memory + 20_000


def _kilobytes(pid: int) -> int:
    with open(f"/proc/{pid}/status") as said:
        return int(said.read().partition("VmRSS:")[2].split()[0])
