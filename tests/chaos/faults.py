"""Doing a fault: harm, wait, mend."""

import asyncio
import contextlib
import os
import resource
import signal
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from tests.chaos.fleet import Fleet
from tests.chaos.line import Line, Trouble
from tests.chaos.schedule import Fault

_DISK_BYTES = 96 * 1024
"""Filled in less than a second."""


class Done(NamedTuple):
    """A fault as it happened, in seconds since 1970."""

    fault: Fault
    begun: float
    ended: float


class Faults:
    """Does faults to one fleet. Two on the same target wait for each other."""

    def __init__(
        self,
        fleet: Fleet,
        lines: dict[str, Line],
        poll_killed: Callable[[float], Awaitable[None]] | None,
    ) -> None:
        """`poll_killed` is told of it, with the time (seconds since 1970) just before."""
        self.done: list[Done] = []
        self._poll_killed = poll_killed
        self._fleet = fleet
        self._lines = lines
        self._locks = {name: asyncio.Lock() for name in (*fleet.harmable, *lines)}

    async def run(self, faults: list[Fault], begun: float, say: Callable[[str], None]) -> None:
        """All of them, each at its time after `begun` (monotonic); returns when all is mended."""
        async with asyncio.TaskGroup() as group:
            for fault in faults:
                await asyncio.sleep(max(0.0, begun + fault.at - time.monotonic()))
                say(f"{fault.at:6.1f} s  {fault.kind} {fault.target} {fault.seconds:g} s")
                group.create_task(self._do(fault))

    async def _do(self, fault: Fault) -> None:
        targets = self._fleet.harmable if fault.target == "everything" else (fault.target,)
        async with contextlib.AsyncExitStack() as stack:
            for name in sorted(targets):
                await stack.enter_async_context(self._locks[name])
            begun = time.time()
            with self._fleet.harmed(*targets):
                await self._harm(fault, targets)
            self.done.append(Done(fault, begun, time.time()))

    async def _harm(self, fault: Fault, targets: tuple[str, ...]) -> None:
        match fault.kind.split("-")[0], fault.target:
            case "kill" | "stop", _ if fault.kind != "kill-worker":
                number = signal.SIGTERM if fault.kind.startswith("stop") else signal.SIGKILL
                await self._end(targets, number, fault.seconds)
            case "freeze", "worker-0" | "worker-1":
                await _freeze(self._fleet.workers_of(fault.target), fault.seconds)
            case "freeze", name:
                self._fleet.signal(name, signal.SIGSTOP)
                await asyncio.sleep(fault.seconds)
                self._fleet.signal(name, signal.SIGCONT)
            case "kill", name:
                _send(self._fleet.workers_of(name), signal.SIGKILL)
            case "fill", name:
                await self._fill_disk(name, fault.seconds)
            case _, name:
                trouble: Trouble = "reset-reply" if name == "front" else fault.kind  # type: ignore[assignment]
                await self._lines[name].suffer(trouble, fault.seconds)

    async def _fill_disk(self, line: str, seconds: float) -> None:
        """So many bytes and no more, while everything has to go to the disk."""
        for name in self._fleet.web_ports:
            self._fleet.limit_files(name, _DISK_BYTES)
        try:
            await self._lines[line].suffer("cut", seconds)
        finally:
            for name in self._fleet.web_ports:
                self._fleet.limit_files(name, resource.RLIM_INFINITY)

    async def _end(self, names: tuple[str, ...], number: int, seconds: float) -> None:
        begun = time.time()
        for name in names:
            self._fleet.signal(name, number)
        for name in names:
            await self._fleet.gone(name)
        if self._poll_killed and "poll" in names:
            await self._poll_killed(begun)
        await asyncio.sleep(seconds)
        # All at once: a server that reads its data for a while holds nobody up.
        await asyncio.gather(*(asyncio.to_thread(self._fleet.spawn, name) for name in names))


async def _freeze(numbers: list[int], seconds: float) -> None:
    _send(numbers, signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        _send(numbers, signal.SIGCONT)


def _send(numbers: list[int], number: int) -> None:
    for each in numbers:
        with contextlib.suppress(ProcessLookupError):
            os.kill(each, number)
