"""What `receiver.events.Consumer` leaves to the others of its group when it is stopped."""

import contextlib
import json
from itertools import islice
from typing import Any

import pytest
import redis

from receiver.contract.redis_keys import EVENTS
from receiver.events import Consumer
from tests.support import published
from tests.support.valkey import Valkey

MINUTE = 60_000
"""Milliseconds after which what a consumer holds counts as left, unless it is told otherwise."""


def publish(valkey: Valkey, *names: str) -> None:
    [event] = dict(published.samples())["mo"]
    for name in names:
        valkey.client().xadd(EVENTS, {"event": json.dumps(event | {"id": name})})


def held(valkey: Valkey) -> list[tuple[str, bool]]:
    """Of each event that is open: by whom, and whether the others take it over."""
    found: Any = valkey.client().xpending_range(EVENTS, "billing", "-", "+", 9)
    return [(one["consumer"].decode(), one["time_since_delivered"] >= MINUTE) for one in found]


def test_what_was_read_and_not_begun_goes_to_the_others_at_once(valkey: Valkey) -> None:
    publish(valkey, "one", "two", "three")
    with Consumer(valkey.url, "billing", name="first") as first:
        for delivery in first:
            delivery.ack()
            first.stop()
    assert held(valkey) == [("first", True)] * 2
    with Consumer(valkey.url, "billing", name="second") as second:
        assert [each.event.id for each in islice(second, 2)] == ["two", "three"]


def test_what_was_begun_waits_its_time_and_what_others_have_is_theirs(valkey: Valkey) -> None:
    client: Any = valkey.client()
    publish(valkey, "begun", "two", "another's", "four")
    with Consumer(valkey.url, "billing", name="first") as first:
        for _ in first:
            entry = client.xrange(EVENTS)[2][0]
            client.xclaim(EVENTS, "billing", "other", 0, [entry])
            first.stop()
    assert held(valkey) == [("first", False), ("first", True), ("other", False), ("first", True)]


@pytest.mark.parametrize("ends", ["by its work", "by a break"])
def test_what_was_read_goes_to_the_others_however_its_consumer_ends(
    valkey: Valkey, ends: str
) -> None:
    publish(valkey, "one", "two", "three")
    with (
        contextlib.suppress(ZeroDivisionError),
        Consumer(valkey.url, "billing", name="first") as first,
    ):
        for _ in first:
            if ends == "by a break":
                break
            raise ZeroDivisionError
    assert held(valkey) == [("first", False), ("first", True), ("first", True)]


def test_a_redis_that_hangs_holds_up_no_end_twice(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each command waits for its whole timeout; what is held goes to the others later then."""
    publish(valkey, "one", "two")
    client, asked = valkey.client(), list[str]()

    def hangs(*words: Any, **_: Any) -> Any:
        asked.append(words[0])
        raise redis.TimeoutError

    with Consumer(client, "billing") as mine:
        for delivery in mine:
            monkeypatch.setattr(client, "execute_command", hangs)
            mine.stop()
            delivery.ack()
    assert asked == ["XACK", "XPENDING"]


def test_a_name_goes_once_others_have_taken_over_what_was_open_under_it(valkey: Valkey) -> None:
    client: Any = valkey.client()
    publish(valkey, "one", "two", "three")
    client.xgroup_create(EVENTS, "billing", id="0")
    client.xreadgroup("billing", "dead", {EVENTS: ">"}, count=1)
    client.xreadgroup("billing", "slow", {EVENTS: ">"}, count=2)
    entries = [entry for entry, _ in client.xrange(EVENTS)]
    for name, entry in (("dead", entries[0]), ("slow", entries[1])):
        client.xclaim(EVENTS, "billing", name, 0, [entry], idle=2 * MINUTE)
    with Consumer(valkey.url, "billing", name="mine") as mine:
        assert [each.event.id for each in islice(mine, 2)] == ["one", "two"]
        names = [one["name"] for one in client.xinfo_consumers(EVENTS, "billing")]
        assert names == [b"mine", b"slow"]
