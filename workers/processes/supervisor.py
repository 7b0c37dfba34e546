"""The supervisor: keeps worker processes alive, holds their slots, and sweeps."""

import subprocess
import sys
import time
from dataclasses import dataclass, field
from threading import Event
from typing import Final

import structlog

from receiver.config.settings import Settings
from receiver.runtime import redis_client
from receiver.runtime.logs import Condition
from workers.full_redis_client import FullRedisClient
from workers.maintenance.sink_sweep import SinkSweep
from workers.maintenance.sweep import EVERY, Sweep, histories
from workers.processes.consumer_names import Slot, Slots
from workers.processes.work import Work

log = structlog.get_logger()

TICK: Final = 0.2
STOP_WITHIN: Final = 20.0
"""Seconds a worker gets to finish its batch; orchestrators kill after thirty."""
ANSWER_WITHIN: Final = 2.0
"""Seconds for one command of ours: a stop is seen that soon, also when Redis is frozen."""
LONGEST_PAUSE: Final = 5.0
"""Seconds between two starts of a worker that keeps dying."""
_STEADY: Final = 10.0


@dataclass
class _Child:
    """One worker process and when it may next be started."""

    slot: Slot
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause: float = 0.0
    due: float = field(default_factory=time.monotonic)

    def start(self) -> None:
        command = [sys.executable, "-m", *self.slot.work.command(self.slot.name)]
        # Our end of its standard input closes with us, however we end: that is its signal to go.
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE)
        self.started = time.monotonic()

    def tend(self) -> None:
        """Start it when it is due; notice its end."""
        now = time.monotonic()
        if self.process is None:
            if now >= self.due:
                self.start()
        elif self.process.poll() is not None:
            log.warning("worker.ended", slot=self.slot.key, status=self.process.returncode)
            steady = now - self.started > _STEADY
            self.pause = 0.0 if steady else min(LONGEST_PAUSE, self.pause * 2 + 0.25)
            self.process, self.due = None, now + self.pause

    def end(self, by: float) -> None:
        if self.process is None:
            return
        try:
            self.process.wait(max(0.0, by - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.error("worker.killed", slot=self.slot.key)
            self.process.kill()
            self.process.wait()


class Supervisor:
    """Runs until `stop` is set; then every worker has been told and waited for."""

    def __init__(self, settings: Settings, url: str, stop: Event) -> None:
        self._wanted = [
            *([Work("normalise")] * settings.workers),
            *(Work("forward", sink.name) for sink in settings.sinks),
            *(Work("operator", one.name) for one in settings.operators),
        ]
        self._stop = stop
        client = redis_client.client(url, timeout=ANSWER_WITHIN, kind=FullRedisClient)
        self._slots = Slots(client)
        self._sweep = Sweep(client, histories(settings.sinks, url))
        self._sinks = SinkSweep(client, settings.sinks)
        place = redis_client.place(url)
        self._away = Condition(log, "redis.trouble", "redis.back", server=place)
        self._children: list[_Child] = []
        self._swept = 0.0

    def run(self) -> None:
        """Tend, lease and sweep until told to stop."""
        try:
            while not self._stop.wait(TICK):
                self._with_redis()
                for child in self._children:
                    child.tend()
        finally:
            self._end()

    def _with_redis(self) -> None:
        """What needs Redis is done when it is there; the workers wait for it themselves."""
        now = time.monotonic()
        if now - self._swept < EVERY:
            return
        self._swept = now
        try:
            self._sweep.trim()  # first: on a full server even a lease is refused
            for slot in self._slots.renew():
                self._replace(slot)
            if not self._children:
                self._sinks.create_groups()
            for work in self._missing():
                self._children.append(_Child(self._slots.lease(work)))
            self._sweep.ring()
            self._sinks.run()
        except redis_client.DOWN as error:
            self._away.is_now(redis_client.refusal(error))
        else:
            self._away.is_now("")

    def _missing(self) -> list[Work]:
        wanted = list(self._wanted)
        for child in self._children:
            wanted.remove(child.slot.work)
        return wanted

    def _replace(self, slot: Slot) -> None:
        """Somebody else works under this name now: ours starts again under another."""
        log.warning("slot.lost", slot=slot.key)
        lost = [child for child in self._children if child.slot == slot]
        self._children = [child for child in self._children if child.slot != slot]
        self._dismiss(lost)

    def _end(self) -> None:
        self._dismiss(self._children)
        try:
            self._slots.release()
        except redis_client.DOWN:
            return  # the leases run out by themselves

    @staticmethod
    def _dismiss(children: list[_Child]) -> None:
        for child in children:
            if child.process is not None:
                child.process.terminate()
        by = time.monotonic() + STOP_WITHIN
        for child in children:
            child.end(by)
