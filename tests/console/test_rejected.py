"""Rejected requests on the page: replayed through a real web process, and dropped."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from receiver.auth import credential_store
from receiver.contract.records import Refusal, encode
from receiver.contract.redis_keys import INBOUND, REJECTED
from receiver.operations import rejected_requests
from receiver.operations.rejected_requests import Found, Replay
from tests.console.conftest import OURS
from tests.console.test_dead_letters import finished
from tests.support.running import Receiver, mo
from tests.support.valkey import Valkey

NUMBER = "2065550142"


@pytest.fixture
def receiver(valkey: Valkey, tmp_path: Path) -> Iterator[Receiver]:
    running = Receiver(valkey, tmp_path)
    try:
        yield running.start_web()
    finally:
        running.kill()


@pytest.fixture
def web(receiver: Receiver) -> str:
    return receiver.url


def reject(valkey: Valkey, body: bytes, times: int = 1) -> str:
    """Refuse a request so often; the first one's id."""
    headers = [("content-type", "application/json"), ("x-sender", f"+1{NUMBER}")]
    one = Refusal("att.sms.mo", "promo", "0199d0a0000a1b2c3d400000001", 1, 400, "x", headers, body)
    pipe = valkey.client().pipeline(transaction=False)
    for _ in range(times):
        pipe.xadd(REJECTED, {"r": encode(one)})
    first: bytes = pipe.execute()[0]
    return first.decode()


def test_they_are_grouped_by_status_and_reason(viewer: TestClient, valkey: Valkey) -> None:
    reject(valkey, b"{}", 3)
    page = viewer.get("/rejected").text
    assert '<td class="right">3</td><td class="right">400</td>' in page
    assert 'href="/rejected?status=400&amp;reason=x"' in page


def test_what_is_good_today_is_taken_by_the_web_process(
    operator: TestClient, valkey: Valkey
) -> None:
    entry = reject(valkey, mo("private", f"tel:+1{NUMBER}"))
    page = operator.get(f"/rejected/{entry}").text
    assert NUMBER not in page
    assert "private" not in page
    assert NUMBER in operator.post(f"/rejected/{entry}/reveal", headers=OURS).text
    hopeless = reject(valkey, b"not what the carrier sends")
    page = confirmed(operator, action="replay")
    assert "2 of 2" in page
    assert "would be refused again" in page
    client = valkey.client()
    assert client.xlen(INBOUND) == 1
    assert client.xrange(REJECTED, hopeless, hopeless)
    assert credential_store.all_stored(client) == []  # its own token is gone again


def counted(operator: TestClient, **form: str) -> str:
    """The page that asks."""
    return operator.post("/rejected/confirm", headers=OURS, data=form).text


def confirmed(operator: TestClient, **form: str) -> str:
    """The page of the work that somebody began as the page that asks has it, once it has ended."""
    hidden = dict(re.findall(r'name="(\w+)" value="([^"]*)"', counted(operator, **form)))
    answer = operator.post("/rejected/run", headers=OURS, data=hidden | form)
    assert answer.status_code == 303, answer.text
    return finished(operator, answer.headers["location"])


def test_a_replay_holds_no_more_of_them_than_a_page(
    operator: TestClient, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = 1_000
    reject(valkey, b"not what the carrier sends", many)
    select, looked_at = rejected_requests.select, [0]
    held: list[int] = []

    def counted_select(*args: Any) -> Iterator[Found]:
        for one in select(*args):
            looked_at[0] += 1
            yield one

    def send(_: Replay, one: Found) -> str:
        held.append(looked_at[0] - len(held))
        return "taken"

    page = counted(operator, action="replay")
    monkeypatch.setattr(rejected_requests, "select", counted_select)
    monkeypatch.setattr(Replay, "send", send)
    hidden = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page))
    answer = operator.post("/rejected/run", headers=OURS, data=hidden)
    assert "<dt>done</dt><dd>1\u202f000</dd>" in finished(operator, answer.headers["location"])
    assert (len(held), max(held)) == (many, 1)
