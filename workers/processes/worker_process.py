"""One worker process: its connection, its stop flag and its jobs."""

import contextlib
import gc
import os
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import redis
import structlog

from receiver.config.settings import Settings, SinkSettings
from receiver.contract.redis_keys import FORWARD_JOB, NORMALISE_JOB, NORMALISE_QUEUE, forward_queue
from receiver.runtime import redis_client, redis_errors, stop_flag
from receiver.runtime.full_redis_client import FullRedisClient
from receiver.runtime.tracing import switch
from workers import bell
from workers.forward.delivery_queue import DeliveryQueue
from workers.forward.remote_job import RemoteJob
from workers.forward.run_loop import RunLoop
from workers.forward.tracing import DeliverySpans, TracedDeliverySpans
from workers.forward.transactional_job import TransactionalJob
from workers.normalise.job import Normaliser
from workers.parking.parker import Parker
from workers.processes.rq_worker import Jobs, Worker
from workers.sinks import open_sink
from workers.sinks.sink import TransactionalSink

if TYPE_CHECKING:
    from receiver.runtime.tracing.spans import Tracer

log = structlog.get_logger()

SILENT_WITHIN: Final = 3.0
"""Seconds that a worker which is to stop waits for a Redis that answers nothing."""


def normalise(settings: Settings, url: str, consumer: str) -> int:
    """Run the normalise worker of one consumer name until a stop. Returns the exit status."""
    stop = stop_flag.of_child()
    client = redis_client.client(url, kind=FullRedisClient)
    with switch.started(settings.traces) as tracer:
        job = Normaliser(client, consumer, settings, stop.is_set, tracer)
        return work(NORMALISE_QUEUE, {NORMALISE_JOB: job.run}, url, stop)


def forward(settings: Settings, url: str, name: str, consumer: str) -> int:
    """Run the forward worker of one sink until a stop. Returns the exit status."""
    sink = next(sink for sink in settings.sinks if sink.name == name)
    stop = stop_flag.of_child()
    client = redis_client.client(url, kind=FullRedisClient)
    with switch.started(settings.traces) as tracer:
        job = forwarder(sink, client, consumer, settings, stop.is_set, tracer)
        return work(forward_queue(name), {FORWARD_JOB: job.run}, url, stop)


def parking(settings: Settings, url: str) -> int:
    """Run the parker until a stop. Returns the exit status."""
    stop = stop_flag.of_child()
    threading.Thread(target=_end_without_redis, args=(url, stop), daemon=True).start()
    parker = Parker(redis_client.client(url, kind=FullRedisClient), settings)
    parker.run(stop.wait)
    parker.close()
    return 0


def forwarder(
    sink: SinkSettings,
    client: redis.Redis,
    consumer: str,
    settings: Settings,
    stopping: Callable[[], bool],
    tracer: "Tracer | None" = None,
) -> TransactionalJob | RemoteJob:
    """Build the job of one sink: transactional if the sink is on our own Redis, else remote."""
    opened = open_sink(sink, settings.redis_url or "", settings.sink_variables)
    ring = partial(bell.ring_sink, client, sink)
    spans = TracedDeliverySpans(tracer, sink.name) if tracer else DeliverySpans()
    limits: Any = {"give_up_hours": sink.give_up_hours, "share": sink.share}
    if isinstance(opened, TransactionalSink):
        own = DeliveryQueue(client, sink.name, consumer, guards=opened.guards, **limits)
        return TransactionalJob(opened, RunLoop(sink, own, ring, stopping, spans))
    away = DeliveryQueue(client, sink.name, consumer, seconds=opened.seconds, **limits)
    return RemoteJob(opened, RunLoop(sink, away, ring, stopping, spans))


def work(queue: str, jobs: Jobs, url: str, stop: threading.Event) -> int:
    """Run RQ's loop on one queue, once Redis answers. Returns the exit status."""
    threading.Thread(target=_end_without_redis, args=(url, stop), daemon=True).start()
    client = redis_client.client(url, kind=FullRedisClient)
    if not _answers(client, stop):
        return 0
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    try:
        worker = Worker(queue, jobs, client, stop)  # RQ asks Redis here already
        worker.work(logging_level="CRITICAL")  # our own lines say what matters, without data
    except redis_errors.DOWN as error:
        log.warning("worker.ends", error=type(error).__name__)
    return 0 if stop.is_set() else 1


def _answers(client: redis.Redis, stop: threading.Event) -> bool:
    while not stop.is_set():
        with contextlib.suppress(*redis_errors.DOWN):
            client.ping()
            return True
        stop.wait(0.5)
    return False


def _end_without_redis(url: str, stop: threading.Event) -> None:
    """End the process if Redis does not answer once a stop is asked for.

    Else the process would wait for the timeout of every command that is left, RQ's included. What
    is in progress cannot be recorded; it stays open in its group, as after a SIGKILL, and the next
    worker goes on with it.
    """
    stop.wait()
    client = redis_client.client(url, timeout=1.0)
    answered = time.monotonic()
    while time.monotonic() - answered < SILENT_WITHIN:
        with contextlib.suppress(*redis_errors.DOWN):
            client.ping()
            answered = time.monotonic()
        time.sleep(0.2)
    log.warning("worker.ends", error="Redis does not answer")
    os._exit(0)
