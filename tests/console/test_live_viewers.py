"""Viewers of the live tail who arrive together, and who come back."""

import asyncio
import threading
from contextlib import suppress
from typing import Any

import pytest

from receiver.console import live as reader
from receiver.console import pages
from receiver.console.live import HISTORY, Live
from receiver.console.live_batch import Batch, Position
from receiver.console.live_open import Opened
from receiver.console.mask import masks
from receiver.console.rows import Filter
from receiver.contract.records import Refusal, encode
from receiver.contract.redis_keys import REJECTED
from tests.console.test_live import accept, receipt, work
from tests.support import console_data
from tests.support.eventually import eventually
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


def test_who_comes_back_after_more_than_is_shown_hears_how_many_were_skipped(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = Live(valkey.client(), masks(valkey.client()))
    accept(valkey, 0)
    stood = live.now()
    for number in range(1, 701):
        accept(valkey, number)

    async def first(after: Position) -> Batch:
        tail: Any = live.watch(after)
        batch: Batch = await anext(tail)
        await tail.aclose()
        return batch

    missed = 700 - HISTORY
    batch = asyncio.run(first(stood))
    assert [one.receipt for one in batch.rows] == [receipt(n) for n in range(1 + missed, 701)]
    assert (batch.skipped, batch.at_least) == (missed, False)
    assert told(batch) == f"{missed}"
    assert asyncio.run(first({})).skipped == 0  # to whom comes anew nothing was promised
    assert asyncio.run(first(live.now())).skipped == 0
    monkeypatch.setattr(reader, "COUNTED", 100)
    batch = asyncio.run(first(stood))
    assert batch.at_least
    assert 100 <= batch.skipped <= missed
    assert told(batch) == f"{batch.skipped} or more"


def test_rows_of_several_streams_that_are_too_many_together_are_counted(valkey: Valkey) -> None:
    live = Live(valkey.client(), masks(valkey.client()))
    stood = live.now()
    for number in range(HISTORY):
        accept(valkey, number)
    one = Refusal("att.sms.mo", "promo", receipt(1), 0, 400, "no JSON", [], b"")
    for _ in range(20):
        valkey.client().xadd(REJECTED, {"r": encode(one)})
    batch = live.since(stood, live.now())
    assert (len(batch.rows), batch.skipped, batch.at_least) == (HISTORY, 20, False)


def told(batch: Batch) -> str:
    """Return what a viewer's page is told of what was skipped."""
    sent = pages.live._event(batch, Filter(), lambda row: row.receipt).decode()
    return sent.partition("event: skipped\ndata: ")[2].partition("\n\n")[0]


async def outcomes_up_to(tail: Any, last: str) -> list[tuple[str, str]]:
    """Return what a tail says became of what, up to the batch with a receipt."""
    found: list[tuple[str, str]] = []
    while last not in {name for name, _ in found}:
        batch = await anext(tail)
        found += [(one.receipt, one.outcome) for one in batch.rows] if batch else []
    return found


def test_what_was_read_for_the_last_viewer_who_left_is_no_repeat_for_the_next(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, reads, has_read = Live._next, threading.Event(), threading.Event()

    def told(self: Live, *args: Any) -> Any:
        reads.set()
        found = read(self, *args)
        if found[0]:
            has_read.set()
        return found

    monkeypatch.setattr(Live, "_next", told)

    async def scene() -> tuple[str, list[tuple[str, str]]]:
        live = Live(valkey.client(), masks(valkey.client()))
        first: Any = live.watch(await asyncio.to_thread(live.now))
        await anext(first)
        assert await asyncio.to_thread(reads.wait, 30)
        await first.aclose()
        console_data.accept(valkey, 1)  # just now: what became of it is not asked yet
        assert await asyncio.to_thread(has_read.wait, 30)
        await asyncio.to_thread(work, valkey)
        monkeypatch.setattr(reader, "SETTLE_AFTER", -60_000)
        second: Any = live.watch(await asyncio.to_thread(live.now))
        await anext(second)
        later = console_data.accept(valkey, 2)
        found = await outcomes_up_to(second, later)
        await second.aclose()
        return later, found

    later, found = asyncio.run(scene())
    assert found == [(later, "kept")]


def test_what_is_published_while_somebody_comes_is_no_repeat(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "SETTLE_AFTER", 0)
    since = Live.since

    def slowly(self: Live, *args: Any) -> Batch:
        found = since(self, *args)
        work(valkey)
        end = self.now()
        eventually(lambda: self._position == end)
        return found

    async def scene() -> list[tuple[str, str]]:
        live = Live(valkey.client(), masks(valkey.client()))
        accept(valkey, 1)
        monkeypatch.setattr(Live, "since", slowly)
        tail: Any = live.watch({})
        told = [(one.receipt, one.outcome) for one in (await anext(tail)).rows]
        accept(valkey, 2)
        told += await outcomes_up_to(tail, receipt(2))
        await tail.aclose()
        return told

    kept, published = (receipt(1), "kept"), (receipt(1), "published")
    assert asyncio.run(scene()) == [kept, published, (receipt(2), "kept")]


def test_what_is_read_as_published_before_it_is_read_as_kept_is_no_repeat(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "SETTLE_AFTER", 0)
    monkeypatch.setattr(reader, "QUEUED", 2)
    read_on, go_on = Live._read_on, threading.Event()

    def late(self: Live, *args: Any) -> Any:
        assert go_on.wait(60)
        return read_on(self, *args)

    async def scene() -> list[tuple[str, str]]:
        live = Live(valkey.client(), masks(valkey.client()))
        monkeypatch.setattr(Live, "_read_on", late)
        tail: Any = live.watch(await asyncio.to_thread(live.now))
        await anext(tail)
        for number in range(1, 9):
            accept(valkey, number, 1 if number < 5 else number)  # the first four say the same
        await asyncio.to_thread(work, valkey)
        go_on.set()
        told = await outcomes_up_to(tail, receipt(8))
        accept(valkey, 9)
        told += await outcomes_up_to(tail, receipt(9))
        await tail.aclose()
        return told

    told = asyncio.run(scene())
    assert sorted(name for name, what in told if what == "duplicate") == [
        receipt(number) for number in (2, 3, 4)
    ]


def test_what_is_published_together_with_many_others_is_no_repeat(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "SETTLE_AFTER", -60_000)
    monkeypatch.setattr(reader, "QUEUED", 2)
    live, opened = Live(valkey.client(), masks(valkey.client())), Opened()
    position, settled = live.now(), live._settled
    told: list[tuple[str, str]] = []
    for number in (1, 2, 3):
        accept(valkey, number)
        _, position, _ = live._next(position, opened)

    def done_just_now(kept: Opened) -> Any:
        work(valkey)
        return settled(kept)

    monkeypatch.setattr(live, "_settled", done_just_now)
    while len(told) < 3:
        rows, position, _ = live._next(position, opened)
        told += [(one.receipt, one.outcome) for one in rows]
    assert told == [(receipt(number), "published") for number in (1, 2, 3)]
