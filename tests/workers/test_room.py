"""A server that is nearly full of what somebody has still to take: nobody makes it fuller."""

from typing import Any

import redis

from receiver.config.settings import RedisStreamSink, RqSink, Settings
from receiver.contract.records import Notification, encode
from receiver.contract.redis_keys import EVENTS, INBOUND, forward_group
from tests.support.forwarding import Forwarding, publish_many
from tests.support.running import mo
from tests.support.valkey import Valkey
from workers.forward import delivery_queue
from workers.normalise.job import Normaliser

SINK = RedisStreamSink(name="copy", stream="company:events")


def accept(client: redis.Redis, count: int) -> None:
    for number in range(count):
        one = Notification("att.sms.mo", "default", f"{number}", 1, "application/json", mo())
        client.xadd(INBOUND, {"n": encode(one)})


def fill(client: redis.Redis, share: float) -> None:
    """Something big, and so much memory that what is there is this share of it."""
    # Made there: the buffers of a long command are let go of later, and move the share.
    client.setrange("big", 50_000_000, b"x")
    memory: Any = client.info("memory")
    client.config_set("maxmemory", int(memory["used_memory"] / share))


def test_nothing_is_published_while_a_sink_has_still_to_make_room(valkey: Valkey) -> None:
    client = valkey.client()
    delivery_queue.create_group(client, SINK.name)

    def normalise() -> None:
        """One that asks about memory at once: what another one was told counts a moment longer."""
        Normaliser(client, "me", Settings(sinks=(SINK,)), lambda: False).run()

    accept(client, 3)
    normalise()
    accept(client, 2)
    fill(client, 0.95)
    normalise()
    assert client.xlen(EVENTS) == 3
    found: Any = client.xreadgroup(forward_group(SINK.name), "one", {EVENTS: ">"})
    client.xack(EVENTS, forward_group(SINK.name), *(entry for entry, _ in found[0][1]))
    normalise()
    assert client.xlen(EVENTS) == 5


def test_an_empty_house_waits_for_nobody(valkey: Valkey) -> None:
    client = valkey.client()
    delivery_queue.create_group(client, SINK.name)
    accept(client, 2)
    fill(client, 0.95)
    Normaliser(client, "me", Settings(sinks=(SINK,)), lambda: False).run()
    assert client.xlen(EVENTS) == 2


def test_what_a_sink_that_is_configured_no_more_has_left_is_waited_for_by_nobody(
    valkey: Valkey,
) -> None:
    client = valkey.client()
    delivery_queue.create_group(client, SINK.name)
    publish_many(valkey, 3)
    accept(client, 2)
    Normaliser(client, "me", Settings(), lambda: False).run()
    assert client.xlen(EVENTS) == 5


def test_no_job_is_enqueued_while_others_wait_for_their_worker(valkey: Valkey) -> None:
    forwarding = Forwarding(valkey, RqSink(name="jobs", queue="company", function="theirs.take"))
    client = forwarding.client
    publish_many(valkey, 1)
    fill(client, 0.95)
    forwarding.run()
    assert client.llen("rq:queue:company") == 1
    publish_many(valkey, 2, first=1)
    forwarding.run()
    assert (client.llen("rq:queue:company"), forwarding.count("delivered")) == (1, 1)
    client.delete("rq:queue:company")
    forwarding.run()
    assert forwarding.count("delivered") == 3


def test_jobs_that_wait_for_their_worker_take_the_sinks_share_and_the_others_come_after_them(
    valkey: Valkey,
) -> None:
    sink = RqSink(name="jobs", queue="company", function="theirs.take", share=10)
    forwarding = Forwarding(valkey, sink)
    client = forwarding.client
    client.config_set("maxmemory", "32mb")  # of it a tenth has room for some 2,300 jobs
    ids = publish_many(valkey, 9000)
    taken: list[str] = []
    while len(taken) < len(ids):
        forwarding.run()
        names = client.lrange("rq:queue:company", 0, -1)
        assert 0 < len(names) < 4500
        client.delete("rq:queue:company", *(b"rq:job:" + name for name in names))
        taken += [name.decode().removesuffix("-jobs") for name in names]
    assert taken == ids
