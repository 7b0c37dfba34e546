"""The live tail: each row once, none of a person, no gap."""

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest
from starlette.requests import Request
from starlette.testclient import TestClient

from receiver.config.settings import Settings
from receiver.console import live as reader
from receiver.console import pages
from receiver.console.live import Live, TooMany
from receiver.console.live_batch import QUEUED, Batch, position_of, position_text
from receiver.console.mask import masks
from receiver.console.rows import Filter, Row
from receiver.contract.records import Notification, encode
from receiver.contract.redis_keys import INBOUND
from tests.support.eventually import eventually
from tests.support.running import mo
from tests.support.valkey import Valkey
from workers.normalise.job import Normaliser

NUMBER = "2065550142"


def receipt(number: int) -> str:
    return f"0199d0a0000a1b2c3d4{number:08x}"


def accept(valkey: Valkey, number: int, text_of: int | None = None) -> None:
    words = f"private words {number if text_of is None else text_of}"
    body = mo(words, f"tel:+1{NUMBER}")
    name = receipt(number)
    now = int(name[:11], 16)
    one = Notification("att.sms.mo", "promo", name, now, "application/json", body)
    valkey.client().xadd(INBOUND, {"n": encode(one)})


def work(valkey: Valkey) -> None:
    Normaliser(valkey.client(), "one", Settings(), lambda: False).run()


def receipts(text: str) -> list[str]:
    return re.findall(r'data-receipt="([0-9a-f]{27})"', text)


def test_the_page_shows_what_came_and_nobody(viewer: TestClient, valkey: Valkey) -> None:
    accept(valkey, 1)
    work(valkey)
    accept(valkey, 2)
    page = viewer.get("/live").text
    assert receipts(page) == [receipt(2), receipt(1)]
    assert ">kept<" in page
    assert ">published<" in page
    assert NUMBER not in page
    assert "private" not in page
    assert receipts(viewer.get("/live?outcome=published").text) == [receipt(1)]
    assert receipts(viewer.get("/live?type=device.").text) == []


async def collect(live: Live, after: dict[str, str], most: int) -> list[Row]:
    rows: list[Row] = []
    async for batch in live.watch(after):
        rows += batch.rows if batch else []
        if len(rows) >= most:
            break
    return rows


def test_nothing_is_left_out_between_two_connections(valkey: Valkey) -> None:
    async def scene() -> list[str]:
        live = Live(valkey.client(), masks(valkey.client()))
        start = await asyncio.to_thread(live.now)
        for number in range(30):
            accept(valkey, number)
        first = await collect(live, start, 30)
        for number in range(30, 60):
            accept(valkey, number)
        tail = live.watch({**start, INBOUND: first[-1].entry})
        rows = (await anext(tail)).rows  # type: ignore[union-attr]
        for number in range(60, 90):
            accept(valkey, number)
        while len(rows) < 60:
            batch = await anext(tail)
            rows += batch.rows if batch else []
        await tail.aclose()  # type: ignore[attr-defined]
        return [one.receipt for one in [*first, *rows]]

    assert asyncio.run(scene()) == [receipt(number) for number in range(90)]


def test_a_repeat_is_told_once_its_worker_is_done_with_it(valkey: Valkey) -> None:
    async def scene() -> list[tuple[str, str]]:
        live = Live(valkey.client(), masks(valkey.client()))
        start = await asyncio.to_thread(live.now)
        accept(valkey, 1)
        one = Notification(
            "att.sms.mo", "promo", receipt(2), 0, "", mo("private words 1", f"tel:+1{NUMBER}")
        )
        valkey.client().xadd(INBOUND, {"n": encode(one)})
        collecting = asyncio.create_task(collect(live, start, 4))
        await asyncio.to_thread(work, valkey)
        return [(x.receipt, x.outcome) for x in await asyncio.wait_for(collecting, 120)]

    told = asyncio.run(scene())
    assert told[-1] == (receipt(2), "duplicate")
    assert (receipt(1), "published") in told


def test_what_is_published_between_two_looks_is_no_repeat(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = Live._done

    def worked(self: Live, rows: list[Row]) -> list[Row]:
        work(valkey)
        return done(self, rows)

    monkeypatch.setattr(Live, "_done", worked)

    async def scene() -> list[tuple[str, str]]:
        live = Live(valkey.client(), masks(valkey.client()))
        accept(valkey, 1)
        rows = await asyncio.wait_for(collect(live, {}, 2), 120)
        return [(x.receipt, x.outcome) for x in rows]

    assert asyncio.run(scene()) == [(receipt(1), "kept"), (receipt(1), "published")]


def test_what_was_published_while_nobody_looked_is_no_repeat(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "SETTLE_AFTER", 0)

    async def scene() -> list[str]:
        live = Live(valkey.client(), masks(valkey.client()))
        start = await asyncio.to_thread(live.now)
        accept(valkey, 1)
        first = live.watch(start)
        assert [one.outcome for one in (await anext(first)).rows] == ["kept"]  # type: ignore[union-attr]
        await first.aclose()  # type: ignore[attr-defined]
        await asyncio.to_thread(work, valkey)
        second = live.watch(await asyncio.to_thread(live.now))
        await anext(second)
        accept(valkey, 2)
        rows = (await anext(second)).rows  # type: ignore[union-attr]
        await second.aclose()  # type: ignore[attr-defined]
        return [one.receipt for one in rows]

    assert asyncio.run(scene()) == [receipt(2)]


def test_a_slow_viewer_hears_how_many_were_skipped(valkey: Valkey) -> None:
    async def scene() -> Any:
        live = Live(valkey.client(), masks(valkey.client()))
        tail = live.watch(await asyncio.to_thread(live.now))
        await anext(tail)
        for number in range(QUEUED + 50):
            accept(valkey, number)
        end = live.now()
        # The viewer reads nothing meanwhile.
        await asyncio.to_thread(eventually, lambda: live._position == end)
        return await anext(tail)

    batch = asyncio.run(scene())
    assert (len(batch.rows), batch.skipped) == (QUEUED, 50)


def test_the_fifty_first_viewer_is_told_so(valkey: Valkey) -> None:
    async def scene() -> None:
        live = Live(valkey.client(), masks(valkey.client()))
        start = await asyncio.to_thread(live.now)
        tails = [live.watch(start) for _ in range(50)]
        for tail in tails:
            await anext(tail)
        with pytest.raises(TooMany):
            await anext(live.watch(start))
        for tail in tails:
            await tail.aclose()  # type: ignore[attr-defined]

    asyncio.run(scene())


def test_one_reader_serves_all_whoever_comes_first(operator: TestClient) -> None:
    request = Request({"type": "http", "app": operator.app._app})  # type: ignore[attr-defined]
    with ThreadPoolExecutor(16) as threads:
        found = set(threads.map(lambda _: id(pages.live._live(request)), range(200)))
    assert len(found) == 1


@pytest.mark.parametrize("text", ["", "1-0", "1-0,2-0,3-0", "a,b,c,d", "1-0,2-0,3-0,4-0,5-0"])
def test_a_position_that_is_none_begins_anew(text: str) -> None:
    assert position_of(text) == {}
    assert position_text(position_of("1-0,2-0,3-0,4-0")) == "1-0,2-0,3-0,4-0"


def test_those_who_keep_up_are_sent_the_same_and_a_row_only_as_it_ended(
    valkey: Valkey, operator: TestClient
) -> None:
    async def scene() -> list[Any]:
        live = Live(valkey.client(), masks(valkey.client()))
        start = await asyncio.to_thread(live.now)
        tails = [live.watch(start) for _ in range(3)]
        for tail in tails:
            await anext(tail)
        accept(valkey, 1)
        found = [await anext(tail) for tail in tails]
        for tail in tails:
            await tail.aclose()  # type: ignore[attr-defined]
        return found

    first, *others = asyncio.run(scene())
    assert all(one is first for one in others)
    row = first.rows[0]
    published = msgspec.structs.replace(row, outcome="published", milliseconds=3)
    html = operator.app._app.state.templates  # type: ignore[attr-defined]
    live_row = html.get_template("live_row.html").module.live_row
    both = Batch([row, published], {})
    told = pages.live._event(both, Filter(), live_row).decode()
    assert receipts(told) == [receipt(1)]
    assert ">published<" in told
    assert ">kept<" in pages.live._event(both, Filter(outcome="kept"), live_row).decode()
    assert all(line.startswith(("id: ", "data: ")) for line in told.strip().split("\n"))
