"""With `WEB_CONCURRENCY=2` both processes take a changed `receiver.toml`, and one that is started
again goes by what the other one goes by.
"""

import json
import os
import signal
import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.support.eventually import eventually
from tests.support.put import put
from tests.support.running import AUTHORIZED, Receiver, mo
from tests.support.valkey import Valkey
from tests.support.web_processes import holds, processes

LISTENER = '[[listener]]\nname = "{}"\n'


@pytest.fixture
def receiver(valkey: Valkey, tmp_path: Path) -> Iterator[Receiver]:
    (tmp_path / "receiver.toml").write_text(LISTENER.format("promo"))
    running = Receiver(valkey, tmp_path, WEB_CONCURRENCY="2")
    try:
        yield running.start_web()
    finally:
        running.stop()


def both(receiver: Receiver) -> set[int]:
    """The two processes, once each has accepted a connection, and so is wholly started."""
    held: list[socket.socket] = []

    def accepted() -> set[int]:
        held.append(socket.create_connection(("127.0.0.1", receiver.port)))
        found = processes(receiver)
        return found if len(found) == 2 and all(holds(x, receiver.port) for x in found) else set()

    try:
        return eventually(accepted)
    finally:
        for one in held:
            one.close()


def taken(receiver: Receiver, times: int) -> bool:
    """Whether the file was taken so often; by each process once, each time."""
    events = [json.loads(line)["event"] for line in receiver.log.read_text().splitlines()]
    return events.count("config.taken") == times


def statuses(receiver: Receiver, listener: str) -> set[int]:
    """What requests are answered, each on a connection of its own."""
    headers = AUTHORIZED | {"Connection": "close"}
    path = f"/att/sms/mo/{listener}"
    return {receiver.post(path, mo(), headers).status for _ in range(8)}


def answered(receiver: Receiver, listener: str, status: int) -> bool:
    """Whether requests are all answered so."""
    return statuses(receiver, listener) == {status}


def test_both_take_it_at_sighup_and_by_themselves_and_neither_is_started_anew(
    receiver: Receiver, tmp_path: Path
) -> None:
    serving = both(receiver)
    assert receiver.web
    for times, name, told in ((2, "fleet", True), (4, "alerts", False)):
        put(tmp_path / "receiver.toml", LISTENER.format(name))
        if told:
            receiver.web.send_signal(signal.SIGHUP)
        eventually(partial(taken, receiver, times))
        eventually(partial(answered, receiver, name, 204))  # each says so before it goes by it
        eventually(partial(answered, receiver, "promo", 404))
    assert processes(receiver) == serving


def lines(receiver: Receiver, event: str) -> int:
    """How many lines of the log are of this event."""
    events = [json.loads(line)["event"] for line in receiver.log.read_text().splitlines()]
    return events.count(event)


def test_one_that_is_started_again_goes_by_the_file_that_was_taken_last(
    receiver: Receiver, tmp_path: Path
) -> None:
    first, _ = both(receiver)
    assert receiver.web
    put(tmp_path / "receiver.toml", LISTENER.format("fleet"))
    receiver.web.send_signal(signal.SIGHUP)  # the supervisor looks at it before it tells the others
    eventually(partial(taken, receiver, 2))
    put(tmp_path / "receiver.toml", "[[listener")
    eventually(lambda: lines(receiver, "config.refused") == 2)
    os.kill(first, signal.SIGKILL)
    eventually(lambda: first not in processes(receiver) and both(receiver))
    assert statuses(receiver, "fleet") == {204}
    assert statuses(receiver, "promo") == {404}
    assert "Traceback" not in receiver.log.read_text()
