"""What this process last saw of its Redis, and what prevents writing to it."""

import contextlib
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import redis.asyncio
from redis.exceptions import AuthenticationError, BusyLoadingError, ResponseError

from receiver.config.settings import Settings
from receiver.health.data_loss import DataLoss, loss_message
from receiver.health.durability import CONFIG_NAMES, AppendOnlyLog, weaknesses
from receiver.intake.availability import Availability
from receiver.intake.inbound_writer import Inbound
from receiver.intake.redis_link import NotReplicated
from receiver.runtime.redis_errors import refusal

SILENT_AFTER: Final = 2.5
"""Seconds without a successful look after which Redis counts as unreachable."""
_CONFIG_EVERY: Final = 5
"""Every so many looks the settings are read: anybody may change them (CONFIG SET)."""
_SILENT: Final = "Redis does not answer"
_SAID_FOR: Final = 5.0
"""Seconds for which an append that was refused counts for more than a probe that was not."""


class RedisState:
    """Hold the last seen state of Redis, and close intake when memory runs short."""

    def __init__(
        self,
        availability: Availability,
        losses: DataLoss,
        settings: Settings,
        intake: Inbound,
        probe: Inbound,
    ) -> None:
        self._availability = availability
        self._losses = losses
        self._intake = intake
        self._probe = probe
        self._replicas = settings.ack_replicas
        self._strict = settings.durability == "strict"
        self._full_percent = settings.full_percent
        self._seen = 0.0
        self._unseen = _SILENT
        self._missing = ""
        self._looks = 0
        self._settings: dict[str, str] = {}
        self._log = AppendOnlyLog()
        self._weaknesses: list[str] = []
        self._unread: dict[str, str] = {}

    @property
    def trouble(self) -> str:
        """Return why Redis takes no writes; empty when it does."""
        if time.monotonic() - self._seen > SILENT_AFTER:
            return self._unseen
        if self._missing:
            return self._missing
        refused = self._refused()
        return f"Redis takes no writes: {refused}" if refused else ""

    def _refused(self) -> str:
        """Return why the last append was refused; the last probe counts if that is a while ago."""
        intake, probe = self._intake, self._probe
        if intake.refusal and time.monotonic() - intake.answered < _SAID_FOR:
            return intake.refusal
        return probe.refusal if probe.answered >= intake.answered else intake.refusal

    @property
    def full(self) -> str:
        """Return why intake is closed for lack of memory; empty when it is open."""
        return self._availability.closed

    @property
    def warnings(self) -> list[str]:
        """Return which promises this Redis does not keep, or has not kept."""
        lost = [loss_message(self._losses.lost)] if self._losses.lost else []
        return [*self._weaknesses, *self._unread.values(), *lost]

    @asynccontextmanager
    async def part(self, what: str) -> AsyncIterator[None]:
        """Run a part of a check that Redis may refuse while it takes notifications: a warning."""
        try:
            yield
        except ResponseError as error:
            self._unread[what] = f"{what}: Redis refuses it ({refusal(error)}); see receiver doctor"
        else:
            self._unread.pop(what, None)

    async def look(self, client: redis.asyncio.Redis) -> None:
        """Check once. Raises one of `DOWN`."""
        if self._looks % _CONFIG_EVERY == 0:
            self._settings = await _settings(client)
        spent, info = self._availability.spent, await self._info(client)
        incomplete = self._log.incomplete(info)
        self._weaknesses = weaknesses(self._settings, log_incomplete=incomplete)
        self._availability.closed = self._too_weak() or self._fullness(info, spent)
        with contextlib.suppress(ResponseError, NotReplicated):  # the probe keeps why
            await self._probe.probe()
        if not self._probe.refusal:  # else this would be refused too
            async with self.part("what it had before it came back cannot be compared"):
                await self._losses.look(client, info.get("run_id", ""))
        self._missing = self._too_few(int(info.get("connected_slaves", self._replicas)))
        self._seen = time.monotonic()
        self._looks += 1

    def _too_weak(self) -> str:
        if not (self._strict and self._weaknesses):
            return ""
        return f"RECEIVER_DURABILITY=strict, and {self._weaknesses[0]}"

    def unseen(self, error: Exception) -> None:
        """Take why a look has failed: a server that refuses us, or is not ready, does answer."""
        self._unseen = _SILENT
        # On a new connection redis-py raises another error for it.
        if AuthenticationError in (type(error), type(error.__cause__)):
            self._unseen = "Redis refuses our user or password"
        elif isinstance(error, BusyLoadingError):
            self._unseen = "Redis is still reading its log"

    async def _info(self, client: redis.asyncio.Redis) -> dict[str, Any]:
        """Return INFO of the server; empty if its user may not ask for it."""
        found: dict[str, Any] = {}
        async with self.part("how full it is cannot be seen, so intake cannot close in time"):
            found |= await client.info("server", "memory", "persistence", "replication")
        return found

    def _fullness(self, info: dict[str, Any], spent: float) -> str:
        """Return why intake is closed for lack of memory, and limit what may be appended until the
        next look.

        It closes before the server is quite full, for then the workers could not drain it either.
        """
        limit, used = int(info.get("maxmemory", 0)), int(info.get("used_memory", 0))
        mark = self._full_percent / 100 * limit if limit else math.inf
        full = f"Redis is {self._full_percent}% full, by what came since the last look"
        self._availability.allow(spent, mark - used, full)
        return f"Redis is {used / limit:.0%} full" if used > mark else ""

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
