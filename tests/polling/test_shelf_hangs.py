"""A Redis that hangs: whatever waits to be appended gives up together, and the process can end."""

import asyncio
from pathlib import Path

import pytest

from receiver.intake.inbound_writer import Inbound, script
from receiver.intake.redis_link import RedisLink
from receiver.polling.shelf import Shelf
from receiver.polling.store import Store
from receiver.runtime.redis_client import async_client
from tests.support.valkey import Valkey


@pytest.mark.parametrize("probing", [True, False])
def test_pages_of_several_polls_wait_no_longer_than_one(
    valkey: Valkey, tmp_path: Path, probing: bool
) -> None:
    async def act() -> None:
        link = RedisLink(valkey.url, script(), within=1.0)
        inbound = Inbound(link, lambda: None, lambda _: None)
        client = async_client(valkey.url)
        shelf = Shelf(tmp_path, inbound, lambda name: Store(client, name, 1.0), 1.0)
        await shelf.probe()
        valkey.pause()
        try:
            names = [f"receipt-{number}" for number in range(8)]
            waiting = (shelf.probe() if probing else shelf.append(x, [b"x"], []) for x in names)
            async with asyncio.timeout(6):
                found = await asyncio.gather(*waiting, return_exceptions=True)
        finally:
            valkey.resume()
            await inbound.end()
            await client.aclose()
        assert {type(one) for one in found} == {TimeoutError}

    asyncio.run(act())
