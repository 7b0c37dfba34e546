"""A Redis whose clock is days off for some seconds: nothing goes that cannot be had again."""

import time
from typing import Any

import pytest

from receiver.config.settings import RedisStreamSink, Settings
from receiver.contract.redis_keys import (
    DEAD_LETTERS,
    EVENTS,
    GROUP,
    INBOUND,
    SINKS,
    forward_group,
    retry_due,
    sink_state,
)
from tests.support import clocks
from tests.support.consumer import answering, consuming
from tests.support.forwarding import Forwarding, http_sink, publish_many
from tests.support.valkey import Valkey
from tests.workers.test_identities import come_in
from workers.forward.delivery_queue import create_group
from workers.maintenance import sink_sweep, sweep
from workers.maintenance.sink_sweep import SinkSweep
from workers.maintenance.sweep import DAY, Sweep
from workers.normalise import inbound_reader, job
from workers.normalise.job import Normaliser
from workers.processes.consumer_names import LEASE_MILLISECONDS, Slots
from workers.processes.work import Work

HOUR = 3600 * 1000


@pytest.fixture(params=[4 * DAY, 8 * DAY, 40 * DAY], ids=["4 days", "8 days", "40 days"])
def by(request: pytest.FixtureRequest) -> int:
    milliseconds: int = request.param
    return milliseconds


def test_no_history_goes_before_its_time(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch, by: int
) -> None:
    client = valkey.client()
    for stream in (INBOUND, EVENTS, DEAD_LETTERS):
        client.xadd(stream, {"x": "fresh"})
    client.xgroup_create(INBOUND, GROUP, id="$")
    with monkeypatch.context() as patch:
        clocks.lead(patch, sweep, by)
        Sweep(client).trim()
    assert [client.xlen(stream) for stream in (INBOUND, EVENTS, DEAD_LETTERS)] == [1, 1, 1]


def test_a_repeat_is_known_then_and_afterwards(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch, by: int
) -> None:
    client = valkey.client()
    assert come_in(client) == 1
    with monkeypatch.context() as patch:
        clocks.lead(patch, sweep, by)
        clocks.lead(patch, job, by)
        for _ in range(20):
            Sweep(client).trim()
        assert come_in(client) == 1
    assert come_in(client) == 1


def test_what_came_while_it_was_behind_is_known_when_it_comes_again(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch, by: int
) -> None:
    client = valkey.client()
    with monkeypatch.context() as patch:
        clocks.lead(patch, job, -by)
        assert come_in(client) == 1
    for _ in range(20):
        Sweep(client).trim()
    assert come_in(client) == 1


def test_no_delivery_is_given_up_before_its_time(valkey: Valkey, by: int) -> None:
    with consuming() as consumer:
        consumer.behaviour = answering(500)
        forwarding = Forwarding(valkey, http_sink(consumer, concurrency=1))
        forwarding.now = time.time()
        publish_many(valkey, 20)
        forwarding.run()
        forwarding.ahead = by / 1000
        forwarding.later(by / 1000)
        forwarding.client.hset(
            sink_state("hook"), "open_until", int(1000 * forwarding.now) + 60_000
        )
        forwarding.run()
        assert forwarding.dead() == []
        forwarding.ahead, forwarding.now = 0, time.time() + 71 * 3600
        forwarding.run()
        assert forwarding.dead() == []


def test_what_was_first_tried_while_it_was_behind_is_tried_as_long(valkey: Valkey, by: int) -> None:
    with consuming() as consumer:
        consumer.behaviour = answering(500)
        forwarding = Forwarding(valkey, http_sink(consumer, concurrency=1))
        now = time.time()
        forwarding.ahead, forwarding.now = -by / 1000, now - by / 1000
        publish_many(valkey, 1)
        forwarding.run()
        forwarding.ahead, forwarding.now = 0, now + 71 * 3600
        forwarding.run()
        assert (forwarding.dead(), len(forwarding.retries())) == ([], 1)
        forwarding.later(2 * 3600)
        assert len(forwarding.dead()) == 1


def test_a_sinks_stream_keeps_what_is_younger_than_its_age(valkey: Valkey, by: int) -> None:
    sink = RedisStreamSink(name="copy", stream="company:events", max_age_hours=1)
    forwarding = Forwarding(valkey, sink)
    publish_many(valkey, 300)
    forwarding.run()
    event: Any = {"event": b'{"id":"late"}'}
    forwarding.client.xadd(EVENTS, event, id=f"{int(time.time() * 1000) + by}-0")
    forwarding.now = time.time()
    forwarding.run()
    assert forwarding.client.xlen("company:events") == 301


def test_no_sink_is_retired_that_somebody_knew_just_now(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch, by: int
) -> None:
    client: Any = valkey.client()
    create_group(client, "theirs")
    client.hset(SINKS, "theirs:configured", int(time.time() * 1000))
    with monkeypatch.context() as patch:
        clocks.lead(patch, sink_sweep, by)
        SinkSweep(client, ()).run()
    assert client.xinfo_groups(EVENTS)[0]["name"] == b"forward:theirs"


def test_a_sink_that_was_known_in_the_time_to_come_is_retired_in_time(valkey: Valkey) -> None:
    client: Any = valkey.client()
    create_group(client, "gone")
    client.hset(SINKS, "gone:configured", int(time.time() * 1000) + 8 * DAY)
    SinkSweep(client, ()).run()
    assert int(client.hget(SINKS, "gone:configured")) <= time.time() * 1000 + 1000


def test_what_a_killed_worker_was_delivered_then_is_taken_by_another(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch, by: int
) -> None:
    client = valkey.client()
    come_in(client)
    client.xadd(INBOUND, {"n": b"not ours"})
    client.xreadgroup(GROUP, "killed", {INBOUND: ">"})
    clocks.delivered_ahead(client, INBOUND, by, GROUP)
    monkeypatch.setattr(inbound_reader, "ABANDONED_MILLISECONDS", 1)
    _work(client)
    assert client.xlen(DEAD_LETTERS) == 0  # the server believes that it has just been delivered
    Sweep(client).ring()
    time.sleep(0.01)
    _work(client)
    assert client.xlen(DEAD_LETTERS) == 1


def test_what_a_killed_forward_worker_was_delivered_then_is_taken_by_another(
    valkey: Valkey, by: int
) -> None:
    with consuming() as consumer:
        sink = http_sink(consumer)
        dead = Forwarding(valkey, sink, consumer="dead")
        publish_many(valkey, 3)
        assert len(dead.deliveries.lease(10)) == 3
        clocks.delivered_ahead(dead.client, EVENTS, by, forward_group("hook"))
        SinkSweep(dead.client, (sink,)).run()
        other = Forwarding(valkey, sink, consumer="other")
        other.deliveries._lease_milliseconds = 1
        time.sleep(0.01)
        other.run()
        assert len(consumer.ids) == 3


@pytest.mark.parametrize("minutes", [10, 50, 24 * 60])
def test_a_lease_of_a_delivery_that_was_given_then_is_over(valkey: Valkey, minutes: int) -> None:
    with consuming() as consumer:
        consumer.behaviour = answering(500)
        sink = http_sink(consumer)
        forwarding = Forwarding(valkey, sink)
        forwarding.now = time.time()
        publish_many(valkey, 1)
        forwarding.run()
        forwarding.now += minutes * 60
        assert len(forwarding.deliveries.lease(10)) == 1  # and its worker is killed
        forwarding.now -= minutes * 60
        SinkSweep(forwarding.client, (sink,)).run()
        assert forwarding.client.zscore(retry_due("hook"), forwarding.retries()[0].entry) <= (
            time.time() * 1000
        )


def test_a_retry_that_was_put_off_for_minutes_keeps_its_time(valkey: Valkey) -> None:
    with consuming() as consumer:
        sink = http_sink(consumer)
        client: Any = valkey.client()
        create_group(client, "hook")
        due = int(time.time() * 1000) + 50 * 60 * 1000
        client.zadd(retry_due("hook"), {"1-1": due})
        SinkSweep(client, (sink,)).run()
        assert client.zscore(retry_due("hook"), "1-1") == due


@pytest.mark.parametrize("minutes", [10, 50])
def test_a_probe_that_was_begun_then_holds_a_sink_no_longer_than_a_probe_takes(
    valkey: Valkey, minutes: int
) -> None:
    with consuming() as consumer:
        sink = http_sink(consumer)
        forwarding = Forwarding(valkey, sink)
        forwarding.now = time.time()
        publish_many(valkey, 1)
        until = int(1000 * forwarding.now) + minutes * 60_000
        state: Any = {"opened": 1, "probing": "1-0", "open_until": until}
        forwarding.client.hset(sink_state("hook"), mapping=state)
        SinkSweep(forwarding.client, (sink,)).run()
        assert forwarding.client.llen("rq:queue:receiver-forward-hook") == 1
        forwarding.run()
        assert len(consumer.ids) == 1


@pytest.mark.parametrize("left", [LEASE_MILLISECONDS + 5_000, 8 * DAY, None])
def test_a_slot_that_was_leased_then_is_free(valkey: Valkey, left: int | None) -> None:
    client = valkey.client()
    slot = Slots(client).lease(Work("normalise"))
    client.set(slot.key, "a supervisor that was killed", px=left)
    assert Slots(client).lease(Work("normalise")) == slot


def test_a_slot_that_a_living_supervisor_has_is_not(valkey: Valkey) -> None:
    client = valkey.client()
    slot = Slots(client).lease(Work("normalise"))
    assert Slots(client).lease(Work("normalise")) != slot


def _work(client: Any) -> None:
    Normaliser(client, "other", Settings(), lambda: False).run()
