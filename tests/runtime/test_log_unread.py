"""A log that nobody reads any more, a full pipe say, holds nothing up."""

import json
import os
import pty
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from receiver.runtime import log_output
from receiver.runtime.log_output import LogOutput
from tests.support.eventually import eventually
from tests.support.running import Receiver, mo
from tests.support.valkey import Valkey

LINE = b"x" * 199 + b"\n"


def _a_terminal() -> tuple[int, int]:
    reader, writer = pty.openpty()
    return reader, writer


def _a_socket() -> tuple[int, int]:
    reader, writer = socket.socketpair()
    return reader.detach(), writer.detach()


@pytest.fixture(params=["pipe", "another user's pipe", "socket", "terminal"])
def ends(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """A reader and a writer, as stderr may be; the reader does not wait."""
    if request.param == "another user's pipe":
        monkeypatch.setattr(os, "open", _refused)
    made: dict[str, Callable[[], tuple[int, int]]] = {"socket": _a_socket, "terminal": _a_terminal}
    both = [*made.get(request.param, os.pipe)()]
    os.set_blocking(both[0], False)
    yield both
    for one in both:
        os.close(one)


def _refused(*_: object) -> int:
    raise PermissionError


def _read(reader: int) -> int:
    """How many lines there are to be read."""
    found = b""
    with suppress(BlockingIOError):
        while more := os.read(reader, 65536):
            found += more
    return found.count(b"\n")


def test_lines_that_nobody_reads_are_lost_and_counted(
    ends: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_output, "PATIENCE", 0.01)
    reader, writer = ends
    output = LogOutput()
    output.open(writer)
    assert [output.write(10 * LINE) for _ in range(200)] == 200 * [0]
    kept = _read(reader)
    assert 0 < kept < 2000
    assert output.write(LINE) == 2000 - kept
    assert (output.write(LINE), _read(reader)) == (0, 2)


def test_a_reader_that_is_only_slow_gets_every_line(ends: list[int]) -> None:
    output, left = LogOutput(), 2000 * len(LINE)
    output.open(ends[1])

    def read_slowly() -> None:
        nonlocal left
        while left:
            select.select([ends[0]], [], [])
            time.sleep(0.001)
            left -= len(os.read(ends[0], 16384).replace(b"\r", b""))

    thread = threading.Thread(target=read_slowly)
    thread.start()
    assert {output.write(10 * LINE) for _ in range(200)} == {0}
    thread.join(60)
    assert left == 0


def test_lines_go_behind_what_others_have_written_into_the_same_file(tmp_path: Path) -> None:
    file, output = tmp_path / "log", LogOutput()
    with file.open("wb", buffering=0) as theirs:
        output.open(theirs.fileno())
        theirs.write(b"theirs\n")
        output.write(LINE)
    assert file.read_bytes() == b"theirs\n" + LINE


def test_web_and_worker_go_on_while_nobody_reads(valkey: Valkey, tmp_path: Path) -> None:
    receiver = Receiver(valkey, tmp_path, RECEIVER_LOG_LEVEL="debug")
    receiver.log = tmp_path / "log"
    os.mkfifo(receiver.log)
    reader = os.open(receiver.log, os.O_RDWR | os.O_NONBLOCK)
    with suppress(BlockingIOError):
        while os.write(reader, b" " * 4095 + b"\n"):
            pass
    try:
        receiver.start()
        for count in (1, 2):  # before the second the worker has given up the line of the first
            receiver.acknowledged("/att/sms/mo", mo())
            assert receiver.settled().published == count
        _read(reader)
        eventually(lambda: _says_lost(receiver, reader))
    finally:
        receiver.stop()
        os.close(reader)


def _says_lost(receiver: Receiver, reader: int) -> bool:
    receiver.acknowledged("/att/sms/mo", mo())
    with suppress(BlockingIOError):
        lines = [json.loads(line) for line in os.read(reader, 65536).splitlines() if line.strip()]
        return any(line["event"] == "log.lost" and line["lines"] > 0 for line in lines)
    return False
