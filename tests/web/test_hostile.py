"""Whatever is sent: an answer of the table, no fault of ours, no hang, nothing that stays."""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.bare import ALIVE, connect, read_all, read_answer, request, status
from tests.support.eventually import eventually
from tests.support.hostile import PATHS, judged, made
from tests.support.running import TOKEN, Receiver, mo
from tests.support.valkey import Valkey

REQUESTS = int(os.environ.get("FUZZ", "300"))
"""`make fuzz` sends more."""
GROWTH = 40_000
"""Kilobytes by which a process may grow while caches and arenas fill."""
BEARER = ("authorization", f"Bearer {TOKEN}")
HEAD = f"POST /att/sms/mo HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\n".encode()


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    valkey = Valkey()
    receiver = Receiver(valkey, tmp_path_factory.mktemp("hostile"))
    yield receiver.start()
    receiver.stop()
    valkey.stop()


@pytest.fixture(autouse=True)
def _unharmed(door: Receiver) -> Iterator[None]:
    """After each test: the same process, no traceback, and the next request is taken."""
    assert door.web
    pid = door.web.pid
    yield
    with connect(door.port) as line:
        line.sendall(request("/att/sms/mo", mo(), BEARER))
        assert status(read_answer(line)) == 204
    assert door.web.pid == pid
    assert door.web.poll() is None
    printed = door.log.read_text("utf-8", "replace")
    for trouble in ("Traceback", "Exception", "request.fault", "normalise.fault", "intake.broken"):
        assert trouble not in printed, printed[-3000:]


def ask(door: Receiver, message: bytes, *, whole: bool = True) -> bytes:
    """The answer. A request that may not be whole gets a moment, and then is cut off."""
    with connect(door.port) as line:
        try:
            line.sendall(message)
            if not whole:
                line.settimeout(0.2)
            return read_answer(line)
        except TimeoutError:
            assert not whole, f"no answer to {message[:300]!r}"
        except ConnectionError:
            pass  # closed under us
    return b""


def kilobytes(door: Receiver) -> int:
    assert door.web
    said = Path(f"/proc/{door.web.pid}/status").read_text()
    return int(said.partition("VmRSS:")[2].split()[0])


def test_recorded_requests_broken_in_many_ways_harm_nothing(door: Receiver) -> None:
    before = 0
    for seed in range(REQUESTS * 2 // 3):
        message, whole = made(seed)
        answer = ask(door, message, whole=whole)
        fault = judged(answer) if answer or whole else ""
        assert fault == "", (seed, fault, message[:2000])
        if seed == 100:
            before = kilobytes(door)
    assert kilobytes(door) - before < GROWTH
    books = door.settled(within=120)
    assert books.dead == 0, door.dead_letters()[-1]


_json: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
_NAMES = ["Message", "SenderAddress", "deliveryInfoNotification", "deliveryInfo", "address"]
_NAMES += ["deliveryStatus", "id", "source", "type", "specversion", "time", "data", "messageId"]
_bodies = st.one_of(
    st.binary(max_size=200),
    _json.map(json.dumps).map(str.encode),
    st.dictionaries(st.sampled_from(_NAMES), _json).map(json.dumps).map(str.encode),
)
_value = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"))
_name = st.from_regex(
    r"(content-type|ce-[a-z]{1,20}|content-encoding|x-[a-z]{1,9})", fullmatch=True
)


@settings(
    max_examples=max(REQUESTS // 3, 1),
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(
    path=st.sampled_from(PATHS),
    body=_bodies,
    headers=st.lists(st.tuples(_name, _value.map(lambda v: v.encode("latin-1"))), max_size=4),
)
def test_any_body_and_any_headers_get_an_answer_of_the_table(
    door: Receiver, path: str, body: bytes, headers: list[tuple[str, bytes]]
) -> None:
    answer = ask(door, request(path, body, BEARER, *headers))
    assert judged(answer) == ""


LONG = [("header", "authorization: Bearer %s\r\n"), ("query", "")]


@pytest.mark.parametrize("size", [5_000, 60_000, 1_000_000])
def test_a_token_of_any_length_is_refused_or_the_connection_closed(
    door: Receiver, size: int
) -> None:
    token = b"x" * size
    for message in (
        b"POST /att/sms/mo HTTP/1.1\r\nhost: x\r\nauthorization: Bearer " + token + b"\r\n\r\n",
        b"POST /att/sms/mo?access_token=" + token + b" HTTP/1.1\r\nhost: x\r\n\r\n",
    ):
        assert status(ask(door, message)) in ({401} if size < 50_000 else {0, 400, 401, 431})


@pytest.mark.parametrize(
    "rest",
    [
        b"content-length: -1\r\n\r\n",
        b"content-length: 99999999999999999999999\r\n\r\n",
        b"content-length: 1e3\r\n\r\n",
        b"content-length: 2\r\ncontent-length: 3\r\n\r\nabc",
        b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"transfer-encoding: chunked\r\n\r\n-1\r\n\r\n",
        b"transfer-encoding: chunked\r\n\r\nffffffffffffffffffff\r\n\r\n",
        b"transfer-encoding: chunked\r\n\r\n5\r\nabcdefgh\r\n0\r\n\r\n",
        b"x: a\0b\r\n\r\n",
        b"x\r\n\r\n",
        b"x : y\r\n\r\n",
        b": y\r\n\r\n",
    ],
)
def test_a_request_that_is_not_http_is_answered_400_and_closed(door: Receiver, rest: bytes) -> None:
    with connect(door.port) as line:
        line.sendall(HEAD + rest)
        answer = read_all(line)
    assert status(answer) == 400
    assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("target", [b"http://[", b"*", b"//", b"\xff\xfe", b"/%", b"x:y", b""])
def test_a_target_that_is_no_path_is_answered_400_or_404(door: Receiver, target: bytes) -> None:
    answer = ask(door, b"POST " + target + b" HTTP/1.1\r\nhost: x\r\n\r\n")
    assert status(answer) in (400, 404)


def test_many_requests_at_once_on_one_connection_are_each_answered(door: Receiver) -> None:
    bodies = [mo(), b"{", mo()]
    with connect(door.port) as line:
        line.sendall(b"".join(request("/att/sms/mo", body, BEARER) for body in bodies))
        line.sendall(request("/att/sms/mo", b"", method="POST"))  # the last: no token, then closed
        got = read_all(line)
    assert [int(part[:3]) for part in got.split(b"HTTP/1.1 ")[1:]] == [204, 400, 204, 401]


def test_who_asks_before_he_sends_is_refused_before_he_does(door: Receiver) -> None:
    head = request(
        "/att/sms/mo", b"", ("authorization", "Bearer wrong"), ("expect", "100-continue")
    )
    head = head.replace(b"content-length: 0", b"content-length: 1000000")
    with connect(door.port) as line:
        line.sendall(head)
        answer = read_all(line)
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"100 Continue" not in answer
    body = mo()
    with connect(door.port) as line:
        line.sendall(HEAD + b"expect: 100-continue\r\ncontent-length: %d\r\n\r\n" % len(body))
        assert read_answer(line).startswith(b"HTTP/1.1 100 ")
        line.sendall(body)
        assert status(read_answer(line)) == 204


@pytest.mark.parametrize("path", ["/att/sms/mo", "/nowhere"])
def test_an_endless_body_of_a_stranger_ends_with_the_connection(door: Receiver, path: str) -> None:
    before = kilobytes(door)
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n".encode()
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"

    def cut_off() -> bool:
        try:
            line.sendall(chunk * 16)
        except ConnectionError:
            return True
        return False

    with connect(door.port) as line:
        line.sendall(head)
        eventually(cut_off)
    assert kilobytes(door) - before < GROWTH


def test_heads_of_many_fields_take_little_memory(door: Receiver) -> None:
    """An empty field takes twenty times its length, and strangers may leave heads unfinished."""
    head, before = b"POST / HTTP/1.1\r\n" + b"a:\r\n" * 12_000, kilobytes(door)
    with ExitStack() as lines:
        for _ in range(200):
            lines.enter_context(connect(door.port)).sendall(head)
        assert status(ask(door, ALIVE)) == 200
        assert kilobytes(door) - before < GROWTH


def test_an_upgrade_that_is_offered_is_passed_over(door: Receiver) -> None:
    """HTTP clients that speak HTTP/2 offer it with their first request."""
    offer = [
        ("connection", "Upgrade, HTTP2-Settings"),
        ("upgrade", "h2c"),
        ("http2-settings", "AA"),
    ]
    with connect(door.port) as line:
        line.sendall(request("/att/sms/mo", mo(), BEARER, *offer))
        assert status(read_answer(line)) == 204


def test_a_slow_answer_to_nobody_is_no_trouble(door: Receiver) -> None:
    for _ in range(20):
        line = connect(door.port)
        line.sendall(HEAD + b"content-length: 100\r\n\r\n{")
        line.close()  # whether it harmed, the next request of `_unharmed` tells
