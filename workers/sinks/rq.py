"""The `rq` sink: a job for the consumer's own `rq worker --serializer json`."""

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
from workers import memory_headroom
from workers.sinks.sink import Command, Item

_event = msgspec.json.Decoder(dict[str, Any]).decode
_ID: Final = object()
_KEY: Final = object()
_DATA: Final = object()
_TIME: Final = object()
_DIFFER: Final = {"data": _DATA, "created_at": _TIME, "enqueued_at": _TIME}
"""Fields of a job's hash that differ from job to job."""


class Rq:
    """Enqueue the sink's function with the event as its only argument.

    The job's id is the event's and the sink's: RQ keeps all jobs of a server under their ids, so
    two sinks need two, and one event is one job of a sink however often it is enqueued. Asked for
    again it is a new job, because RQ keeps the hash of one that ran.
    """

    def __init__(self, sink: RqSink, client: redis.Redis) -> None:
        self._sink = sink
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
        """Return whether jobs wait in the queue while Redis is nearly full."""
        return self._headroom.ask() and self._queue.count > 0

    def commands(self, item: Item) -> list[Command]:
        """Return the commands that RQ sends to enqueue the job."""
        asked_again = item.delivery.event.startswith(b'{"replayed":true')
        again = f"_{item.delivery.first}" if asked_again else ""  # no sink's name has a _
        job_id = f"{item.id}-{self._sink.name}{again}"
        event = msgspec.json.encode(_event(item.document))
        values = {
            _ID: job_id,
            _KEY: Job.key_for(job_id),
            _DATA: zlib.compress(event.join(self._call)),
            _TIME: utcformat(now()),
        }
        return [[values.get(word, word) for word in command] for command in self._template]


def _recorded(queue: Queue, sink: RqSink) -> tuple[list[Command], list[bytes]]:
    """Return what RQ itself sends to enqueue a job, and what stands around the event in its call.

    Asked of RQ once: it takes longer for a job than all else of its delivery. Where jobs differ, a
    command has one of the objects above.
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
    """Return a job's commands with one HSET, where RQ sets its status and then all of it."""
    fields: dict[Any, Any] = {}
    for name, _, *words in commands:
        if name == "HSET":
            fields |= zip(words[::2], words[1::2], strict=True)
    others = [each for each in commands if each[0] != "HSET"]
    return [["HSET", _KEY, *chain.from_iterable(fields.items())], *others]


def _blank(command: Command, job_id: str) -> Command:
    """Return a command of a job without what differs from job to job."""
    name, key, *words = command
    if name == "HSET":
        fields = zip(words[::2], words[1::2], strict=True)
        words = [*chain.from_iterable((field, _DIFFER.get(field, old)) for field, old in fields)]
    differ = {job_id: _ID, Job.key_for(job_id): _KEY}
    return [differ.get(word, word) for word in (name, key, *words)]
