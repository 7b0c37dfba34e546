"""A slow answer is waited for, one that stops is given up, and a stop lets one finish."""

import asyncio
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest

from receiver.polling.pace import Pace
from receiver.polling.page_file import PageFile
from receiver.polling.process import Process
from receiver.polling.rounds import Round
from tests.support.att_gateways import SimulatedGateway, gateway
from tests.support.polling import FAST, Polled, configured
from tests.support.threaded import threaded
from tests.support.valkey import Valkey

TEXTS = ["text 0", "text 1", "text 2"]


@pytest.fixture
def double() -> Iterator[SimulatedGateway]:
    with gateway() as found:
        yield found


@pytest.fixture
def polled(valkey: Valkey, tmp_path: Path, double: SimulatedGateway) -> Polled:
    for text in TEXTS:
        double.control("mo", text=text)
    return Polled(valkey, tmp_path, configured(double.url))


def stopped_within(polled: Polled, pace: Pace, patch: pytest.MonkeyPatch) -> Round:
    """One round of a process that is told to stop when the first piece has come."""
    stop = threading.Event()
    write = PageFile.write

    def stopping(self: PageFile, chunk: bytes) -> None:
        write(self, chunk)
        stop.set()

    patch.setattr(PageFile, "write", stopping)

    async def run() -> Round:
        process = Process(polled.settings, stop.is_set, pace)
        try:
            return await process.once(polled.poll)
        finally:
            await process.close()

    return asyncio.run(run())


def test_an_answer_may_take_longer_than_any_silence_in_it(
    polled: Polled, double: SimulatedGateway
) -> None:
    double.control("faults", effect="drip", route="inbox", seconds=3.0)
    assert polled.once(msgspec.structs.replace(FAST, idle=2.5)).outcome == "messages"
    assert polled.texts() == TEXTS


def test_one_that_says_nothing_any_more_is_given_up_and_what_came_comes_out(
    polled: Polled, double: SimulatedGateway
) -> None:
    double.control("faults", effect="stall", route="inbox", seconds=30, at=0.5)
    done = polled.once(msgspec.structs.replace(FAST, idle=2.0))
    assert done.outcome == "cut"
    assert polled.texts() == TEXTS[:2]
    assert len(polled.rejected()) == 1


def test_an_error_that_never_comes_to_its_end_holds_up_no_poll(
    valkey: Valkey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("receiver.polling.gateway._ERROR_WITHIN", 0.2)
    let_go = threading.Event()

    class Dripping(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(503)
            self.send_header("content-length", "100000")
            self.end_headers()
            try:
                for _ in range(400):
                    self.wfile.write(b" ")
                    time.sleep(0.05)
            except OSError:
                let_go.set()

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Dripping)
    with threaded(server):
        url = f"http://127.0.0.1:{server.server_port}"
        done = Polled(valkey, tmp_path, configured(url, 'auth = "basic"')).once()
        assert done.outcome == "unreachable"
        assert let_go.wait(10)


def test_a_stop_lets_an_answer_finish(
    polled: Polled, double: SimulatedGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    double.control("faults", effect="drip", route="inbox", seconds=1.0)
    pace = msgspec.structs.replace(FAST, grace=20.0)
    assert stopped_within(polled, pace, monkeypatch).outcome == "messages"
    assert polled.texts() == TEXTS


def test_but_not_for_longer_than_the_grace(
    polled: Polled, double: SimulatedGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    double.control("faults", effect="stall", route="inbox", seconds=30, at=0.5)
    pace = msgspec.structs.replace(FAST, idle=20.0, grace=0.2)
    assert stopped_within(polled, pace, monkeypatch).outcome == "cut"
    assert polled.texts() == TEXTS[:2]
    assert polled.pages() == []
