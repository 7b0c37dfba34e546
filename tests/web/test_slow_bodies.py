"""A body that takes too long, on a server in this process whose patience is short."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from receiver.contract.records import decode_refusal
from receiver.contract.redis_keys import REJECTED
from receiver.web import request_body
from tests.support.bare import connect, header, read_all, status
from tests.support.eventually import eventually
from tests.support.in_process import serving
from tests.support.running import TOKEN
from tests.support.valkey import Valkey

HEAD = b"POST %s HTTP/1.1\r\nhost: x\r\nauthorization: Bearer " + TOKEN.encode()
PATHS = [b"/att/sms/mo", b"/camara/notifications/promo"]


@pytest.fixture
def port(valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(request_body, "WITHIN", 0.5)
    with serving(REDIS_URL=valkey.url, RECEIVER_BEARER_TOKENS=TOKEN) as listening:
        yield listening


@pytest.mark.parametrize("path", PATHS)
def test_a_body_that_stops_is_answered_408_its_beginning_kept_and_the_line_closed(
    valkey: Valkey, port: int, path: bytes
) -> None:
    with connect(port) as line:
        line.sendall(HEAD % path + b"\r\ncontent-length: 9000\r\n\r\n" + b"x" * 5000)
        answer = read_all(line)
    assert status(answer) == 408
    assert header(answer, b"connection") == b"close"
    entries: Any = valkey.client().xrange(REJECTED)
    (kept,) = [decode_refusal(fields[b"r"]) for _, fields in entries]
    assert (kept.status, kept.body) == (408, b"x" * 4096)


def test_a_body_that_comes_by_the_byte_is_not_waited_for(port: int) -> None:
    with connect(port) as line:
        line.sendall(HEAD % PATHS[0] + b"\r\ntransfer-encoding: chunked\r\n\r\n")
        line.setblocking(False)

        def answered() -> bytes:
            with suppress(ConnectionError):  # closed under us: what it said before is still there
                line.send(b"1\r\nx\r\n")
            try:
                return line.recv(4096)
            except BlockingIOError:
                return b""

        assert status(eventually(answered)) == 408
