"""Tokens of subscriptions that Redis has lost: no 401 while one may live, and no 503 for ever."""

import asyncio
import hashlib
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import Redis

from receiver.auth.subscription_credentials import SubscriptionCredentials
from receiver.contract.redis_keys import (
    SUBSCRIPTION_CREDENTIALS,
    SUBSCRIPTION_CREDENTIALS_CHANGES,
    SUBSCRIPTION_CREDENTIALS_REVISION,
    subscriptions_state,
)
from receiver.runtime import redis_client
from tests.support.valkey import Valkey

OLD, NEW, NOBODYS = (hashlib.sha256(name.encode()).digest() for name in ("old", "new", "nobody's"))
OPERATORS = ("att", "nokia")


def run(valkey: Valkey, steps: Callable[[Redis], Awaitable[None]]) -> None:
    async def connected() -> None:
        async with Redis.from_pool(redis_client.async_pool(valkey.url)) as client:
            await steps(client)

    asyncio.run(connected())


async def store(client: Redis, digest: bytes) -> None:
    record = {"label": "fleet", "listener": "fleet", "expires": time.time() + 3600}
    revision: Any = client.incr(SUBSCRIPTION_CREDENTIALS_REVISION)
    change = {digest.hex(): await revision}
    put: Any = client.hset(SUBSCRIPTION_CREDENTIALS, digest.hex(), json.dumps(record))
    await put
    await client.zadd(SUBSCRIPTION_CREDENTIALS_CHANGES, change)


async def say_complete(client: Redis, when: int, *operators: str) -> None:
    for name in operators or OPERATORS:
        said: Any = client.hset(subscriptions_state(name), "credentials_complete", when)
        await said


def test_a_process_that_was_started_after_a_loss_calls_nobody_unknown_until_all_is_made_anew(
    valkey: Valkey,
) -> None:
    async def steps(client: Redis) -> None:
        process = SubscriptionCredentials(OPERATORS)
        await process.refresh(client)
        assert not await process.look_up(client, OLD)
        await say_complete(client, 100, "att")
        assert not await process.look_up(client, OLD)
        await say_complete(client, 100, "nokia")
        assert await process.look_up(client, OLD)
        assert process.get(OLD) is None

    run(valkey, steps)


def test_a_process_that_saw_the_loss_keeps_whom_it_knew_and_learns_the_new_ones(
    valkey: Valkey,
) -> None:
    async def steps(client: Redis) -> None:
        process = SubscriptionCredentials(OPERATORS)
        await store(client, OLD)
        await store(client, OLD)
        await say_complete(client, 100)
        await process.refresh(client)
        assert await process.look_up(client, NOBODYS)
        await client.flushall()
        await store(client, NEW)
        await process.refresh(client)
        assert process.lost
        assert process.get(OLD)
        assert process.get(NEW)
        assert not await process.look_up(client, NOBODYS)
        await say_complete(client, 200)
        assert await process.look_up(client, NOBODYS)
        assert process.get(OLD)

    run(valkey, steps)


def test_a_mark_of_before_the_loss_does_not_count(valkey: Valkey) -> None:
    """A restored backup has it, and lacks what was made after it."""

    async def steps(client: Redis) -> None:
        process = SubscriptionCredentials(OPERATORS)
        for _ in range(3):
            await store(client, OLD)
        await process.refresh(client)
        await client.flushall()
        await store(client, OLD)
        await say_complete(client, 100)
        await process.refresh(client)
        assert not await process.look_up(client, NOBODYS)
        await say_complete(client, 200, "att")
        assert not await process.look_up(client, NOBODYS)
        await say_complete(client, 200, "nokia")
        assert await process.look_up(client, NOBODYS)

    run(valkey, steps)


def test_where_no_operator_is_configured_nothing_is_waited_for(valkey: Valkey) -> None:
    async def steps(client: Redis) -> None:
        process = SubscriptionCredentials()
        assert await process.look_up(client, NOBODYS)
        await store(client, OLD)
        await process.refresh(client)
        await client.flushall()
        await process.refresh(client)
        assert not await process.look_up(client, NOBODYS)

    run(valkey, steps)
