"""The supervisor: keeps the worker processes running, leases their consumer names, and sweeps."""

import subprocess
import sys
import time
from threading import Event
from typing import Final

import structlog

from receiver.config.settings import Settings
from receiver.runtime import redis_client
from receiver.runtime.child_process import ChildProcess
from receiver.runtime.logs import Condition
from workers.full_redis_client import FullRedisClient
from workers.maintenance.history import HistorySampler
from workers.maintenance.sink_sweep import SinkSweep
from workers.maintenance.sweep import EVERY, Sweep, histories
from workers.processes.consumer_names import Slot, Slots
from workers.processes.work import Work

log = structlog.get_logger()

TICK: Final = 0.2
STOP_WITHIN: Final = 20.0
"""Seconds that a worker gets to finish its batch; orchestrators kill after thirty."""
ANSWER_WITHIN: Final = 2.0
"""Seconds for one command of ours: a stop is seen that soon, also when Redis is frozen."""
LONGEST_PAUSE: Final = 5.0
"""Seconds between two starts of a worker that ends again and again."""
_STEADY: Final = 10.0
"""Seconds after which an end is followed by a start at once."""


class _Worker(ChildProcess):
    """Run one worker process under the consumer name of its slot."""

    def __init__(self, slot: Slot) -> None:
        self.slot = slot
        super().__init__(self._popen, _next_pause)

    def tend(self) -> None:
        """Start it when it is due; log its end."""
        status = self.poll()
        if status is not None:
            log.warning("worker.ended", slot=self.slot.key, status=status)

    def _popen(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", *self.slot.work.command(self.slot.name)]
        # Our end of its standard input closes when we end, however that is; it stops then.
        return subprocess.Popen(command, stdin=subprocess.PIPE)


class Supervisor:
    """Run the worker processes until `stop` is set; then stop each and wait for its end."""

    def __init__(self, settings: Settings, url: str, stop: Event) -> None:
        self._wanted = [
            *([Work("normalise")] * settings.workers),
            *(Work("forward", sink.name) for sink in settings.sinks),
            *(Work("operator", one.name) for one in settings.operators),
            *([Work("parking")] if _parks(settings) else []),
        ]
        self._stop = stop
        client = redis_client.client(url, timeout=ANSWER_WITHIN, kind=FullRedisClient)
        self._slots = Slots(client)
        self._sweep = Sweep(client, histories(settings.sinks, url), settings.readers)
        policies = {sink.name: settings.when_full(sink) for sink in settings.sinks}
        self._sinks = SinkSweep(client, settings.sinks, policies)
        self._history = HistorySampler(client)
        address = redis_client.address(url)
        self._away = Condition(log, "redis.trouble", "redis.back", server=address)
        self._workers: list[_Worker] = []
        self._swept = 0.0

    def run(self) -> None:
        """Start workers, renew leases and sweep until a stop is asked for."""
        try:
            while not self._stop.wait(TICK):
                self._sweep_and_lease()
                for worker in self._workers:
                    worker.tend()
        finally:
            self._end()

    def _sweep_and_lease(self) -> None:
        """Sweep, renew the leases and lease missing names, unless Redis is unreachable."""
        now = time.monotonic()
        if now - self._swept < EVERY:
            return
        self._swept = now
        try:
            self._sweep.trim()  # first: on a full server even a lease is refused
            for slot in self._slots.renew():
                self._replace(slot)
            if not self._workers:
                self._sinks.create_groups()
            for work in self._missing():
                self._workers.append(_Worker(self._slots.lease(work)))
            self._sweep.ring()
            self._sinks.run()
            self._history.run()
        except redis_client.DOWN as error:
            self._away.is_now(redis_client.refusal(error))
        else:
            self._away.is_now("")

    def _missing(self) -> list[Work]:
        wanted = list(self._wanted)
        for worker in self._workers:
            wanted.remove(worker.slot.work)
        return wanted

    def _replace(self, slot: Slot) -> None:
        """Stop the worker of a name that another supervisor has now; it starts under a new name."""
        log.warning("slot.lost", slot=slot.key)
        lost = [worker for worker in self._workers if worker.slot == slot]
        self._workers = [worker for worker in self._workers if worker.slot != slot]
        self._stop_workers(lost)

    def _end(self) -> None:
        self._stop_workers(self._workers)
        try:
            self._slots.release()
        except redis_client.DOWN:
            return  # the leases run out by themselves

    @staticmethod
    def _stop_workers(workers: list[_Worker]) -> None:
        for worker in workers:
            worker.terminate()
        until = time.monotonic() + STOP_WITHIN
        for worker in workers:
            if not worker.wait(until):
                log.error("worker.killed", slot=worker.slot.key)


def _parks(settings: Settings) -> bool:
    """Return whether events may leave for a disk, or come back from it, or be let go."""
    policies = {settings.when_full(sink) for sink in settings.sinks}
    return bool(policies) and (settings.park_dir is not None or "shed" in policies)


def _next_pause(before: float, lived: float) -> float:
    return 0.0 if lived > _STEADY else min(LONGEST_PAUSE, 2 * before + 0.25)
