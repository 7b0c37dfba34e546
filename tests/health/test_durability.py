"""What `RECEIVER_DURABILITY=strict` asks of a Redis."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import urllib3

from receiver.health.durability import AppendOnlyLog, weaknesses
from tests.support.commands import RECEIVER, run
from tests.support.eventually import eventually
from tests.support.running import TOKEN, Receiver, mo
from tests.support.valkey import Valkey

GOOD = {
    "appendonly": "yes",
    "appendfsync": "always",
    "maxmemory": "1000000000",
    "maxmemory-policy": "noeviction",
}


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
    (refusal,) = map(json.loads, done.stderr.splitlines())
    assert refusal["reason"].startswith("RECEIVER_DURABILITY=strict")


def test_strict_takes_one_that_can(valkey: Valkey, tmp_path: Path) -> None:
    receiver = Receiver(valkey, tmp_path, RECEIVER_DURABILITY="strict")
    try:
        receiver.start().acknowledged("/att/sms/mo", mo())
        assert receiver.settled().published == 1
    finally:
        receiver.kill()


def test_strict_closes_intake_when_the_redis_turns_out_weak_later(
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
        receiver.kill()


SLOW = 20_000
"""Microseconds that a rewrite takes for each key (`rdb-key-save-delay`)."""
DONE = {"aof_enabled": 1, "aof_rewrite_in_progress": 0, "aof_rewrite_scheduled": 0}
FIRST = DONE | {
    "aof_rewrite_in_progress": 1,
    "aof_last_rewrite_time_sec": -1,
    "aof_base_size": 0,
}
OFF = DONE | {"aof_enabled": 0}
LATER = FIRST | {"aof_last_rewrite_time_sec": 0, "aof_base_size": 90}


@pytest.mark.parametrize(
    ("seen", "incomplete"),
    [
        ([DONE], False),
        ([FIRST], True),
        ([FIRST, DONE], False),
        ([DONE, FIRST], False),  # of a log that was complete
        ([LATER], False),
        ([OFF, LATER], True),
        ([OFF, DONE | {"aof_rewrite_scheduled": 1}], True),  # it has failed, and begins again
        ([OFF, LATER, DONE, LATER], False),
        ([OFF], False),  # another weakness
        ([OFF, {}], False),  # a user that may not ask
    ],
)
def test_a_log_is_complete_once_it_was_rewritten_after_it_was_turned_on(
    seen: list[dict[str, int]], *, incomplete: bool
) -> None:
    log = AppendOnlyLog()
    assert [log.incomplete(one) for one in seen][-1] is incomplete
    said = weaknesses(GOOD, log_incomplete=incomplete)
    assert [one.startswith("the log (appendonly)") for one in said] == [True] * incomplete


def test_a_log_that_was_turned_on_just_now_is_no_log_yet(
    start_valkey: Callable[..., Valkey], tmp_path: Path
) -> None:
    server = start_valkey(appendonly="no")
    client: Any = server.client()
    client.mset({f"key {number}": "x" for number in range(1000)})
    client.config_set("rdb-key-save-delay", SLOW)
    client.config_set("appendonly", "yes")
    environ = {"REDIS_URL": server.url, "RECEIVER_BEARER_TOKENS": TOKEN}
    done = run(tmp_path, "web", RECEIVER_DURABILITY="strict", **environ)
    assert (done.returncode, "the log (appendonly)" in done.stderr) == (2, True)
    assert "the log (appendonly)" in run(tmp_path, "doctor", **environ).stdout
    receiver = Receiver(server, tmp_path)
    try:
        receiver.start_web()
        eventually(lambda: _warned(receiver))
        client.config_set("appendonly", "no")  # which ends that slow rewrite
        client.config_set("rdb-key-save-delay", 0)
        client.config_set("appendonly", "yes")
        eventually(lambda: not _warned(receiver))
    finally:
        receiver.kill()


def _warned(receiver: Receiver) -> bool:
    said: list[str] = json.loads(receiver.get("/readyz").data)["warnings"]
    return any("appendonly" in one for one in said)


def _reason(receiver: Receiver) -> str:
    try:
        said: dict[str, str] = json.loads(receiver.get("/readyz").data)
    except urllib3.exceptions.HTTPError:
        return ""
    return said.get("reason", "")
