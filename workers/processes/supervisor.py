"""The supervisor: keeps the worker processes running, leases their consumer names, and sweeps."""

import time
from queue import Empty, SimpleQueue
from threading import Event
from typing import Final

import structlog

from receiver.config.settings import Settings
from receiver.runtime import redis_client, redis_errors
from receiver.runtime.full_redis_client import FullRedisClient
from receiver.runtime.logs import Condition
from workers.maintenance.history import HistorySampler
from workers.maintenance.sink_sweep import SinkSweep
from workers.maintenance.steps import Steps
from workers.maintenance.sweep import EVERY, Sweep, histories
from workers.processes.consumer_names import Slot, Slots
from workers.processes.plan import Plan
from workers.processes.work import Work
from workers.processes.worker_child import WorkerChild

log = structlog.get_logger()

TICK: Final = 0.2
STOP_WITHIN: Final = 20.0
"""Seconds that a worker gets to finish its batch; orchestrators kill after thirty."""
ANSWER_WITHIN: Final = 2.0
"""Seconds for one command of ours: a stop is seen that soon, also when Redis is frozen."""


class Supervisor:
    """Run the worker processes until `stop` is set; then stop each and wait for its end.

    What is put into `plans` is what they go by from then on: a process whose settings are others
    then is replaced once it has done what it has begun.
    """

    def __init__(self, settings: Settings, url: str, stop: Event, text: str | None = None) -> None:
        """`text`: the `receiver.toml` of the settings, as `Plan` has it."""
        self.plans: SimpleQueue[Plan] = SimpleQueue()
        self._url = url
        self._stop = stop
        self._client = redis_client.client(url, timeout=ANSWER_WITHIN, kind=FullRedisClient)
        self._slots = Slots(self._client)
        self._history = HistorySampler(self._client)
        address = redis_client.address(url)
        self._away = Condition(log, "redis.trouble", "redis.back", server=address)
        self._steps = Steps()
        self._workers: list[WorkerChild] = []
        self._leaving: list[WorkerChild] = []
        self._use(Plan(settings, text))

    def run(self) -> None:
        """Start workers, renew leases and sweep until a stop is asked for."""
        pause = 0.0
        try:
            while not self._stop.wait(pause):
                pause = TICK
                self._take()
                self._sweep_and_lease()
                for worker in self._workers:
                    worker.tend()
                self._let_go()
        finally:
            self._end()

    def _use(self, plan: Plan) -> None:
        self._plan = plan
        sinks = plan.settings.sinks
        policies = {sink.name: plan.settings.when_full(sink) for sink in sinks}
        kept = histories(sinks, self._url)
        self._sweep = Sweep(self._client, kept, plan.settings.readers, self._steps)
        self._sinks = SinkSweep(self._client, sinks, policies, self._steps)
        self._grouped = False
        """Whether every sink has its group."""
        self._swept = -EVERY

    def _take(self) -> None:
        """Follow the newest plan. Its settings were checked; nothing of the last one is lost: what
        waits for a sink that is gone stays in its group.
        """
        try:
            plan = self.plans.get_nowait()
            while not self.plans.empty():
                plan.close()
                plan = self.plans.get_nowait()
        except Empty:
            return
        self._plan.close()
        self._use(plan)
        unwanted = [one for one in self._workers if one.slot.work not in plan.works]
        self._workers = [one for one in self._workers if one not in unwanted]
        for worker in unwanted:
            worker.leave()
        self._leaving += unwanted

    def _let_go(self) -> None:
        """Release the consumer names of workers that have left."""
        for worker in [one for one in self._leaving if one.left()]:
            self._leaving.remove(worker)
            try:
                self._slots.drop(worker.slot)
            except redis_errors.DOWN:
                continue  # the lease runs out by itself

    def _sweep_and_lease(self) -> None:
        """Sweep, renew the leases and lease missing names, unless Redis is unreachable."""
        now = time.monotonic()
        if now - self._swept < EVERY:
            return
        self._swept = now
        self._steps.refused = ""
        try:
            # First: on a full server even a lease is refused.
            self._steps.take("trim", self._sweep.trim, None)
            for slot in self._slots.renew():
                self._replace(slot)
            if not (self._workers and self._grouped):
                self._sinks.create_groups()
                self._grouped = True
            for work in self._missing():
                self._workers.append(WorkerChild(self._slots.lease(work), lambda: self._plan))
            self._steps.take("keep positions", self._sweep.keep_positions, None)
            self._steps.take("ring", self._sweep.ring, None)
            self._sinks.run()
            self._steps.take("history", self._history.run, None)
        except redis_errors.DOWN as error:
            self._away.is_now(redis_errors.refusal(error))
        else:
            self._away.is_now(self._steps.refused)

    def _missing(self) -> list[Work]:
        wanted = list(self._plan.works)
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
        self._stop_workers([*self._workers, *self._leaving])
        try:
            self._slots.release()
        except redis_errors.DOWN:
            return  # the leases run out by themselves

    @staticmethod
    def _stop_workers(workers: list[WorkerChild]) -> None:
        for worker in workers:
            worker.terminate()
        until = time.monotonic() + STOP_WITHIN
        for worker in workers:
            if not worker.wait(until):
                log.error("worker.killed", slot=worker.slot.key)
