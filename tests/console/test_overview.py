"""The overview: what to do where nothing has come, what is wrong, and a sample."""

import re
from typing import Any

import pytest
from starlette.testclient import TestClient

from receiver.console import audit
from receiver.console.pages import state
from receiver.contract.redis_keys import CREDENTIALS, INBOUND
from tests.console.conftest import OURS
from tests.console.test_live import accept
from tests.support.running import Receiver
from tests.support.valkey import Valkey


@pytest.fixture
def web(receiver: Receiver) -> str:
    return receiver.url


def test_an_empty_receiver_says_where_to_send_and_what_is_missing(
    operator: TestClient, web: str
) -> None:
    page = operator.get("/").text
    for path in ("/att/sms/mo?", "/att/sms/delivery-status?", "/camara/notifications<"):
        assert web + path in page
    assert "curl -i" in page
    assert "there is no credential" in page
    assert "receiver credentials add" in page


def test_a_viewer_has_no_sample_to_send(viewer: TestClient) -> None:
    assert "curl -i" in viewer.get("/").text
    assert "Send a sample" not in viewer.get("/").text


def test_once_something_came_the_addresses_give_way(operator: TestClient, valkey: Valkey) -> None:
    accept(valkey, 1)
    valkey.client().hincrby("receiver:ledger", "accepted", 1)
    assert "curl -i" not in operator.get("/").text


def test_one_of_something_is_not_several(viewer: TestClient, valkey: Valkey) -> None:
    for name in ("accepted", "published", "events"):
        valkey.client().hincrby("receiver:ledger", name, 1)
    assert ">1 event came of them." in viewer.get("/").text


def test_a_sample_goes_through_the_web_process_with_a_token_of_its_own(
    operator: TestClient, receiver: Receiver, valkey: Valkey
) -> None:
    receiver.start_web()
    answer = operator.post("/sample", headers=OURS)
    assert answer.status_code == 303
    page = operator.get(answer.headers["location"]).text
    story = re.search(r'href="(/n/[0-9a-f]{27})">Open its story', page)
    assert story
    assert "Send another" in page
    assert operator.get(story[1]).status_code == 200
    assert operator.get("/n/newest").headers["location"] == story[1]
    client = valkey.client()
    assert client.xlen(INBOUND) == 1
    assert client.hlen(CREDENTIALS) == 0
    assert [entry.action for _, entry in audit.newest(client)] == ["sample"]


def test_a_sample_that_nobody_takes_says_so(operator: TestClient, valkey: Valkey) -> None:
    answer = operator.post("/sample", headers=OURS)
    assert answer.status_code == 502
    assert "Nothing answers there" in answer.text
    assert valkey.client().hlen(CREDENTIALS) == 0


def test_a_listener_has_its_rate(viewer: TestClient, valkey: Valkey) -> None:
    assert "0.0 a minute." in viewer.get("/listeners/promo").text
    for number in range(30):
        accept(valkey, number)
    valkey.client().xadd(INBOUND, {"n": b"not ours"})
    assert "3.0 a minute over the last 10 min" in viewer.get("/listeners/promo").text
    assert "0.0 a minute." in viewer.get("/listeners/other").text


@pytest.mark.parametrize(("bound", "most"), [("RATE_MOST", 2), ("RATE_BYTES", 300)])
def test_a_rate_is_of_no_more_than_can_be_read_at_once(
    viewer: TestClient, valkey: Valkey, monkeypatch: pytest.MonkeyPatch, bound: str, most: int
) -> None:
    monkeypatch.setattr(state, bound, most)
    accept(valkey, 1)
    client: Any = valkey.client()
    [(_, fields)] = client.xrange(INBOUND)
    assert 150 < len(fields[b"n"]) < 300
    client.delete(INBOUND)
    for seconds in (300, 120, 60):
        client.xadd(INBOUND, fields, id=f"{(client.time()[0] - seconds) * 1000}-0")
    assert "1.0 a minute over the last 2 min" in viewer.get("/listeners/promo").text
