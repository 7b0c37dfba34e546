"""A forward worker killed with SIGKILL at every step: nothing is missing, ever."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import msgspec
import pytest

from receiver.config.settings import RedisStreamSink, RqSink, SinkSettings
from tests.support.commands import environment
from tests.support.consumer import Behaviour, Handler, Request, consuming
from tests.support.dying_forwarder import STEPS
from tests.support.forked import Forked
from tests.support.forwarding import Forwarding, http_sink, publish_many
from tests.support.valkey import Valkey

COUNT = 40


def run_killed(
    sink: SinkSettings, valkey: Valkey, step: str, started: Callable[[int], object] = bool
) -> int:
    """One job in a process of its own, whose id is told. Returns its exit status."""
    told = [msgspec.json.encode(sink).decode(), valkey.url, step]
    command = [sys.executable, "-P", "-m", "tests.support.dying_forwarder", *told]
    with Forked(command, env=environment(), stdout=subprocess.DEVNULL) as process:
        started(process.pid)
        return process.wait(60)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    "sink",
    [
        RedisStreamSink(name="hook", stream="company:events"),
        RqSink(name="hook", queue="company", function="a.b"),
    ],
    ids=["redis-stream", "rq"],
)
def test_on_our_own_redis_each_event_arrives_exactly_once(
    valkey: Valkey, sink: SinkSettings, step: str
) -> None:
    forwarding = Forwarding(valkey, sink)
    ids = publish_many(valkey, COUNT)
    assert run_killed(sink, valkey, step) == -signal.SIGKILL
    forwarding.run()
    assert sorted(arrived(forwarding.client)) == ids
    assert (forwarding.count("delivered"), forwarding.pending()) == (COUNT, 0)


def arrived(client: Any) -> list[str]:
    names = client.lrange("rq:queue:company", 0, -1)
    jobs = [name.decode().removesuffix("-hook") for name in names]  # the event's id, the sink
    entries = client.xrange("company:events")
    return jobs + [msgspec.json.decode(fields[b"event"])["id"] for _, fields in entries]


@pytest.mark.parametrize("step", ["during a request", *STEPS])
@pytest.mark.parametrize("mode", ["structured", "batch"])
def test_over_http_each_event_arrives_and_again_only_under_the_same_id(
    valkey: Valkey, step: str, mode: str
) -> None:
    with consuming() as consumer:
        sink = http_sink(consumer, mode=mode, batch_size=10, concurrency=4)
        forwarding = Forwarding(valkey, sink)
        ids, client = publish_many(valkey, COUNT), Future[int]()
        if step == "during a request":
            consumer.behaviour = killing(client)
        assert run_killed(sink, valkey, step, client.set_result) == -signal.SIGKILL
        consumer.behaviour = lambda _request, _handler: 204
        forwarding.run()
        bodies = [msgspec.json.decode(request.body) for request in consumer.requests]
        events = [x for body in bodies for x in (body if isinstance(body, list) else [body])]
        assert sorted({each["id"] for each in events}) == ids
        documents = {msgspec.json.encode(each) for each in events}
        assert len(documents) == COUNT  # the same id: the same event, to the last byte
        assert (forwarding.count("delivered"), forwarding.pending()) == (COUNT, 0)


def killing(client: "Future[int]") -> Behaviour:
    """Kill whoever asks before it is answered."""

    def kill(_request: Request, _handler: Handler) -> int:
        with contextlib.suppress(ProcessLookupError):  # another request of its has done it
            os.kill(client.result(60), signal.SIGKILL)
        return 204

    return kill


@pytest.mark.parametrize("step", STEPS)
def test_a_retry_survives_the_worker_that_had_it(valkey: Valkey, step: str) -> None:
    with consuming() as consumer:
        sink = http_sink(consumer)
        forwarding = Forwarding(valkey, sink)
        forwarding.now -= 1_000_000_000  # due long before the other process's clock
        ids = publish_many(valkey, 3)
        consumer.behaviour = lambda _request, _handler: 500
        forwarding.run()
        assert len(forwarding.retries()) == 3
        consumer.behaviour = lambda _request, _handler: 204
        assert run_killed(sink, valkey, step) == -signal.SIGKILL
        forwarding.now += 2_000_000_000  # the lease is over
        forwarding.run()
        assert sorted(set(consumer.ids)) == ids
        assert (forwarding.count("delivered"), forwarding.retries()) == (3, [])
