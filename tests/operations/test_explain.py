import json
import time
from pathlib import Path
from typing import Any

import pytest
import redis

from receiver.config.settings import RedisStreamSink, Settings
from receiver.contract.records import DeadLetter, Delivery, Notification, Refusal, encode
from receiver.contract.redis_keys import (
    DEAD_LETTERS,
    EVENTS,
    GROUP,
    INBOUND,
    REJECTED,
    retry_due,
    retry_items,
)
from receiver.operations.explain import Story, Unknown, explain
from receiver.operations.look import PAGE
from tests.support.command_line import here
from tests.support.commands import run
from tests.support.running import mo
from tests.support.valkey import Valkey
from workers.normalise import decide
from workers.normalise.job import Normaliser

NUMBER = "2125550123"
BILLING = RedisStreamSink(name="billing", stream="billing")
DEVICES = RedisStreamSink(name="devices", stream="devices", types=("device.*",))


def receipt(number: int, *, ago: int = 0) -> str:
    return f"{time.time_ns() // 1_000_000 - ago:011x}a1b2c3d4{number:08x}"


def accept(client: redis.Redis, name: str, body: bytes) -> str:
    now = int(name[:11], 16)
    notification = Notification("att.sms.mo", "promo", name, now, "application/json", body)
    entry: Any = client.xadd(INBOUND, {"n": encode(notification)})
    return str(entry.decode())


def work(client: redis.Redis) -> None:
    Normaliser(client, "one", Settings(), lambda: False).run()


def told(story: Story) -> list[str]:
    return [line.what for line in story.lines]


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


def test_one_of_many_is_found_also_when_it_lay_on_the_spool_for_an_hour(valkey: Valkey) -> None:
    client = valkey.client()
    name = receipt(7, ago=3_600_000)
    for number in range(2 * PAGE):
        accept(client, receipt(number), mo())
    accept(client, name, mo())
    accept(client, receipt(9), mo())
    work(client)
    [story] = explain(client, name, Settings())
    assert told(story) == ["received", "kept", "published"]


def test_all_notifications_of_one_request_are_told(valkey: Valkey) -> None:
    client = valkey.client()
    name = receipt(1)
    for _ in range(3):
        accept(client, name, mo())
    work(client)
    [story] = explain(client, name, Settings())
    assert told(story) == ["received", "kept", "kept", "kept", *["published"] * 3]


def test_entries_of_two_streams_with_one_id_are_told_apart(valkey: Valkey, tmp_path: Path) -> None:
    client = valkey.client()
    one, other = receipt(1), receipt(2)
    entry = accept(client, one, mo())
    refusal = Refusal("att.sms.mo", "promo", other, 1, 400, "Message is missing", [], b"{}")
    client.xadd(REJECTED, {"r": encode(refusal)}, id=entry)
    said = here(tmp_path, "explain", entry, terminal=True, REDIS_URL=valkey.url).out
    assert f"{one}: open (receiver:inbound)\n" in said
    assert f"{other}: rejected (receiver:rejected)\n" in said
    told = run(tmp_path, "explain", entry, REDIS_URL=valkey.url).stdout
    stories = {story["receipt"]: story for story in map(json.loads, told.splitlines())}
    assert stories[one]["streams"] == ["receiver:inbound"]
    [refused] = [line for line in stories[other]["story"] if line["what"] == "rejected"]
    assert (refused["entry"], refused["stream"]) == (entry, "receiver:rejected")
    assert refused["reason"] == "Message is missing"


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


@pytest.mark.parametrize(
    "name", ["nonsense", "1-0", "0" * 32, pytest.param(receipt(1), id="a receipt"), "*", ""]
)
def test_what_is_not_stored_is_said(name: str, valkey: Valkey, tmp_path: Path) -> None:
    with pytest.raises(Unknown):
        explain(valkey.client(), name, Settings())
    answer = run(tmp_path, "explain", name, REDIS_URL=valkey.url)
    assert (answer.returncode, answer.stdout, answer.stderr.count("\n")) == (1, "", 1)


def _entries(client: redis.Redis, stream: str) -> list[tuple[bytes, dict[bytes, bytes]]]:
    found: Any = client.xrange(stream)
    return list(found)


def test_the_whole_body_is_found_by_its_receipt(valkey: Valkey, tmp_path: Path) -> None:
    infos = [{"address": f"tel:+1{NUMBER}", "deliveryStatus": "DeliveredToTerminal"}] * 2
    body = json.dumps({"deliveryInfoNotification": {"messageId": "m", "deliveryInfo": infos}})
    accept(valkey.client(), name := receipt(1), body.encode())
    found = run(tmp_path, "explain", "--body", name, REDIS_URL=valkey.url)
    assert (found.stdout, found.returncode) == (f"{body}\n", 0)
    none = run(tmp_path, "explain", "--body", receipt(2), REDIS_URL=valkey.url)
    assert (none.stdout, none.returncode) == ("", 1)
    assert "no body is stored under the receipt" in none.stderr


def test_of_a_batch_that_came_over_lines_each_notification_is_a_line(
    valkey: Valkey, tmp_path: Path
) -> None:
    name = receipt(1)
    for number in (1, 2):
        accept(valkey.client(), name, json.dumps({"id": f"{number}\n"}, indent=2).encode())
    found = run(tmp_path, "explain", "--body", name, REDIS_URL=valkey.url)
    lines = [json.loads(line) for line in found.stdout.splitlines()]
    assert lines == [{"id": "1\n"}, {"id": "2\n"}]
