"""A duplicate names the event that it repeats."""

import itertools
import json
import time
from pathlib import Path
from typing import Any

import pytest

from receiver.config.settings import Listener, Settings
from receiver.contract.records import Notification, encode
from receiver.contract.redis_keys import EVENTS, INBOUND
from receiver.operations import look, notification_entries
from receiver.operations.explain import Unknown, explain
from tests.support.commands import run
from tests.support.running import mo
from tests.support.valkey import Valkey
from workers.normalise.job import Normaliser

_numbers = itertools.count(1)
DOUBLES = Settings(listeners=(Listener("promo", repeats="publish"),))


def receipt() -> str:
    return f"{time.time_ns() // 1_000_000:011x}a1b2c3d4{next(_numbers):08x}"


def accept(client: Any, callback: str, *bodies: bytes) -> str:
    """One request with these notifications; its receipt."""
    name = receipt()
    for body in bodies:
        client.xadd(INBOUND, {"n": encode(Notification(callback, "promo", name, 1, "", body))})
    return name


def work(client: Any, settings: Settings | None = None) -> list[tuple[str, dict[str, Any]]]:
    """The events, each with its entry."""
    Normaliser(client, "one", settings or Settings(), lambda: False).run()
    found = client.xrange(EVENTS)
    return [(entry.decode(), json.loads(fields[b"event"])) for entry, fields in found]


def statuses(*words: str) -> bytes:
    infos = [{"address": "tel:+12065550100", "deliveryStatus": word} for word in words]
    said = {"messageId": "0x1fL", "deliveryInfo": infos}
    return json.dumps({"deliveryInfoNotification": said}).encode()


def device(number: int) -> bytes:
    event = {"specversion": "1.0", "id": f"e-{number}", "source": "/s", "type": "t"}
    return json.dumps(event).encode()


CASES = [
    ("att.sms.mo", mo("private")),
    ("att.sms.mo", mo("private").replace(b'"MessageId": ""', b'"MessageId": "m-1"')),
    ("att.sms.delivery-status", statuses("Sent")),
    ("camara.notifications", device(1)),
]


@pytest.mark.parametrize(("callback", "body"), CASES)
@pytest.mark.parametrize("behind", [False, True])
def test_a_duplicate_names_the_event_that_it_repeats_and_how_to_look_at_it(
    valkey: Valkey, tmp_path: Path, callback: str, body: bytes, behind: bool
) -> None:
    client = valkey.client()
    first = accept(client, callback, body)
    if not behind:  # else both wait for a worker, and the event comes after its repeat came in
        work(client)
    second = accept(client, callback, body)
    [(entry, event)] = work(client)
    [story] = explain(client, second, Settings())
    assert story.outcomes == ["duplicate"]
    [line] = [line for line in story.lines if line.what == "repeats"]
    assert line.about == {
        "event": event["id"],
        "entry": entry,
        "stream": EVENTS,
        "receipt": first,
        "look": f"receiver explain {first}",
    }
    said = run(tmp_path, "explain", second, REDIS_URL=valkey.url).stdout
    told = json.loads(said)
    assert (told["receipt"], told["outcomes"]) == (second, ["duplicate"])
    assert "2065550100" not in said
    assert "private" not in said
    look = run(tmp_path, *str(line.about["look"]).split()[1:], REDIS_URL=valkey.url)
    assert json.loads(look.stdout)["outcomes"] == ["published"]
    assert [line.what for line in explain(client, first, Settings())[0].lines] == [
        *("received", "kept", "published")
    ]


def test_of_a_list_or_batch_each_repeat_is_named(valkey: Valkey) -> None:
    client = valkey.client()
    accept(client, "att.sms.delivery-status", statuses("Sent"))
    partly = accept(client, "att.sms.delivery-status", statuses("Sent", "Failed"))
    accept(client, "camara.notifications", device(1))
    batch = accept(client, "camara.notifications", device(1), device(2), device(2))
    events = [event["id"] for _, event in work(client)]
    assert len(events) == 4
    told = {}
    for name in (partly, batch):
        [story] = explain(client, name, Settings())
        assert story.outcomes == ["duplicate", "published"]
        told[name] = [line.about["event"] for line in story.lines if line.what == "repeats"]
    assert told == {partly: [events[0]], batch: [events[2], events[3]]}


def test_what_came_before_and_is_no_longer_stored_is_said(valkey: Valkey) -> None:
    client = valkey.client()
    body = mo()
    accept(client, "att.sms.mo", body)
    [(_, event)] = work(client)
    second = accept(client, "att.sms.mo", body)
    client.delete(EVENTS)
    work(client)
    [story] = explain(client, second, Settings())
    assert story.outcomes == ["duplicate, or what became of it is no longer stored"]
    assert story.lines[-1].what == "has no event on the stream, nor has what it may repeat"
    assert story.lines[-1].about == {"event": event["id"]}


def test_what_is_open_or_published_although_it_came_before_repeats_nothing(
    valkey: Valkey,
) -> None:
    client = valkey.client()
    body = mo()
    accept(client, "att.sms.mo", body)
    work(client)
    second = accept(client, "att.sms.mo", body)
    assert explain(client, second, Settings())[0].outcomes == ["open"]
    assert len(work(client, DOUBLES)) == 2
    for settings in (DOUBLES, Settings()):
        [story] = explain(client, second, settings)
        assert (story.outcomes, story.lines[-1].what) == (["published"], "published")


def test_a_budget_says_that_it_ended_and_without_one_everything_is_looked_at(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = valkey.client()
    body = mo()
    first = accept(client, "att.sms.mo", body)
    [(entry, event)] = work(client)
    for _ in range(20):
        accept(client, "att.sms.mo", mo())
    work(client)
    second = accept(client, "att.sms.mo", body)
    work(client)
    monkeypatch.setattr(look, "PAGE", 2)
    monkeypatch.setattr(notification_entries, "BEFORE", 0)
    [story] = explain(client, second, Settings(), 10)
    assert story.lines[-1].what == "has no event among those looked at, nor has what it may repeat"
    assert story.reached[EVENTS] > entry
    with pytest.raises(Unknown) as unknown:
        explain(client, event["id"], Settings(), 10)
    assert unknown.value.reached[EVENTS] > entry
    [story] = explain(client, second, Settings())
    assert (story.lines[-1].about["receipt"], story.reached) == (first, {})
    [story] = explain(client, event["id"], Settings())
    assert (story.receipt, story.reached) == (first, {})
