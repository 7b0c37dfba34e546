"""Who never showed a credential may not keep out who has one."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from receiver.config.settings import load
from receiver.web import connection_room, open_files, protocol
from receiver.web.app import build
from tests.support.bare import ALIVE, connect, read_all, read_answer, request, status
from tests.support.commands import RECEIVER
from tests.support.eventually import eventually
from tests.support.running import TOKEN, Receiver, mo
from tests.support.valkey import Valkey
from tests.support.wired import serving

BEARER = ("authorization", f"Bearer {TOKEN}")


@pytest.fixture
def port(valkey: Valkey) -> Iterator[int]:
    """The web application in this process, where its bounds can be made small."""
    app = build(load({"REDIS_URL": valkey.url, "RECEIVER_BEARER_TOKENS": TOKEN}))
    with serving(app, timeout_keep_alive=920) as port:
        yield port


def asked(line: socket.socket, message: bytes) -> int:
    line.sendall(message)
    return status(read_answer(line))


def taken(line: socket.socket) -> int:
    return asked(line, request("/att/sms/mo", mo(), BEARER))


def gone(line: socket.socket) -> bool:
    return read_all(line) == b""


@pytest.mark.parametrize("first", [ALIVE, ALIVE[:20], b"", request("/x", method="GET")])
def test_strangers_make_room_the_one_who_idled_longest_first(
    port: int, monkeypatch: pytest.MonkeyPatch, first: bytes
) -> None:
    monkeypatch.setattr(protocol, "CONNECTIONS", 3)
    with ExitStack() as lines:
        known, other, stranger = (lines.enter_context(connect(port)) for _ in range(3))
        assert taken(known) == 204
        stranger.sendall(first)
        assert asked(other, ALIVE) == 200
        if first in (ALIVE[:20], b""):
            # He has idled since he came, which was after the other had; the other since his answer.
            idled = stranger
        else:
            assert status(read_answer(stranger)) in (200, 404)
            assert asked(other, ALIVE) == 200
            idled = stranger
        newest = lines.enter_context(connect(port))
        assert taken(newest) == 204
        assert gone(idled)
        assert asked(other, ALIVE) == 200
        assert taken(known) == 204


def test_as_many_strangers_as_there_is_room_for_keep_no_carrier_out(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "CONNECTIONS", 50)
    with ExitStack() as lines:
        for _ in range(200):
            line = lines.enter_context(connect(port))
            line.sendall(ALIVE)
        for _ in range(40):
            assert taken(lines.enter_context(connect(port))) == 204


def test_strangers_that_have_left_make_no_room(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "CONNECTIONS", 1)
    for _ in range(3):
        with connect(port) as line:
            assert asked(line, ALIVE) == 200
    with connect(port) as known:
        eventually(lambda: taken(known) == 204)
        for _ in range(3):
            assert _refused(port) == 503
        assert taken(known) == 204


def test_who_is_waiting_for_his_answer_makes_no_room(
    port: int, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "CONNECTIONS", 1)
    whole = request("/att/sms/mo", mo(), BEARER)
    with connect(port) as waiting:
        waiting.sendall(whole[:-1])
        eventually(lambda: _refused(port) == 503)
        waiting.sendall(whole[-1:])
        assert status(read_answer(waiting)) == 204


def _refused(port: int) -> int:
    with connect(port) as line:
        return status(read_all(line))


@pytest.mark.parametrize("known", [1, 3])
def test_where_nobody_else_is_left_the_carrier_who_has_idled_longest_makes_room(
    port: int, monkeypatch: pytest.MonkeyPatch, known: int
) -> None:
    monkeypatch.setattr(protocol, "CONNECTIONS", known)
    with ExitStack() as lines:
        carriers = [lines.enter_context(connect(port)) for _ in range(known)]
        for line in carriers:
            assert taken(line) == 204
        assert _refused(port) == 503  # none of them has idled for long
        for line in reversed(carriers):
            assert taken(line) == 204
            time.sleep(0.01)  # the loop counts milliseconds
        monkeypatch.setattr(connection_room, "KEPT_IDLE", 0.0)
        newest = lines.enter_context(connect(port))
        assert taken(newest) == 204
        assert gone(carriers.pop())
        assert [taken(line) for line in carriers] == [204] * (known - 1)


def test_a_carrier_with_a_request_under_way_makes_no_room(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "CONNECTIONS", 1)
    whole = request("/att/sms/mo", mo(), BEARER)
    with connect(port) as known:
        assert taken(known) == 204
        for cut in (10, len(whole) - 1):
            monkeypatch.setattr(connection_room, "KEPT_IDLE", 1000.0)
            known.sendall(whole[:cut])
            assert _refused(port) == 503  # and what was sent before has come
            monkeypatch.setattr(connection_room, "KEPT_IDLE", 0.0)
            assert _refused(port) == 503
            known.sendall(whole[cut:])
            assert status(read_answer(known)) == 204


def test_a_stranger_may_idle_for_seconds_and_a_carrier_for_longer(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "UNAUTHENTICATED_IDLE", 0.2)
    monkeypatch.setattr(protocol, "HEAD_WITHIN", 2.5)
    with ExitStack() as lines:
        known, stranger, wrong = (lines.enter_context(connect(port)) for _ in range(3))
        assert taken(known) == 204
        assert asked(stranger, ALIVE) == 200
        assert asked(wrong, request("/att/sms/mo", mo(), ("authorization", "Bearer no"))) == 401
        assert gone(wrong)
        assert gone(stranger)
        assert taken(known) == 204


def test_who_was_admitted_once_is_no_stranger_whatever_he_asks_next(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "CONNECTIONS", 2)
    with connect(port) as known, connect(port) as stranger:
        assert asked(known, request("/att/sms/mo", b"{", BEARER)) == 400
        assert asked(known, ALIVE) == 200
        assert asked(stranger, ALIVE) == 200
        with connect(port) as newest:
            assert taken(newest) == 204
        assert gone(stranger)
        assert asked(known, ALIVE) == 200


def start_with(receiver: Receiver, limit: str) -> str:
    """Start the web half under a limit of open files; what it said."""
    wrapped = ["sh", "-c", f'ulimit {limit}; exec "$@"', "sh", *RECEIVER, "web"]
    receiver.web = receiver.spawn(wrapped)
    eventually(lambda: receiver.log.exists() and "http://" in receiver.log.read_text())
    eventually(lambda: receiver.web and _answers(receiver))
    return receiver.log.read_text()


def _answers(receiver: Receiver) -> bool:
    with suppress(OSError), connect(receiver.port) as line:
        return asked(line, ALIVE) == 200
    return False


def test_a_limit_of_open_files_below_the_bound_is_said_and_kept_to(receiver: Receiver) -> None:
    said = start_with(receiver, "-n 200")
    assert "files.few" in said
    assert str(protocol.CONNECTIONS + open_files.OURS) in said
    with ExitStack() as lines:
        for _ in range(400):
            lines.enter_context(connect(receiver.port)).sendall(ALIVE)
        assert taken(lines.enter_context(connect(receiver.port))) == 204


def test_a_limit_of_open_files_that_may_be_raised_is_raised(receiver: Receiver) -> None:
    said = start_with(receiver, "-S -n 200")
    assert "files.raised" in said
    assert receiver.web
    limits = Path(f"/proc/{receiver.web.pid}/limits").read_text()
    assert str(protocol.CONNECTIONS + open_files.OURS) in limits
