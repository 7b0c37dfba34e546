"""A sink's forward job against a real Valkey, with the clock in the test's hand."""

from collections.abc import Callable
from typing import Any

import msgspec

from receiver.config.settings import HttpSink, SinkSettings
from receiver.contract.records import DeadLetter, Delivery, decode_dead_letter, decode_delivery
from receiver.contract.redis_keys import (
    DEAD_LETTERS,
    EVENTS,
    SINKS,
    forward_group,
    retry_due,
    retry_items,
    sink_state,
)
from receiver.runtime import scripts
from tests.support.commands import free_port
from tests.support.consumer import Consumer
from tests.support.valkey import Valkey
from workers.forward.delivery_queue import DeliveryQueue, create_group
from workers.forward.remote_job import RemoteJob
from workers.forward.run_loop import RunLoop
from workers.forward.transactional_job import TransactionalJob
from workers.sinks import open_sink
from workers.sinks.foreign_redis import ForeignRedis
from workers.sinks.sink import TransactionalSink


def event(number: int, **more: Any) -> dict[str, Any]:
    """An event as the normalise job publishes it."""
    return {
        "specversion": "1.0",
        "id": f"{number:032x}",
        "type": "sms.message.received.v1",
        "source": "/att/sms/mo/default",
        "subject": "+12065550100",
        "time": "2026-01-31T12:00:00Z",
        "datacontenttype": "application/json",
        "data": {"from": "+12065550100", "text": "héllo"},
    } | more


def publish(valkey: Valkey, *events: dict[str, Any]) -> list[str]:
    """Onto the events stream; their entry ids."""
    pipe: Any = valkey.client().pipeline()
    for each in events:
        pipe.xadd(EVENTS, {"event": msgspec.json.encode(each)})
    return [entry.decode() for entry in pipe.execute()]


def publish_many(valkey: Valkey, count: int, first: int = 0) -> list[str]:
    """So many plain events; their event ids."""
    events = [event(number) for number in range(first, first + count)]
    publish(valkey, *events)
    return [each["id"] for each in events]


def http_sink(consumer: Consumer, **more: Any) -> HttpSink:
    """A sink for this consumer, allowed to be on loopback."""
    settings: Any = {"name": "hook", "url": consumer.url, "allow": (consumer.netloc,), "timeout": 5}
    return HttpSink(**(settings | more))


def unheard_sink() -> HttpSink:
    """A sink to whom nobody listens, also later: its port is no other server's."""
    netloc = f"127.0.0.1:{free_port()}"
    return HttpSink(name="hook", url=f"http://{netloc}/hook", allow=(netloc,), timeout=5)


class _DeliveryQueue(DeliveryQueue):
    """Does not wait for what the test does not send; its server's time is the test's."""

    def __init__(self, client: Any, *rest: Any, **more: Any) -> None:
        super().__init__(client, *rest, **more)
        for name in ("lease", "settle"):
            setattr(self._scripts, f"_{name}", _timed(client, name))

    def wait_for_event(self, _: int) -> bool:
        # Whoever blocks in Redis, however short, is answered at its next tick: after 0.1 s.
        return bool(self._client.xread({EVENTS: self._last}, count=1))


def _timed(client: Any, name: str) -> Any:
    """A script that asks for the time where `Forwarding.now` puts it."""
    text = scripts.load("workers.forward", name)
    assert "redis.call('TIME')" in text
    return client.register_script(
        text.replace("redis.call('TIME')", f"redis.call('HMGET', '{TIME}', 's', 'us')")
    )


class Forwarding:
    """One worker of one sink. The sink begins where the stream is now."""

    def __init__(self, valkey: Valkey, sink: SinkSettings, *, consumer: str = "host-0") -> None:
        self.sink = sink
        self.stop = False
        self.rung = 0
        self.ahead = 0.0
        self.valkey = valkey
        self.client: Any = valkey.client()
        self.now = 1_800_000_000.0
        create_group(self.client, sink.name)
        self.deliveries = self._deliveries(consumer)
        self.job = self._job()

    @property
    def now(self) -> float:
        """Redis' time."""
        return self._now

    @now.setter
    def now(self, seconds: float) -> None:
        self._now = seconds
        self.client.hset(TIME, mapping={"s": int(seconds), "us": int(seconds % 1 * 1_000_000)})

    def _ours(self) -> int:
        """The worker's time, the same unless `ahead` says otherwise."""
        return int(1000 * (self.now - self.ahead))

    def run(self) -> None:
        """One job; where the machine stands still for longer than one lasts, the next ones too."""
        self.job.run()
        while self.rung and not self.stop:
            self.rung = 0
            self.job.run()

    def close(self) -> None:
        """Let go of another Redis; a worker does so by ending."""
        if isinstance(self._opened, ForeignRedis):
            self._opened._client.close()

    def later(self, seconds: float) -> None:
        """The clock goes on, and a job runs."""
        self.now += seconds
        self.run()

    def count(self, name: str) -> int:
        """One of the sink's counts."""
        return int(self.client.hget(SINKS, f"{self.sink.name}:{name}") or 0)

    def state(self) -> dict[bytes, bytes]:
        """Of the sink and its circuit."""
        found: dict[bytes, bytes] = self.client.hgetall(sink_state(self.sink.name))
        return found

    def retries(self) -> list[Delivery]:
        """What waits for another attempt."""
        items = self.client.hvals(retry_items(self.sink.name))
        assert len(items) == self.client.zcard(retry_due(self.sink.name))
        return [decode_delivery(item) for item in items]

    def due(self) -> float:
        """Seconds until the first retry."""
        (_, at), *_ = self.client.zrange(retry_due(self.sink.name), 0, 0, withscores=True)
        return float(at) / 1000 - self.now

    def dead(self) -> list[DeadLetter]:
        """The dead letters."""
        entries: Any = self.client.xrange(DEAD_LETTERS)
        return [decode_dead_letter(fields[b"d"]) for _, fields in entries]

    def pending(self) -> int:
        """Open in the group."""
        return int(self.client.xpending(EVENTS, forward_group(self.sink.name))["pending"])

    def _deliveries(self, consumer: str) -> DeliveryQueue:
        opened = open_sink(self.sink, self.valkey.url, VARIABLES)
        self._opened = opened
        more: dict[str, Any] = {
            "give_up_hours": self.sink.give_up_hours,
            "share": self.sink.share,
            "local_time": self._ours,
        }
        if isinstance(opened, TransactionalSink):
            return _DeliveryQueue(
                self.client, self.sink.name, consumer, guards=opened.guards, **more
            )
        more["seconds"] = opened.seconds
        return _DeliveryQueue(self.client, self.sink.name, consumer, **more)

    def _job(self) -> TransactionalJob | RemoteJob:
        def ring() -> None:
            self.rung += 1

        stopping: Callable[[], bool] = lambda: self.stop  # noqa: E731
        loop = RunLoop(self.sink, self.deliveries, ring, stopping)
        if isinstance(self._opened, TransactionalSink):
            return TransactionalJob(self._opened, loop)
        return RemoteJob(self._opened, loop)


TIME = "test:time"
VARIABLES = {
    "HOOK_AUTH": "Bearer consumer",
    "HOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "HOOK_NEXT": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
}
