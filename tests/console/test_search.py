"""Search: an id leads to its story, a number is found and stands nowhere."""

import re
import time
from typing import Any

import pytest
import redis
from starlette.testclient import TestClient

from receiver.console import audit, search
from receiver.console.mask import Masks
from receiver.console.pages import search as page
from receiver.contract.records import Notification, encode
from receiver.contract.redis_keys import CONSOLE_AUDIT, INBOUND
from tests.console.conftest import OURS
from tests.console.test_live import NUMBER, accept, receipt, receipts, work
from tests.support.running import mo
from tests.support.valkey import Valkey


def find(client: TestClient, text: str, **more: str) -> Any:
    return client.post("/search", headers=OURS, data={"text": text, **more})


@pytest.mark.parametrize("name", [receipt(1), receipt(1).upper(), "1764000000000-0", "ab" * 16])
def test_an_id_leads_to_its_story(viewer: TestClient, name: str) -> None:
    assert find(viewer, f" {name} ").headers["location"] == f"/n/{name.lower()}"


@pytest.mark.parametrize(
    "text",
    [
        *(f"+1{NUMBER}", "+1 (206) 555-0142", "+1\N{NO-BREAK SPACE}206 555 0142", "WORDS 1"),
        *("206-5550142", "1206555-0142", NUMBER),  # none of which leads to an address with it in
    ],
)
def test_a_number_or_a_text_is_found_and_not_shown(
    operator: TestClient, valkey: Valkey, text: str
) -> None:
    accept(valkey, 1)
    accept(valkey, 2)
    work(valkey)
    found = find(operator, text).text
    assert receipts(found) == ([receipt(1)] if "WORDS" in text else [receipt(2), receipt(1)])
    assert "private" not in found
    trail: Any = valkey.client().xrange(CONSOLE_AUDIT)
    assert NUMBER not in repr(trail)
    assert audit.newest(valkey.client())[0][1].action == "search"


@pytest.mark.parametrize(
    "text", ["привет", "ПРИВЕТ, СТРАШЕ", "grüsse", "GRÜSSE", '"ÄRGER"', "ΔΗΜΟΣ", "δημοσί"]
)
def test_capital_letters_of_any_script_are_found_by_small_ones(
    operator: TestClient, valkey: Valkey, text: str
) -> None:
    body = mo('Привет, Страшенко "Ärger" Grüsse ΔΗΜΟΣΊΑ', f"tel:+1{NUMBER}")
    one = Notification("att.sms.mo", "promo", receipt(1), 0, "application/json", body)
    valkey.client().xadd(INBOUND, {"n": encode(one)})
    work(valkey)
    assert receipts(find(operator, text).text) == [receipt(1)]


def test_what_is_beyond_the_window_or_too_short_is_not_looked_for(
    operator: TestClient, valkey: Valkey
) -> None:
    old = (int(time.time()) - 25 * 3600) * 1000
    event = '{"receiptid":"' + receipt(3) + '","data":{"text":"needle"}}'
    valkey.client().xadd("receiver:events", {"event": event}, id=f"{old}-0")
    assert receipts(find(operator, "needle").text) == []
    assert receipts(find(operator, "needle", window="7 days").text) == [receipt(3)]
    assert "Three characters" in find(operator, "ab").text


def test_a_message_id_that_looks_like_one_of_ours_is_looked_for_where_nothing_is_stored_under_it(
    operator: TestClient, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, now = "ab" * 16, int(time.time()) * 1000
    for number in (1, 2):
        event = f'{{"receiptid":"{receipt(number)}","data":{{"messageId":"{name.upper()}"}}}}'
        valkey.client().xadd("receiver:events", {"event": event}, id=f"{now}-{number}")
    unknown = operator.get(find(operator, name).headers["location"]).text
    form = dict(re.findall(r'name="(\w+)" value="([^"]*)"', unknown))
    assert form == {"text": name, "window": "7 days", "as": "text"}
    assert receipts(find(operator, **form).text) == [receipt(2), receipt(1)]
    monkeypatch.setattr(search, "PAGE", 1)
    monkeypatch.setattr(page, "MOST_FOUND", 1)
    form = dict(re.findall(r'name="(\w+)" value="([^"]*)"', find(operator, **form).text))
    assert receipts(find(operator, **{"text": name, "before": form["before"]}).text) == [receipt(1)]


def test_a_long_search_says_how_far_it_looked_and_goes_on(
    operator: TestClient, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "PAGE", 1)
    accept(valkey, 1)
    accept(valkey, 2)
    work(valkey)
    whole = find(operator, "private words").text
    assert receipts(whole) == [receipt(2), receipt(1)]
    assert "2 found among 2 events" in whole
    monkeypatch.setattr(page, "MOST_FOUND", 1)
    one = find(operator, "private words").text
    assert receipts(one) == [receipt(2)]
    assert "1 found among 1 events" in one
    assert "Keep looking" in one
    before = one.rsplit('name="before" value="', 1)[1].split('"')[0]
    assert receipts(find(operator, "private words", before=before).text) == [receipt(1)]
    monkeypatch.setattr(page, "SECONDS", -1.0)
    late = find(operator, "nothing like it").text
    assert "0 found among 1 events" in late
    assert "Keep looking" in late


def test_one_search_at_a_time_and_whoever_ends_his_makes_room(
    operator: TestClient, valkey: Valkey
) -> None:
    accept(valkey, 1)
    work(valkey)
    steps = search.search(valkey.client(), Masks(b""), "private words", 24)
    assert next(steps).looked_at == 1
    busy = find(operator, "private words").text
    assert "Somebody else searches" in busy
    assert receipts(busy) == []
    steps.close()  # type: ignore[attr-defined]
    assert receipts(find(operator, "private words").text) == [receipt(1)]


def test_a_search_that_loses_redis_says_how_far_it_was(
    operator: TestClient, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept(valkey, 1)
    accept(valkey, 2)
    work(valkey)
    monkeypatch.setattr(search, "PAGE", 1)
    real, asked = redis.Redis.xrevrange, []

    def once(self: redis.Redis, *args: Any, **options: Any) -> Any:
        asked.append(args)
        if len(asked) > 1:
            raise redis.ConnectionError
        return real(self, *args, **options)

    monkeypatch.setattr(redis.Redis, "xrevrange", once)
    text = find(operator, "private words").text
    assert receipts(text) == [receipt(2)]
    assert "Redis does not answer" in text
    assert "Keep looking" in text
    assert text.rstrip().endswith("</html>")


def test_a_viewer_looks_for_ids_only(viewer: TestClient, valkey: Valkey) -> None:
    accept(valkey, 1)
    work(valkey)
    assert receipts(find(viewer, NUMBER).text) == []
    assert audit.newest(valkey.client()) == []
