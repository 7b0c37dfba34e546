"""Search: an id leads to its story, a number is found and stands nowhere."""

import time
from typing import Any

import pytest
from starlette.testclient import TestClient

from receiver.console import audit, search
from receiver.contract.redis_keys import CONSOLE_AUDIT
from tests.console.conftest import OURS
from tests.console.test_live import NUMBER, accept, receipt, receipts, work
from tests.support.valkey import Valkey


def find(client: TestClient, text: str, **more: str) -> Any:
    return client.post("/search", headers=OURS, data={"text": text, **more})


@pytest.mark.parametrize("name", [receipt(1), receipt(1).upper(), "1764000000000-0", "ab" * 16])
def test_an_id_leads_to_its_story(viewer: TestClient, name: str) -> None:
    assert find(viewer, f" {name} ").headers["location"] == f"/n/{name.lower()}"


@pytest.mark.parametrize("text", [f"+1{NUMBER}", "+1 (206) 555-0142", "WORDS 1"])
def test_a_number_or_a_text_is_found_and_not_shown(
    operator: TestClient, valkey: Valkey, text: str
) -> None:
    accept(valkey, 1)
    accept(valkey, 2)
    work(valkey)
    page = find(operator, text).text
    assert receipts(page) == ([receipt(1)] if "WORDS" in text else [receipt(2), receipt(1)])
    assert "private" not in page
    trail: Any = valkey.client().xrange(CONSOLE_AUDIT)
    assert NUMBER not in repr(trail)
    assert audit.newest(valkey.client())[0][1].action == "search"


def test_what_is_beyond_the_window_or_too_short_is_not_looked_for(
    operator: TestClient, valkey: Valkey
) -> None:
    old = (int(time.time()) - 25 * 3600) * 1000
    event = '{"receiptid":"' + receipt(3) + '","data":{"text":"needle"}}'
    valkey.client().xadd("receiver:events", {"event": event}, id=f"{old}-0")
    assert receipts(find(operator, "needle").text) == []
    assert receipts(find(operator, "needle", window="7 days").text) == [receipt(3)]
    assert "Three characters" in find(operator, "ab").text


def test_a_long_search_says_how_far_it_looked_and_goes_on(
    operator: TestClient, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "SECONDS", 0.0)
    accept(valkey, 1)
    work(valkey)
    page = find(operator, "nothing like it").text
    assert "Keep looking" not in page  # it had no time for a single page, and says so
    monkeypatch.setattr(search, "MOST_FOUND", 1)
    monkeypatch.setattr(search, "SECONDS", 4.0)
    accept(valkey, 2)
    work(valkey)
    page = find(operator, "private words").text
    assert receipts(page) == [receipt(2)]
    assert "Keep looking" in page
    before = page.split('name="before" value="')[1].split('"')[0]
    assert receipts(find(operator, "private words", before=before).text) == [receipt(1)]


def test_a_viewer_looks_for_ids_only(viewer: TestClient, valkey: Valkey) -> None:
    accept(valkey, 1)
    work(valkey)
    assert receipts(find(viewer, NUMBER).text) == []
    assert audit.newest(valkey.client()) == []
