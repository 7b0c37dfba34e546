"""A receiver with subscriptions, polls of metrics and commands, as the Redis user of the page."""

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from receiver.runtime import redis_rights
from receiver.subscriptions.slots import Slot, decode
from tests.runtime.test_redis_rights import allow
from tests.support.commands import run
from tests.support.eventually import eventually
from tests.support.operators import PHONE, Simulated, simulated
from tests.support.running import Receiver
from tests.support.valkey import Valkey

TOML = """
public_url = "{public}"
[[operator]]
name = "sim"
reachability = "{url}/device-reachability-status-subscriptions/v0.8"
rate = 100
auth = {{ kind = "client_credentials", token_url = "{url}/oauth/token", \
client_id = "simulated-client", secret_env = "SIM" }}
[[subscription]]
name = "fleet"
operator = "sim"
types = ["reachability-data"]
devices_file = "fleet.txt"
initial_event = true
"""
OF_CLIENTS = {"hello", "client", "multi", "exec", "discard", "watch", "unwatch", "select", "auth"}
"""What every client does, under `+@connection` and `+@transaction`."""


@pytest.fixture
def operator() -> Iterator[Simulated]:
    with simulated() as found:
        yield found


def test_controllers_workers_web_and_commands_need_no_more_than_is_documented_and_tried(
    start_valkey: Callable[..., Valkey], operator: Simulated, tmp_path: Path
) -> None:
    valkey = start_valkey()
    receiver = Receiver(valkey, tmp_path)
    url = allow(valkey)
    receiver.also(REDIS_URL=url, SIM="simulated-secret", RECEIVER_BEARER_TOKENS="")
    (tmp_path / "fleet.txt").write_text(f"{PHONE}\n+12065550101\n")
    (tmp_path / "receiver.toml").write_text(TOML.format(public=receiver.url, url=operator.url))

    def command(*words: str) -> "subprocess.CompletedProcess[str]":
        return run(tmp_path, *words, REDIS_URL=url, SIM="simulated-secret")

    def slots() -> list[Slot]:
        found: Any = receiver.redis.hvals("receiver:subscriptions")
        return sorted(map(decode, found), key=lambda slot: slot.id)

    try:
        receiver.start()
        eventually(lambda: [slot.state for slot in slots()] == ["active", "active"])
        eventually(lambda: len(receiver.events()) == 2)
        assert receiver.events()[0]["subscriptionset"] == "fleet"
        assert command("subscriptions", "renew", slots()[0].id).returncode == 0
        eventually(lambda: slots()[0].generation == 2)
        for words in ("subscriptions list", "subscriptions plan", "credentials list", "ledger"):
            assert command(*words.split()).returncode == 0, words
        assert "ermission" not in command("doctor").stdout
        assert b"receiver_subscriptions_wanted" in receiver.get("/metrics").data
        (tmp_path / "fleet.txt").write_text(f"{PHONE}\n")
        assert command("subscriptions", "apply", "--yes").returncode == 0
        eventually(lambda: sum(slot.wanted for slot in slots()) == 1)
        said = receiver.log.read_text()
        assert "redis.rights" not in said
        assert "ermission" not in said
        client: Any = valkey.client()
        assert not [one for one in client.acl_log() if one["username"] == "few"]
        ours = tried() | OF_CLIENTS
        used = {
            name.removeprefix("cmdstat_").partition("|")[0] for name in client.info("commandstats")
        }
        assert used - ours - OF_THIS_TEST == set()
    finally:
        receiver.stop()


OF_THIS_TEST = {"acl", "config", "hvals", "xrange"}


def tried() -> set[str]:
    """The commands that `web` and `worker` try when they start."""
    text = f"{redis_rights._TRIED}|{redis_rights._QUEUED}"
    return {words.split()[0].lower() for words in re.split(r"[|\n]", text) if words.strip()}


@pytest.mark.parametrize(
    ("rules", "lacks"),
    [
        (["-rpush", "-hscan"], ["HSCAN", "RPUSH"]),
        (["-multi"], ["MULTI"]),
        (["-hincrbyfloat", "-zscan", "-incr"], ["HINCRBYFLOAT", "ZSCAN", "INCR"]),
    ],
)
def test_what_the_controllers_lack_is_found_and_nothing_is_changed(
    valkey: Valkey, rules: list[str], lacks: list[str]
) -> None:
    allow(valkey, *rules)
    with valkey.client(username="few", password="made-up") as client:
        assert redis_rights.lacking(client) == lacks
    assert valkey.client().dbsize() == 0
