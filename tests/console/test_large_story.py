"""A request of very many items: its story is told in a few round trips, on a page of some size."""

import html
import re
from typing import Any

import pytest
import redis
from starlette.testclient import TestClient

from receiver.config.settings import RedisStreamSink, Settings
from receiver.console.pages.story import BODIES, LINES
from receiver.contract.records import Notification, Refusal, encode
from receiver.contract.redis_keys import INBOUND, REJECTED
from receiver.operations.explain import explain
from tests.console.test_live import work
from tests.support.explaining import receipt
from tests.support.running import mo
from tests.support.valkey import Valkey
from workers.forward.delivery_queue import create_group

ITEMS = 400
RECEIPT = receipt(1)
SINKS = tuple(RedisStreamSink(name=name, stream=name) for name in ("one", "two"))


@pytest.fixture
def settings() -> Settings:
    return Settings(sinks=SINKS)


@pytest.fixture(autouse=True)
def _one_request(valkey: Valkey) -> None:
    """Of many items, one of which is refused."""
    client = valkey.client()
    for sink in SINKS:
        create_group(client, sink.name)
    pipe = client.pipeline(transaction=False)
    for number in range(ITEMS):
        body = mo(f"text {number}")
        one = Notification("att.sms.mo", "promo", RECEIPT, 1, "application/json", body)
        pipe.xadd(INBOUND, {"n": encode(one)})
    refused = Refusal("att.sms.mo", "promo", RECEIPT, 1, 400, "no number", [], b'{"bad": 1}')
    pipe.xadd(REJECTED, {"r": encode(refused)})
    pipe.execute()
    work(valkey)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One for each time that a connection sent something."""
    found: list[int] = []
    send: Any = redis.connection.AbstractConnection.send_packed_command

    def counted(*arguments: Any, **options: Any) -> None:
        found.append(1)
        send(*arguments, **options)

    monkeypatch.setattr(redis.connection.AbstractConnection, "send_packed_command", counted)
    return found


def test_it_is_explained_in_a_few_round_trips(
    valkey: Valkey, settings: Settings, sent: list[int]
) -> None:
    (story,) = explain(valkey.client(), RECEIPT, settings)
    assert story.outcomes == ["published", "rejected"]
    whats = [line.what for line in story.lines]
    assert whats.count("kept") == whats.count("published") == ITEMS
    assert whats.count("has not been read yet") == len(SINKS) * ITEMS
    assert len(sent) < ITEMS / 4


def test_a_page_shows_some_of_it_what_was_refused_first_and_says_how_much_is_left(
    viewer: TestClient, sent: list[int]
) -> None:
    page = viewer.get(f"/n/{RECEIPT}").text
    assert len(sent) < ITEMS / 2
    assert page.count('aria-label="As it came"') == BODIES
    assert page.count('aria-label="As it came out"') == BODIES - 1  # one was refused
    assert page.count('<li class="') == LINES
    said = " ".join(html.unescape(re.sub("<[^>]*>", " ", page)).split())
    assert "no number" in said
    lines = 2 + (2 + len(SINKS)) * ITEMS
    assert f"{lines - LINES} more lines do not stand here: receiver explain" in said
    left = ITEMS - (BODIES - 1) + ITEMS - (BODIES - 1)
    assert f"{left} more bodies and events of this request do not stand here" in said
