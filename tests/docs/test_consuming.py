"""The page for consumers: its stream consumer and RQ worker run word by word, and its events."""

import json
import sys
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from rq import Queue
from rq.serializers import JSONSerializer

from receiver.carriers import CALLBACKS
from receiver.contract.records import Notification
from receiver.contract.redis_keys import EVENTS
from receiver.simulate.samples import SAMPLES, build
from tests.support.consuming_page import EVENTS_SHOWN, PAGE, copied, event, handled
from tests.support.eventually import eventually
from tests.support.valkey import Valkey
from workers.normalise.cloudevent import claim


@pytest.mark.parametrize("options", ["", "?protocol=3"])
def test_the_stream_consumer_handles_each_event_once_and_acknowledges_it(
    valkey: Valkey, tmp_path: Path, options: str
) -> None:
    client = valkey.client()
    for name in ("one", "two", "one", "three"):
        client.xadd(EVENTS, {"event": json.dumps(event(name))})
    with copied(tmp_path, [sys.executable, "consumer.py"], REDIS_URL=valkey.url + options):
        eventually(lambda: _all_acknowledged(valkey))
    assert handled(tmp_path) == ["one", "two", "three"]


def test_the_stream_consumer_takes_over_what_a_dead_one_left(
    valkey: Valkey, tmp_path: Path
) -> None:
    client = valkey.client()
    client.xgroup_create(EVENTS, "billing", id="0", mkstream=True)
    client.xadd(EVENTS, {"event": json.dumps(event("left"))})
    client.xreadgroup("billing", "dead", {EVENTS: ">"})
    environ = {"REDIS_URL": valkey.url, "TAKE_OVER_MILLISECONDS": "1"}
    with copied(tmp_path, [sys.executable, "consumer.py"], **environ):
        eventually(lambda: _all_acknowledged(valkey))
    assert handled(tmp_path) == ["left"]


def test_a_plain_rq_worker_runs_the_function_with_the_event(valkey: Valkey, tmp_path: Path) -> None:
    queue = Queue("crm", connection=valkey.client(), serializer=JSONSerializer)
    for name in ("one", "two"):
        queue.enqueue("handling.handle", event(name), job_id=name)
    queue.enqueue("handling.handle", event("one"), job_id="one-again")
    with copied(tmp_path, ["/bin/sh", "rq-worker"], REDIS_URL=valkey.url):
        eventually(lambda: len(queue.finished_job_registry) == 3)
    assert handled(tmp_path) == ["one", "two"]


@pytest.mark.parametrize("name", SAMPLES)
def test_the_page_shows_every_type_with_all_its_fields(name: str) -> None:
    sample = build(name)
    callback = next(one for one in CALLBACKS if one.path == sample.path)
    notification = Notification(
        callback.name, "promo", "receipt", 1, sample.content_type, sample.body
    )
    [said] = callback.normalise(notification, ZoneInfo("UTC"))
    real = json.loads(claim(callback, notification, said, 0).document)
    if name in EVENTS_SHOWN:
        shown = json.loads(EVENTS_SHOWN[name])
        for attribute in ("type", "identitybasis", "timebasis"):
            assert shown[attribute] == real[attribute]
        assert set(shown) == set(real)
        assert list(shown["data"]) == list(real["data"])
    assert f"`{real['type']}`" in PAGE
    assert [field for field in real["data"] if f"`{field}`" not in PAGE and field != "raw"] == []


def test_every_event_on_the_page_is_one_of_our_samples() -> None:
    assert EVENTS_SHOWN
    assert set(EVENTS_SHOWN) <= set(SAMPLES)


def _all_acknowledged(valkey: Valkey) -> bool:
    found: Any = valkey.client().xinfo_groups(EVENTS)
    return [(one["lag"], one["pending"]) for one in found] == [(0, 0)]
