"""Whether what a poll brings can be kept now: asked before anything is removed from a gateway."""

from collections.abc import Awaitable, Callable
from typing import Any

import redis.asyncio
from redis.exceptions import ResponseError

from receiver.config.settings import Settings
from receiver.runtime.redis_errors import refusal


async def trouble(
    client: "redis.asyncio.Redis", probe: Callable[[], Awaitable[None]], settings: Settings
) -> str:
    """Return why Redis would not keep a page; empty when it would. Raises one of
    `DOWN_ON_THE_LOOP` when it does not answer.
    """
    await client.ping()
    info = await _info(client)
    if info.get("role", "master") != "master":
        return "Redis is a replica: it takes no writes"
    if info.get("loading", 0):
        return "Redis is loading its data"
    if info.get("aof_enabled", 0) and info.get("aof_last_write_status", "ok") != "ok":
        return "Redis could not write its log: its disk is full or broken"
    limit, used = int(info.get("maxmemory", 0)), int(info.get("used_memory", 0))
    if limit and used > settings.full_percent / 100 * limit:
        return f"Redis is {used / limit:.0%} full"
    try:
        await probe()
    except ResponseError as error:
        return f"Redis takes no writes: {refusal(error)}"
    return ""


async def _info(client: "redis.asyncio.Redis") -> dict[str, Any]:
    """Return what the server says of itself; nothing where its user may not ask."""
    try:
        found: dict[str, Any] = await client.info("memory", "replication", "persistence")
    except ResponseError:
        return {}
    return found
