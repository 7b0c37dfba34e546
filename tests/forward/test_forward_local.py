"""Sinks on our own Redis, exactly once; and on another one."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer
from structlog.testing import capture_logs

from receiver.config.settings import RedisStreamSink, RqSink
from receiver.contract.records import Delivery, encode, sequence
from receiver.contract.redis_keys import retry_due, retry_items
from receiver.runtime.logs import Seldom
from tests.support.commands import rq_burst
from tests.support.forwarding import Forwarding, event, publish, publish_many
from tests.support.valkey import Valkey
from workers.forward import transactional_job
from workers.forward.transactional_job import TransactionalJob

STREAM = RedisStreamSink(name="copy", stream="company:events")
JOBS = RqSink(name="jobs", queue="company", function="company.on_event")


def copied(client: Any, stream: str = "company:events") -> list[dict[str, Any]]:
    return [msgspec.json.decode(fields[b"event"]) for _, fields in client.xrange(stream)]


def test_events_come_onto_the_stream_in_order_with_their_sequence(valkey: Valkey) -> None:
    forwarding = Forwarding(valkey, STREAM)
    entries = publish(valkey, *(event(number) for number in range(1200)))
    forwarding.run()
    found = copied(forwarding.client)
    assert found == [
        event(number) | {"sequence": sequence(entry)} for number, entry in enumerate(entries)
    ]
    assert [each["sequence"] for each in found] == sorted(each["sequence"] for each in found)
    assert forwarding.count("delivered") == 1200


def test_sequences_compare_as_text_as_the_entries_do_as_numbers() -> None:
    entries = [(1, 0), (1, 9), (1, 10), (999, 0), (1_700_000_000_000, 3), (1_700_000_000_001, 0)]
    names = [sequence(f"{milliseconds}-{number}") for milliseconds, number in entries]
    assert names == sorted(names)


def test_the_stream_is_kept_within_its_length(valkey: Valkey) -> None:
    forwarding = Forwarding(
        valkey, RedisStreamSink(name="copy", stream="company:events", max_length=100)
    )
    publish_many(valkey, 1000)
    forwarding.run()
    assert 100 <= forwarding.client.xlen("company:events") < 400


def test_an_age_counts_back_from_the_event_whatever_clock_the_worker_has(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    forwarding = Forwarding(
        valkey, RedisStreamSink(name="copy", stream="company:events", max_age_hours=1)
    )
    ahead = time.time() + 7200
    monkeypatch.setattr(time, "time", lambda: ahead)
    publish_many(valkey, 300)
    forwarding.run()
    assert forwarding.client.xlen("company:events") == 300


def test_an_age_longer_than_time_is_old_keeps_everything(valkey: Valkey) -> None:
    forwarding = Forwarding(
        valkey, RedisStreamSink(name="copy", stream="company:events", max_age_hours=1_000_000)
    )
    publish_many(valkey, 10)
    forwarding.run()
    assert len(copied(forwarding.client)) == forwarding.count("delivered") == 10


def test_large_events_are_read_in_smaller_numbers(valkey: Valkey) -> None:
    forwarding = Forwarding(valkey, STREAM)
    publish(valkey, *(event(number, data={"raw": "x" * 200_000}) for number in range(100)))
    sizes = []
    while items := forwarding.deliveries.lease(500):
        sizes.append(len(items))
    assert sum(sizes) == 100
    assert max(sizes) <= 40
    forwarding.run()
    assert [each["id"] for each in copied(forwarding.client)] == [
        event(n)["id"] for n in range(100)
    ]


def test_a_worker_is_given_no_more_than_it_asks_for(valkey: Valkey) -> None:
    forwarding = Forwarding(valkey, STREAM)
    publish_many(valkey, 20)
    left_open = forwarding.deliveries.lease(3)
    forwarding.deliveries.recover()
    again = forwarding.deliveries.lease(5)
    assert [item.id for item in again[:3]] == [item.id for item in left_open]
    assert len(again) == 5


def test_a_key_of_another_type_loses_nothing(valkey: Valkey) -> None:
    forwarding = Forwarding(valkey, STREAM)
    forwarding.client.set("company:events", "in the way")
    publish(valkey, event(1))
    forwarding.run()
    assert (forwarding.pending(), forwarding.count("delivered")) == (0, 0)  # not even leased
    forwarding.client.delete("company:events")
    forwarding.run()
    assert len(copied(forwarding.client)) == 1


@pytest.mark.parametrize("leased", [False, True])
def test_which_key_is_in_the_way_is_said_and_what_was_leased_comes_once_it_is_gone(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch, leased: bool
) -> None:
    monkeypatch.setattr(transactional_job, "_seldom", Seldom(structlog.get_logger()))
    forwarding = Forwarding(valkey, STREAM)
    assert isinstance(forwarding.job, TransactionalJob)
    publish_many(valkey, 3)
    items = forwarding.deliveries.lease(10) if leased else []
    forwarding.client.set("company:events", "in the way")
    with capture_logs() as said:
        if leased:
            assert not forwarding.job._deliver(items, 0)  # ends the job: it would go round
        else:
            forwarding.run()
    assert [line["event"] for line in said] == ["sink.blocked"]
    assert "company:events" in said[0]["error"]
    assert forwarding.count("delivered") == 0
    forwarding.client.delete("company:events")
    forwarding.run()
    assert len(copied(forwarding.client)) == forwarding.count("delivered") == 3


def test_two_workers_on_the_same_entries_deliver_each_once(valkey: Valkey) -> None:
    one, other = Forwarding(valkey, STREAM), Forwarding(valkey, STREAM)  # the same consumer name
    publish_many(valkey, 10)
    items = one.deliveries.lease(100)
    other.run()
    one.deliveries.settle([*one.job._runs(items)])  # type: ignore[union-attr]
    assert len(copied(one.client)) == 10
    assert one.count("delivered") == 10


def ask_again(forwarding: Forwarding, entry: str, document: dict[str, Any]) -> None:
    marked = b'{"replayed":true,' + msgspec.json.encode(document)[1:]
    item = Delivery(entry, marked, 1_800_000_000_000)
    forwarding.client.hset(retry_items(forwarding.sink.name), entry, encode(item))
    forwarding.client.zadd(retry_due(forwarding.sink.name), {entry: 0})


def test_what_is_asked_for_again_comes_again_once(valkey: Valkey) -> None:
    forwarding = Forwarding(valkey, STREAM)
    (entry,) = publish(valkey, event(1))
    forwarding.run()
    ask_again(forwarding, entry, event(1))
    forwarding.run()
    forwarding.run()
    again = event(1, replayed=True) | {"sequence": sequence(entry)}
    assert copied(forwarding.client) == [event(1) | {"sequence": sequence(entry)}, again]


def test_the_consumers_own_worker_runs_its_function_with_the_event(
    valkey: Valkey, tmp_path: Path
) -> None:
    (tmp_path / "company.py").write_text(
        "import json, os\n"
        "def on_event(event):\n"
        "    with open(os.environ['OUT'], 'a') as out:\n"
        "        out.write(json.dumps(event) + '\\n')\n"
    )
    forwarding = Forwarding(valkey, JOBS)
    entries = publish(valkey, event(1), event(2))
    forwarding.run()
    ask_again(forwarding, entries[0], event(1))
    forwarding.run()
    out = tmp_path / "out"
    said = rq_burst(tmp_path, valkey.url, "company", OUT=str(out))
    first, second = ({"sequence": sequence(entry)} for entry in entries)
    got = [msgspec.json.decode(line) for line in out.read_text().splitlines()]
    assert got == [event(1) | first, event(2) | second, event(1, replayed=True) | first]
    assert "+12065550100" not in said  # RQ logs descriptions


def test_a_job_is_named_for_its_event_and_its_sink(valkey: Valkey) -> None:
    forwarding = Forwarding(valkey, JOBS)
    publish(valkey, event(7))
    forwarding.run()
    queue = Queue("company", connection=forwarding.client, serializer=JSONSerializer)
    (job,) = queue.jobs
    assert (job.id, job.description) == (event(7)["id"] + "-jobs", "company.on_event")
    assert SimpleWorker([queue], connection=forwarding.client)


@pytest.mark.parametrize("kind", ["redis-stream", "rq"])
def test_another_redis_is_served_too_and_its_outage_is_retried(
    valkey: Valkey, start_valkey: Callable[..., Valkey], kind: str
) -> None:
    theirs = start_valkey()
    sink = (
        RedisStreamSink(name="copy", stream="company:events", redis_url=theirs.url)
        if kind == "redis-stream"
        else RqSink(name="jobs", queue="company", function="a.b", redis_url=theirs.url)
    )
    forwarding = Forwarding(valkey, sink)
    theirs.kill()
    publish_many(valkey, 5)
    forwarding.run()
    assert len(forwarding.retries()) == 5
    assert forwarding.retries()[0].reason == "Redis: ConnectionError"
    theirs.start()
    forwarding.later(3600)
    client: Any = theirs.client()
    arrived = len(copied(client)) if kind == "redis-stream" else client.llen("rq:queue:company")
    assert (arrived, forwarding.count("delivered")) == (5, 5)
    assert forwarding.client.exists("company:events", "rq:queue:company") == 0
    forwarding.close()
