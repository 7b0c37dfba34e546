"""Several `rq` sinks on one server: each has its own job of each event."""

from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any
from zlib import decompress

import msgspec
import pytest
from rq import Queue
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer
from rq.utils import now
from rq.utils import utcparse as parse

from receiver.config.settings import RqSink
from receiver.contract.redis_keys import EVENTS
from receiver.operations.event_replay import Replay, Wanted
from tests.support.commands import rq_burst
from tests.support.forwarding import Forwarding, event, publish, publish_many
from tests.support.valkey import Valkey
from workers.sinks import open_sink

MODULE = """
import json, os

def _write(name, event):
    with open(os.environ["OUT"], "a") as out:
        out.write(json.dumps([name, event["id"], event.get("replayed", False)]) + "\\n")

def on_event(event):
    _write("on_event", event)

def other(event):
    _write("other", event)
"""


def worked(theirs: Valkey, tmp_path: Path, *queues: str) -> list[list[Any]]:
    """The company's own worker takes what is there: function, event and whether it is a replay."""
    (tmp_path / "jobs.py").write_text(MODULE)
    out = tmp_path / "out"
    out.write_text("")
    rq_burst(tmp_path, theirs.url, *queues, OUT=str(out))
    return sorted(msgspec.json.decode(line) for line in out.read_text().splitlines())


@pytest.mark.parametrize("where", ["ours", "another"])
@pytest.mark.parametrize("queues", [("company", "company0"), ("company", "company")])
def test_two_rq_sinks_each_run_their_function_with_each_event_and_each_replay(
    valkey: Valkey,
    start_valkey: Callable[..., Valkey],
    tmp_path: Path,
    where: str,
    queues: tuple[str, str],
) -> None:
    theirs = valkey if where == "ours" else start_valkey()
    url = None if where == "ours" else theirs.url
    functions = {"jobs": "jobs.on_event", "jobs-0": "jobs.other"}
    sinks = [
        Forwarding(valkey, RqSink(name=name, queue=queue, function=function, redis_url=url))
        for (name, function), queue in zip(functions.items(), queues, strict=True)
    ]
    publish(valkey, event(1), event(2))
    for each in sinks:
        each.run()
    ran = [[name, event(n)["id"], False] for name in ("on_event", "other") for n in (1, 2)]
    assert worked(theirs, tmp_path, *queues) == ran
    for each in sinks:
        each.now = 4_000_000_000.0  # whatever Redis' own clock says is due now
        assert sum(step.new for step in replay(each).steps(dry=False)) == 2
        each.run()
    again = [[name, event(n)["id"], True] for name in ("on_event", "other") for n in (1, 2)]
    assert worked(theirs, tmp_path, *queues) == again
    for each in sinks:
        each.close()


@pytest.mark.parametrize("queue", ["company", "data", "created_at", "HSET"])
def test_a_job_is_what_rq_itself_would_enqueue(valkey: Valkey, queue: str) -> None:
    sink = RqSink(name="jobs", queue=queue, function="jobs.on_event", job_timeout=77)
    with closing(Forwarding(valkey, sink)) as forwarding:
        publish(valkey, event(1))
        begun = now()
        forwarding.run()
        theirs = Queue(queue, connection=forwarding.client, serializer=JSONSerializer)
        [ours] = theirs.jobs
        same = theirs.enqueue(
            "jobs.on_event", ours.args[0], job_timeout=77, description=ours.description
        )
        assert ours.args[0]["id"] == event(1)["id"]
        assert fields(ours, begun) == fields(same, begun)
        assert ours.get_status() == JobStatus.QUEUED
        assert Queue.all(connection=forwarding.client) == [theirs]


@pytest.mark.parametrize("where", ["ours", "another"])
def test_of_many_events_the_first_that_is_a_job_names_the_queue_to_rq(
    valkey: Valkey, start_valkey: Callable[..., Valkey], where: str
) -> None:
    theirs = valkey if where == "ours" else start_valkey()
    url = None if where == "ours" else theirs.url
    settings = RqSink(name="jobs", queue="company", function="theirs.take", redis_url=url)
    no_job = {"event": rb'{"id":"1","text":"\ud800"}'}
    with closing(Forwarding(valkey, settings)) as sink:
        client: Any = theirs.client()
        for first in (0, 3):
            sink.client.xadd(EVENTS, no_job)
            publish_many(valkey, 3, first=first)
            client.delete("rq:queues")
            client.config_resetstat()
            sink.run()
            assert client.smembers("rq:queues") == {b"rq:queue:company"}
            calls = client.info("commandstats")
            assert (calls["cmdstat_sadd"]["calls"], calls["cmdstat_rpush"]["calls"]) == (1, 3)
            if where == "another":  # ours writes its marks and counts beside the jobs
                assert calls["cmdstat_hset"]["calls"] == 3


def test_rq_keeps_a_job_that_failed_for_a_year_and_one_that_is_done_as_its_worker_says(
    valkey: Valkey, tmp_path: Path
) -> None:
    (tmp_path / "jobs.py").write_text(
        "def on_event(event):\n    assert event['id'].endswith('1'), 'no'\n"
    )
    sink = RqSink(name="jobs", queue="company", function="jobs.on_event")
    with closing(Forwarding(valkey, sink)) as forwarding:
        publish(valkey, event(1), event(2))
        forwarding.run()
        rq_burst(tmp_path, valkey.url, "--results-ttl", "0", "company")
        [failed] = forwarding.client.keys("rq:job:*")
        assert failed.decode() == f"rq:job:{event(2)['id']}-jobs"
        assert forwarding.client.ttl(failed) > 364 * 24 * 3600


def test_an_rq_sink_is_opened_while_its_server_is_away(valkey: Valkey) -> None:
    away = "redis://127.0.0.1:1"
    sink = RqSink(name="jobs", queue="company", function="theirs.take", redis_url=away)
    assert open_sink(sink, valkey.url, {})


def fields(job: Job, begun: datetime) -> dict[bytes, Any]:
    """What Redis keeps of a job, less its times; its call is read."""
    found: Any = job.connection.hgetall(job.key)
    for name in (b"created_at", b"enqueued_at"):
        assert begun <= parse(found.pop(name).decode()) <= now()
    kept: dict[bytes, Any] = found | {b"data": msgspec.json.decode(decompress(found[b"data"]))}
    return kept


def replay(sink: Forwarding) -> Replay:
    return Replay(sink.client, sink.sink, Wanted(since=0, until=10**15))
