"""The live tail while Redis is gone: who watches hears it, and hears when it is back."""

import asyncio
from typing import Any

from starlette.testclient import TestClient

from tests.console.test_live import accept, receipt
from tests.console.test_signed_in import streamed
from tests.support.valkey import Valkey


async def heard(body: Any, words: str) -> None:
    """Wait until a stream says something."""
    while words not in (await anext(body)).decode():
        pass


def test_who_watches_hears_that_redis_is_gone_and_that_it_is_back(
    operator: TestClient, valkey: Valkey
) -> None:
    async def scene() -> None:
        body = (await streamed(operator)).body_iterator
        await heard(body, "id: ")
        valkey.kill()
        try:
            await heard(body, "event: away\ndata: 1\n\n")
        finally:
            await asyncio.to_thread(valkey.restart)
        await heard(body, "event: away\ndata: 0\n\n")
        accept(valkey, 1)
        await heard(body, receipt(1))
        await body.aclose()

    asyncio.run(asyncio.wait_for(scene(), 60))
