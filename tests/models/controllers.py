"""A controller in a history: a part of its work at a time, killed, stopped, cut off at any call."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, Final

import msgspec
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as NotConnected

from receiver.config.settings import Settings
from receiver.outbound import Answer, Unanswered
from receiver.runtime import redis_errors
from receiver.subscriptions import clock_jumps, orphans
from receiver.subscriptions.controller import Controller
from receiver.subscriptions.lease import LeaseLost
from receiver.subscriptions.steps import run_step
from receiver.subscriptions.sweep import Sweep
from tests.models.operator import Operator

TROUBLES: Final = (
    *("killed before", "killed after", "request lost", "reply lost", "applied late", "stopped"),
)
UNITS: Final = ("renew", "compare", "orphans", "steps", "sweep")
LATE: Final = 1500.0
"""Seconds after which an operator that did not answer creates a subscription after all."""


class Killed(BaseException):
    """The process is killed here."""


class Process:
    """One controller after the other, each of which has the lease or not."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        client: Any,
        operator: Operator,
        settings: Settings,
    ) -> None:
        self.devices: list[str] = []
        """Phone numbers that `receiver.toml` declares."""
        self._loop, self._operator, self._settings = loop, operator, settings
        self._client = client
        self._task: asyncio.Task[None] | None = None
        self._start()

    @property
    def stopped(self) -> bool:
        """Return whether it is in the middle of something, and goes on once it is told to."""
        return self._task is not None

    @property
    def owner(self) -> bytes:
        """Return the name that a lease of this process has."""
        return self._context.store._owner.encode()

    def work(self, unit: str, trouble: str = "", at: int = 0) -> None:
        """Do a part of a controller's work; at its call number `at` there is trouble."""
        self._calls, self._at, self._trouble = 0, at, trouble
        self._gate, self._stops = self._loop.create_future(), self._loop.create_future()
        self._task = self._loop.create_task(self._work(unit))
        self._loop.run_until_complete(
            asyncio.wait([self._task, self._stops], return_when=asyncio.FIRST_COMPLETED)
        )
        self._end()

    def work_beside(self, unit: str) -> bool:
        """Do a part of another loop's work while it is stopped; return whether it has the lease
        still. Its loss ends all loops.
        """
        waiting, gate = self._task, self._gate
        self.work(unit)
        self._task, self._gate = waiting, gate
        if not self._loaded:
            self.kill()
        return self._loaded

    def resume(self) -> None:
        """Go on where it was stopped."""
        assert self._task
        self._gate.set_result(None)
        self._loop.run_until_complete(asyncio.wait([self._task]))
        self._end()

    def kill(self) -> None:
        """Kill it where it is, and start another one."""
        if self._task:
            self._task.cancel()
            self._loop.run_until_complete(asyncio.wait([self._task]))
            self._task = None
        self._start()

    def _end(self) -> None:
        if self._task and self._task.done():
            task, self._task = self._task, None
            task.result()

    def _start(self) -> None:
        operator = self._settings.operators[0]
        client: Any = SimpleNamespace(request=self._request)
        self._controller = Controller(self._settings, operator, client, lambda: False)
        self._context = self._controller.context
        redis: Any = Redis()
        redis.execute_command = self._command
        self._context.store.client = redis
        self._loaded = False

    async def _work(self, unit: str) -> None:
        store = self._context.store
        try:
            if not self._loaded:
                if not await store.acquire_lease():
                    return
                self._declare()
                await self._controller._load_state()
                self._loaded = True
                await self._renew()  # the first thing that a controller which has loaded does
            store.check_lease()
            await getattr(self, f"_{unit}")()
        except (LeaseLost, *redis_errors.DOWN_ON_THE_LOOP):
            self._loaded = False
        except Killed:
            self._start()

    def _declare(self) -> None:
        for name, one in self._context.sets.items():
            self._context.sets[name] = msgspec.structs.replace(one, devices=tuple(self.devices))

    async def _renew(self) -> None:
        if not await self._context.store.acquire_lease():
            raise LeaseLost
        await self._context.store.check_data()
        await self._context.store.write_seen()

    async def _compare(self) -> None:
        store = self._context.store
        self._declare()
        if jumped := store.jumped_back:
            await clock_jumps.shift_times(self._context, jumped)
            store.jumped_back -= jumped
        await self._context.end_pauses()
        await self._controller._reconciler.run(ordered=True, yes=True)

    async def _orphans(self) -> None:
        await orphans.check_orphans(self._context)

    async def _steps(self) -> None:
        for name in await self._context.store.due_slots(100):
            await run_step(self._context, name)

    async def _sweep(self) -> None:
        await Sweep(self._context.store).run()

    async def _command(self, *words: Any, **options: Any) -> Any:
        async def answered() -> Any:
            return self._client.execute_command(*words, **options)

        return await self._call(answered, NotConnected)

    async def _request(self, method: str, url: str, body: Any = None, check: Any = None) -> Answer:
        async def asked() -> Answer:
            return self._operator.answer(method, url, body)

        if check:
            check()
        if method == "POST" and self._calls + 1 == self._at and self._trouble == "applied late":
            self._operator.accept_late(body, LATE)
        answer: Answer = await self._call(asked, Unanswered)
        return answer

    async def _call(
        self, do: Callable[[], Awaitable[Any]], lost: Callable[[str], Exception]
    ) -> Any:
        self._calls += 1
        if self._calls != self._at:
            return await do()
        match self._trouble:
            case "killed before":
                raise Killed
            case "killed after":
                await do()
                raise Killed
            case "request lost" | "applied late":
                raise lost("told to")
            case "reply lost":
                await do()
                raise lost("told to")
            case _:
                self._stops.set_result(None)
                await self._gate
                return await do()
