"""A sink that is dead for minutes before a small Redis, beside one that lives: `make soak`.

PARKING_SECONDS is how long it is dead, PARKING_RATE how many notifications come a second meanwhile,
PARKING_MEMORY what Redis has.
"""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest

from receiver.operations import sink_ledger
from receiver.operations.sink_ledger import SinkLedger
from tests.support.consumer import Consumer, consuming
from tests.support.eventually import eventually
from tests.support.running import Receiver, mo
from tests.support.valkey import Valkey

SECONDS = float(os.environ.get("PARKING_SECONDS", "1200"))
RATE = int(os.environ.get("PARKING_RATE", "500"))
MEMORY = os.environ.get("PARKING_MEMORY", "256mb")
TRIED = 1_100
"""Events that a consumer is asked with until its circuit opens, and by a probe now and then: those
come back by their own times, out of order."""


class Taken:
    """What a consumer was given, in order; while `dead` it takes nothing."""

    def __init__(self, consumer: Consumer, *, dead: bool) -> None:
        self.dead = dead
        self.sequences: list[str] = []
        self._consumer = consumer
        consumer.behaviour = self._take

    def toml(self, name: str) -> str:
        """Its sink: a batch at a time."""
        about = f'[[sink]]\nname = "{name}"\nkind = "http"\nmode = "batch"\nconcurrency = 1\n'
        return about + f'url = "{self._consumer.url}"\nallow = ["{self._consumer.netloc}"]\n'

    def _take(self, request: Any, _handler: Any) -> int:
        self._consumer.requests.clear()
        if self.dead:
            return 503
        self.sequences += [one["sequence"] for one in msgspec.json.decode(request.body)]
        return 204


@pytest.mark.soak
def test_a_dead_sink_closes_nothing_and_gets_everything_afterwards(
    start_valkey: Callable[..., Valkey], tmp_path: Path
) -> None:
    valkey = start_valkey(maxmemory=MEMORY)
    with consuming() as one, consuming() as other:
        dead, live = Taken(one, dead=True), Taken(other, dead=False)
        (tmp_path / "receiver.toml").write_text(dead.toml("dead") + live.toml("live"))
        environ = {"RECEIVER_PARK_DIR": str(tmp_path / "disk"), "RECEIVER_LOG_LEVEL": "warning"}
        receiver = Receiver(valkey, tmp_path, **environ)
        try:
            receiver.start()
            _run(receiver, dead, live)
        finally:
            receiver.stop()


def _run(receiver: Receiver, dead: Taken, live: Taken) -> None:
    answers, most = _send(receiver)
    books = _books(receiver, "dead")
    print(f"\nsent {answers}; at most {most:.0%} of memory; {books}")
    assert set(answers) == {204}, answers
    assert books.parked > 0
    sent = answers[204]
    eventually(lambda: len(live.sequences) >= sent)
    dead.dead, began = False, time.monotonic()
    eventually(lambda: _books(receiver, "dead").delivered == sent, within=900)
    print(f"all {sent} arrived within {time.monotonic() - began:.1f} s")
    assert len(set(dead.sequences)) == sent
    books = _books(receiver, "dead")
    assert (books.parked, books.parked_damaged, books.dead, books.open) == (0, 0, 0, 0)
    late, latest = 0, ""
    for one in dead.sequences:
        late, latest = late + (one < latest), max(one, latest)
    assert late <= TRIED, late


def _send(receiver: Receiver) -> tuple[dict[int, int], float]:
    """Send as many a second as wanted; returns the answers, and the greatest share of memory."""
    answers: dict[int, int] = {}
    most, until, due = 0.0, time.monotonic() + SECONDS, time.monotonic()

    def post(_: int) -> int:
        return receiver.post("/att/sms/mo", mo()).status

    with ThreadPoolExecutor(16) as pool:
        while time.monotonic() < until:
            for status in pool.map(post, range(RATE // 5)):
                answers[status] = answers.get(status, 0) + 1
            memory: Any = receiver.redis.info("memory")
            most = max(most, memory["used_memory"] / memory["maxmemory"])
            due += 0.2
            time.sleep(max(0.0, due - time.monotonic()))
    return answers, most


def _books(receiver: Receiver, name: str) -> SinkLedger:
    found = next(one for one in sink_ledger.read(receiver.redis) if one.name == name)
    assert found.balanced, found
    return found
