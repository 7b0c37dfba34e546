"""What a failing gateway asks for by Retry-After prolongs our pauses and never shortens them."""

import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest

from tests.support.polling import FAST, Polled, configured
from tests.support.threaded import threaded
from tests.support.valkey import Valkey

PAUSE, LONGER = 300, 600


class Failing(BaseHTTPRequestHandler):
    retry_after = ""

    def do_GET(self) -> None:
        self.send_response(503)
        self.send_header("retry-after", self.retry_after)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def failing() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Failing)
    with threaded(server):
        yield f"http://127.0.0.1:{server.server_port}"


@pytest.mark.parametrize(
    ("said", "pause"),
    [
        ("0", PAUSE),
        ("Fri, 01 Jan 2021 00:00:00 GMT", PAUSE),
        (str(LONGER), LONGER),
        ("at will", PAUSE),
    ],
)
def test_a_failing_gateway_is_asked_again_after_the_longer_of_the_two(
    valkey: Valkey,
    tmp_path: Path,
    failing: str,
    monkeypatch: pytest.MonkeyPatch,
    said: str,
    pause: int,
) -> None:
    monkeypatch.setattr(Failing, "retry_after", said)
    polled = Polled(valkey, tmp_path, configured(failing, 'auth = "basic"'))
    begun = int(time.time())
    done = polled.once(msgspec.structs.replace(FAST, failures=(float(PAUSE),)))
    assert done.outcome == "unreachable"
    assert begun + pause - 1 <= int(polled.state()["due"]) <= time.time() + pause + 1
