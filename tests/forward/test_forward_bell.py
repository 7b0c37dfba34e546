"""Who wakes a sink's worker: the normalise job at once, the sweep for what is due."""

import time
from typing import Any

import pytest

from receiver.config.settings import RedisStreamSink, Settings
from receiver.contract.records import Delivery, Notification, decode_dead_letter, encode
from receiver.contract.redis_keys import (
    DEAD_LETTERS,
    EVENTS,
    GROUP,
    INBOUND,
    MARKS,
    SINKS,
    forward_queue,
    retry_due,
    retry_items,
    sink_state,
)
from tests.support.forwarding import event, publish
from tests.support.valkey import Valkey
from workers.forward.delivery_queue import create_group
from workers.maintenance import sink_sweep
from workers.maintenance.sink_sweep import RETIRED_AFTER, SinkSweep
from workers.maintenance.sweep import Sweep
from workers.normalise.job import Normaliser

SINK = RedisStreamSink(name="copy", stream="company:events")


@pytest.fixture
def client(valkey: Valkey) -> Any:
    create_group(valkey.client(), SINK.name)
    return valkey.client()


def rung(client: Any) -> int:
    return int(client.llen(f"rq:queue:{forward_queue(SINK.name)}"))


def sweep(valkey: Valkey) -> None:
    Sweep(valkey.client()).trim()
    SinkSweep(valkey.client(), (SINK,)).run()


def test_whoever_publishes_rings_once(client: Any) -> None:
    client.xgroup_create(INBOUND, GROUP, id="0", mkstream=True)
    normaliser = Normaliser(client, "me", Settings(sinks=(SINK,)), lambda: False)
    for number in range(2):
        comes_in(client, number)
        normaliser.run()
    assert client.xlen(EVENTS) == 2
    assert rung(client) == 1


def test_nobody_is_rung_for_a_repeat(client: Any) -> None:
    client.xgroup_create(INBOUND, GROUP, id="0", mkstream=True)
    comes_in(client, 1)
    Normaliser(client, "me", Settings(), lambda: False).run()
    comes_in(client, 1)
    Normaliser(client, "me", Settings(sinks=(SINK,)), lambda: False).run()
    assert client.xlen(EVENTS) == 1
    assert rung(client) == 0


def comes_in(client: Any, number: int) -> None:
    body = b'{"id": "%d", "source": "s", "specversion": "1.0", "type": "t"}' % number
    note = Notification(
        "camara.notifications", "default", f"r{number}", 0, "application/cloudevents+json", body
    )
    client.xadd(INBOUND, {"n": encode(note)})


def test_the_sweep_rings_for_what_nobody_rang_for(valkey: Valkey, client: Any) -> None:
    sweep(valkey)
    assert rung(client) == 0
    publish(valkey, event(1))
    sweep(valkey)
    sweep(valkey)
    assert rung(client) == 1


def test_the_sweep_rings_for_a_retry_when_it_is_due(valkey: Valkey, client: Any) -> None:
    client.zadd(retry_due(SINK.name), {"1-1": (time.time() + 3600) * 1000})
    sweep(valkey)
    assert rung(client) == 0
    client.zadd(retry_due(SINK.name), {"1-1": (time.time() - 1) * 1000})
    sweep(valkey)
    assert rung(client) == 1


@pytest.mark.parametrize(
    "state", [{"stopped": "why"}, {"open_until": int((time.time() + 3600) * 1000)}]
)
def test_nobody_rings_for_a_sink_that_may_not_send(
    valkey: Valkey, client: Any, state: dict[str, Any]
) -> None:
    publish(valkey, event(1))
    client.hset(sink_state(SINK.name), mapping=state)
    sweep(valkey)
    assert rung(client) == 0


def test_events_a_sink_has_not_got_are_never_trimmed(valkey: Valkey, client: Any) -> None:
    old = [f"{1000 + n}-0" for n in range(10)]
    for entry in old:
        client.xadd(EVENTS, {"event": "{}"}, id=entry)
    client.xreadgroup("forward:copy", "me", {EVENTS: ">"}, count=4)
    client.xack(EVENTS, "forward:copy", *old[:3])
    client.hset(MARKS, "forward:copy", f"0-0 {old[2]}")  # as the script that settles does
    sweep(valkey)
    left = [entry.decode() for entry, _ in client.xrange(EVENTS)]
    assert left == old[3:]


def test_a_sink_that_nobody_is_configured_for_holds_history_for_a_day(
    valkey: Valkey, client: Any
) -> None:
    create_group(client, "gone")
    client.zadd(retry_due("gone"), {"1-1": 0})
    client.hset(retry_items("gone"), "1-1", encode(Delivery("1-1", b"{}", 0, 3)))
    client.xadd(EVENTS, {"event": "{}"}, id="1000-0")
    sweep(valkey)
    assert client.xlen(EVENTS) == 1
    client.hincrby(SINKS, "gone:configured", -RETIRED_AFTER - 1000)
    client.xreadgroup("forward:copy", "me", {EVENTS: ">"}, noack=True)
    client.hset(MARKS, "forward:copy", "0-0 1000-0")  # as the script that settles does
    sweep(valkey)
    sweep(valkey)
    assert [group["name"] for group in client.xinfo_groups(EVENTS)] == [b"forward:copy"]
    ((_, fields),) = client.xrange(DEAD_LETTERS)
    letter = decode_dead_letter(fields[b"d"])
    assert (letter.sink, letter.attempts) == ("gone", 3)
    assert client.exists(retry_due("gone"), retry_items("gone")) == 0
    publish(valkey, event(1))
    client.xreadgroup("forward:copy", "me", {EVENTS: ">"}, noack=True)
    sweep(valkey)
    assert client.xlen(EVENTS) == 1


def test_a_consumer_that_nobody_uses_any_more_goes_unless_something_hangs_on_it(
    valkey: Valkey, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(valkey, event(1))
    client.xreadgroup("forward:copy", "old-0", {EVENTS: ">"})
    client.xgroup_createconsumer(EVENTS, "forward:copy", "old-1")
    client.xgroup_create(EVENTS, "company")
    client.xgroup_createconsumer(EVENTS, "company", "theirs")

    def names(group: str) -> list[bytes]:
        return [consumer["name"] for consumer in client.xinfo_consumers(EVENTS, group)]

    sweep(valkey)
    assert names("forward:copy") == [b"old-0", b"old-1"]
    monkeypatch.setattr(sink_sweep, "UNUSED_AFTER", 0)  # an hour has passed
    sweep(valkey)
    assert (names("forward:copy"), names("company")) == ([b"old-0"], [b"theirs"])
