"""Runs one forward job that is killed: `python -m tests.support.dying_forwarder SINK URL STEP`."""

import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

import msgspec

from receiver.config.settings import Settings, SinkSettings
from receiver.runtime import redis_client
from workers.forward.delivery_queue import DeliveryQueue
from workers.forward.outcomes import Outcome
from workers.processes import worker_process
from workers.sinks.sink import Item

STEPS = ("after read", "before the outcomes", "after the outcomes")


def arm(step: str) -> None:
    """Have this process killed when it gets there; at another step somebody else kills it."""
    lease, settle = DeliveryQueue.lease, DeliveryQueue.settle

    def leasing(self: DeliveryQueue, wanted: int) -> list[Item]:
        items = lease(self, wanted)
        if step == "after read" and items:
            _die()
        return items

    def settling(self: DeliveryQueue, outcomes: Sequence[Outcome], then_lease: int = 0) -> bool:
        if step == "before the outcomes":
            _die()
        opened = settle(self, outcomes, then_lease)
        if step == "after the outcomes":
            _die()
        return opened

    DeliveryQueue.lease = leasing  # type: ignore[method-assign]
    DeliveryQueue.settle = settling  # type: ignore[method-assign]


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    sink: Any = msgspec.json.decode(sys.argv[1], type=SinkSettings)
    url, step = sys.argv[2:]
    arm(step)
    settings = Settings(redis_url=url, sinks=(sink,))
    client = redis_client.client(url)
    worker_process.forwarder(sink, client, "host-0", settings, lambda: False).run()
