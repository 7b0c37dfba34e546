"""What comes over a connection, by the byte: heads, bodies, upgrades and requests sent ahead."""

import re
import socket
import time
from collections.abc import Callable
from contextlib import closing, suppress

import pytest

from receiver.web import http_parser, protocol
from tests.support.bare import read_all, read_answer, status
from tests.web.conftest import REQUEST


@pytest.mark.parametrize("size", [2 * protocol.HEAD_BYTES, 5_000_000])
def test_a_head_without_end_is_cut_short(line: socket.socket, size: int) -> None:
    with closing(line):
        try:
            line.sendall(b"POST / HTTP/1.1\r\nx: " + b"a" * size)
            assert status(read_all(line)) == 431
        except ConnectionError:
            return  # he was still writing, and saw no more than the end


@pytest.mark.parametrize("end", [b"", b"\r\n", b"content-length: 9\r\n\r\n"])
@pytest.mark.parametrize("later", [False, True])
def test_a_head_of_too_many_fields_is_cut_short(
    line: socket.socket, end: bytes, later: bool
) -> None:
    if later:
        line.sendall(REQUEST)
        assert status(read_answer(line)) == 200
    line.sendall(b"POST / HTTP/1.1\r\n" + b"a:\r\n" * (http_parser.FIELDS + 2) + end)
    said = read_all(line)
    assert (status(said), said.count(b"HTTP/1.1 ")) == (431, 1)


def test_one_that_was_sent_ahead_costs_the_request_before_it_nothing(line: socket.socket) -> None:
    line.sendall(REQUEST + b"POST / HTTP/1.1\r\n" + b"a:\r\n" * (http_parser.FIELDS + 2))
    said = read_all(line)
    assert (status(said), said.endswith(b"\r\n\r\n2")) == (200, True)


def test_a_head_of_as_many_fields_as_there_may_be_is_taken(line: socket.socket) -> None:
    fields = b"a:\r\n" * (http_parser.FIELDS - 2)
    line.sendall(REQUEST.replace(b"\r\n\r\n", b"\r\n%b\r\n" % fields))
    assert status(read_answer(line)) == 200


def test_a_large_body_and_then_a_divided_head_are_no_head_too_large(line: socket.socket) -> None:
    body = b"x" * (4 * protocol.HEAD_BYTES - 1000)
    request = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    for _ in range(3):
        line.sendall(request[:25])
        line.sendall(request[25:])
        assert read_answer(line).endswith(str(len(body)).encode())


def test_what_is_not_http_is_answered_400_once(line: socket.socket) -> None:
    line.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
    answer = read_all(line)
    assert status(answer) == 400
    assert b"application/problem+json" in answer
    assert answer.count(b"HTTP/1.1 ") == 1


def test_a_body_in_broken_chunks_is_answered_400(line: socket.socket) -> None:
    line.sendall(b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n")
    assert status(read_all(line)) == 400


def test_rubbish_after_a_request_does_not_cost_its_answer(line: socket.socket) -> None:
    line.sendall(REQUEST + b"\0\0\0\0\r\n\r\n")
    assert read_all(line).endswith(b"\r\n\r\n2")


def test_only_so_many_requests_may_be_sent_ahead(line: socket.socket) -> None:
    line.sendall(b"GET /unread HTTP/1.1\r\n\r\n" * 80)
    said = read_all(line)
    assert said.count(b"HTTP/1.1 200 ") == 64 + 1
    assert said.count(b"connection: close") == 1


@pytest.mark.parametrize("divided", [b"\r\n\r\n", b"\r\n", b"\n", b""])
def test_an_offer_to_upgrade_in_a_body_leaves_the_body_as_long_as_it_is(
    line: socket.socket, divided: bytes
) -> None:
    inner = b"GET /unread HTTP/1.1\r\nx: ".ljust(30, b"y")
    body = b"y" + b"\r\nUpgrade:" * (len(inner) // 6) + b"\r\n\r\n" + inner
    head = b"POST /unread HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body)
    line.sendall(head.removesuffix(divided) if divided else head)
    time.sleep(0.1)  # else the pieces may arrive as one
    line.sendall(divided + body)
    assert status(read_answer(line)) == 200
    time.sleep(0.1)
    line.sendall(REQUEST)
    assert read_answer(line).endswith(b"\r\n\r\n2")


def test_behind_an_upgrade_that_the_parser_fell_for_no_other_request_begins(
    hurry: Callable[[], None], line: socket.socket
) -> None:
    offer = b"connection: upgrade\r\nuPgRade: h2c\r\n"
    line.sendall(b"POST /unread HTTP/1.1\r\nhost: x\r\n%scontent-length: 99\r\n\r\n" % offer)
    time.sleep(0.1)
    with suppress(ConnectionError):  # it may be closed already
        line.sendall(REQUEST)
    hurry()
    assert read_all(line).count(b"HTTP/1.1 ") == 1


def test_behind_a_connect_no_request_begins(line: socket.socket) -> None:
    line.sendall(b"CONNECT x:80 HTTP/1.1\r\nhost: x\r\n\r\n" + REQUEST)
    assert read_all(line).count(b"HTTP/1.1 ") == 1


def test_a_connection_reads_on_after_requests_that_were_sent_ahead(line: socket.socket) -> None:
    for _ in range(3):
        line.sendall(REQUEST * 3)
        said = b""
        while said.count(b"\r\n\r\n2") < 3:
            more = line.recv(65536)
            assert more, "the connection was closed"
            said += more


def test_what_follows_the_last_request_with_an_offer_costs_it_nothing(line: socket.socket) -> None:
    offer = b"connection: close, upgrade\r\nupgrade: h2c\r\ncontent-length"
    line.sendall(REQUEST.replace(b"content-length", offer) + b"\r\n\r\nmore")
    said = read_all(line)
    assert said.endswith(b"\r\n\r\n2")
    assert said.count(b"HTTP/1.1 ") == 1


BROKEN = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"


@pytest.mark.parametrize("ahead", [1, 2, 5])
def test_a_broken_body_does_not_cost_the_requests_before_it_their_answers(
    line: socket.socket, ahead: int
) -> None:
    line.sendall(REQUEST * ahead + BROKEN)
    said = read_all(line)
    assert re.findall(rb"HTTP/1.1 (\d+)", said) == [b"200"] * ahead
    assert said.count(b"connection: close") == 1


def test_who_speaks_http_1_0_is_not_told_to_go_on(line: socket.socket) -> None:
    """RFC 9110, section 10.1.1: he would take it for the answer."""
    head = REQUEST.replace(b"HTTP/1.1", b"HTTP/1.0").replace(
        b"host", b"expect: 100-continue\r\nhost"
    )
    line.sendall(head[:-2])
    time.sleep(0.1)  # else it arrives as a whole, and nobody is told to go on
    line.sendall(head[-2:])
    assert status(read_answer(line)) == 200
