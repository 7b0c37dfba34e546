"""`receiver.events.Consumer` while its server changes, refuses or loses the group."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis

from receiver.contract.redis_keys import EVENTS
from receiver.events import Consumer, consumer
from tests.support import published
from tests.support.eventually import eventually
from tests.support.valkey import Valkey


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as threads:
        yield threads


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer, "PAUSE", 0.01)


def document(name: str) -> str:
    [event] = dict(published.samples())["mo"]
    return json.dumps(event | {"id": name})


def waits(client: redis.Redis) -> bool:
    """Whether somebody waits for new events."""
    found: Any = client.info("clients")
    return bool(found["blocked_clients"])


def is_busy(client: redis.Redis) -> bool:
    """Whether a script runs for so long that all else is refused."""
    try:
        client.ping()
    except redis.ResponseError as error:
        return str(error).startswith("BUSY ")
    return False


def test_a_server_that_is_made_a_replica_for_a_while_is_waited_for(
    start_valkey: Callable[..., Valkey], threads: ThreadPoolExecutor
) -> None:
    valkey = start_valkey()
    client: Any = valkey.client()
    with Consumer(valkey.url, "billing") as mine:
        following = threads.submit(next, iter(mine))
        eventually(lambda: waits(client))
        client.replicaof("127.0.0.1", 1)
        client.replicaof("NO", "ONE")
        client.xadd(EVENTS, {"event": document("one")})
        assert following.result(60).event.id == "one"


def test_a_server_that_takes_no_writes_for_a_while_is_waited_for(
    start_valkey: Callable[..., Valkey],
    threads: ThreadPoolExecutor,
    caplog: pytest.LogCaptureFixture,
) -> None:
    valkey = start_valkey()
    client = valkey.client()
    client.xadd(EVENTS, {"event": document("one")})
    client.config_set("min-replicas-to-write", 1)
    with Consumer(valkey.url, "billing") as mine:
        following = threads.submit(next, iter(mine))
        eventually(lambda: following.done() or "Redis is away (NOREPLICAS)" in caplog.text)
        client.config_set("min-replicas-to-write", 0)
        assert following.result(60).event.id == "one"
    refused: Any = client.info("errorstats")
    assert refused["errorstat_NOGROUP"]["count"] == 1  # it does not go round for a group


def test_a_server_that_is_busy_with_a_script_is_waited_for(
    start_valkey: Callable[..., Valkey],
    threads: ThreadPoolExecutor,
    caplog: pytest.LogCaptureFixture,
) -> None:
    valkey = start_valkey(busy_reply_threshold="1")
    client: Any = valkey.client()
    client.xadd(EVENTS, {"event": document("one")})
    long = threads.submit(valkey.client().eval, "while true do end", 0)
    eventually(lambda: is_busy(client))
    with Consumer(valkey.url, "billing") as mine:
        following = threads.submit(next, iter(mine))
        eventually(lambda: following.done() or "Redis is away" in caplog.text)
        client.script_kill()
        assert isinstance(long.exception(60), redis.ResponseError)
        assert following.result(60).event.id == "one"


@pytest.mark.parametrize(
    ("lost", "behind"),
    [("XGROUP DESTROY receiver:events billing", 0), ("FLUSHALL", 0), ("FLUSHALL", 3600)],
)
def test_a_group_of_new_events_that_is_lost_misses_none_that_came_meanwhile(
    valkey: Valkey, threads: ThreadPoolExecutor, lost: str, behind: int
) -> None:
    """Also where a Redis comes back empty, with its clock behind."""
    client = valkey.client()
    began = f"{int(1000 * (time.time() + behind))}-0"
    client.xadd(EVENTS, {"event": document("before it began")}, id=began if behind else "*")
    with Consumer(valkey.url, "billing", start="$") as mine:
        following = threads.submit(next, iter(mine))
        eventually(lambda: waits(client))
        pipe: Any = client.pipeline(transaction=True)
        pipe.execute_command(*lost.split())
        pipe.xadd(EVENTS, {"event": document("one")})
        pipe.execute()
        assert following.result(30).event.id == "one"
