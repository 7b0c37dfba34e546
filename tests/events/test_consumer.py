"""`receiver.events.Consumer`, against a real Valkey."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

import pytest
import redis

from receiver.contract.redis_keys import EVENTS
from receiver.events import Consumer, NotAnEvent, SmsMessageReceived, consumer
from tests.support import published
from tests.support.eventually import eventually
from tests.support.valkey import Valkey

Start = Callable[..., Consumer]


@pytest.fixture
def start(valkey: Valkey) -> Iterator[Start]:
    """Makes consumers of the group `billing`, which are closed with the test."""
    made: list[Consumer] = []

    def start(options: str = "", **more: Any) -> Consumer:
        made.append(Consumer(valkey.url + options, "billing", **more))
        return made[-1]

    yield start
    for one in made:
        one.close()


def publish(valkey: Valkey, *names: str) -> None:
    [event] = dict(published.samples())["mo"]
    for name in names:
        valkey.client().xadd(EVENTS, {"event": json.dumps(event | {"id": name})})


def take(consumer: Consumer, count: int) -> list[str]:
    names = []
    for delivery in islice(consumer, count):
        names.append(delivery.event.id)
        delivery.ack()
    return names


def pending(valkey: Valkey) -> int:
    found: Any = valkey.client().xpending(EVENTS, "billing")
    return int(found["pending"])


def worked_on_for_long(valkey: Valkey) -> list[dict[str, Any]]:
    """What is open once half of a `take_over` of 0.1 s has passed."""

    def found() -> list[dict[str, Any]]:
        held: Any = valkey.client().xpending_range(EVENTS, "billing", "-", "+", 100)
        return held if all(one["time_since_delivered"] > 50 for one in held) else []

    return eventually(found)


@pytest.mark.parametrize("options", ["", "?protocol=2", "?protocol=3", "?decode_responses=True"])
def test_each_event_comes_typed_and_not_again_once_it_is_acknowledged(
    valkey: Valkey, start: Start, options: str
) -> None:
    publish(valkey, "one", "two", "three")
    assert take(start(options), 3) == ["one", "two", "three"]
    publish(valkey, "four")
    delivery = next(iter(start(options)))
    event = delivery.event
    assert isinstance(event, SmsMessageReceived)
    assert (event.id, event.type, event.listener) == ("four", "sms.message.received.v1", "promo")
    assert event.data["to"] == json.loads(delivery.document)["data"]["to"]
    delivery.ack()
    assert pending(valkey) == 0


def test_what_a_dead_consumer_left_comes_first_however_much_others_hold(
    valkey: Valkey, start: Start
) -> None:
    client = valkey.client()
    publish(valkey, *map(str, range(30)), "left", "new")
    client.xgroup_create(EVENTS, "billing", id="0")
    client.xreadgroup("billing", "alive", {EVENTS: ">"}, count=30)
    [[_, [(entry, _)]]] = client.xreadgroup("billing", "dead", {EVENTS: ">"}, count=1)  # type: ignore[misc,str-unpack]
    client.xclaim(EVENTS, "billing", "dead", 0, [entry], idle=120_000)
    assert sorted(take(start(batch=1), 2)) == ["left", "new"]  # one look sees 10 entries
    assert pending(valkey) == 30


def test_what_another_has_finished_meanwhile_is_not_worked_on(valkey: Valkey, start: Start) -> None:
    publish(valkey, "one", "two", "three")
    deliveries = iter(start(take_over=0.1))
    first = next(deliveries)
    held = worked_on_for_long(valkey)
    valkey.client().xack(EVENTS, "billing", held[1]["message_id"])
    first.ack()
    assert next(deliveries).event.id == "three"


def test_what_is_held_for_long_does_not_count_as_left(valkey: Valkey, start: Start) -> None:
    publish(valkey, "one", "two", "three")
    client = valkey.client()
    deliveries = iter(start(take_over=0.1))
    next(deliveries)
    held = worked_on_for_long(valkey)
    names = [one["message_id"] for one in held]
    client.xclaim(EVENTS, "billing", held[0]["consumer"], 0, names, idle=10**9, justid=True)
    next(deliveries)
    found: Any = client.xpending_range(EVENTS, "billing", "-", "+", 3)
    assert [one["time_since_delivered"] > 10**8 for one in found] == [True, False, False]


def test_a_redis_that_is_away_is_waited_for_and_an_emptied_one_gets_the_group_again(
    valkey: Valkey, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "PAUSE", 0.01)
    publish(valkey, "one")
    deliveries = iter(start())
    first = next(deliveries)
    valkey.kill()
    with ThreadPoolExecutor() as threads:
        acknowledged = threads.submit(first.ack)
        valkey.start()
        acknowledged.result(60)
        assert pending(valkey) == 0
        following = threads.submit(next, deliveries)
        valkey.client().flushall()
        publish(valkey, "two")
        assert following.result(60).event.id == "two"


def test_a_wrong_password_ends_it(valkey: Valkey) -> None:
    client = valkey.client(username="nobody", password="wrong")
    with pytest.raises(redis.AuthenticationError):
        next(iter(Consumer(client, "billing")))


def test_a_consumer_that_is_stopped_ends_after_its_event_and_leaves_no_name(
    valkey: Valkey, start: Start
) -> None:
    publish(valkey, "one", "two")
    mine = start(name="mine")
    for delivery in mine:
        delivery.ack()
        mine.stop()
    assert pending(valkey) == 1  # "two" was read with it, and nobody has done it
    mine.close()
    group: Any = valkey.client().xinfo_consumers(EVENTS, "billing")
    assert [one["name"] for one in group] == [b"mine"]
    assert take(start(take_over=0.001), 1) == ["two"]
    with start(name="other"):
        pass
    group = valkey.client().xinfo_consumers(EVENTS, "billing")
    assert b"other" not in [one["name"] for one in group]


def test_what_somebody_else_has_put_there_is_said_and_can_be_acknowledged(
    valkey: Valkey, start: Start
) -> None:
    valkey.client().xadd(EVENTS, {"event": '{"secret": 1}'})
    valkey.client().xadd(EVENTS, {"other": "1"})
    for delivery in islice(start(), 2):
        with pytest.raises(NotAnEvent, match="no event of telecom-receiver's"):
            _ = delivery.event
        delivery.ack()
    assert pending(valkey) == 0


def test_an_event_that_ends_its_consumer_every_time_holds_back_no_other(
    valkey: Valkey, start: Start
) -> None:
    client = valkey.client()
    publish(valkey, "bad", "one", "two")
    for name in ("first", "second"):  # each ends at the event, which the next one takes over
        assert next(iter(start(name=name))).event.id == "bad"
        held: Any = client.xpending_range(EVENTS, "billing", "-", "+", 9)
        mine = [one["message_id"] for one in held if one["consumer"] == name.encode()]
        if name == "first":
            client.xclaim(EVENTS, "billing", name, 0, mine, idle=120_000, justid=True)
    publish(valkey, "new", "newer")
    assert take(start(name="third"), 2) == ["one", "two"]


def test_what_another_has_taken_over_meanwhile_stays_its_own(valkey: Valkey, start: Start) -> None:
    publish(valkey, "one", "two", "three")
    deliveries = iter(start(take_over=0.1))
    first = next(deliveries)
    held = worked_on_for_long(valkey)
    valkey.client().xclaim(EVENTS, "billing", "other", 0, [held[1]["message_id"]])
    first.ack()
    assert next(deliveries).event.id == "three"
