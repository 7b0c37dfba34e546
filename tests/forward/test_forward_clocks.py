"""Hosts whose clocks differ: what they decide together goes by the one clock they share, Redis'."""

import time
from typing import Any

import msgspec
import pytest

from receiver.config.settings import HttpSink
from receiver.contract.records import Delivery, decode_delivery, encode
from receiver.contract.redis_keys import SINKS, retry_due, retry_items, sink_state
from tests.support.consumer import Consumer, answering, consuming
from tests.support.forwarding import Forwarding, http_sink, publish_many
from tests.support.valkey import Valkey
from workers.forward import backoff, delivery_queue
from workers.forward.delivery_queue import DeliveryQueue, create_group
from workers.forward.remote_job import RemoteJob
from workers.forward.run_loop import RunLoop
from workers.maintenance.sink_sweep import SinkSweep
from workers.sinks.http import Http

MINUTES = 10 * 60.0


@pytest.fixture(params=[-MINUTES, MINUTES, 3 * 24 * 3600.0], ids=["behind", "ahead", "days ahead"])
def wrong(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process's clock is wrong by so much."""
    seconds: float = request.param
    real, real_ns = time.time, time.time_ns
    monkeypatch.setattr(time, "time", lambda: real() + seconds)
    monkeypatch.setattr(time, "time_ns", lambda: real_ns() + int(seconds * 1e9))


def redis_now(client: Any) -> int:
    seconds, microseconds = client.time()
    return int(seconds * 1000 + microseconds // 1000)


def due(client: Any, sink: str, *entries: str, at: int) -> None:
    for entry in entries:
        item = encode(Delivery(entry, msgspec.json.encode({"id": entry}), at, 1))
        client.hset(retry_items(sink), entry, item)
        client.zadd(retry_due(sink), {entry: at})


def worked(client: Any, sink: HttpSink) -> None:
    """One job, as a worker runs it; where the machine stands still meanwhile, the next one too."""
    remote, rung = Http(sink, {}), [True]
    own = DeliveryQueue(client, sink.name, "other-0", seconds=remote.seconds)
    job = RemoteJob(remote, RunLoop(sink, own, lambda: rung.append(True), lambda: False))
    while rung:
        rung.pop()
        job.run()


@pytest.mark.usefixtures("wrong")
def test_a_lease_lasts_as_long_as_redis_says(valkey: Valkey) -> None:
    client: Any = valkey.client()
    create_group(client, "hook")
    now = redis_now(client)
    due(client, "hook", "1-1", at=now - 1000)
    assert len(DeliveryQueue(client, "hook", "a", seconds=5).lease(10)) == 1
    until = int(client.zscore(retry_due("hook"), "1-1"))  # a half of a millisecond marks a lease
    assert now + 30_000 <= until <= redis_now(client) + 30_000
    leased = DeliveryQueue(client, "hook", "b", seconds=5).lease(10)
    assert leased == [] or redis_now(client) >= until  # the machine may have stood still


@pytest.mark.usefixtures("wrong")
def test_what_is_not_due_yet_is_not_taken_and_what_is_due_is(valkey: Valkey) -> None:
    client: Any = valkey.client()
    create_group(client, "hook")
    now = redis_now(client)
    due(client, "hook", "1-1", at=now + 60_000)
    due(client, "hook", "2-1", at=now - 60_000)
    (item,) = DeliveryQueue(client, "hook", "a").lease(10)
    assert item.delivery.entry == "2-1"


@pytest.mark.usefixtures("wrong")
def test_a_circuit_opens_for_as_long_as_redis_says(valkey: Valkey) -> None:
    with consuming() as consumer:
        consumer.behaviour = lambda _request, _handler: 500
        client: Any = valkey.client()
        sink = http_sink(consumer, concurrency=1)
        create_group(client, sink.name)
        publish_many(valkey, delivery_queue.FAILURES)
        before = redis_now(client)
        worked(client, sink)
        state = client.hgetall(sink_state(sink.name))
        opened = int(state[b"open_until"]) - delivery_queue.PAUSE
        assert before <= opened <= redis_now(client)
        assert before <= int(state[b"down_since"]) <= opened
        waiting = [decode_delivery(item) for item in client.hvals(retry_items(sink.name))]
        # A job that takes its time makes some a second attempt, and waits longer after that.
        longest = 1000 * backoff.FIRST * 2 ** (max(one.attempts for one in waiting) - 1)
        assert longest < MINUTES * 1000
        retries = client.zrange(retry_due(sink.name), 0, -1, withscores=True)
        assert all(before <= at <= redis_now(client) + longest for _, at in retries)


@pytest.mark.usefixtures("wrong")
def test_a_retry_after_holds_the_sink_as_long_as_it_says(valkey: Valkey) -> None:
    with consuming() as consumer:
        answer(consumer, 503, Retry_After="120")
        client: Any = valkey.client()
        sink = http_sink(consumer, concurrency=1)
        create_group(client, sink.name)
        publish_many(valkey, 1)
        before = redis_now(client)
        worked(client, sink)
        until = int(client.hget(sink_state(sink.name), "open_until"))
        assert before <= until - 120_000 <= redis_now(client)


@pytest.mark.usefixtures("wrong")
def test_nothing_is_given_up_before_its_time(valkey: Valkey) -> None:
    with consuming() as consumer:
        answer(consumer, 500)
        client: Any = valkey.client()
        sink = http_sink(consumer, concurrency=1)
        create_group(client, sink.name)
        due(client, sink.name, "1-1", at=redis_now(client) - 71 * 3_600_000)
        worked(client, sink)
        assert (client.zcard(retry_due(sink.name)), client.hget(SINKS, "hook:dead")) == (1, None)


@pytest.mark.usefixtures("wrong")
def test_a_sink_that_another_supervisor_knows_is_not_retired(valkey: Valkey) -> None:
    client: Any = valkey.client()
    create_group(client, "theirs")
    client.hset(SINKS, "theirs:configured", redis_now(client) - 60_000)
    SinkSweep(client, ()).run()
    assert client.hexists(SINKS, "theirs:configured")


@pytest.mark.usefixtures("wrong")
def test_the_sweep_rings_for_what_is_due_by_redis_clock(valkey: Valkey) -> None:
    with consuming() as consumer:
        client: Any = valkey.client()
        sink = http_sink(consumer)
        create_group(client, sink.name)
        sweep = SinkSweep(client, (sink,))
        due(client, sink.name, "1-1", at=redis_now(client) + 60_000)
        sweep.run()
        assert client.llen("rq:queue:receiver-forward-hook") == 0
        due(client, sink.name, "2-1", at=redis_now(client) - 60_000)
        sweep.run()
        assert client.llen("rq:queue:receiver-forward-hook") == 1


def test_what_redis_put_off_while_its_clock_was_ahead_is_due_once_it_is_right(
    valkey: Valkey,
) -> None:
    with consuming() as consumer:
        client: Any = valkey.client()
        sink = http_sink(consumer)
        create_group(client, sink.name)
        hours_ahead = redis_now(client) + 6 * 3_600_000
        due(client, sink.name, "1-1", at=hours_ahead)
        client.hset(sink_state(sink.name), mapping={"opened": 1, "open_until": hours_ahead})
        SinkSweep(client, (sink,)).run()
        assert client.llen("rq:queue:receiver-forward-hook") == 1
        worked(client, sink)
        assert len(consumer.requests) == 1
        assert client.hkeys(sink_state(sink.name)) == [b"took_at"]
        assert not client.exists(retry_due(sink.name))


def answer(consumer: Consumer, status: int, **headers: str) -> None:
    consumer.behaviour = lambda _request, handler: handler.answer(status, **headers)


@pytest.mark.parametrize("ahead", [-3600, 3600])
def test_the_time_until_giving_up_begins_at_the_later_of_both_clocks(
    valkey: Valkey, ahead: int
) -> None:
    with consuming() as consumer:
        consumer.behaviour = answering(500)
        forwarding = Forwarding(valkey, http_sink(consumer))
        forwarding.ahead = ahead  # of the worker's clock Redis' is
        publish_many(valkey, 1)
        forwarding.run()
    (one,) = forwarding.retries()
    assert one.first == int(1000 * (forwarding.now - min(0, ahead)))
