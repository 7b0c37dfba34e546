"""Ringing: enqueue the RQ job of a stage that has work, from jobs and from the sweep."""

import contextlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

import redis
from rq import Queue
from rq.serializers import JSONSerializer

from receiver.config.settings import SinkSettings
from receiver.contract.redis_keys import (
    FORWARD_JOB,
    NORMALISE_JOB,
    NORMALISE_OPTIONS,
    NORMALISE_QUEUE,
    forward_bell,
    forward_queue,
)
from receiver.runtime.redis_errors import DOWN

RING_AGAIN_MILLISECONDS: Final = 5_000
"""Milliseconds until a sink is rung for again, also when no worker runs its job."""


def ring(client: redis.Redis) -> None:
    """Enqueue the normalise job unless one is waiting. Raises `redis.RedisError`."""
    _enqueue(client, NORMALISE_QUEUE, NORMALISE_JOB, NORMALISE_OPTIONS)


def ring_sink(client: redis.Redis, sink: SinkSettings) -> None:
    """Enqueue a sink's forward job unless one is waiting. Raises `redis.RedisError`."""
    options = {
        "description": "forward",
        "job_timeout": int(60 + 4 * sink.seconds),
        "result_ttl": 60,
        "failure_ttl": 3600,
    }
    _enqueue(client, forward_queue(sink.name), FORWARD_JOB, options)


def ring_sink_seldom(client: redis.Redis, sink: SinkSettings) -> None:
    """Enqueue a sink's forward job unless it was rung for lately. Raises nothing: the sweep
    rings.
    """
    with contextlib.suppress(*DOWN):
        if client.set(forward_bell(sink.name), 1, nx=True, px=RING_AGAIN_MILLISECONDS):
            ring_sink(client, sink)


def ring_rung(client: redis.Redis, sinks: Iterable[SinkSettings]) -> None:
    """Enqueue the forward job of sinks whose bell has just been set. Raises nothing: the sweep
    rings.
    """
    with contextlib.suppress(*DOWN):
        for sink in sinks:
            ring_sink(client, sink)


def _enqueue(client: redis.Redis, name: str, job: str, options: Mapping[str, Any]) -> None:
    queue = Queue(name, connection=client, serializer=JSONSerializer)
    if queue.count == 0:
        queue.enqueue(job, **options)
