"""The bell: an RQ job without data that tells a worker that the inbound stream has entries.

Losing one, or ringing twice, changes nothing: the next bell or the workers' sweep finds the work.
"""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import redis
from rq import Queue
from rq.serializers import JSONSerializer

from receiver.contract.redis_keys import NORMALISE_JOB, NORMALISE_OPTIONS, NORMALISE_QUEUE
from receiver.runtime.redis_errors import DOWN


class Bell:
    """Enqueue the normalise job, from a thread of its own where no response may wait for it."""

    def __init__(self, client: redis.Redis) -> None:
        self._queue = Queue(NORMALISE_QUEUE, connection=client, serializer=JSONSerializer)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="bell")

    def ring(self) -> None:
        """Have the normalise job enqueued soon, unless one is queued already. Does not block."""
        with suppress(RuntimeError):  # there is no room for its thread: the workers' sweep rings
            self._thread.submit(self.enqueue)

    def close(self) -> None:
        """Finish the enqueueing in progress; the workers' sweep finds work that got no bell."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def enqueue(self) -> None:
        """Have it enqueued now, as `ring` does. For commands: an interrupt within `ring` may leave
        a lock of the thread's closed, for which `close`, or the end of the process, waits for ever.
        """
        try:
            if self._queue.count == 0:
                self._queue.enqueue(NORMALISE_JOB, **NORMALISE_OPTIONS)
        except DOWN:
            return  # the sweep rings
