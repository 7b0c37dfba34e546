"""Replay to a sink on its page: counted first, then exactly that, until somebody ends it."""

import re
import time
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.testclient import TestClient

from receiver.config.settings import HttpSink, Settings
from receiver.console import audit
from receiver.console.pages import sink_replay
from receiver.contract.redis_keys import EVENTS, SINKS, retry_due, sink_state
from receiver.operations.event_replay import PAGE, WAITING_MOST
from tests.console.conftest import OURS
from tests.console.test_dead_letters import finished
from tests.support.eventually import eventually
from tests.support.valkey import Valkey

EVENT = '{"id":"%s","type":"%s","source":"/att/sms/mo/promo","data":{}}'
SINK = HttpSink(name="hook", url="https://hooks.example.com/", types=("sms.*",))


@pytest.fixture
def settings() -> Settings:
    return Settings(sinks=(SINK,))


def publish(valkey: Valkey, count: int, kind: str = "sms.a") -> list[str]:
    client = valkey.client()
    client.hset(SINKS, "hook:begun", 0)
    found: list[Any] = [
        client.xadd(EVENTS, {"event": EVENT % (number, kind)}) for number in range(count)
    ]
    return [entry.decode() for entry in found]


def counted(operator: TestClient, since: str = "1h") -> str:
    return operator.post("/sinks/hook/replay", headers=OURS, data={"since": since}).text


def fields(page: str) -> dict[str, str]:
    return dict(re.findall(r'name="(\w+)" value="([^"]*)"', page))


def test_exactly_what_was_counted_is_replayed(operator: TestClient, valkey: Valkey) -> None:
    names = publish(valkey, 3)
    publish(valkey, 2, "device.x")  # which the sink does not want
    page = counted(operator)
    assert "Replay 3 events to hook?" in page
    assert re.findall(r'href="/n/([\d-]+)"', page) == [names[0], names[-1]]
    assert valkey.client().zcard(retry_due("hook")) == 0  # a dry run
    eventually(lambda: valkey.client().time()[0] * 1000 > int(fields(page)["until"]))
    publish(valkey, 1)
    answer = operator.post("/sinks/hook/replay/run", headers=OURS, data=fields(page))
    page = finished(operator, answer.headers["location"])
    assert "3 of 3: <strong>done</strong>" in page
    assert 'href="/sinks/hook">To the sink' in page
    assert "hx-get" not in page  # nothing asks on once it has ended
    due: Any = valkey.client().zrange(retry_due("hook"), 0, -1)
    assert sorted(one.decode() for one in due) == names
    ((_, entry),) = audit.newest(valkey.client())
    assert (entry.who, entry.action, entry.count) == ("ada", "sink.replay", 3)


def test_what_is_published_later_is_left_out_whatever_the_console_s_clock_says(
    operator: TestClient, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = publish(valkey, 2)
    ahead = SimpleNamespace(time=lambda: time.time() + 60, monotonic=time.monotonic)
    monkeypatch.setattr(sink_replay, "time", ahead)
    eventually(lambda: valkey.client().time()[0] * 1000 > int(names[-1].partition("-")[0]))
    form = fields(counted(operator))
    publish(valkey, 1)
    place = operator.post("/sinks/hook/replay/run", headers=OURS, data=form).headers["location"]
    assert "2 of 2: <strong>done</strong>" in finished(operator, place)
    due: Any = valkey.client().zrange(retry_due("hook"), 0, -1)
    assert sorted(one.decode() for one in due) == names


def test_it_waits_while_the_sink_is_behind_and_ends_when_asked(
    operator: TestClient, valkey: Valkey
) -> None:
    publish(valkey, 3)
    behind = {f"{number}-0": 2**52 for number in range(WAITING_MOST + 1)}
    valkey.client().zadd(retry_due("hook"), behind)
    answer = operator.post("/sinks/hook/replay/run", headers=OURS, data=fields(counted(operator)))
    task = answer.headers["location"]
    eventually(lambda: "deliveries to do first" in operator.get(task).text)
    assert "hx-get" in operator.get(task).text
    operator.post(f"{task}/cancel", headers=OURS)
    assert "<strong>cancelled</strong>" in finished(operator, task)
    assert valkey.client().zcard(retry_due("hook")) == WAITING_MOST + 1


def test_what_was_not_counted_to_the_end_is_replayed_to_it_and_said_so(
    operator: TestClient, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sink_replay, "SECONDS", -1.0)
    publish(valkey, PAGE + 50)
    page = counted(operator)
    assert f"Replay at least {PAGE} events" in page
    form = fields(page)
    assert form["count"] == str(PAGE)
    place = operator.post("/sinks/hook/replay/run", headers=OURS, data=form).headers["location"]
    page = finished(operator, place)
    assert f"<h1>Replay at least {PAGE} events to hook</h1>" in page
    assert f"{PAGE + 50} of {PAGE + 50}: <strong>done</strong>" in page


@pytest.mark.parametrize("since", ["", "yesterday", "9999999999d", "-1h", "٣h", "<b>"])
def test_what_is_no_time_is_said_so(operator: TestClient, valkey: Valkey, since: str) -> None:
    publish(valkey, 1)
    page = counted(operator, since)
    assert "That is no time" in page
    assert "<b>" not in page


def test_a_stopped_sink_or_none_gets_nothing(operator: TestClient, valkey: Valkey) -> None:
    publish(valkey, 1)
    valkey.client().hset(sink_state("hook"), "stopped", "answered <b>410")
    assert "The sink is stopped" in counted(operator)
    assert "<b>" not in counted(operator)
    assert "replay what was published" not in operator.get("/sinks/hook").text
    answer = operator.post("/sinks/nobody/replay", headers=OURS, data={"since": "1h"})
    assert answer.status_code == 404
    assert audit.newest(valkey.client()) == []


def test_a_viewer_has_no_replay_to_order(viewer: TestClient, valkey: Valkey) -> None:
    publish(valkey, 1)
    assert "replay what was published" not in viewer.get("/sinks/hook").text
