"""Redis stops, freezes, comes back: 503 in time, no false 204, nothing twice, no restart."""

import json
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import pytest
import urllib3

from receiver.contract.records import decode_notification
from receiver.contract.redis_keys import INBOUND
from tests.support.commands import RECEIVER
from tests.support.eventually import eventually
from tests.support.running import AUTHORIZED, Receiver, mo

ANSWERED_WITHIN = 2.0
"""Seconds, the promise; what the machine adds while it is busy is not ours."""
MACHINE = 1.0
"""What it may always add; where it stands still for longer, `Stalls` has seen it."""
TURNS = 5
"""So often a core is waited for: to send, to be read, to be out of time, to answer, to hear it."""


class Sent(NamedTuple):
    text: str
    status: int
    begun: float
    took: float
    retry_after: str | None


def send(receiver: Receiver, text: str) -> Sent:
    begun = time.monotonic()
    answer = receiver.post("/att/sms/mo", mo(text))
    took = time.monotonic() - begun
    return Sent(text, answer.status, begun, took, answer.headers.get("retry-after"))


class Stalls:
    """Sleeps and looks at the clock: `longest` is by how many seconds this machine overslept."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sleep)
        self.longest = 0.0

    def __enter__(self) -> "Stalls":
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._stop.set()
        self._thread.join()

    def _sleep(self) -> None:
        before = time.monotonic()
        while not self._stop.wait(0.02):
            self.longest = max(self.longest, time.monotonic() - before - 0.02)
            before = time.monotonic()


class Load:
    """Sixteen senders that go on until told to stop."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(16)
        self.sent: list[Sent] = []

    def __enter__(self) -> "Load":
        for sender in range(16):
            self._pool.submit(self._go_on, sender)
        return self

    def __exit__(self, *_: Any) -> None:
        self._stop.set()
        self._pool.shutdown()

    def acknowledged_since(self, moment: float) -> bool:
        return any(one.status == 204 and one.begun > moment for one in list(self.sent))

    def _go_on(self, sender: int) -> None:
        number = 0
        while not self._stop.is_set():
            self.sent.append(send(self._receiver, f"{sender}/{number}"))
            number += 1


def appended(receiver: Receiver) -> dict[str, int]:
    """When each was, in milliseconds since 1970; none may be there twice."""
    entries: Any = receiver.redis.xrange(INBOUND)
    found = {
        json.loads(decode_notification(fields[b"n"]).body)["Message"]: int(entry.split(b"-")[0])
        for entry, fields in entries
    }
    assert len(found) == len(entries)
    return found


@pytest.mark.parametrize("seconds", [0.5, 3.5])
def test_a_frozen_redis_makes_no_false_204_and_nothing_is_appended_twice(
    receiver: Receiver, seconds: float
) -> None:
    receiver.start()
    with Stalls() as stalls, Load(receiver) as load:
        eventually(lambda: len(load.sent) > 100)
        receiver.valkey.pause()
        frozen, frozen_at = time.monotonic(), time.time()
        eventually(lambda: time.monotonic() - frozen > seconds)
        thawed = time.monotonic()
        receiver.valkey.resume()
        eventually(lambda: load.acknowledged_since(thawed))
    written = appended(receiver)
    for one in load.sent:
        assert one.status in (204, 503)
        assert one.took < ANSWERED_WITHIN + MACHINE + TURNS * stalls.longest
        if one.status == 204 and one.begun + one.took < thawed:
            # However late the answer is: what it answers was written before the freeze.
            assert written[one.text] <= 1000 * frozen_at
        assert (one.retry_after is not None) == (one.status == 503)
    if seconds > ANSWERED_WITHIN:
        assert any(one.status == 503 for one in load.sent)
    receiver.settled()
    appended(receiver)
    texts = Counter(event["data"]["text"] for event in receiver.events())
    assert set(texts.values()) == {1}
    assert {one.text for one in load.sent if one.status == 204} <= set(texts)


def test_a_stopped_redis_is_503_with_retry_after_in_time_and_204_again_without_a_restart(
    receiver: Receiver,
) -> None:
    receiver.start()
    assert send(receiver, "before").status == 204
    receiver.valkey.kill()
    with Stalls() as stalls:
        refused = [send(receiver, f"while it is gone {number}") for number in range(3)]
    for one in refused:
        assert one.status == 503
        assert one.retry_after is not None
        assert one.took < ANSWERED_WITHIN + MACHINE + TURNS * stalls.longest
    eventually(lambda: receiver.get("/readyz").status == 503)
    receiver.valkey.start()
    eventually(lambda: send(receiver, "after").status == 204)
    eventually(lambda: receiver.get("/readyz").status == 200)
    eventually(lambda: "after" in {event["data"]["text"] for event in receiver.events()})


def test_no_token_becomes_a_401_and_no_wrong_one_a_204_while_redis_is_gone(
    receiver: Receiver,
) -> None:
    receiver.start_web()
    receiver.valkey.kill()
    wrong = AUTHORIZED | {"Authorization": "Bearer wrong"}
    for _ in range(3):
        # The last snapshot decides for a minute, so a wrong token stays wrong.
        assert receiver.post("/att/sms/mo", mo(), wrong).status == 401
        assert receiver.post("/att/sms/mo", mo()).status == 503


def test_a_web_process_that_starts_without_redis_answers_503_until_it_comes(
    receiver: Receiver,
) -> None:
    receiver.valkey.kill()
    receiver.web = receiver.spawn([*RECEIVER, "web"])
    eventually(lambda: status(receiver) == 503)
    receiver.valkey.start()
    eventually(lambda: status(receiver) == 204)


def status(receiver: Receiver) -> int:
    """Of one more message; 0 when nobody answers."""
    try:
        return receiver.post("/att/sms/mo", mo()).status
    except urllib3.exceptions.HTTPError:
        return 0
