"""One RQ worker process: a queue of its own, no fork per job, stopped by a flag and nothing else.

RQ's handling of signals, of several queues, of remote commands and callbacks can lose jobs or run
what somebody else wrote into Redis. The methods that do so are overridden here.
"""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import redis
import structlog
from redis.client import Pipeline
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as NoAnswer
from rq import Queue, SimpleWorker
from rq.exceptions import DequeueTimeout
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.utils import now
from rq.worker_registration import REDIS_WORKER_KEYS

from receiver.contract.redis_keys import WORKER_SECONDS
from receiver.runtime import redis_errors
from receiver.runtime.logs import Condition, Seldom

log = structlog.get_logger()
_seldom = Seldom(log)

POLL_SECONDS: Final = 1
"""How long one wait for a job lasts; a stop is seen that soon at the latest."""
BEAT_SECONDS: Final = 5
"""Seconds between two heartbeats of a worker that waits: a server with `appendfsync always` writes
each to its disk, and there is a worker for each sink."""
MAINTENANCE_SECONDS: Final = 30

Jobs = Mapping[str, Callable[[], None]]
"""Dotted name of the enqueued job -> the function that this process runs for it."""


class Worker(SimpleWorker):
    """Run jobs of one queue until `stop` is set, also through an outage of Redis."""

    def __init__(self, queue: str, jobs: Jobs, client: redis.Redis, stop: threading.Event) -> None:
        self._stop = stop
        self._away = Condition(log, "worker.waits", "worker.goes_on", queue=queue)
        self._beat_due = 0.0
        super().__init__(
            [Queue(queue, connection=client, serializer=JSONSerializer)],
            connection=client,
            job_class=_only(jobs),
            serializer=JSONSerializer,
            worker_ttl=WORKER_SECONDS,  # and a socket's timeout: a dead link is noticed after 15 s
            maintenance_interval=MAINTENANCE_SECONDS,
            log_job_description=False,
        )

    def _install_signal_handlers(self) -> None:
        """Do nothing: the process has handlers of its own, and RQ's raise at any point of a job."""

    def subscribe(self) -> None:
        """Do nothing: RQ's remote commands are off, only the supervisor stops a worker."""

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        """Register again where Redis has this worker no longer, and send the heartbeat. What RQ
        keeps of it is there for equally long after each, not for as long as its job may take: by
        how long it is still there `/metrics` tells who lives.
        """
        if pipeline is None and not self._registered():
            self.connection.delete(self.key)
            self.register_birth()  # type: ignore[no-untyped-call]
        super().heartbeat(None, pipeline)

    def _registered(self) -> bool:
        """Return whether Redis has this worker: what RQ keeps of it ends in a long job."""
        listed = self.connection.sismember(REDIS_WORKER_KEYS, self.key)
        return bool(listed and self.connection.hexists(self.key, "birth"))

    def run_maintenance_tasks(self) -> None:
        """Have RQ clean up; what it cannot read there holds up no work."""
        try:
            super().run_maintenance_tasks()  # type: ignore[no-untyped-call]
        except (NoConnection, NoAnswer):
            raise
        except Exception as error:  # noqa: BLE001 - RQ reads what anybody wrote into its keys
            _seldom.say("warning", "worker.not_cleaned", error=redis_errors.refusal(error))
            self.last_cleaned_at: Any = now()

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[Job, Queue] | None:
        """Wait for a job in short steps. Returns None once a stop is asked for."""
        while not self._stop.is_set():
            try:
                self._beat()
                if self.should_run_maintenance_tasks:
                    self.run_maintenance_tasks()
                taken = self._take()
            except DequeueTimeout:
                taken = None
            except RedisError as error:
                self._away.is_now(redis_errors.refusal(error))
                self._beat_due = 0.0  # it may come back without this worker
                self._stop.wait(POLL_SECONDS)
                continue
            self._away.is_now("")
            if taken:
                return taken
        return None

    def _beat(self) -> None:
        if (now := time.monotonic()) >= self._beat_due:
            self.heartbeat()
            self._beat_due = now + BEAT_SECONDS

    def _take(self) -> tuple[Job, Queue] | None:
        """Return the next job; None for one that nobody can read, which is left out: ours say no
        more than that there is work, and the sweep finds that too.
        """
        try:
            taken: tuple[Job, Queue] | None = self.queue_class.dequeue_any(
                self._ordered_queues,
                POLL_SECONDS,
                connection=self.connection,
                job_class=self.job_class,
                serializer=self.serializer,
                death_penalty_class=self.death_penalty_class,
            )
        except (DequeueTimeout, NoConnection, NoAnswer):
            raise
        except Exception as error:
            if not hasattr(error, "job_id"):  # RQ's word for what it could not read
                raise
            _seldom.say("warning", "job.unreadable", error=redis_errors.refusal(error))
            self.queues[0].intermediate_queue.remove(error.job_id)
            return None
        if taken:
            version = self.get_redis_server_version()  # type: ignore[no-untyped-call]
            taken[0].redis_server_version = version
        return taken


def _only(jobs: Jobs) -> type[Job]:
    """Return a job class that runs these jobs only, and imports no name that stands in Redis."""

    class Named(Job):
        success_callback = failure_callback = stopped_callback = None

        def send_webhooks(self, *_: Any, **__: Any) -> None:
            """Send none: their addresses would come from Redis."""

        def _execute(self) -> None:
            work = jobs.get(self.func_name or "")
            if work is None:
                raise LookupError("this queue has no such job")
            try:
                work()
            except Exception as error:
                name = self.func_name or ""
                _seldom.say("warning", "job.failed", job=name, error=redis_errors.refusal(error))
                raise

    return Named
