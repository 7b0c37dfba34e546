"""The page of the ledger and its export say what `receiver ledger` says of the same counts."""

import json
import re
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from receiver.contract.redis_keys import (
    EVENTS,
    GROUP,
    INBOUND,
    LEDGER,
    SINKS,
    WATCH_COUNTS,
    forward_group,
)
from tests.operations.test_bounded_readers import fill
from tests.support.command_line import here
from tests.support.valkey import Valkey


def balances(page: str) -> bool:
    """What stands beside the heading."""
    heading = page.split("<h1>")[1].split("</h1>")[0]
    assert heading.endswith((">balanced</span>", ">does not balance</span>"))
    return "does not" not in heading


def test_it_balances_where_notifications_sinks_and_watches_do(
    viewer: TestClient, valkey: Valkey, tmp_path: Path
) -> None:
    client: Any = valkey.client()

    def said() -> bool:
        done = here(tmp_path, "ledger", "--json", REDIS_URL=valkey.url)
        balanced: bool = json.loads(done.out)["balanced"]
        assert (done.code == 0) == balanced
        return balanced

    assert (balances(viewer.get("/ledger").text), said()) == (True, True)
    client.xgroup_create(EVENTS, forward_group("billing"), id="0", mkstream=True)
    client.hset(SINKS, mapping={"billing:begun": 0, "billing:delivered": 3})
    page = viewer.get("/ledger").text
    assert (balances(page), said()) == (False, False)
    assert "The counts of the sink billing do not add up" in page
    client.hset(SINKS, "billing:delivered", 0)
    client.hset(WATCH_COUNTS, "inbox:watched", 3)
    page = viewer.get("/ledger").text
    assert (balances(page), said()) == (False, False)
    assert "The counts of what the poll inbox watches do not add up" in page


def test_what_a_sink_let_go_stands_among_what_adds_up(
    viewer: TestClient, valkey: Valkey, tmp_path: Path
) -> None:
    client: Any = valkey.client()
    client.xgroup_create(EVENTS, forward_group("billing"), id="0", mkstream=True)
    client.hset(SINKS, mapping={"billing:begun": -5, "billing:delivered": 2})
    assert 'scope="col" class="right">shed<' not in viewer.get("/ledger").text
    client.hset(SINKS, mapping={"billing:shed": 2, "billing:erased": 1})
    told = here(tmp_path, "ledger", terminal=True, REDIS_URL=valkey.url).out
    told = " ".join(re.sub("\x1b\\[[0-9;]*m", "", told).split())
    assert "events 5 delivered 2 filtered 0 dead 0 shed 2 erased 1 open 0" in told
    page = viewer.get("/ledger").text
    assert balances(page)
    row = page[page.index("/sinks/billing") :]
    found = re.findall(r'data-is="([a-z ]+)">(\d+)<', row)
    assert [f"{name} {count}" for name, count in found] == [
        *("events 5", "delivered 2", "filtered 0", "dead 0", "parked 0"),
        *("shed 2", "erased 1", "open 0"),
    ]


def test_its_export_has_no_number_where_the_page_has_none(
    viewer: TestClient, valkey: Valkey
) -> None:
    fill(valkey.client(), INBOUND, GROUP, 5_300)
    valkey.client().hset(LEDGER, mapping={"accepted": 5_300, "published": "many"})
    assert ">unreadable<" in viewer.get("/ledger").text
    assert "5\u202f000 or more" in viewer.get("/ledger").text
    lines = viewer.get("/export/ledger?format=ndjson").text.splitlines()
    found = {one["name"]: one for one in map(json.loads, lines)}
    assert found["published"]["count"] is None
    assert found["published"]["meaning"] == "came out as events; unreadable"
    assert (found["open"]["count"], found["open"]["meaning"]) == (5_000, "not done yet; or more")
    assert found["accepted"]["count"] == 5_300
