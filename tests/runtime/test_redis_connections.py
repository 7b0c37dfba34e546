"""Connections to Redis."""

import asyncio

import pytest

from receiver.runtime import redis_client
from tests.support.valkey import Valkey


def test_a_connection_reads_no_version_from_the_disk(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("redis.utils.get_lib_version")
    with redis_client.client(valkey.url) as client:
        assert client.ping()
        assert client.client_info()["lib-name"] == "redis-py"

    async def ping() -> bool:
        async with redis_client.async_client(valkey.url) as own:
            return bool(await own.ping())

    assert asyncio.run(ping())
