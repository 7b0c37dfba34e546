"""The `rq` sink: a job for the consumer's own `rq worker --serializer json`."""

from typing import Any

import msgspec
import redis
from rq import Queue
from rq.serializers import JSONSerializer

from receiver.config.settings import RqSink
from workers import memory_headroom
from workers.sinks.sink import Command, Item

_event = msgspec.json.Decoder(dict[str, Any]).decode


class Rq:
    """Enqueue the sink's function with the event as its only argument.

    The job's id is the event's and the sink's: RQ keeps all jobs of a server under their ids, so
    two sinks need two, and one event is one job of a sink however often it is enqueued. Asked for
    again it is a new job, because RQ keeps the hash of one that ran.
    """

    def __init__(self, sink: RqSink, client: redis.Redis) -> None:
        self._sink = sink
        self._client = client
        self._queue = Queue(sink.queue, connection=client, serializer=JSONSerializer)
        self._queue.redis_server_version = (7, 0, 0)  # else RQ asks the server for each job
        self.guards: tuple[tuple[str, str], ...] = (
            (self._queue.key, "list"),
            (Queue.redis_queues_keys, "set"),
        )

    def reader_lags(self) -> bool:
        """Return whether jobs wait in the queue while Redis is nearly full."""
        return memory_headroom.nearly_full(self._client) and self._queue.count > 0

    def commands(self, item: Item) -> list[Command]:
        """Return the commands that RQ sends to enqueue the job, recorded from RQ itself."""
        asked_again = item.delivery.event.startswith(b'{"replayed":true')
        again = f"_{item.delivery.first}" if asked_again else ""  # no sink's name has a _
        recorded = self._client.pipeline()
        job = Queue.prepare_data(
            self._sink.function,
            args=[_event(item.document)],
            job_id=f"{item.id}-{self._sink.name}{again}",
            description=self._sink.function,  # else RQ writes the event there, and logs it
            timeout=self._sink.job_timeout,
        )
        self._queue.enqueue_many([job], pipeline=recorded)
        return [args for args, _ in recorded.command_stack]
