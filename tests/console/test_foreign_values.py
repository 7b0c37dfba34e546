"""What another program wrote to our keys: every page and every reader goes on, and says so."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.testclient import TestClient

from receiver.auth import credential_store
from receiver.auth.bearer import Credential
from receiver.config.settings import RedisStreamSink, Settings
from receiver.contract import redis_keys
from receiver.contract.redis_keys import (
    CREDENTIALS,
    HEARD,
    LEDGER,
    LOSSES,
    MARKS,
    METER,
    SINKS,
    SUBSCRIPTIONS,
    TURNED_AWAY,
    retry_due,
    retry_items,
    sink_parking,
    sink_state,
)
from receiver.doctor.key_types import KINDS
from receiver.metrics.scrape import Scrape
from receiver.subscriptions.slots import Attempt, Slot, encode
from tests.console.test_pages import PAGES
from tests.support.command_line import here
from tests.support.commands import free_port
from tests.support.console_data import fill
from tests.support.valkey import Valkey

BYTES = b"\xff\xfe"
OWN = ("billing:begun", "billing:delivered", "normalise:moves", "normalise:moved", BYTES)
HASHES = (
    *(LEDGER, SINKS, HEARD, LOSSES, MARKS, METER, TURNED_AWAY),
    *(sink_state("billing"), sink_parking("billing"), retry_items("billing")),
    *("DEAD_LETTER_OWNERS", "CREDENTIALS", "CREDENTIALS_USED", "SUBSCRIPTIONS", "SPOOLS"),
    *("SUBSCRIPTION_SETS", "WATCHES", "WATCH_COUNTS", "CONSENTS", "ATTEMPTS"),
)
VALUES = (BYTES, b"9" * 30, b"10000000000000000")
READERS = ("status", "sinks list", "ledger", "doctor", "credentials list", "subscriptions list")


@pytest.fixture
def settings() -> Settings:
    return Settings(sinks=(RedisStreamSink(name="billing", stream="b"),))


@pytest.fixture
def stored(valkey: Valkey) -> str:
    """Something of everything; a receipt of it."""
    client, receipt = valkey.client(), fill(valkey)
    client.hset(SINKS, mapping={"billing:configured": 1, "billing:parks": 1})
    client.hset(sink_parking("billing"), mapping={"total": 3, "returned": 1, "host": "a"})
    client.hset(MARKS, mapping={"normalise:moves": 1, "normalise:moved": "1.5"})
    client.sadd("rq:workers:receiver-normalise", "rq:worker:x")
    client.hset("rq:worker:x", "last_heartbeat", "2026-01-01T00:00:00.000000Z")
    return receipt


def faults(operator: TestClient, receipt: str) -> dict[str, int]:
    """The pages that are not shown."""
    paths = [*PAGES, "/sinks/billing", "/listeners/promo", f"/n/{receipt}"]
    found = {path: operator.get(path).status_code for path in paths}
    return {path: status for path, status in found.items() if status >= 400}


@pytest.mark.parametrize("at", [1e308, -1e308, 1e17])
def test_a_credential_of_no_time_in_the_calendar_is_listed(
    operator: TestClient, valkey: Valkey, at: float, tmp_path: Path
) -> None:
    one = Credential(label="made-up", created=at, expires=at)
    valkey.client().hset(CREDENTIALS, "0" * 64, msgspec.json.encode(one))
    (known,) = credential_store.all_stored(valkey.client())
    for path in ("/", "/credentials", f"/credentials/{known.id}", "/export/credentials"):
        assert "made-up" in operator.get(path).text, path
    listed = here(tmp_path, "credentials", "list", REDIS_URL=valkey.url)
    assert (listed.code, "made-up" in listed.out) == (at < 0, True), listed.err


def test_a_subscription_that_ends_beyond_the_calendar_is_shown(
    operator: TestClient, valkey: Valkey, tmp_path: Path
) -> None:
    one = Attempt(
        id="a", state="active", generation=1, digest="", created=0, asked_end=0, ends=1e308
    )
    slot = Slot(
        id="fleet:1", set="fleet", operator="o", listener="l", type="t", device={}, attempts=[one]
    )
    valkey.client().hset(SUBSCRIPTIONS, slot.id, encode(slot))
    assert ">fleet<" in operator.get("/subscriptions").text
    listed = here(tmp_path, "subscriptions", "list", terminal=True, REDIS_URL=valkey.url)
    assert "fleet" in listed.out, listed.err


@pytest.mark.parametrize("value", VALUES, ids=["no text", "too long", "beyond all calendars"])
def test_values_that_are_none_of_ours_leave_every_page_and_reader_as_it_is(
    operator: TestClient, valkey: Valkey, stored: str, value: bytes, tmp_path: Path
) -> None:
    client = valkey.client()
    for name in HASHES:
        key = getattr(redis_keys, name, name)
        mapping: dict[Any, Any] = dict.fromkeys([*client.hkeys(key), *OWN], value)
        client.hset(key, mapping=mapping)
    client.hset("rq:worker:x", "last_heartbeat", value)
    client.zadd(retry_due("billing"), {BYTES: 1.5})
    assert faults(operator, stored) == {}
    scrape = Scrape(operator.app._app.state.settings, client, lambda: True)  # type: ignore[attr-defined]
    found = scrape._snapshot()
    assert found
    assert b"receiver_sink_parked" in scrape._written(found, ready=True)
    for words in READERS:
        port = str(free_port())  # of no web process
        done = here(tmp_path, *words.split(), "--json", REDIS_URL=valkey.url, PORT=port)
        assert done.code in (0, 1), done.err


def test_a_count_that_is_none_is_greyed_and_named(
    operator: TestClient, valkey: Valkey, stored: str
) -> None:
    client = valkey.client()
    client.hset(SINKS, "billing:delivered", "many")
    client.hset(LEDGER, "published", "1.5")
    client.hset(HEARD, "promo", BYTES)
    overview = operator.get("/").text
    assert '<dt>published</dt><dd><span class="unreadable">unreadable</span>' in overview
    for key, name in ((SINKS, "billing:delivered"), (LEDGER, "published"), (HEARD, "promo")):
        assert f"{key} has no whole number under &#39;{name}&#39;" in overview
    for path in ("/sinks", "/sinks/billing", "/ledger"):
        assert '<span class="unreadable">' in operator.get(path).text, path


def test_a_key_of_another_type_is_named_and_only_a_page_that_shows_nothing_else_ends(
    operator: TestClient, valkey: Valkey, stored: str
) -> None:
    client: Any = valkey.client()
    state = operator.app._app.state  # type: ignore[attr-defined]
    ended: set[str] = set()
    for key in sorted(KINDS):
        kept = client.dump(key)
        make_foreign(valkey, key)
        state.overview = None  # else it would be the reading of a moment ago
        assert f"{key} is a " in operator.get("/").text
        for path in (*PAGES, "/sinks/billing", "/listeners/promo", f"/n/{stored}"):
            answer = operator.get(path)
            assert answer.status_code in (200, 503), (key, path)
            if answer.status_code == 503:
                assert f"{key} is a " in answer.text, (key, path)
                ended.add(path)
        client.delete(key)
        if kept:
            client.restore(key, 0, kept)
    assert ended.isdisjoint({"/", "/charts", "/listeners", "/listeners/promo", "/search"})


OF_A_SINK: tuple[Callable[[str], str], ...] = (sink_state, sink_parking, retry_due, retry_items)


@pytest.mark.parametrize("name", OF_A_SINK, ids=lambda one: one.__name__)
def test_a_sink_whose_key_has_another_type_hides_none_of_the_others(
    operator: TestClient, valkey: Valkey, stored: str, name: Callable[[str], str]
) -> None:
    make_foreign(valkey, name("billing"))
    assert faults(operator, stored) == {}
    assert "billing" in operator.get("/sinks").text


def make_foreign(valkey: Valkey, key: str) -> None:
    client = valkey.client()
    client.delete(key)
    if KINDS.get(key) == "string":
        client.rpush(key, "somebody else's")
    else:
        client.set(key, "somebody else's")
