"""A controller in a hurry, killed at a chosen point:
`python -m tests.support.dying_controller OPERATOR PACE POINT`.
"""

import asyncio
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from receiver.config.settings import load
from receiver.outbound import Limits, OperatorClient
from receiver.runtime import logs
from receiver.subscriptions import creating, ending
from receiver.subscriptions.api import Api
from receiver.subscriptions.controller import Controller, authentication
from receiver.subscriptions.pace import Pace

FAST = Pace(
    overlap=0.5, between_lists=0.5, settle=0.1, pending=10, first=0.2, longest=1, orphans=1,
    devices=0.2,
)  # fmt: skip
STEPS: dict[str, tuple[Any, str]] = {
    "intent": (creating, "_intend"),
    "posting": (creating, "_mark_posting"),
    "post": (Api, "create"),
    "commit": (creating, "settle"),
    "resolve": (creating, "resolve"),
    "look": (ending, "look"),
    "mark": (ending, "mark"),
    "delete": (Api, "delete"),
    "finish": (ending, "finish"),
}


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def patch(point: str) -> None:
    """`before post`, `after post`: at the first time."""
    when, _, name = point.partition(" ")
    owner, attribute = STEPS[name]
    method: Callable[..., Any] = getattr(owner, attribute)

    async def dying(*arguments: Any, **more: Any) -> Any:
        if when == "before":
            die()
        result = await method(*arguments, **more)
        die()
        return result

    setattr(owner, attribute, dying)
    for module in (creating, ending):
        if getattr(module, attribute, None) is method:
            setattr(module, attribute, dying)


def main(name: str, pace: str, point: str) -> None:
    settings = load(os.environ)
    logs.configure("debug")
    operator = next(one for one in settings.operators if one.name == name)
    if point:
        patch(point)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    merged = {field: getattr(FAST, field) for field in FAST.__struct_fields__}
    merged |= json.loads(pace)

    async def run() -> None:
        who = authentication(operator, settings.operator_variables)
        limits = Limits(rate=operator.rate, concurrency=operator.concurrency, deadline=5)
        async with OperatorClient(who, limits) as client:
            await Controller(settings, operator, client, stop.is_set, Pace(**merged)).run()

    asyncio.run(run())


if __name__ == "__main__":
    main(*sys.argv[1:])
