"""A server that is completely full takes what its workers have to write, and nobody else's."""

import time
from typing import Any

import pytest
from redis.exceptions import OutOfMemoryError, ResponseError

from receiver.runtime.full_redis_client import FullRedisClient
from tests.support.valkey import Valkey


@pytest.fixture
def client(valkey: Valkey) -> Any:
    plain: Any = valkey.client()
    plain.setrange("big", 1_000_000, b"x")
    plain.config_set("maxmemory", plain.info("memory")["used_memory"] // 2)
    with pytest.raises(OutOfMemoryError):
        plain.set("one", 1)
    with FullRedisClient.from_url(valkey.url) as client:
        yield client


def test_a_command_is_run_and_its_reply_is_what_it_always_is(client: Any) -> None:
    assert client.set("one", 1)
    assert client.incr("one") == 2
    assert client.hset("hash", mapping={"a": "b", "c": "d"}) == 2
    assert client.hget("hash", "c") == b"d"
    assert client.set("one", 5, nx=True) is None


def test_a_transaction_is_run_as_a_whole_and_gives_every_reply(client: Any) -> None:
    with client.pipeline() as pipe:
        pipe.set("one", 1)
        pipe.rpush("list", "a", "b", "c")
        pipe.get("nobody")
        pipe.get("one")
        assert pipe.execute() == [b"OK", 3, None, b"1"]


def test_of_a_transaction_one_refused_command_keeps_no_other(client: Any) -> None:
    with client.pipeline() as pipe:
        pipe.set("one", 1)
        pipe.incr("one")
        pipe.rpush("one", "of another type")
        pipe.get("one")
        replies = pipe.execute(raise_on_error=False)
    assert (replies[1], replies[3]) == (2, b"2")
    assert isinstance(replies[2], ResponseError)


def test_what_would_wait_pauses_and_comes_back_with_nothing(client: Any) -> None:
    client.rpush("list", "a")
    assert client.blmove("list", "other", 5) == b"a"
    began = time.monotonic()
    assert client.blmove("list", "other", 60) is None
    assert 0.1 < time.monotonic() - began < 60


def test_what_would_wait_is_run_as_what_does_not(client: Any) -> None:
    client.rpush("list", "a")
    client.config_resetstat()
    assert client.blmove("list", "other", 5) == b"a"
    told = client.info("commandstats")
    assert told["cmdstat_lmove"]["calls"] == 1
    assert told["cmdstat_blmove"]["calls"] == 0  # Redis 7.0 refuses it in a script


def test_a_script_says_for_itself_whether_it_may(client: Any) -> None:
    with pytest.raises(OutOfMemoryError):
        client.eval("redis.call('SET', KEYS[1], 1)", 1, "one")
