"""What became of a notification: told from its receipt to every reader, with the reasons."""

import json
from pathlib import Path
from typing import Any

import pytest
import redis

from receiver.config.settings import RedisStreamSink, Settings
from receiver.contract.records import DeadLetter, Delivery, Refusal, encode
from receiver.contract.redis_keys import (
    DEAD_LETTERS,
    EVENTS,
    GROUP,
    INBOUND,
    REJECTED,
    retry_due,
    retry_items,
)
from receiver.operations.explain import explain
from tests.support.command_line import here
from tests.support.commands import run
from tests.support.explaining import NUMBER, accept, receipt, told, work
from tests.support.running import mo
from tests.support.valkey import Valkey
from workers.normalise import decide

BILLING = RedisStreamSink(name="billing", stream="billing")
DEVICES = RedisStreamSink(name="devices", stream="devices", types=("device.*",))


def test_a_web_process_s_clock_may_be_a_little_ahead(valkey: Valkey) -> None:
    client = valkey.client()
    name = receipt(1, ago=-1500)
    accept(client, name, mo())
    [story] = explain(client, name, Settings())
    assert "kept" in told(story)


def test_a_published_notification_is_told_from_receipt_to_every_reader(
    valkey: Valkey, tmp_path: Path
) -> None:
    client = valkey.client()
    name = receipt(1)
    accept(client, name, mo("private", f"tel:+1{NUMBER}"))
    client.xgroup_create(EVENTS, "forward:billing", id="0", mkstream=True)
    client.xgroup_create(EVENTS, "forward:devices", id="0")
    client.xgroup_create(EVENTS, "reports", id="0")
    work(client)
    client.xreadgroup("reports", "one", {EVENTS: ">"})
    [(entry, fields)] = _entries(client, EVENTS)
    [story] = explain(
        client,
        name,
        Settings(
            sinks=(
                BILLING,
                DEVICES,
            )
        ),
    )
    assert story.outcomes == ["published"]
    assert told(story) == [
        "received",
        "kept",
        "published",
        "has not been read yet",
        "has not been read yet",
        "is not wanted by its filters",
        "has been read and not acknowledged",
    ]
    event = json.loads(fields[b"event"])["id"]
    for other in (event, entry.decode(), name):
        answer = run(tmp_path, "explain", other, "--json", REDIS_URL=valkey.url)
        assert json.loads(answer.stdout.splitlines()[-1])["receipt"] == name
        assert NUMBER not in answer.stdout
        assert "private" not in answer.stdout
    seen = here(tmp_path, "explain", name, terminal=True, REDIS_URL=valkey.url).out
    assert seen.startswith(f"{name}: published\n")
    assert NUMBER not in seen


def test_what_is_open_says_whether_a_worker_has_it(valkey: Valkey) -> None:
    client = valkey.client()
    first, second = receipt(1), receipt(2)
    accept(client, first, mo())
    entry = accept(client, second, mo())
    [story] = explain(client, first, Settings())
    assert (story.outcomes, told(story)[-1]) == (["open"], "waits for a worker")
    client.xgroup_create(INBOUND, GROUP, id="0")
    client.xreadgroup(GROUP, "host-0", {INBOUND: ">"}, count=1)
    [story] = explain(client, first, Settings())
    assert story.lines[-1].what == "is with a worker"
    assert story.lines[-1].about["worker"] == "host-0"
    [story] = explain(client, entry, Settings())
    assert (story.receipt, told(story)[-1]) == (second, "waits for a worker")


def test_a_dead_letter_gives_its_reason(valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> None:
    client = valkey.client()
    name = receipt(1)
    accept(client, name, mo())
    monkeypatch.setattr(decide, "BY_NAME", {})
    work(client)
    [(entry, _)] = _entries(client, DEAD_LETTERS)
    for one in (name, entry.decode()):
        story = explain(client, one, Settings())[-1]
        assert story.outcomes == ["dead letter"]
        assert story.lines[-1].what == "could not be understood"
        assert story.lines[-1].about["reason"] == "normalising failed: KeyError"


def test_a_delivery_that_is_tried_again_or_was_given_up_is_told(
    valkey: Valkey, tmp_path: Path
) -> None:
    client = valkey.client()
    name = receipt(1)
    accept(client, name, mo())
    client.xgroup_create(EVENTS, "forward:billing", id="0", mkstream=True)
    work(client)
    [(entry, fields)] = _entries(client, EVENTS)
    delivery = Delivery(entry.decode(), fields[b"event"], 1, 3, "answered 503")
    client.hset(retry_items("billing"), entry, encode(delivery))
    client.zadd(retry_due("billing"), {entry: 12345})
    letter = DeadLetter(2**42, "answered 422", b"", "crm", fields[b"event"], 1, entry.decode())
    client.xadd(DEAD_LETTERS, {"d": encode(letter)})
    [story] = explain(client, name, Settings(sinks=(BILLING,)))
    by_what = {line.what: line.about for line in story.lines}
    again = by_what["will be tried again"]
    assert (again["sink"], again["attempts"], again["due"]) == ("billing", 3, 12345)
    assert by_what["was given up"]["reason"] == "answered 422"
    assert story.outcomes == ["published"]
    answer = run(tmp_path, "explain", name, REDIS_URL=valkey.url)
    assert '"due":"1970-01-01T00:00:12.345Z"' in answer.stdout


def test_a_refused_request_is_told_with_its_reason(valkey: Valkey) -> None:
    client = valkey.client()
    name = receipt(1)
    refusal = Refusal("att.sms.mo", "promo", name, 1, 400, "Message is missing", [], b"{}")
    client.xadd(REJECTED, {"r": encode(refusal)})
    [story] = explain(client, name, Settings())
    assert story.outcomes == ["rejected"]
    assert story.lines[-1].about["reason"] == "Message is missing"


def test_two_events_of_one_id_are_told_apart(valkey: Valkey) -> None:
    client = valkey.client()
    name = receipt(1)
    accept(client, name, mo())
    client.xgroup_create(EVENTS, "reports", id="0", mkstream=True)
    work(client)
    [(first, fields)] = _entries(client, EVENTS)
    second: Any = client.xadd(EVENTS, {"event": fields[b"event"]})  # as after its identity went
    client.xreadgroup("reports", "one", {EVENTS: ">"}, count=1)
    [story] = explain(client, name, Settings())
    standing = {line.about["entry"]: line.what for line in story.lines if "group" in line.about}
    assert standing == {
        first.decode(): "has been read and not acknowledged",
        second.decode(): "has not been read yet",
    }


def _entries(client: redis.Redis, stream: str) -> list[tuple[bytes, dict[bytes, bytes]]]:
    found: Any = client.xrange(stream)
    return list(found)
