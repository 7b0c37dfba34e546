"""A controller's context in this process, with real Redis and no operator."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from receiver.config.settings import load
from receiver.subscriptions.context import Context
from receiver.subscriptions.last_events import LastEvents
from receiver.subscriptions.lists import Lists
from receiver.subscriptions.slots import Attempt, Slot
from receiver.subscriptions.store import Store
from receiver.subscriptions.timing import Timing
from tests.support.valkey import Valkey

TOML = """
public_url = "https://hooks.example.com"
[[operator]]
name = "nokia"
reachability = "https://api.example.com/device-reachability-status-subscriptions/v0.8"
roaming_status = "https://api.example.com/device-roaming-status/v1"
auth = { kind = "headers", headers_env = { x-rapidapi-key = "NAC_KEY" } }
[[subscription]]
name = "fleet"
operator = "nokia"
types = ["reachability-data"]
devices = ["+12065550100"]
"""
DAY = 86_400.0


def slot(*attempts: Attempt, **more: Any) -> Slot:
    """A slot of the set."""
    usual = {"id": "fleet:a", "set": "fleet", "operator": "nokia", "listener": "default"}
    fields = usual | {"type": "reachability-data", "device": {"phoneNumber": "+1"}} | more
    return Slot(attempts=list(attempts), **fields)


def attempt(**more: Any) -> Attempt:
    """A subscription that lives for four days from 0."""
    usual = {"id": "rs1", "generation": 1, "digest": "", "created": 0, "asked_end": 4 * DAY}
    lives = {"state": "active", "ends": 4 * DAY, "renew": 3 * DAY}
    return Attempt(**usual | lives | more)  # type: ignore[arg-type]


def run(valkey: Valkey, directory: Path, steps: Callable[[Context], Awaitable[None]]) -> None:
    """Run steps with the context of a controller that has the lease."""
    (directory / "receiver.toml").write_text(TOML)
    settings = load({"RECEIVER_CONFIG": str(directory / "receiver.toml")})

    async def connected() -> None:
        async with Redis.from_url(valkey.url) as client:
            store = Store(client, "nokia", lambda _: (0, 0.0))
            assert await store.acquire_lease()
            api: Any = None
            context = Context(
                operator=settings.operators[0],
                sets={one.name: one for one in settings.subscriptions},
                public_url=settings.public_url,
                api=api,
                store=store,
                lists=Lists(api, store.now),
                timing=Timing(),
                last=LastEvents(store),
            )
            await steps(context)

    asyncio.run(connected())
