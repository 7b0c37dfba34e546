"""An address that leads to another server after a failover, while the old one, which is a replica
now, keeps its connections: everybody goes on at the new master.
"""

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import ReadOnlyError

from receiver.config.settings import RedisStreamSink
from receiver.contract.redis_keys import EVENTS
from receiver.events import Consumer, consumer
from receiver.runtime import redis_client
from tests.support import published
from tests.support.commands import free_port
from tests.support.eventually import eventually
from tests.support.forwarding import Forwarding, publish_many
from tests.support.running import Receiver, mo
from tests.support.valkey import Valkey


class Pair:
    """A master, its replica, and an address that leads to the master."""

    def __init__(self, start_valkey: Callable[..., Valkey], link: Path) -> None:
        port = free_port()
        self.master, self.replica = start_valkey(port=str(port)), start_valkey()
        self.replica.client().replicaof("127.0.0.1", port)
        self._link = link
        self._lead_to(self.master)
        self.url = f"unix://{link}"
        eventually(lambda: self._replication()["master_link_status"] == "up")

    def fail_over(self, *, asked: bool = False) -> None:
        """The replica becomes the master and gets the address: once the old one has refused
        something, if it is asked all the time.
        """
        client: Any = self.master.client()
        client.execute_command("CLIENT", "PAUSE", 60_000, "WRITE")
        written = client.info("replication")["master_repl_offset"]
        eventually(lambda: self._replication()["slave_repl_offset"] >= written)
        self.replica.client().replicaof("NO", "ONE")
        client.replicaof("127.0.0.1", 1)
        client.execute_command("CLIENT", "UNPAUSE")
        eventually(lambda: not asked or "errorstat_READONLY" in client.info("errorstats"))
        self._lead_to(self.replica)

    def _lead_to(self, server: Valkey) -> None:
        new = self._link.with_suffix(".new")
        new.symlink_to(server.socket)
        new.rename(self._link)

    def _replication(self) -> Any:
        return self.replica.client().info("replication")


@pytest.fixture
def pair(start_valkey: Callable[..., Valkey], tmp_path: Path) -> Pair:
    return Pair(start_valkey, tmp_path / "s")


def test_workers_publish_what_comes_in_after_it(receiver: Receiver, pair: Pair) -> None:
    receiver.also(REDIS_URL=pair.url)
    receiver.redis = pair.master.client()
    receiver.start()
    receiver.acknowledged("/att/sms/mo", mo("before"))
    eventually(receiver.events)
    pair.fail_over(asked=True)
    receiver.redis = pair.replica.client()
    receiver.acknowledged("/att/sms/mo", mo("after"))
    receiver.settled()
    assert [event["data"]["text"] for event in receiver.events()] == ["before", "after"]


def test_metrics_are_of_the_new_master(receiver: Receiver, pair: Pair) -> None:
    """Whoever reads them never writes, and so is never refused."""

    def accepted() -> str:
        told = receiver.get("/metrics").data.decode()
        return told.partition("\nreceiver_notifications_accepted_total ")[2].partition("\n")[0]

    receiver.also(REDIS_URL=pair.url)
    receiver.redis = pair.master.client()
    receiver.start_web()
    receiver.acknowledged("/att/sms/mo", mo("before"))
    eventually(lambda: accepted() == "1.0")
    pair.fail_over(asked=True)
    receiver.acknowledged("/att/sms/mo", mo("after"))
    eventually(lambda: accepted() == "2.0")


def test_a_sink_on_such_a_redis_gets_its_events_there(valkey: Valkey, pair: Pair) -> None:
    sink = RedisStreamSink(name="copy", stream="company:events", redis_url=pair.url)
    forwarding = Forwarding(valkey, sink)
    publish_many(valkey, 1)
    forwarding.run()
    pair.fail_over()
    publish_many(valkey, 1, first=1)
    forwarding.run()
    forwarding.later(3600)
    assert (forwarding.count("delivered"), forwarding.retries()) == (2, [])
    assert pair.replica.client().xlen("company:events") == 2
    forwarding.close()


def test_a_consumer_of_the_stream_goes_on(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer, "PAUSE", 0.01)
    [event] = dict(published.samples())["mo"]
    with Consumer(pair.url, "billing") as mine, ThreadPoolExecutor() as threads:
        following = threads.submit(next, iter(mine))
        client: Any = pair.master.client()
        eventually(lambda: client.info("clients")["blocked_clients"])
        pair.fail_over(asked=True)
        pair.replica.client().xadd(EVENTS, {"event": json.dumps(event)})
        assert following.result(60).event.id == event["id"]


def test_so_does_whoever_asks_on_an_event_loop(pair: Pair) -> None:
    async def ask() -> None:
        async with redis_client.async_client(pair.url) as client:
            await client.set("x", "before")
            pair.fail_over()
            with pytest.raises(ReadOnlyError):
                await client.set("x", "after")
            await client.set("x", "after")

    asyncio.run(ask())
    assert pair.replica.client().get("x") == b"after"
