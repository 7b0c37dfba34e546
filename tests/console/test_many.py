"""Long values and long lists: a page says how much there is and stays short."""

import json
import time
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from starlette.testclient import TestClient

from receiver.auth.bearer import Credential
from receiver.config.settings import Listener, RedisStreamSink, Settings
from receiver.contract.records import Refusal, encode
from receiver.contract.redis_keys import (
    CREDENTIALS,
    EVENTS,
    HEARD,
    REJECTED,
    SINKS,
    TURNED_AWAY,
    forward_group,
    sink_state,
)
from receiver.metrics.counters import OTHER
from tests.console.conftest import OURS
from tests.support.console_data import receipt
from tests.support.running import mo
from tests.support.valkey import Valkey

NAMES = [f"listener-{number:03}" for number in range(300)]
REASON = "SenderAddress: " + "no address, " * 833
TEXT = "مرحبا 👨‍👩‍👧‍👦 " * 160


@pytest.fixture
def settings() -> Settings:
    sinks = tuple(RedisStreamSink(name=f"own-{number}", stream="s") for number in range(7))
    return Settings(listeners=tuple(Listener(name=name) for name in NAMES), sinks=sinks)


def test_of_three_hundred_listeners_the_first_page_has_the_longest_silent(
    viewer: TestClient, valkey: Valkey
) -> None:
    now = int(time.time() * 1000)
    for number, name in enumerate(NAMES):
        valkey.client().hset(HEARD, name, now - number * 60_000)
    page = viewer.get("/").text
    assert 'href="/listeners/listener-299"' in page
    assert page.count('href="/listeners/') == 10
    assert 'href="/listeners">All 300 listeners' in page
    assert viewer.get("/listeners").text.count('href="/listeners/') == 300


def test_of_two_hundred_sinks_the_first_page_has_those_with_trouble(
    viewer: TestClient, valkey: Valkey
) -> None:
    client: Any = valkey.client()
    for number in range(200):
        name = f"sink-{number:03}"
        client.xgroup_create(EVENTS, forward_group(name), id="0", mkstream=True)
        client.hset(SINKS, f"{name}:begun", 0)
    client.hset(sink_state("sink-123"), "stopped", "answered 410")
    page = viewer.get("/").text
    assert page.count('scope="row"><a href="/sinks/') == 10
    assert 'href="/sinks/sink-123">the sink sink-123 is stopped' in page
    assert 'href="/sinks">All 200 sinks' in page
    assert viewer.get("/sinks").text.count('scope="row"><a href="/sinks/') == 200


def test_a_sink_that_no_worker_has_begun_is_configured_all_the_same(viewer: TestClient) -> None:
    for path in ("/", "/sinks"):
        page = viewer.get(path).text
        assert "own-0, own-1" in page
        assert "No sink" not in page


def test_findings_that_say_the_same_stand_together_and_lead_nowhere_a_viewer_may_not_go(
    viewer: TestClient, valkey: Valkey
) -> None:
    beat = datetime.now(UTC).isoformat()
    valkey.client().hset("rq:worker:one", "last_heartbeat", beat)
    valkey.client().sadd("rq:workers:receiver-normalise", "rq:worker:one")
    page = viewer.get("/").text
    assert page.count("its events stay on the stream.") == 1
    assert page.count("no worker of the sink own-") == 5
    assert "and 2 more like it" in page
    assert "there is no credential" in page
    assert 'href="/credentials">there' not in page


def test_a_reason_of_ten_thousand_characters_and_a_long_header_are_folded(
    operator: TestClient, valkey: Valkey
) -> None:
    now = int(time.time() * 1000)
    headers = [("content-type", "application/json"), ("x-long", "h" * 24_000)]
    body = mo(TEXT)
    one = Refusal("att.sms.mo", "promo", receipt(1, now), now, 400, REASON, headers, body)
    entry: Any = valkey.client().xadd(REJECTED, {"r": encode(one)})
    for path in ("/rejected", "/live", "/live?outcome=rejected"):
        page = operator.get(path).text
        assert "no address, no address" in page
        assert len(page) < 15_000, path
    page = operator.get(f"/rejected/{entry.decode()}").text
    assert "10\u202f011 characters" in page
    assert REASON.strip() in page
    page = operator.post(f"/rejected/{entry.decode()}/reveal", headers=OURS).text
    assert "24\u202f000 characters" in page
    assert json.dumps(TEXT)[1:-1] in page  # as it came


def test_lists_that_somebody_has_filled_are_shown_a_page_at_a_time(
    operator: TestClient, valkey: Valkey
) -> None:
    client: Any = valkey.client()
    pipe = client.pipeline(transaction=False)
    pipe.xgroup_create(EVENTS, "forward:one", id="0", mkstream=True)
    for number in range(1_200):
        pipe.hset(SINKS, f"sink-{number:04}:begun", 0)
        one = Credential(label=f"label-{number:04}", created=float(number))
        pipe.hset(CREDENTIALS, f"{number:064x}", msgspec.json.encode(one))
        pipe.hset(TURNED_AWAY, f"made up {number}", 1)
    pipe.execute()
    for path, row in (
        ("/sinks", 'scope="row"><a href="/sinks/'),
        ("/ledger", 'scope="row"><a href="/sinks/'),
        ("/credentials", 'scope="row"><a href="/credentials/'),
    ):
        pages = [operator.get(f"{path}?from={start}").text for start in ("", "500", "1000")]
        assert [page.count(row) for page in pages] == [500, 500, 200], path
        assert "501 to 1\u202f000 of 1\u202f200</span>" in pages[1]
        assert f'href="{path}?from=1000">Next' in pages[1]
        assert f'href="{path}?from=0">Back' in pages[1]
        assert "Next</a>" not in pages[2]
    for wrong in ("1200", "-1", "9" * 30, "\u0663"):
        assert "1 to 500 of" in operator.get(f"/sinks?from={wrong}").text
    assert operator.get("/listeners/listener-001").text.count("made up ") == 100


def test_a_listener_that_was_perhaps_heard_among_others_was_not_never_heard(
    viewer: TestClient, valkey: Valkey
) -> None:
    assert ">never<" in viewer.get("/listeners").text
    valkey.client().hset(HEARD, OTHER, int(time.time() * 1000))
    state = viewer.app._app.state  # type: ignore[attr-defined]
    state.overview = None  # else it would be the reading of a moment ago
    for path in ("/", "/listeners"):
        page = viewer.get(path).text
        assert (">never<" in page, ">unknown<" in page) == (False, True), path
    assert "Never heard" not in viewer.get("/listeners/listener-001").text
