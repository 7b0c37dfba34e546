"""Connections that are slow: when a head is due, and how long a connection may rest."""

import socket
import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.support.bare import read_all, read_answer, status
from tests.support.eventually import eventually
from tests.web.conftest import REQUEST, WITHIN


def test_a_connection_that_says_nothing_is_closed(
    hurry: Callable[[], None], line: socket.socket
) -> None:
    hurry()
    assert read_all(line) == b""


def test_a_head_that_never_ends_is_answered_408_and_closed(
    hurry: Callable[[], None], line: socket.socket
) -> None:
    line.sendall(b"POST / HTTP/1.1\r\nhost: x\r\n")
    hurry()
    assert status(read_all(line)) == 408


@pytest.mark.parametrize("drop", [b"a", b"\r\n"])
def test_a_head_that_comes_by_the_byte_is_not_waited_for(
    hurry: Callable[[], None], line: socket.socket, drop: bytes
) -> None:
    line.sendall(b"POST / HTTP/1.1\r\nx: " if drop == b"a" else drop)
    hurry()
    line.setblocking(False)

    def closed() -> bool:
        with suppress(ConnectionError):  # closed under us: what it said before is still there
            line.send(drop)
        try:
            return status(line.recv(100)) == 408
        except BlockingIOError:
            return False

    eventually(closed)


def test_a_second_head_is_due_like_the_first(
    hurry: Callable[[], None], line: socket.socket
) -> None:
    line.sendall(REQUEST)
    assert read_answer(line).endswith(b"\r\n\r\n2")
    line.sendall(REQUEST[:20])
    hurry()
    assert status(read_all(line)) == 408


def test_a_connection_between_two_requests_is_left_alone(
    hurry: Callable[[], None], line: socket.socket
) -> None:
    line.sendall(REQUEST)
    read_answer(line)
    hurry()
    time.sleep(4 * WITHIN)  # nothing is to happen, and nothing can be waited for
    line.sendall(REQUEST)
    assert read_answer(line).endswith(b"\r\n\r\n2")


@pytest.mark.parametrize("line", [2], indirect=True)
def test_a_connection_that_rests_too_long_is_closed(line: socket.socket) -> None:
    began = time.monotonic()  # its rest begins later, with the answer
    line.sendall(REQUEST)
    assert read_answer(line).endswith(b"\r\n\r\n2")
    assert read_all(line) == b""
    assert time.monotonic() - began > 1.9


def test_a_body_that_goes_on_after_its_answer_does_not_hold_the_connection(
    hurry: Callable[[], None], line: socket.socket
) -> None:
    line.sendall(b"POST /unread HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nhi")
    assert status(read_answer(line)) == 200
    line.sendall(b"more")
    hurry()
    assert read_all(line) == b""
