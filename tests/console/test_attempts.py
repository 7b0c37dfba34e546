"""The attempts to deliver, on the page of a sink and of an event."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from receiver.config.settings import HttpSink, Settings
from receiver.contract.records import Attempt, encode
from receiver.contract.redis_keys import DELIVERIES, EVENTS, SINKS, sink_deliveries
from tests.console.conftest import OURS
from tests.console.test_live import NUMBER, accept, receipt, work
from tests.support.valkey import Valkey

SCRIPT = "<script>alert(1)</script>"
ANSWER = f'{{"status": "busy", "to": "+1{NUMBER}", "{SCRIPT}": 1}}'.encode()


@pytest.fixture
def settings() -> Settings:
    return Settings(sinks=(HttpSink(name="hook", url="https://hooks.example.com/"),))


def fill(valkey: Valkey) -> str:
    """One published notification of which the first attempt failed, the second not; its entry."""
    accept(valkey, 1)
    work(valkey)
    client = valkey.client()
    client.hset(SINKS, "hook:begun", 0)
    stream: Any = client.xrange(EVENTS)
    entry = str(stream[0][0].decode())
    at = int(entry.partition("-")[0])
    failed = Attempt("hook", entry, 1, at + 5, 31, 503, f"answered {SCRIPT}", ANSWER)
    taken = Attempt("hook", entry, 2, at + 9, 12, 204, "")
    other = Attempt("hook", "1-1", 7, at + 9, 12, 418, "answered 418")
    for one in (failed, other):
        client.xadd(DELIVERIES, {"a": encode(one)})
    for one in (failed, other, taken):
        client.xadd(sink_deliveries("hook"), {"a": encode(one)})
    return entry


def test_a_sinks_page_lists_its_last_attempts_masked(viewer: TestClient, valkey: Valkey) -> None:
    assert "No request has been sent yet" not in viewer.get("/sinks/hook").text
    entry = fill(valkey)
    page = viewer.get("/sinks/hook").text
    assert page.index(">204<") < page.index(">418<") < page.index(">503<")
    assert f'href="/n/{entry}"' in page
    assert NUMBER not in page
    assert SCRIPT not in page
    assert "&#34;status&#34;: &#34;busy&#34;" in page


def test_a_story_lists_the_attempts_at_its_event(operator: TestClient, valkey: Valkey) -> None:
    fill(valkey)
    page = operator.get(f"/n/{receipt(1)}").text
    assert page.index(">503<") < page.index(">204<")
    assert ">418<" not in page
    assert NUMBER not in page
    assert SCRIPT not in page
    shown = operator.post(f"/n/{receipt(1)}/reveal", headers=OURS).text
    assert NUMBER in shown.split("Attempts to deliver")[1].split("</section>")[0]
    assert SCRIPT not in shown
