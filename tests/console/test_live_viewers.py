"""Viewers of the live tail who arrive together, and who come back."""

import asyncio
import threading
from contextlib import suppress
from typing import Any

import pytest

from receiver.console.live import Live
from receiver.console.mask import masks
from tests.console.test_live import accept, receipt
from tests.support.valkey import Valkey


def readers() -> list[asyncio.Task[Any]]:
    """Return the tasks of this loop that read for viewers."""
    found: list[Any] = list(asyncio.all_tasks())
    return [one for one in found if one.get_coro().__qualname__ == "Live._read"]


async def told_by(tail: Any, last: str) -> list[str]:
    """Return what a tail shows up to a receipt."""
    found: list[str] = []
    while last not in found:
        batch = await anext(tail)
        found += [one.receipt for one in batch.rows] if batch else []
    return found


def test_viewers_who_arrive_together_have_one_reader_and_each_row_once(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, both = Live.now, threading.Barrier(2)

    def slowly(self: Live) -> dict[str, str]:
        with suppress(threading.BrokenBarrierError):
            both.wait(timeout=0.5)  # where another one begins too, it is here meanwhile
        return now(self)

    async def scene() -> list[list[str]]:
        live = Live(valkey.client(), masks(valkey.client()))
        start = await asyncio.to_thread(live.now)
        monkeypatch.setattr(Live, "now", slowly)
        tails: list[Any] = [live.watch(start) for _ in range(3)]
        await asyncio.gather(*(anext(tail) for tail in tails))
        begun = readers()
        for number in range(30):
            accept(valkey, number)
        told = [await told_by(tail, receipt(29)) for tail in tails]
        for tail in tails:
            await tail.aclose()
        ended, _ = await asyncio.wait(begun, timeout=20)
        assert (len(begun), len(ended)) == (1, 1)
        return told

    assert asyncio.run(scene()) == [[receipt(number) for number in range(30)]] * 3
