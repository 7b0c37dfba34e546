"""A forward worker killed with SIGKILL at every step: nothing is missing, ever."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from receiver.config.settings import RedisStreamSink, RqSink, SinkSettings
from tests.support.consumer import Handler, Request, consuming
from tests.support.forwarding import Forwarding, http_sink, publish_many
from tests.support.valkey import Valkey

ROOT = Path(__file__).parents[2]
COUNT = 40

KILLED = """
import os, signal, sys
import msgspec
from receiver.runtime import redis_client
from receiver.config.settings import Settings, SinkSettings
from workers.processes import worker_process
from workers.forward.delivery_queue import DeliveryQueue

sink = msgspec.json.decode(sys.argv[1], type=SinkSettings)
url, step = sys.argv[2:]
die = lambda: os.kill(os.getpid(), signal.SIGKILL)
lease, settle = DeliveryQueue.lease, DeliveryQueue.settle

def leasing(self, wanted):
    items = lease(self, wanted)
    if step == "after read" and items:
        die()
    return items

def settling(self, outcomes, *then_lease):
    if step == "before the outcomes":
        die()
    settle(self, outcomes, *then_lease)
    if step == "after the outcomes":
        die()

DeliveryQueue.lease, DeliveryQueue.settle = leasing, settling
settings = Settings(redis_url=url, sinks=(sink,))
worker_process.forwarder(sink, redis_client.client(url), "host-0", settings, lambda: False).run()
"""


def run_killed(sink: SinkSettings, valkey: Valkey, step: str) -> int:
    """One job in a process of its own. Returns its exit status."""
    told = [msgspec.json.encode(sink).decode(), valkey.url, step]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, *told],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        timeout=60,
        check=False,
        stdout=subprocess.DEVNULL,
    )
    return done.returncode


@pytest.mark.parametrize("step", ["after read", "before the outcomes", "after the outcomes"])
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


@pytest.mark.parametrize(
    "step", ["after read", "during a request", "before the outcomes", "after the outcomes"]
)
@pytest.mark.parametrize("mode", ["structured", "batch"])
def test_over_http_each_event_arrives_and_again_only_under_the_same_id(
    valkey: Valkey, step: str, mode: str
) -> None:
    with consuming() as consumer:
        sink = http_sink(consumer, mode=mode, batch_size=10, concurrency=4)
        forwarding = Forwarding(valkey, sink)
        ids = publish_many(valkey, COUNT)
        if step == "during a request":
            consumer.behaviour = kill_the_client
        assert run_killed(sink, valkey, step) == -signal.SIGKILL
        consumer.behaviour = lambda _request, _handler: 204
        forwarding.run()
        bodies = [msgspec.json.decode(request.body) for request in consumer.requests]
        events = [x for body in bodies for x in (body if isinstance(body, list) else [body])]
        assert sorted({each["id"] for each in events}) == ids
        documents = {msgspec.json.encode(each) for each in events}
        assert len(documents) == COUNT  # the same id: the same event, to the last byte
        assert (forwarding.count("delivered"), forwarding.pending()) == (COUNT, 0)


def kill_the_client(_request: Request, handler: Handler) -> int:
    """Whoever is at the other end of this connection."""
    mine, theirs = handler.connection.getsockname(), handler.client_address
    for pid in children():
        if (theirs, mine) in connections(pid):
            os.kill(pid, signal.SIGKILL)
    return 204


def children() -> list[int]:
    listed = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text()
    return [int(pid) for pid in listed.split()]


def connections(pid: int) -> set[Any]:
    """Local and remote address of every TCP connection of a process's network, if it is ours."""
    command = Path(f"/proc/{pid}/cmdline").read_bytes()
    if b"during a request" not in command:
        return set()
    lines = Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]
    return {(address(line.split()[1]), address(line.split()[2])) for line in lines}


def address(shown: str) -> tuple[str, int]:
    host, port = shown.split(":")
    return ".".join(str(byte) for byte in reversed(bytes.fromhex(host))), int(port, 16)


@pytest.mark.parametrize("step", ["after read", "before the outcomes", "after the outcomes"])
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
