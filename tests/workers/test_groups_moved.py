"""Somebody destroys a consumer group of ours or moves it: all comes out once all the same."""

import json
from typing import Any

import pytest

from receiver.config.settings import Settings
from receiver.contract.records import Notification, encode
from receiver.contract.redis_keys import EVENTS, GROUP, INBOUND, LEDGER, MARKS
from receiver.operations import ledger
from tests.support.valkey import Valkey
from tests.workers.conftest import Stranger, moves
from workers.maintenance.sweep import Sweep
from workers.normalise.job import Normaliser


def accept(client: Any, *numbers: int) -> None:
    """Messages that nothing tells apart: with neither an id nor a time, their basis is `none`."""
    pipe = client.pipeline(transaction=False)
    for number in numbers:
        body = {"SenderAddress": "tel:+12065550100", "Message": f"text {number}"}
        one = Notification(
            "att.sms.mo", "default", f"{number:027x}", 1, "application/json",
            json.dumps({"InboundSmsMessage": body}).encode(),
        )  # fmt: skip
        pipe.xadd(INBOUND, {"n": encode(one)})
    pipe.hincrby(LEDGER, "accepted", len(numbers))
    pipe.execute()


def work(client: Any, consumer: str = "one") -> None:
    Normaliser(client, consumer, Settings(), lambda: False).run()


def published(client: Any) -> list[str]:
    events = [json.loads(fields[b"event"]) for _, fields in client.xrange(EVENTS)]
    assert {event["identitybasis"] for event in events} <= {"none"}
    return sorted(event["data"]["text"] for event in events)


def texts(count: int) -> list[str]:
    return sorted(f"text {number}" for number in range(count))


def test_at_rest_nothing_is_published_again(valkey: Valkey, stranger: Stranger) -> None:
    client: Any = valkey.client()
    accept(client, *range(250))
    work(client)
    stranger(client, INBOUND, GROUP)
    accept(client, 250)
    work(client)
    assert published(client) == texts(251)
    books = ledger.read(client)
    assert (books.published, books.open, books.balanced) == (251, 0, True)


def test_with_work_open_all_of_it_is_done_once(valkey: Valkey, stranger: Stranger) -> None:
    """One worker holds some, another has done what came behind them, more has not been read."""
    client: Any = valkey.client()
    accept(client, *range(20))
    work(client)
    accept(client, *range(20, 30))
    client.xreadgroup(GROUP, "one", {INBOUND: ">"}, count=10)
    accept(client, *range(30, 60))
    client.xreadgroup(GROUP, "two", {INBOUND: ">"}, count=15)
    work(client, "two")
    accept(client, *range(60, 80))
    client.xreadgroup(GROUP, "three", {INBOUND: ">"}, count=5)
    stranger(client, INBOUND, GROUP)
    accept(client, *range(80, 90))
    for consumer in ("two", "one", "three", "two"):
        work(client, consumer)
    assert published(client) == texts(90)
    books = ledger.read(client)
    assert (books.published, books.open, books.balanced) == (90, 0, True)
    assert moves(client, GROUP) >= 1


def test_in_the_middle_of_a_job_nothing_is_published_again(
    valkey: Valkey, stranger: Stranger, monkeypatch: pytest.MonkeyPatch
) -> None:
    client: Any = valkey.client()
    accept(client, *range(100))
    work(client)
    accept(client, *range(100, 150))
    recover = Normaliser._recover

    def meanwhile(self: Normaliser, until: float) -> bool:
        over = recover(self, until)
        stranger(client, INBOUND, GROUP)
        return over

    with monkeypatch.context() as patch:
        patch.setattr(Normaliser, "_recover", meanwhile)
        try:
            work(client)
        except Exception as error:  # noqa: BLE001 - RQ would say that the job failed
            assert "NOGROUP" in str(error)  # noqa: PT017
    accept(client, 150)
    work(client)
    work(client)
    assert published(client) == texts(151)
    assert ledger.read(client).balanced


def test_the_sweep_rings_for_a_group_that_was_moved(valkey: Valkey, stranger: Stranger) -> None:
    client: Any = valkey.client()
    accept(client, *range(30))
    client.xgroup_create(INBOUND, GROUP, id="0", mkstream=True)
    work(client)
    accept(client, *range(30, 40))
    stranger(client, INBOUND, GROUP)
    client.delete("rq:queue:receiver-normalise")
    Sweep(client).ring()
    assert client.llen("rq:queue:receiver-normalise") == 1


def test_a_group_that_nobody_moved_is_left_alone(valkey: Valkey) -> None:
    client: Any = valkey.client()
    for start in range(0, 100, 10):
        accept(client, *range(start, start + 10))
        client.xreadgroup(GROUP, "two", {INBOUND: ">"}, count=3) if start else None
        work(client)
        client.delete("rq:queue:receiver-normalise")
    work(client, "two")
    Sweep(client).ring()
    assert (moves(client, GROUP), client.llen("rq:queue:receiver-normalise")) == (0, 0)
    assert len(client.hget(MARKS, GROUP).split()) == 2  # all is one range


def test_a_stream_that_was_deleted_begins_anew(valkey: Valkey) -> None:
    client: Any = valkey.client()
    accept(client, *range(30))
    work(client)
    client.delete(INBOUND)
    accept(client, *range(30, 40))
    work(client)
    assert published(client) == texts(40)
