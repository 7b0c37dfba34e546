"""What goes on around the load: an operator's subscriptions, a gateway that is polled, a console
with viewers, three sinks of which one is dead, changes of `receiver.toml`, new tokens.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx2
import redis

from receiver.operations import sink_orders
from receiver.subscriptions import overview
from receiver.subscriptions.orders import Order
from receiver.subscriptions.slots import slot_id
from tests.chaos import toml
from tests.chaos.fleet import Fleet
from tests.chaos.hook import Hook
from tests.chaos.rotation import Rotation
from tests.chaos.toml import DEVICES, REGISTRATION, TYPE, Ports
from tests.chaos.viewers import Viewer

VIEWERS: Final = 2
CHANGE_EVERY: Final = 13.0
"""Seconds between two changes of `receiver.toml`, and between two tokens."""
RENEW_EVERY: Final = 20.0
"""Between two orders to renew all subscriptions, due or not."""
_DEVICE_EVERY: Final = 0.5
_MESSAGES_EVERY: Final = 0.5


class Around:
    """Everything but the load. `live` goes on until it is cancelled."""

    def __init__(self, fleet: Fleet, client: redis.Redis, front: int, directory: Path) -> None:
        self.client = client
        self.hook, self.dead = Hook(), Hook()
        self.ports = Ports(
            front, fleet.ports["operator"], fleet.ports["gateway"], self.hook.port, self.dead.port
        )
        self.viewers = [Viewer(fleet.ports["console"], client) for _ in range(VIEWERS)]
        self.rotation = Rotation(client, [*fleet.web_ports.values()])
        self.changes = self.orders = 0
        self.settling = False
        """Whether the load is over: a change replaces workers, which may take long to start."""
        self.fleet = fleet
        self._file = directory / "receiver.toml"
        self._random = random.Random(0)
        self._http = httpx2.AsyncClient(timeout=10, trust_env=False)
        self._tasks: list[asyncio.Task[None]] = []
        self.write()

    def write(self) -> None:
        """Write `receiver.toml`, another one each time."""
        new = self._file.with_suffix(".new")
        new.write_text(toml.text(self.ports, self.changes))
        new.rename(self._file)

    async def start(self) -> None:
        """Begin: everything is there."""
        await self.hook.listen()
        for port in (self.ports.operator, self.ports.gateway):
            await self.until(partial(self._is_there, port), 60)
        loops: list[Coroutine[Any, Any, None]] = [
            *(viewer.watch() for viewer in self.viewers),
            self.rotation.rotate(CHANGE_EVERY),
            self.rotation.send(),
            _every(CHANGE_EVERY, self._change),
            _every(RENEW_EVERY, self._renew, first=5.0),
            _every(_DEVICE_EVERY, self.move_device),
            _every(_MESSAGES_EVERY, self._feed),
        ]
        self._tasks = [asyncio.create_task(loop) for loop in loops]

    async def rest(self) -> None:
        """End what makes more to do: viewers go on. The dead sink's consumer is back."""
        for task in self._tasks[VIEWERS:]:
            task.cancel()
        await asyncio.gather(*self._tasks[VIEWERS:], return_exceptions=True)
        await self.dead.listen()
        await asyncio.to_thread(sink_orders.start, self.client, "dead")

    async def close(self) -> None:
        """Leave nothing behind."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.hook.close()
        self.dead.close()
        await self._http.aclose()

    async def poll_killed(self, at: float) -> None:
        """Tell the gateway that its client was killed at this time (seconds since 1970)."""
        await self.order(self.ports.gateway, "killed", at=at)

    async def order(self, port: int, route: str, **what: Any) -> None:
        """Give the simulated operator or gateway an order."""
        answer = await self._http.post(f"http://127.0.0.1:{port}/_control/{route}", json=what)
        answer.raise_for_status()

    async def fetch(self, port: int, route: str) -> Any:
        """Return what the simulated operator or gateway says of itself."""
        answer = await self._http.get(f"http://127.0.0.1:{port}/{route}")
        answer.raise_for_status()
        return answer.json()

    async def until(self, holds: Callable[[], Coroutine[Any, Any, bool]], seconds: float) -> bool:
        """Wait until something holds; return whether it came to."""
        until = time.monotonic() + seconds
        while not await holds():
            if time.monotonic() > until:
                return False
            await asyncio.sleep(0.3)
        return True

    async def _is_there(self, port: int) -> bool:
        with contextlib.suppress(httpx2.HTTPError):
            return bool(await self.fetch(port, "_books?summary"))
        return False

    async def _change(self) -> None:
        if self.settling:
            return
        self.changes += 1
        self.write()
        self.fleet.reload()

    async def _renew(self) -> None:
        for each in DEVICES:
            slot = slot_id("fleet", "sim", {"phoneNumber": each}, TYPE)
            order = Order(do="renew", slot=slot)
            await asyncio.to_thread(overview.enqueue_orders, self.client, "sim", order)
        self.orders += 1

    async def move_device(self) -> None:
        phone = {"phoneNumber": self._random.choice(DEVICES)}
        connectivity = self._random.choice([[], ["DATA"]])
        await self.order(self.ports.operator, "devices", device=phone, connectivity=connectivity)

    async def _feed(self) -> None:
        await self.order(self.ports.gateway, "mo", registration=REGISTRATION, count=2)


async def _every(
    seconds: float, do: Callable[[], Coroutine[Any, Any, None]], first: float = 0.0
) -> None:
    await asyncio.sleep(first or seconds)
    while True:
        with contextlib.suppress(redis.RedisError, httpx2.HTTPError):
            await do()
        await asyncio.sleep(seconds)
