"""A consumer group that an older version left, which wrote no marks beside it."""

from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from receiver.config.settings import RedisStreamSink
from receiver.contract.redis_keys import (
    EVENTS,
    GROUP,
    INBOUND,
    MARKS,
    SINKS,
    forward_group,
    retry_due,
    sink_parking,
)
from receiver.runtime.scripts import load
from tests.support.forwarding import Forwarding
from tests.support.valkey import Valkey
from tests.workers.conftest import STRANGERS, Stranger
from tests.workers.test_groups_moved import accept, published, texts, work
from workers.forward.delivery_queue import create_group


@pytest.mark.parametrize("stranger", list(STRANGERS.values()), ids=list(STRANGERS))
def test_a_group_of_before_there_were_marks_keeps_what_is_open_in_it(
    valkey: Valkey, stranger: Stranger
) -> None:
    """As an older version left it, which acknowledged in any order and marked nothing."""
    client: Any = valkey.client()
    client.xgroup_create(INBOUND, GROUP, id="0", mkstream=True)
    accept(client, *range(12))
    entries = [entry for entry, _ in client.xrange(INBOUND)]
    client.xreadgroup(GROUP, "one", {INBOUND: ">"}, count=10)
    is_open = (0, 3, 4, 7)
    client.xack(INBOUND, GROUP, *(entries[n] for n in range(10) if n not in is_open))
    assert client.eval(load("workers.normalise", "enter_group"), 2, INBOUND, MARKS, GROUP) == 0
    stranger(client, INBOUND, GROUP)
    for _ in range(2):
        work(client)
    assert published(client) == sorted(f"text {number}" for number in (*is_open, 10, 11))


def test_a_stream_that_is_gone_is_made_anew_by_the_first_worker_that_looks(valkey: Valkey) -> None:
    client: Any = valkey.client()
    accept(client, *range(5))
    work(client)
    client.delete(INBOUND)
    work(client)
    assert client.xinfo_groups(INBOUND)[0]["name"] == GROUP.encode()
    accept(client, *range(5, 7))
    work(client)
    assert published(client) == sorted(f"text {number}" for number in range(7))


MARKED = ("none", "x-y z", "1-1 none", "99999999999999999999-1 1-1")
WHAT = ("added", "moves", "moved")


@pytest.mark.parametrize("mark", MARKED)
def test_a_mark_that_somebody_else_wrote_is_none(valkey: Valkey, mark: str) -> None:
    client: Any = valkey.client()
    forwarding = Forwarding(valkey, RedisStreamSink(name="copy", stream="company:events"))
    for first in (0, 3):
        accept(client, *range(first, first + 3))
        work(client)
        forwarding.run()
        client.hset(MARKS, mapping={GROUP: mark, forward_group("copy"): mark})
    assert published(client) == texts(6)
    assert forwarding.count("delivered") == 6


@pytest.mark.parametrize(
    "write",
    [
        lambda client: client.set(retry_due("copy"), "none"),
        lambda client: client.set(sink_parking("copy"), "none"),
        lambda client: client.hset(sink_parking("copy"), "total", "none"),
        lambda client: client.hset(SINKS, "copy:delivered", "none"),
    ],
    ids=["retries", "parking", "parked", "count"],
)
def test_a_sink_begins_with_what_is_new_whatever_somebody_else_wrote_of_it(
    valkey: Valkey, write: Callable[[Any], None]
) -> None:
    """As long as it has no group no worker starts, or it would miss events."""
    client: Any = valkey.client()
    accept(client, *range(3))
    work(client)
    write(client)
    assert create_group(client, "copy")
    (group,) = client.xinfo_groups(EVENTS)
    assert group["last-delivered-id"] == client.xinfo_stream(EVENTS)["last-generated-id"]


@pytest.mark.parametrize("count", ["none", "", "0x"])
def test_how_many_entries_there_were_counts_as_none_where_somebody_else_wrote_it(
    valkey: Valkey, count: str
) -> None:
    client: Any = valkey.client()
    forwarding = Forwarding(valkey, RedisStreamSink(name="copy", stream="company:events"))
    for first in (0, 3):
        accept(client, *range(first, first + 3))
        work(client)
        forwarding.run()
        strange = {f"{name}:{what}": count for name in (GROUP, "forward:copy") for what in WHAT}
        client.hset(MARKS, mapping=strange)
    for stream, group in ((INBOUND, GROUP), (EVENTS, forward_group("copy"))):
        client.xgroup_destroy(stream, group)
    work(client)
    forwarding.run()
    assert published(client) == texts(6)
    assert forwarding.count("delivered") == 6


@pytest.mark.parametrize("mark", MARKED)
def test_a_mark_that_somebody_else_writes_while_a_job_is_at_work_ends_no_job(
    valkey: Valkey, mark: str
) -> None:
    client: Any = valkey.client()
    forwarding = Forwarding(valkey, RedisStreamSink(name="copy", stream="company:events"))
    accept(client, *range(4))
    work(client)
    deliveries = forwarding.deliveries
    first = deliveries.lease(1)
    client.hset(MARKS, forward_group("copy"), mark)
    assert len(first + deliveries.lease(3)) == 4


def test_a_sinks_group_that_is_made_now_is_not_said_to_have_been_moved(valkey: Valkey) -> None:
    client: Any = valkey.client()
    with capture_logs() as said:
        assert create_group(client, "copy")
        assert not create_group(client, "copy")
    assert [one["event"] for one in said] == ["sink.begins"]
    client.xgroup_destroy(EVENTS, forward_group("copy"))
    with capture_logs() as said:
        assert create_group(client, "copy")
    assert [one["event"] for one in said] == ["group.moved"]
