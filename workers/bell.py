"""The bell, from this side: an unfinished job rings for the next one, and so does the sweep."""

import redis
from rq import Queue
from rq.serializers import JSONSerializer

from receiver.notification import NORMALISE_JOB, NORMALISE_OPTIONS, NORMALISE_QUEUE


def ring(client: redis.Redis) -> None:
    """Enqueue the normalise job unless one is waiting. Raises `redis.RedisError`."""
    queue = Queue(NORMALISE_QUEUE, connection=client, serializer=JSONSerializer)
    if queue.count == 0:
        queue.enqueue(NORMALISE_JOB, **NORMALISE_OPTIONS)
