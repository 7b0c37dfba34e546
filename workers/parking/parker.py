"""The parker of one supervisor: parks what takes too much memory, and returns it, for each sink.

Any number of parkers may run: what is parked of a sink is on the disk of one, which goes on.
"""

import os
import time
from collections.abc import Callable
from typing import Any, Final

import redis
import structlog

from receiver.config.settings import Settings, SinkSettings
from receiver.contract.redis_keys import sink_parking
from receiver.runtime import redis_client, redis_errors
from receiver.runtime.logs import Condition
from receiver.runtime.server_time import server_time
from workers.parking import memory_use
from workers.parking.memory_use import Use
from workers.parking.place import Place
from workers.parking.sink_parking import SinkParking

log = structlog.get_logger()

IDLE: Final = 1.0
"""Seconds between two looks while nothing is to be parked or returned."""
RETURNING: Final = 0.02
"""Seconds between two looks while a sink takes what is returned."""
SEEN_EVERY: Final = 5.0
"""Seconds between two notes that the disk with parked events is looked after."""

_TAKEN: Final = "another process has its files"


class Parker:
    """Park and return for the sinks of one supervisor."""

    def __init__(self, client: redis.Redis, settings: Settings) -> None:
        self._client = client
        self._sinks = settings.sinks
        self._server = redis_client.address(settings.redis_url or "")
        self._place = Place(settings.park_dir) if settings.park_dir else None
        self._policies = {sink.name: settings.when_full(sink) for sink in settings.sinks}
        self._parkings = {
            sink.name: SinkParking(
                client,
                sink,
                self._place,
                sheds=self._policies[sink.name] == "shed",
            )
            for sink in settings.sinks
        }
        self._conditions = {
            sink.name: Condition(log, "parking.trouble", "parking.works", sink=sink.name)
            for sink in settings.sinks
        }
        self._troubles: dict[str, str] = {}
        self._seen: dict[str, float] = {}

    def run(self, wait: Callable[[float], bool]) -> None:
        """Work until `wait`, which waits so many seconds, returns that a stop is asked for."""
        away = Condition(log, "redis.trouble", "redis.back", server=self._server)
        pause = 0.0
        while not wait(pause):
            try:
                pause = self.step()
                away.is_now("")
            except redis_errors.DOWN as error:
                away.is_now(redis_errors.refusal(error))
                pause = IDLE

    def close(self) -> None:
        """Let go of the files."""
        if self._place:
            self._place.close()

    def step(self) -> float:
        """Move at most one block each way for each sink. Returns the seconds until the next look.
        Raises `redis.RedisError`.
        """
        if self._place:
            self._place.look_again()
        uses = memory_use.read(
            self._client, self._sinks, lambda name, why: self._conditions[name].is_now(why)
        )
        memory: Any = self._client.info("memory")
        limit = memory.get("maxmemory") or 0
        pauses = (self._look_at(sink, uses, limit) for sink in self._sinks if sink.name in uses)
        return min(pauses, default=IDLE)

    def _look_at(self, sink: SinkSettings, uses: dict[str, Use], limit: int) -> float:
        """Work for one sink; what is wrong with its files or its disk is said and tried again."""
        said, use = "", uses[sink.name]
        pause = IDLE
        try:
            pause = self._work(sink, uses, limit)
        except BlockingIOError:
            said = _TAKEN
        except redis.ResponseError as error:
            if redis_errors.is_of_all_keys(error):
                raise
            said = redis_errors.refusal(error)
        except redis_errors.DOWN as error:
            if isinstance(error, redis.RedisError):
                raise
            said = str(error.strerror if isinstance(error, OSError) else error)
        self._note(sink.name, use, said)
        return pause

    def _work(self, sink: SinkSettings, uses: dict[str, Use], limit: int) -> float:
        own, excess = self._parkings[sink.name], memory_use.excess(sink, uses, limit)
        use = own.update_files(uses[sink.name])
        if use is None:
            return 0.0
        erases = own.erase(use)
        returns = not erases and memory_use.may_return(sink, uses, limit)
        back = own.give_back(use) if returns else 0  # first: a disk that is full gets room by it
        if back > 0:
            uses[sink.name] = use._replace(retries=use.retries + back)  # the next sink has less
        left = 0
        if excess and self._policies[sink.name] != "hold":
            left = own.take_over(use) + own.relieve(use, excess)
        if back or left or erases:
            return 0.0
        return RETURNING if use.parked and not use.failing and not use.stopped else IDLE

    def _note(self, name: str, use: Use, trouble: str) -> None:
        """Note beside what is parked that its disk is looked after, and what is wrong with it.
        What is on another host's disk that one speaks for, and of two workers on this host the one
        that has the files.
        """
        self._conditions[name].is_now("" if trouble == _TAKEN else trouble)
        changed = trouble != self._troubles.get(name, "")
        self._troubles[name] = trouble
        if trouble == _TAKEN or not (changed or trouble or use.parked):
            return
        if use.parked and not self._has(name, use):
            return
        now = time.monotonic()
        if changed or now - self._seen.get(name, -SEEN_EVERY) >= SEEN_EVERY:
            seen: Any = {"trouble": trouble, "seen": server_time(self._client)}
            self._client.hset(sink_parking(name), mapping=seen)
            self._seen[name] = now

    def _has(self, name: str, use: Use) -> bool:
        """Return whether what is parked is on this host's disk, also while that cannot be read."""
        try:
            return self._parkings[name].mine(use)
        except OSError:
            return use.host == os.uname().nodename
