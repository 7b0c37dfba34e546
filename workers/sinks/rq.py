"""The `rq` sink: a job for the consumer's own `rq worker --serializer json`."""

import math
import zlib
from collections.abc import Sequence
from itertools import chain
from typing import Any, Final
from uuid import uuid4

import msgspec
import redis
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.utils import now, utcformat

from receiver.config.settings import RqSink
from receiver.runtime import redis_errors
from workers import memory_headroom
from workers.sinks.sink import Command, Item

_event = msgspec.json.Decoder(dict[str, Any]).decode
_ID: Final = object()
_KEY: Final = object()
_DATA: Final = object()
_TIME: Final = object()
"""Placeholders in the commands of a job: its id, its key, its call, and when it is enqueued."""
JOB_BYTES: Final = 1_100
"""What a job takes in Redis besides its call."""
_DIFFERENT: Final = {"data": _DATA, "created_at": _TIME, "enqueued_at": _TIME}
"""The fields of a job's hash that differ from job to job, with their placeholders."""


class Rq:
    """Enqueue the sink's function with the event as its only argument.

    The job's id is the event's and the sink's: RQ keeps all jobs of a server under their ids, so
    two sinks need two, and one event is one job of a sink however often it is enqueued. A replayed
    event is a new job, because RQ keeps the hash of one that ran.
    """

    def __init__(self, sink: RqSink, client: redis.Redis) -> None:
        self._sink = sink
        self._waiting = math.inf
        """Jobs in the queue at most: as many as there were, and those put there since."""
        self._job_bytes = float(JOB_BYTES)
        """What one takes in Redis, of the latest on average."""
        self._headroom = memory_headroom.Headroom(client)
        self._queue = Queue(sink.queue, connection=client, serializer=JSONSerializer)
        self._queue.redis_server_version = (7, 0, 0)  # else RQ asks the server, which may be away
        commands, self._call = _recorded(self._queue, sink)
        self.opening: Sequence[Command] = [
            each for each in commands if not (_ID in each or _KEY in each)
        ]
        self._template = _joined([each for each in commands if each not in self.opening])
        self.guards: tuple[tuple[str, str], ...] = (
            (self._queue.key, "list"),
            (Queue.redis_queues_keys, "set"),
        )

    def reader_lags(self) -> bool:
        """Return whether jobs wait in the queue while Redis is nearly full, or take the sink's
        share of it.
        """
        nearly_full = self._headroom.ask()
        share = self._sink.share / 100 * self._headroom.limit / self._job_bytes or math.inf
        if not nearly_full and self._waiting <= share:
            return False
        # A key of another type is said by the guards.
        self._waiting = redis_errors.unless_foreign(lambda: self._queue.count, 0)
        return self._waiting > (0 if nearly_full else share)

    def commands(self, item: Item) -> list[Command]:
        """Return the commands that RQ sends to enqueue the job."""
        replayed = item.delivery.event.startswith(b'{"replayed":true')
        suffix = f"_{item.delivery.first}" if replayed else ""  # no sink's name has a _
        job_id = f"{item.id}-{self._sink.name}{suffix}"
        event = msgspec.json.encode(_event(item.document))
        data = zlib.compress(event.join(self._call))
        self._waiting += 1
        self._job_bytes += (JOB_BYTES + len(data) - self._job_bytes) / 100
        values = {
            _ID: job_id,
            _KEY: Job.key_for(job_id),
            _DATA: data,
            _TIME: utcformat(now()),
        }
        return [[values.get(word, word) for word in command] for command in self._template]


def _recorded(queue: Queue, sink: RqSink) -> tuple[list[Command], list[bytes]]:
    """Return the commands that RQ sends to enqueue a job, with placeholders where jobs differ, and
    the two parts of its encoded call around the event.

    RQ makes them once per sink: for each job that takes longer than all else of its delivery.
    """
    unique = str(uuid4())
    pipeline = queue.connection.pipeline()
    wanted = Queue.prepare_data(
        sink.function,
        args=[unique],
        job_id=unique,
        description=sink.function,  # else RQ writes the event there, and logs it
        timeout=sink.job_timeout,
    )
    [job] = queue.enqueue_many([wanted], pipeline=pipeline)
    commands = [_blank(args, unique) for args, _ in pipeline.command_stack]
    return commands, job.data.split(msgspec.json.encode(unique))


def _joined(commands: list[Command]) -> list[Command]:
    """Return a job's commands with one HSET in place of RQ's two: its status, then all of it."""
    fields: dict[Any, Any] = {}
    for name, _, *words in commands:
        if name == "HSET":
            fields |= zip(words[::2], words[1::2], strict=True)
    others = [each for each in commands if each[0] != "HSET"]
    return [["HSET", _KEY, *chain.from_iterable(fields.items())], *others]


def _blank(command: Command, job_id: str) -> Command:
    """Return a command of a job with placeholders for what differs from job to job."""
    name, key, *words = command
    if name == "HSET":
        fields = zip(words[::2], words[1::2], strict=True)
        words = [*chain.from_iterable((field, _DIFFERENT.get(field, old)) for field, old in fields)]
    placeholders = {job_id: _ID, Job.key_for(job_id): _KEY}
    return [placeholders.get(word, word) for word in (name, key, *words)]
