"""A controller in a hurry, killed or stopped at a chosen point:
`python -m tests.support.dying_controller OPERATOR POINT`.

Redis' clock, as it tells it, is ahead by the seconds in the key `AHEAD`.
"""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from receiver.config.settings import load
from receiver.outbound import Limits, OperatorClient
from receiver.outbound.circuit import Circuit
from receiver.outbound.operator_credentials import credentials
from receiver.runtime import logs
from receiver.subscriptions import attempts, controller, creation, ending, lease, unknown_attempts
from receiver.subscriptions.api import Api
from receiver.subscriptions.controller import Controller
from receiver.subscriptions.timing import Timing

FAST = Timing(
    overlap=0.5, between_lists=0.5, recheck=0.1, pending_limit=10, first_backoff=0.2,
    longest_backoff=1, orphan_check=1, device_check=0.2, device_settled=0, report=0.2,
    quota_pause=1,
)  # fmt: skip
USUAL = "TEST_USUAL_TIMING"
"""The variable with which it is in no hurry: thousands of slots cannot be counted every moment."""
PATIENCE = "TEST_DEADLINE"
"""The variable with the seconds that one exchange with the operator may take, instead of five."""
LEASE = 4.0
"""Seconds; the next controller waits for so long after a kill."""
AHEAD = "test:ahead"
STEPS: dict[str, tuple[Any, str]] = {
    "intent": (creation, "_store_intent"),
    "posting": (creation, "_mark_posting"),
    "post": (Api, "create"),
    "commit": (attempts, "store_subscription"),
    "resolve": (unknown_attempts, "resolve"),
    "look": (ending, "check_alive"),
    "mark": (ending, "mark_for_deletion"),
    "delete": (Api, "delete"),
    "finish": (ending, "remove_attempt"),
}


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def hurry() -> None:
    """Make the lease and all pauses short, and Redis' clock one that a test can move."""
    vars(lease)["LEASE_SECONDS"], vars(controller)["_LEASE_RENEWAL"] = LEASE, 0.5
    vars(controller)["_POLL"], vars(controller)["_WITHOUT_LEASE"] = 0.05, 0.2
    told = "redis.call('TIME')[1]"
    moved = f"string.format('%.0f', {told} + (redis.call('GET', '{AHEAD}') or 0))"
    vars(lease)["_ACQUIRE"] = vars(lease)["_ACQUIRE"].replace(told, moved)


def patch(point: str) -> None:
    """`before post`, `after post`, `stopped before post`: at the first time."""
    when, _, name = point.rpartition(" ")
    owner, attribute = STEPS[name]
    method: Callable[..., Any] = getattr(owner, attribute)

    async def dying(*arguments: Any, **more: Any) -> Any:
        if when == "stopped before":
            setattr(owner, attribute, method)
            os.kill(os.getpid(), signal.SIGSTOP)
            return await method(*arguments, **more)
        if when == "before":
            die()
        result = await method(*arguments, **more)
        die()
        return result

    setattr(owner, attribute, dying)
    for name, module in list(sys.modules.items()):  # also where it was imported by its name
        if name.startswith("receiver.subscriptions.") and vars(module).get(attribute) is method:
            setattr(module, attribute, dying)


def main(name: str, point: str) -> None:
    settings = load(os.environ)
    logs.configure("debug")
    operator = next(one for one in settings.operators if one.name == name)
    hurry()
    if point:
        patch(point)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())

    async def run() -> None:
        who = credentials(operator, settings.operator_variables)
        deadline = float(os.environ.get(PATIENCE, 5))
        limits = Limits(rate=operator.rate, concurrency=operator.concurrency, deadline=deadline)
        circuit = Circuit(first=0.2, longest=1)
        async with OperatorClient(who, limits, circuit=circuit) as client:
            timing = Timing() if USUAL in os.environ else FAST
            await Controller(settings, operator, client, stop.is_set, timing).run()

    asyncio.run(run())


if __name__ == "__main__":
    main(*sys.argv[1:])
