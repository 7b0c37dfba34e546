"""`receiver doctor` and `/metrics` on the messages whose delivery status is watched."""

from typing import Any

import pytest
import redis
from prometheus_client.parser import text_string_to_metric_families

from receiver.config.polls import AttStatusPoll
from receiver.config.settings import Settings
from receiver.contract.redis_keys import WATCH, WATCH_COUNTS, watch_due
from receiver.doctor.polls import watches
from receiver.metrics import snapshot
from receiver.metrics.exposition import exposition
from receiver.polling import watch_list
from tests.support.valkey import Valkey

POLL = AttStatusPoll(
    name="promo", base_url="https://api.att.com", client_id_env="K", client_secret_env="S"
)
SETTINGS = Settings(polls=(POLL,))


@pytest.fixture
def client(valkey: Valkey) -> redis.Redis:
    return valkey.client()


def findings(client: redis.Redis, settings: Settings = SETTINGS) -> dict[str, str]:
    return {one.what: one.severity for one in watches(settings, snapshot.read(client))}


def samples(client: redis.Redis) -> dict[str, float]:
    text = exposition(snapshot.read(client), None, Settings(), ready=True).decode()
    return {
        " ".join((sample.name, *sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if "watch" in sample.name
    }


def ago(client: redis.Redis, seconds: int) -> int:
    now: Any = client.time()
    return int((now[0] - seconds) * 1000)


def test_where_nothing_was_ever_watched_nothing_is_said(client: redis.Redis) -> None:
    assert findings(client) == {}
    assert samples(client) == {}


def test_what_is_asked_for_in_time_is_well(client: redis.Redis) -> None:
    for name in ("SMS1", "SMS2"):
        watch_list.add(client, "promo", name)
    watch_list.drop(client, "promo", "SMS2")
    assert findings(client) == {}
    assert samples(client) == {
        "receiver_watch_open": 1,
        "receiver_watch_late_seconds": 0,
        "receiver_watch_ended_total final": 0,
        "receiver_watch_ended_total gone": 0,
        "receiver_watch_ended_total expired": 0,
        "receiver_watch_ended_total dropped": 1,
    }


def test_one_that_is_not_asked_for_in_time_is_late(client: redis.Redis) -> None:
    watch_list.add(client, "promo", "SMS1")
    client.zadd(watch_due("promo"), {"promo SMS1": ago(client, 1200)})
    assert 1200 <= samples(client)["receiver_watch_late_seconds"] < 1260
    (what,) = findings(client)
    assert "late by 20 minutes" in what
    client.zadd(watch_due("promo"), {"promo SMS1": ago(client, 840)})
    assert findings(client) == {}


def test_one_that_nobody_has_taken_from_the_stream_is_late_too(client: redis.Redis) -> None:
    client.xadd(WATCH, {"id": "SMS1", "poll": "promo"}, id=f"{ago(client, 1220)}-0")
    assert 1200 <= samples(client)["receiver_watch_late_seconds"] < 1260
    assert list(findings(client).values()) == ["serious"]


def test_messages_of_a_poll_that_is_gone_and_books_that_do_not_balance_are_found(
    client: redis.Redis,
) -> None:
    watch_list.add(client, "promo", "SMS1")
    client.hincrby(WATCH_COUNTS, "promo:final", 1)
    found = findings(client, Settings())
    assert sorted(found.values()) == ["warning", "warning"]
    assert any("which receiver.toml does not name" in what for what in found)
    assert any("do not balance" in what for what in found)


def test_a_key_that_is_somebody_elses_is_left_out(client: redis.Redis) -> None:
    client.set(WATCH_COUNTS, "x")
    assert samples(client) == {}
