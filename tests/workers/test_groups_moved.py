"""Somebody destroys a consumer group of ours or moves it: all comes out once all the same."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from receiver.config.settings import RedisStreamSink, Settings
from receiver.contract.records import Notification, encode
from receiver.contract.redis_keys import EVENTS, GROUP, INBOUND, LEDGER, MARKS, forward_group
from receiver.operations import ledger, sink_ledger
from tests.support.consumer import consuming
from tests.support.forwarding import Forwarding, http_sink, publish_many
from tests.support.valkey import Valkey
from workers.maintenance.sink_sweep import SinkSweep
from workers.maintenance.sweep import Sweep
from workers.normalise.job import Normaliser

Stranger = Callable[[Any, str, str], object]


def _made_anew(start: str) -> Stranger:
    def stranger(client: Any, stream: str, group: str) -> None:
        client.xgroup_destroy(stream, group)
        client.xgroup_create(stream, group, id=start)

    return stranger


def _set_to(where: str) -> Stranger:
    return lambda client, stream, group: client.xgroup_setid(stream, group, where)


STRANGERS: dict[str, Stranger] = {
    "destroyed": lambda client, stream, group: client.xgroup_destroy(stream, group),
    "made anew at 0": _made_anew("0"),
    "made anew at the end": _made_anew("$"),
    "set to 0": _set_to("0"),
    "set to the middle": lambda client, stream, group: client.xgroup_setid(
        stream, group, client.xrange(stream)[client.xlen(stream) // 2][0]
    ),
    "set to the end": _set_to("$"),
}


@pytest.fixture(params=list(STRANGERS.values()), ids=list(STRANGERS))
def stranger(request: pytest.FixtureRequest) -> Stranger:
    found: Stranger = request.param
    return found


def accept(client: Any, *numbers: int) -> None:
    """Messages that nothing tells apart: with neither an id nor a time, their basis is `none`."""
    for number in numbers:
        body = {"SenderAddress": "tel:+12065550100", "Message": f"text {number}"}
        one = Notification(
            "att.sms.mo", "default", f"{number:027x}", 1, "application/json",
            json.dumps({"InboundSmsMessage": body}).encode(),
        )  # fmt: skip
        client.xadd(INBOUND, {"n": encode(one)})
        client.hincrby(LEDGER, "accepted", 1)


def work(client: Any, consumer: str = "one") -> None:
    Normaliser(client, consumer, Settings(), lambda: False).run()


def published(client: Any) -> list[str]:
    events = [json.loads(fields[b"event"]) for _, fields in client.xrange(EVENTS)]
    assert {event["identitybasis"] for event in events} <= {"none"}
    return sorted(event["data"]["text"] for event in events)


def texts(count: int) -> list[str]:
    return sorted(f"text {number}" for number in range(count))


def moves(client: Any, group: str) -> int:
    return int(client.hget(MARKS, f"{group}:moves") or 0)


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


def test_a_sink_on_our_own_redis_stays_exactly_once(valkey: Valkey, stranger: Stranger) -> None:
    sink = RedisStreamSink(name="copy", stream="company:events")
    forwarding = Forwarding(valkey, sink)
    client = forwarding.client
    publish_many(valkey, 400)
    forwarding.run()
    publish_many(valkey, 100, first=400)
    other = Forwarding(valkey, sink, consumer="other")
    assert len(other.deliveries.lease(30)) == 30
    stranger(client, EVENTS, forward_group("copy"))
    publish_many(valkey, 1, first=500)
    forwarding.run()
    other.run()
    forwarding.run()
    copied = [json.loads(fields[b"event"])["id"] for _, fields in client.xrange("company:events")]
    assert (len(copied), len(set(copied))) == (501, 501)
    (books,) = sink_ledger.read(client)
    assert (books.delivered, books.open, books.balanced) == (501, 0, True)
    assert moves(client, forward_group("copy")) >= 1


def test_in_the_middle_of_a_job_a_sink_gets_nothing_again(
    valkey: Valkey, stranger: Stranger
) -> None:
    forwarding = Forwarding(valkey, RedisStreamSink(name="copy", stream="company:events"))
    publish_many(valkey, 100)
    forwarding.run()
    publish_many(valkey, 50, first=100)
    forwarding.deliveries.lease(1)
    forwarding.deliveries.recover = lambda: None  # type: ignore[method-assign]
    stranger(forwarding.client, EVENTS, forward_group("copy"))
    forwarding.run()
    del forwarding.deliveries.recover
    forwarding.run()
    entries = forwarding.client.xrange("company:events")
    copied = [json.loads(fields[b"event"])["id"] for _, fields in entries]
    assert (len(copied), len(set(copied))) == (150, 150)


def test_a_web_hook_gets_nothing_again_that_it_had_taken(
    valkey: Valkey, stranger: Stranger
) -> None:
    with consuming() as consumer:
        consumer.behaviour = lambda request, _handler: (204, 500)[
            int(request.headers["webhook-id"], 16) % 2
        ]
        sink = http_sink(consumer, concurrency=3)
        forwarding = Forwarding(valkey, sink)
        publish_many(valkey, 9)
        forwarding.run()
        assert len(consumer.requests) == 9
        stranger(forwarding.client, EVENTS, forward_group("hook"))
        publish_many(valkey, 1, first=100)
        SinkSweep(forwarding.client, (sink,)).run()
        forwarding.run()
        assert len(consumer.requests) == 10
        (books,) = sink_ledger.read(forwarding.client)
        assert (books.delivered, books.open, books.balanced) == (6, 4, True)


def test_a_sink_begins_where_it_was_left_when_a_supervisor_finds_its_group_gone(
    valkey: Valkey,
) -> None:
    sink = RedisStreamSink(name="copy", stream="company:events")
    forwarding = Forwarding(valkey, sink)
    publish_many(valkey, 10)
    forwarding.run()
    forwarding.client.xgroup_destroy(EVENTS, forward_group("copy"))
    publish_many(valkey, 5, first=10)
    SinkSweep(forwarding.client, (sink,)).create_groups()
    forwarding.run()
    assert forwarding.client.xlen("company:events") == 15
    assert sink_ledger.read(forwarding.client)[0].balanced
