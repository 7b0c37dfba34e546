"""`/readyz` says what becomes of a notification, whatever somebody else has done to Redis."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from receiver.contract.redis_keys import (
    BOOK,
    CREDENTIALS,
    CREDENTIALS_USED,
    DEAD_LETTERS,
    EVENTS,
    HEARD,
    INBOUND,
    LEDGER,
    LOSSES,
    METER,
    REJECTED,
    SINKS,
    TURNED_AWAY,
)
from tests.support.brisk_web import BRISK
from tests.support.eventually import eventually
from tests.support.restricted import restricted
from tests.support.running import Receiver, mo
from tests.support.valkey import Valkey


@pytest.fixture
def brisk(receiver: Receiver) -> Receiver:
    """A receiver that looks often, nothing of it started yet."""
    receiver.web_command = BRISK
    return receiver


@pytest.fixture
def narrow(valkey: Valkey, tmp_path: Path) -> Iterator[Callable[..., Receiver]]:
    """A receiver whose Redis user may do everything but what is said; its web half runs."""
    started: list[Receiver] = []

    def start(*rules: str, **environ: str) -> Receiver:
        restricted(valkey, *rules)
        receiver = Receiver(valkey, tmp_path, **environ)
        receiver.also(REDIS_URL=f"{valkey.url}?username=narrow&password=made-up")
        receiver.web = receiver.spawn(BRISK)
        eventually(lambda: answers(receiver))
        started.append(receiver)
        return receiver

    yield start
    for receiver in started:
        receiver.kill()


def answers(receiver: Receiver) -> bool:
    try:
        return receiver.get("/healthz").status == 200
    except Exception:  # noqa: BLE001 - not yet
        return False


def said(receiver: Receiver) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(receiver.get("/readyz").data)
    return found


def metric(receiver: Receiver, name: str) -> float | None:
    for line in receiver.get("/metrics").data.decode().splitlines():
        if line.startswith(f"{name} "):
            return float(line.split()[1])
    return None


USED = (LOSSES, BOOK, CREDENTIALS, TURNED_AWAY, METER, HEARD)
"""Of the keys that no notification needs those that a web process reads or writes."""


def with_strange(receiver: Receiver, *keys: str) -> Receiver:
    """A web process, and keys of which it can make nothing."""
    client: Any = receiver.redis
    for key in keys:
        if key == BOOK:
            client.lpush(key, "somebody else's")
        else:
            client.set(key, "somebody else's")
    receiver.start_web()
    if TURNED_AWAY in keys:
        wrong = {"Authorization": "Bearer wrong"}
        assert receiver.post("/att/sms/mo", mo(), wrong).status == 401
    return receiver


@pytest.mark.parametrize("key", USED)
def test_a_key_that_cannot_be_used_is_a_warning(brisk: Receiver, key: str) -> None:
    with_strange(brisk, key)
    brisk.acknowledged("/att/sms/mo", mo())
    eventually(lambda: any("Redis refuses it" in line for line in said(brisk)["warnings"]))


@pytest.mark.parametrize(
    "keys",
    [
        [TURNED_AWAY],
        [LOSSES, CREDENTIALS, CREDENTIALS_USED, METER, HEARD],
        [BOOK, SINKS, EVENTS, DEAD_LETTERS, REJECTED],
    ],
    ids=["strangers", "hashes", "others"],
)
def test_keys_that_no_notification_needs_close_nothing(brisk: Receiver, keys: list[str]) -> None:
    receiver = with_strange(brisk, *keys)
    until = time.monotonic() + 1  # twice as long as it takes this one to miss a silent Redis
    while time.monotonic() < until:
        receiver.acknowledged("/att/sms/mo", mo())
        # On a machine that is too busy it is silent for a moment: a key is in the way for good.
        eventually(lambda: receiver.get("/readyz").status == 200)
        threading.Event().wait(0.05)
    eventually(lambda: metric(receiver, "receiver_redis_up") == 1)
    assert metric(receiver, "receiver_notifications_accepted_total")


@pytest.mark.parametrize(("key", "value"), [(INBOUND, ""), (LEDGER, ""), (LEDGER, "accepted")])
def test_a_key_without_which_nothing_is_taken_is_the_reason_before_anybody_posts(
    brisk: Receiver, key: str, value: str
) -> None:
    brisk.start_web()
    client: Any = brisk.redis
    if value:
        client.hset(key, value, "many")
    else:
        client.set(key, "somebody else's")
    eventually(lambda: "Redis takes no writes" in said(brisk).get("reason", ""))
    assert brisk.get("/readyz").status == 503
    eventually(lambda: metric(brisk, "receiver_redis_up") == 1)
    assert brisk.post("/att/sms/mo", mo()).status == 503
    client.delete(key)
    eventually(lambda: brisk.get("/readyz").status == 200)
    brisk.acknowledged("/att/sms/mo", mo())


def test_metrics_tell_whether_it_is_ready_also_where_nothing_is_sent_that_could_be_refused(
    brisk: Receiver,
) -> None:
    client: Any = brisk.redis
    brisk.start_web()
    eventually(lambda: metric(brisk, "receiver_ready") == 1)
    client.config_set("min-replicas-to-write", 1)
    eventually(lambda: metric(brisk, "receiver_ready") == 0)
    assert metric(brisk, "receiver_redis_up") == 1
    client.config_set("min-replicas-to-write", 0)
    eventually(lambda: metric(brisk, "receiver_ready") == 1)


@pytest.mark.parametrize("rule", ["-script", "-evalsha", "-xadd", "-hincrby", "-set"])
def test_a_user_who_may_not_append_is_the_reason(
    narrow: Callable[..., Receiver], valkey: Valkey, rule: str
) -> None:
    receiver = narrow(rule)
    eventually(lambda: "Redis takes no writes" in said(receiver).get("reason", ""))
    assert receiver.get("/readyz").status == 503
    assert receiver.post("/att/sms/mo", mo()).status == 503
    restricted(valkey)
    eventually(lambda: receiver.get("/readyz").status == 200)
    receiver.acknowledged("/att/sms/mo", mo())


@pytest.mark.parametrize("rule", ["-info", "-config", "-hgetall", "-smembers", "-time"])
def test_a_user_who_may_do_all_that_a_notification_needs_is_taken(
    narrow: Callable[..., Receiver], rule: str
) -> None:
    receiver = narrow(rule)
    eventually(lambda: receiver.get("/readyz").status == 200)
    receiver.acknowledged("/att/sms/mo", mo())
    assert said(receiver)["warnings"]


def test_strict_closes_intake_when_the_log_is_no_longer_written_at_every_moment(
    valkey: Valkey, tmp_path: Path
) -> None:
    receiver = Receiver(valkey, tmp_path, RECEIVER_DURABILITY="strict")
    try:
        receiver.web_command = BRISK
        receiver.start_web()
        for name, weak in [("no-appendfsync-on-rewrite", "yes"), ("appendfsync", "everysec")]:
            client: Any = receiver.redis
            was = client.config_get(name)[name]
            client.config_set(name, weak)
            eventually(lambda: name in said(receiver).get("reason", ""))  # noqa: B023
            assert receiver.post("/att/sms/mo", mo()).status == 503
            client.config_set(name, was)
            eventually(lambda: receiver.get("/readyz").status == 200)
            receiver.acknowledged("/att/sms/mo", mo())
    finally:
        receiver.kill()


def test_a_setting_that_is_weak_from_now_on_is_a_warning(brisk: Receiver) -> None:
    brisk.start_web()
    brisk.redis.config_set("no-appendfsync-on-rewrite", "yes")
    eventually(lambda: any("no-appendfsync" in line for line in said(brisk)["warnings"]))
    eventually(lambda: brisk.get("/readyz").status == 200)
