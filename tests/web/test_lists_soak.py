"""A listener that floods with long lists before a small Redis beside one that goes on: `make soak`.

125 bodies of 330 delivery statuses each, 3 MB in all, once took 1 GB of Redis, because every event
had the whole list. This Redis has an eighth of that.
"""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from receiver.contract.redis_keys import EVENTS
from tests.support.eventually import eventually
from tests.support.running import Receiver
from tests.support.steady_load import steady_load
from tests.support.valkey import Valkey

MEMORY = "128mb"
BODIES = 125
ITEMS = 330
RATE = 100
SENDERS = 8
FILE = '[[listener]]\nname = "default"\n[[listener]]\nname = "flood"\n'


def _statuses(number: int) -> bytes:
    infos = [
        {"address": f"tel:+1{2_060_000_000 + item}", "deliveryStatus": "DeliveredToTerminal"}
        for item in range(ITEMS)
    ]
    about = {"messageId": f"0xA{number}L", "deliveryInfo": infos}
    return json.dumps({"deliveryInfoNotification": about}).encode()


def _send(receiver: Receiver, number: int) -> int:
    """As a carrier does, which sends again what was refused for now. Returns how often it was."""
    for refused in range(1000):
        status = receiver.post("/att/sms/delivery-status/flood", _statuses(number)).status
        if status == 204:
            return refused
        assert status == 429
        time.sleep(0.05)
    raise AssertionError("it was refused for ever")


@pytest.mark.soak
def test_lists_of_hundreds_of_statuses_close_nothing_for_anybody(
    start_valkey: Callable[..., Valkey], tmp_path: Path
) -> None:
    (tmp_path / "receiver.toml").write_text(FILE)
    receiver = Receiver(start_valkey(maxmemory=MEMORY), tmp_path)
    try:
        receiver.start()
        with steady_load(receiver.port, RATE) as beside, ThreadPoolExecutor(SENDERS) as senders:
            eventually(lambda: receiver.books().published > RATE)
            began = time.monotonic()
            refused = sum(senders.map(lambda number: _send(receiver, number), range(BODIES)))
            took = time.monotonic() - began
            most, settled = _most_used(receiver), time.monotonic() - began
        books = receiver.settled()
        events = ITEMS * BODIES
        assert beside.refused == []
        assert (books.published, books.events) == (
            BODIES + beside.acknowledged,
            events + beside.acknowledged,
        )
        taken: Any = receiver.redis.memory_usage(EVENTS, samples=0)
        item = len(_statuses(100)) / ITEMS
        each = taken / books.events
        print(
            f"\n{BODIES} bodies of {len(_statuses(100))} bytes in {took:.1f} s, {refused} refused"
        )
        print(
            f"{events} events after {settled:.1f} s, {each:.0f} bytes each; {most:.0%} of {MEMORY}"
        )
        print(f"beside them {beside.acknowledged} acknowledged, {len(beside.refused)} refused")
        assert each <= 1.3 * item + 1_000
        assert most < 0.8  # from there on intake is closed
    finally:
        receiver.stop()


def _most_used(receiver: Receiver) -> float:
    """Wait until all lists are published. Returns the greatest share of memory used meanwhile."""
    used = 0.0
    while receiver.books().events < ITEMS * BODIES:
        memory: Any = receiver.redis.info("memory")
        used = max(used, memory["used_memory"] / memory["maxmemory"])
        time.sleep(0.05)
    return used
