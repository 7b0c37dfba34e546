"""What a connection took is free as soon as it is closed, however it ended.

A process that spares the garbage collector would otherwise grow with each connection, by some 13 kB
until the collector's next search.
"""

import gc
from collections.abc import Callable, Iterator

import pytest
from starlette.types import Receive, Scope, Send

from receiver.web.protocol import Protocol
from receiver.web.responses import Response
from tests.support.bare import connect, read_answer
from tests.support.bare import request as post
from tests.support.eventually import eventually
from tests.support.wired import echo, serving

WHOLE = post("/", b"body")
ENDED = {
    "answered": WHOLE,
    "answered twice": WHOLE + WHOLE,
    "nothing sent": b"",
    "in the head": WHOLE[:20],
    "in the body": WHOLE[:-2],
    "with others sent ahead": WHOLE[:-2] + b"dy" + WHOLE * 3 + WHOLE[:-2],
    "no HTTP": b"\0\r\n\r\n",
}


class AtOnce:
    """Answers a request that came whole at once, as `receiver web` does, and others as `echo`."""

    def handle(self, _scope: Scope, _body: bytes, send: Callable[[Response], None]) -> bool:
        send(Response(200, [(b"content-length", b"0")]))
        return True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await echo(scope, receive, send)


@pytest.fixture(params=[AtOnce(), echo], ids=["at once", "in a task"])
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    with serving(request.param) as port:
        gc.collect()
        gc.disable()
        try:
            yield port
        finally:
            gc.enable()


def _open() -> int:
    return sum(isinstance(each, Protocol) for each in gc.get_objects())


@pytest.mark.parametrize("sent", ENDED.values(), ids=ENDED)
@pytest.mark.parametrize("reads", [True, False])
def test_a_closed_connection_is_freed_without_the_garbage_collector(
    port: int, sent: bytes, reads: bool
) -> None:
    with connect(port) as line:
        eventually(lambda: _open() == 1)
        line.sendall(sent)
        if reads and sent.startswith(WHOLE):
            assert read_answer(line).startswith(b"HTTP/1.1 200")
    eventually(lambda: _open() == 0)
