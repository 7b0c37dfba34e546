"""What is parked of a sink, since when and what holds, and that a consumer refuses everything."""

import time
from typing import Any

from starlette.testclient import TestClient

from receiver.console.render import count
from receiver.contract.redis_keys import SINKS, sink_parking, sink_state
from tests.console.test_pages import fill
from tests.support.valkey import Valkey


def test_the_pages_of_sinks_show_what_is_parked_and_what_is_wrong_with_it(
    operator: TestClient, valkey: Valkey
) -> None:
    fill(valkey)
    client: Any = valkey.client()
    now = int(time.time() * 1000)
    told: dict[str, Any] = {"total": 9000, "returned": 2000, "host": "worker-3", "bytes": 455_000}
    client.hset(sink_parking("billing"), mapping=told | {"since": now - 60_000, "seen": now})
    client.hset(SINKS, mapping={"billing:parks": now, "billing:configured": now, "billing:shed": 5})
    client.delete(sink_state("billing"))
    page = operator.get("/sinks/billing").text
    assert f"{count(7_000)} of its oldest are parked on worker-3 since" in page
    assert f"{count(455_000)} bytes" in page
    assert "its oldest events are parked on a worker" in page
    assert "<dt>shed</dt><dd>5</dd>" in page
    assert count(7_000) in operator.get("/sinks").text
    assert "parking is stuck" not in page
    client.hset(sink_parking("billing"), "seen", now - 600_000)
    assert "No worker looks after that disk" in operator.get("/sinks/billing").text
    client.hset(sink_parking("billing"), "trouble", "No space left on device")
    assert "No space left on device" in operator.get("/sinks/billing").text
    assert "parking is stuck" in operator.get("/sinks").text


def test_a_consumer_that_refuses_everything_is_said_to(
    operator: TestClient, valkey: Valkey
) -> None:
    fill(valkey)
    client: Any = valkey.client()
    client.delete(sink_state("billing"))
    until = int(time.time() * 1000) + 60_000
    refused = {"opened": 3, "open_until": until, "refused": "answered 404"}
    client.hset(sink_state("billing"), mapping=refused)
    assert "refuses everything (answered 404)" in operator.get("/sinks/billing").text
    assert "refuses everything" in operator.get("/sinks").text
