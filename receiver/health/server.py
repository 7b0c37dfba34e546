"""What this process last saw of the Redis it writes to, and what stands in the way of writing."""

import time
from typing import Any, Final

import redis.asyncio
from redis.exceptions import ResponseError

from receiver.door.gate import Gate
from receiver.health.durability import CONFIG_NAMES, weaknesses
from receiver.health.losses import Losses, said
from receiver.settings import Settings

SILENT_AFTER: Final = 2.5
"""Seconds without a good look after which Redis counts as gone."""
_CONFIG_EVERY: Final = 60


class Server:
    """Tells the gate when memory runs short; answers what `/readyz` asks."""

    def __init__(self, gate: Gate, losses: Losses, settings: Settings) -> None:
        self._gate = gate
        self._losses = losses
        self._replicas = settings.ack_replicas
        self._strict = settings.durability == "strict"
        self._full_percent = settings.full_percent
        self._seen = 0.0
        self._refusal = ""
        self._looks = 0
        self._weaknesses: list[str] = []

    @property
    def trouble(self) -> str:
        """Why it takes nothing; empty when it does."""
        if time.monotonic() - self._seen > SILENT_AFTER:
            return "Redis does not answer"
        return self._refusal

    @property
    def full(self) -> str:
        """Why the door is closed; empty when it is open."""
        return self._gate.closed

    @property
    def warnings(self) -> list[str]:
        """Which promises it does not keep, or has not kept."""
        if not self._losses.lost:
            return self._weaknesses
        return [*self._weaknesses, said(self._losses.lost)]

    async def look(self, client: redis.asyncio.Redis) -> None:
        """One look. Raises one of `DOWN`."""
        if self._looks % _CONFIG_EVERY == 0:
            self._weaknesses = weaknesses(await _settings(client))
        info: dict[str, Any] = await client.info("server", "memory", "replication")
        self._gate.closed = self._too_weak() or self._fullness(info)
        try:
            await self._losses.look(client, info["run_id"])
        except ResponseError as error:  # all writes are refused, so ours is too
            self._refusal = f"Redis takes no writes: {_name(error)}"
        else:
            self._refusal = self._too_few(int(info.get("connected_slaves", 0)))
        self._seen = time.monotonic()
        self._looks += 1

    def _too_weak(self) -> str:
        if not (self._strict and self._weaknesses):
            return ""
        return f"RECEIVER_DURABILITY=strict, and {self._weaknesses[0]}"

    def _fullness(self, info: dict[str, Any]) -> str:
        """Before it is quite full, for then the workers could not drain it either."""
        limit, used = int(info.get("maxmemory", 0)), int(info.get("used_memory", 0))
        if limit and used > self._full_percent / 100 * limit:
            return f"Redis is {used / limit:.0%} full"
        return ""

    def _too_few(self, replicas: int) -> str:
        if replicas >= self._replicas:
            return ""
        return f"Redis has {replicas} of {self._replicas} replicas (RECEIVER_ACK_REPLICAS)"


async def _settings(client: redis.asyncio.Redis) -> dict[str, str]:
    try:
        found: Any = await client.config_get(*CONFIG_NAMES)
    except ResponseError:
        return {}
    return {str(name): str(value) for name, value in found.items()}


def _name(error: ResponseError) -> str:
    """redis-py has a class for some refusals; of the others the first word is the name."""
    if type(error) is ResponseError:
        return str(error).partition(" ")[0]
    return type(error).__name__
