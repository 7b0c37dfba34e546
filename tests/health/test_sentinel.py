"""Behind Sentinel: web, workers and commands find the master, and go on with the next one."""

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from receiver.runtime import redis_client
from tests.intake.test_redis_trouble import Load, status
from tests.support.commands import RECEIVER, free_port, run
from tests.support.eventually import eventually
from tests.support.running import Receiver
from tests.support.sentinels import Group, group
from tests.support.valkey import Valkey


def served(receiver: Receiver, found: Group) -> Receiver:
    """The receiver before the group instead of its own server."""
    receiver.redis.close()
    receiver.redis = found.client()
    receiver.also(REDIS_URL=found.url, RECEIVER_ACK_REPLICAS="1")
    return receiver


@pytest.mark.parametrize(
    ("url", "wrong"),
    [
        ("redis+sentinel://host", "a master's name"),
        ("redis+sentinel:///ours", "a master's name"),
        ("redis+sentinel://host:port/ours", "Port could not be cast"),
    ],
)
def test_an_address_without_sentinels_or_master_is_refused(url: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        redis_client.client(url)


def test_an_address_of_sentinels_carries_passwords_database_and_options() -> None:
    url = (
        "rediss+sentinel://user:p%40ss@one,two:2,[::1]:3/my%20master/4"
        "?sentinel_password=s%2Fcret&ssl_cert_reqs=none&client_name=me"
    )
    found = redis_client._sentinel(url)
    assert found.nodes == [("one", 26379), ("two", 2), ("::1", 3)]
    assert found.master == "my master"
    assert found.options == {
        "username": "user",
        "password": "p@ss",
        "db": 4,
        "ssl_cert_reqs": "none",
        "client_name": "me",
        "ssl": True,
    }
    assert found.own == {"password": "s/cret", "ssl": True, "ssl_cert_reqs": "none"}


@pytest.mark.soak
@pytest.mark.parametrize("spool", [False, True])
def test_a_failover_under_load_loses_and_doubles_nothing(
    receiver: Receiver, tmp_path: Path, spool: bool
) -> None:
    with group() as found:
        served(receiver, found)
        if spool:
            receiver.also(RECEIVER_SPOOL_DIR="spool")
        receiver.start()
        first = found.master()
        with Load(receiver) as load:
            eventually(lambda: len(load.sent) > 500)
            first.kill()
            receiver.redis.close()
            second = found.master()
            assert second is not first
            # Nobody else has it yet, so without a spool nothing can be promised.
            begun = time.monotonic()
            eventually(lambda: time.monotonic() > begun + 3)
            first.start()
            eventually(found.whole, within=120)
            whole = time.monotonic()
            eventually(lambda: load.acknowledged_since(whole), within=120)
        receiver.redis = found.client()
        eventually(lambda: receiver.get("/readyz").status == 200)
        assert {one.status for one in load.sent} == ({204} if spool else {204, 503})
        eventually(lambda: b'"notifications":0' in receiver.get("/readyz").data or not spool)
        books = receiver.settled(within=90)
        assert books.lost == 0
        texts = Counter(event["data"]["text"] for event in receiver.events())
        assert set(texts.values()) == {1}
        assert {one.text for one in load.sent if one.status == 204} <= set(texts)
        answer = run(tmp_path, "ledger", REDIS_URL=found.url)
        assert (answer.returncode, answer.stderr) == (0, "")
        receiver.stop()


def test_without_enough_replicas_nothing_is_acknowledged(
    receiver: Receiver, start_valkey: Callable[..., Valkey]
) -> None:
    port = free_port()
    master, replica = start_valkey(port=str(port)), start_valkey()
    receiver.also(REDIS_URL=master.url, RECEIVER_ACK_REPLICAS="1")
    receiver.web = receiver.spawn([*RECEIVER, "web"])
    eventually(lambda: status(receiver) == 503)
    eventually(lambda: b"0 of 1 replicas" in receiver.get("/readyz").data)
    replica.client().replicaof("127.0.0.1", port)
    eventually(lambda: status(receiver) == 204)
    eventually(lambda: receiver.get("/readyz").status == 200)
