"""What `RECEIVER_DURABILITY=strict` asks of a Redis."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import urllib3

from tests.support.commands import RECEIVER, run
from tests.support.eventually import eventually
from tests.support.running import TOKEN, Receiver, mo
from tests.support.valkey import Valkey


@pytest.mark.parametrize("half", ["web", "worker"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("appendonly", "no"),
        ("appendfsync", "everysec"),
        ("appendfsync", "no"),
        ("no-appendfsync-on-rewrite", "yes"),
        ("maxmemory", "0"),
        ("maxmemory", "10mb"),
        ("maxmemory-policy", "allkeys-lru"),
        ("maxmemory-policy", "volatile-ttl"),
    ],
)
def test_strict_refuses_a_redis_that_cannot_keep_what_was_acknowledged(
    valkey: Valkey, tmp_path: Path, half: str, name: str, value: str
) -> None:
    valkey.client().config_set(name, value)
    environ = {"REDIS_URL": valkey.url, "RECEIVER_BEARER_TOKENS": TOKEN}
    done = run(tmp_path, half, RECEIVER_DURABILITY="strict", **environ)
    assert done.returncode == 2
    assert name in done.stderr
    assert done.stderr.startswith("receiver: RECEIVER_DURABILITY=strict")
    assert done.stderr.count("\n") == 1


def test_strict_takes_one_that_can(valkey: Valkey, tmp_path: Path) -> None:
    receiver = Receiver(valkey, tmp_path, RECEIVER_DURABILITY="strict")
    try:
        assert receiver.start().post("/att/sms/mo", mo()).status == 204
        assert receiver.settled().published == 1
    finally:
        receiver.stop()


def test_strict_closes_the_door_when_the_redis_turns_out_weak_later(
    start_valkey: Callable[..., Valkey], tmp_path: Path
) -> None:
    server = start_valkey(appendfsync="everysec")
    receiver = Receiver(server, tmp_path, RECEIVER_DURABILITY="strict")
    try:
        server.kill()
        web = receiver.spawn([*RECEIVER, "web"])
        eventually(lambda: _reason(receiver) == "Redis does not answer")
        server.start()
        eventually(lambda: _reason(receiver).startswith("RECEIVER_DURABILITY=strict, and append"))
        assert receiver.post("/att/sms/mo", mo()).status == 503
        assert web.poll() is None
    finally:
        receiver.stop()


def _reason(receiver: Receiver) -> str:
    try:
        said: dict[str, str] = json.loads(receiver.get("/readyz").data)
    except urllib3.exceptions.HTTPError:
        return ""
    return said.get("reason", "")
