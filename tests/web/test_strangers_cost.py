"""Who never showed a credential costs no more than what he sends, and is not waited for."""

from contextlib import suppress

import pytest
from starlette.types import Receive, Scope, Send

from receiver.web import protocol
from tests.support.bare import ALIVE, connect, read_answer, status
from tests.support.bounds import seconds_of
from tests.support.eventually import eventually
from tests.support.running import Receiver
from tests.support.wired import serving


async def _large(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _number in range(64):
        await send({"type": "http.response.body", "body": b"x" * 2**20, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def test_who_does_not_read_what_he_asked_for_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_WITHIN", 0.5)
    with serving(_large, lifespan="off") as port, connect(port) as line:
        line.sendall(ALIVE)

        def cut_off() -> bool:
            try:
                line.send(b"x")
            except ConnectionError:
                return True
            return False

        eventually(cut_off)


@pytest.mark.parametrize("coding", ["chunked", "Chunked", "gzip, chunked"])
@pytest.mark.parametrize("path", ["/att/sms/mo", "/nowhere"])
def test_chunks_of_one_byte_after_a_refusal_cost_what_their_bytes_do(
    receiver: Receiver, path: str, coding: str
) -> None:
    web = receiver.start_web().web
    assert web
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: {coding}\r\n\r\n".encode()

    def cost(chunk: bytes) -> float:
        began = seconds_of(web.pid)
        for _ in range(10):
            with connect(receiver.port) as line:
                line.sendall(head)
                assert status(read_answer(line)) in (401, 404)
                with suppress(ConnectionError):  # more than is thrown away
                    line.sendall(chunk * (4_000_000 // len(chunk)))
        return seconds_of(web.pid) - began

    large, small = cost(b"%x\r\n%b\r\n" % (65536, b"x" * 65536)), cost(b"1\r\nx\r\n")
    assert small < 3 * large + 0.3
