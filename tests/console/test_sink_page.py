"""The page of one sink: what is wrong and its button first, the oldest that waits, its filters."""

import time
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from receiver.config.settings import HttpSink, RqSink, Settings
from receiver.contract.records import Delivery, encode
from receiver.contract.redis_keys import (
    EVENTS,
    SINKS,
    forward_group,
    retry_due,
    retry_items,
    sink_state,
)
from receiver.operations import oldest_waiting
from tests.support.command_line import here
from tests.support.console_data import NUMBER
from tests.support.valkey import Valkey

FILTER: Any = {"data.final": True, "subject": f"+1{NUMBER}"}
OTHER = RqSink(name="jobs", queue="company", function="company.jobs.on_event")
SINK = HttpSink(name="hook", url="https://hooks.example.com/", where=FILTER, share=12.5)


@pytest.fixture
def settings() -> Settings:
    return Settings(sinks=(SINK, OTHER))


@pytest.fixture(autouse=True)
def begun(valkey: Valkey) -> None:
    valkey.client().xgroup_create(EVENTS, forward_group("hook"), id="0", mkstream=True)
    valkey.client().hset(SINKS, mapping={"hook:begun": 0, "hook:configured": _ms(0)})


def _ms(seconds_ago: int) -> int:
    return int((time.time() - seconds_ago) * 1000)


def publish(valkey: Valkey, seconds_ago: int) -> str:
    entry: Any = valkey.client().xadd(EVENTS, {"event": "{}"}, id=f"{_ms(seconds_ago)}-0")
    return str(entry.decode())


def test_what_starts_a_stopped_sink_stands_beside_what_is_wrong(
    operator: TestClient, valkey: Valkey
) -> None:
    stopped = {"stopped": "answered 410", "stopped_at": _ms(7_200)}
    client: Any = valkey.client()
    client.hset(sink_state("hook"), mapping=stopped)
    page = operator.get("/sinks/hook").text
    assert page.index("answered 410") < page.index("2 h ago") < page.index("Start it again")
    assert page.index("Start it again") < page.index("balanced")
    assert "until somebody starts it; what has waited for 3 d becomes a dead letter." in page


def test_a_configured_sink_that_no_worker_ever_had_says_what_to_start(viewer: TestClient) -> None:
    page = viewer.get("/sinks").text
    assert ">hook<" in page
    assert "jobs: no worker has begun yet, and nothing is sent. Start <code>receiver w" in page
    one = viewer.get("/sinks/jobs")
    assert (one.status_code, "No worker has begun yet" in one.text) == (404, True)
    assert "was ever configured" in viewer.get("/sinks/nobody").text


def test_a_consumer_that_answers_with_an_error_is_not_said_to_be_silent(
    viewer: TestClient, valkey: Valkey
) -> None:
    client: Any = valkey.client()
    failing = {"opened": 1, "open_until": _ms(-60), "down_since": _ms(60)}
    client.hset(sink_state("hook"), mapping=failing)
    item = encode(Delivery(entry="1-1", event=b"{}", first=1, attempts=1, reason="answered 500"))
    client.hset(retry_items("hook"), "1-1", item)
    client.zadd(retry_due("hook"), {"1-1": _ms(-60)})
    for page in ("/", "/sinks", "/sinks/hook"):
        said = viewer.get(page).text
        assert ">failing<" in said
        assert "does not answer" not in said
    assert "Requests fail: answered 500." in viewer.get("/sinks/hook").text


def test_the_oldest_that_waits_is_read_pending_or_retried(
    viewer: TestClient, valkey: Valkey
) -> None:
    client: Any = valkey.client()
    assert "none waits" in viewer.get("/sinks/hook").text
    old, *_ = (publish(valkey, ago) for ago in (10_800, 7_200, 60))
    assert oldest_waiting.oldest(client, "hook") == int(old.partition("-")[0])
    group = forward_group("hook")
    client.xreadgroup(group, "one", {EVENTS: ">"}, count=2)
    assert "published <time" in viewer.get("/sinks/hook").text
    assert "3 h ago" in viewer.get("/sinks/hook").text  # pending
    client.zadd(retry_due("hook"), {old: 1})
    client.xack(EVENTS, group, old)
    assert "3 h ago" in viewer.get("/sinks/hook").text  # to be tried again
    client.delete(retry_due("hook"))
    assert "2 h ago" in viewer.get("/sinks/hook").text
    assert oldest_waiting.oldest(client, "nobody") == 0


def test_its_filters_are_shown_and_no_number_in_them(viewer: TestClient) -> None:
    page = viewer.get("/sinks/hook").text
    assert "data.final = True" in page
    assert "subject = +1•" in page
    assert NUMBER not in page
    assert "12.5 %" in page


def test_sinks_with_trouble_stand_first(viewer: TestClient, valkey: Valkey) -> None:
    client: Any = valkey.client()
    for name in ("a", "b", "c"):
        client.xgroup_create(EVENTS, forward_group(name), id="0")
        client.hset(SINKS, mapping={f"{name}:begun": 0, f"{name}:configured": _ms(0)})
    client.hset(SINKS, "0-retired:begun", 0)
    client.hset(sink_state("c"), "stopped", "answered 410")
    client.hset(sink_state("b"), "opened", 1)
    page = viewer.get("/sinks").text
    at = [page.index(f'href="/sinks/{name}"') for name in ("c", "b", "a", "hook", "0-retired")]
    assert at == sorted(at)


@pytest.mark.parametrize("failing", [True, False])
def test_a_sink_that_no_worker_has_is_not_said_to_be_sent_to_or_tried_again(
    viewer: TestClient, valkey: Valkey, tmp_path: Path, failing: bool
) -> None:
    client: Any = valkey.client()
    assert ">sending<" in viewer.get("/sinks/hook").text
    client.hset(SINKS, "hook:configured", _ms(300))
    if failing:
        client.hset(sink_state("hook"), mapping={"opened": 1, "open_until": _ms(-60)})
    (tmp_path / "receiver.toml").write_text(
        '[[sink]]\nname = "hook"\nkind = "http"\nurl = "https://hooks.example.com/"\n'
    )
    told = here(tmp_path, "sinks", "list", "--json", REDIS_URL=valkey.url).out
    assert "no worker has had it for" in told
    for path in ("/", "/sinks", "/sinks/hook"):
        page = viewer.get(path).text
        assert ">no worker has it<" in page
        assert ">failing<" not in page
    page = viewer.get("/sinks/hook").text
    assert "No running worker has it" in page
    assert "probe" not in page
