"""Subscriptions: the first apply of 1,000 slots at 50 requests a second, what a slot takes in
Valkey, a plan, and the controller with 20,000 slots.

The operator is the simulated one, in a process of its own. `python -m benchmarks.subscriptions`
prints the figures and keeps them in `results/raw.json`.
"""

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import redis

from benchmarks import record
from benchmarks.calm import Result
from benchmarks.footprint import megabytes
from benchmarks.processes import free_port, python, running, scratch, until, valkey
from receiver.config.settings import load
from receiver.contract.redis_keys import (
    SUBSCRIPTION_ATTEMPTS,
    SUBSCRIPTION_CREDENTIALS,
    SUBSCRIPTION_CREDENTIALS_CHANGES,
    SUBSCRIPTION_IDS,
    SUBSCRIPTIONS,
    subscriptions_due,
    subscriptions_state,
)
from receiver.subscriptions import overview
from receiver.subscriptions.slots import decode, encode

SLOTS = 1_000
PLANNED = 10_000
LARGEST = 20_000
HASHES = (
    SUBSCRIPTIONS,
    SUBSCRIPTION_CREDENTIALS,
    SUBSCRIPTION_ATTEMPTS,
    SUBSCRIPTION_IDS,
)
KEYS = (*HASHES, SUBSCRIPTION_CREDENTIALS_CHANGES, subscriptions_due("sim", 0))
_TOML = """
public_url = "http://127.0.0.1:1"
[[operator]]
name = "sim"
reachability = "http://127.0.0.1:{port}/device-reachability-status-subscriptions/v0.8"
rate = 50
concurrency = 8
auth = {{ kind = "client_credentials", token_url = "http://127.0.0.1:{port}/oauth/token", \
client_id = "simulated-client", secret_env = "SIM" }}
[[subscription]]
name = "fleet"
operator = "sim"
types = ["reachability-data"]
devices_file = "fleet.txt"
"""


def measure() -> Result:
    """Measure seconds and megabytes of the first apply and of 20,000 slots, the bytes of Valkey for
    a slot by key, and the seconds of a plan.
    """
    port = free_port()
    with scratch() as directory, valkey() as server:
        declare(directory, port, SLOTS)
        environ = environment(server.url, directory)
        operator = python("-m", "receiver", "simulate", "operator", "--port", str(port))
        with running(operator, {}):
            with running(controller(), environ) as process:
                began = time.monotonic()
                until(lambda: active(server.client) == SLOTS, process, 240)
                took, memory = time.monotonic() - began, megabytes(process)
            bytes_by_key = dict(_bytes_per_slot(server.client))
            _multiply(server.client)  # those that no file declares stay: their deletion waits
            with running(controller(), environ) as process:
                until(lambda: active(server.client) == LARGEST, process, 240)
                largest = megabytes(process)
        declare(directory, port, PLANNED)
        plan_seconds = _plan(server.client, environ)
        return {
            "apply_seconds": took,
            "controller_megabytes": memory,
            "controller_megabytes_20000": largest,
            "plan_seconds": plan_seconds,
            "bytes_per_slot": sum(bytes_by_key.values()),
            **{f"bytes {key}": each for key, each in bytes_by_key.items()},
        }


def declare(directory: Path, port: int, devices: int) -> None:
    """Write `receiver.toml` and a file of so many devices."""
    (directory / "receiver.toml").write_text(_TOML.format(port=port))
    lines = "\n".join(f"+1206{number:07}" for number in range(devices))
    (directory / "fleet.txt").write_text(lines + "\n")


def environment(url: str, directory: Path) -> dict[str, str]:
    """Return what a controller is started with."""
    toml = str(directory / "receiver.toml")
    return {"REDIS_URL": url, "RECEIVER_CONFIG": toml, "SIM": "simulated-secret"}


def controller() -> list[str]:
    """Return the command of a controller, which ends with its standard input."""
    return ["sh", "-c", 'sleep 900 | "$0" "$@"', *python("-m", "receiver.subscriptions", "sim")]


def active(client: "redis.Redis") -> int:
    """Return how many slots are active, as the controller last counted them."""
    found: Any = client.hget(subscriptions_state("sim"), "sets")
    return sum(each["states"].get("active", 0) for each in json.loads(found or b"[]"))


def _bytes_per_slot(client: "redis.Redis") -> Iterator[tuple[str, float]]:
    """Yield what Valkey says of each key, members and table."""
    for key in KEYS:
        found: Any = client.memory_usage(key, samples=0)
        yield key, found / SLOTS


def _multiply(client: "redis.Redis") -> None:
    """Have 20,000 slots of the 1,000: other names, devices, subscriptions and credentials."""
    slots: Any = client.hvals(SUBSCRIPTIONS)
    for raw in slots:
        for copy in range(1, LARGEST // SLOTS):
            slot = decode(raw)
            slot.id += str(copy)
            for each in slot.attempts:
                each.subscription += str(copy)
            client.hset(SUBSCRIPTIONS, slot.id, encode(slot))
    for key in HASHES[1:]:
        stored: Any = client.hgetall(key)
        for copy in range(1, LARGEST // SLOTS):
            client.hset(key, mapping={name + b"%02d" % copy: v for name, v in stored.items()})


def _plan(client: "redis.Redis", environ: dict[str, str]) -> float:
    """Compare 10,000 devices with 20,000 slots, a twentieth of them theirs."""
    began = time.monotonic()
    overview.plan(overview.read_slots(client), load(environ), time.time())
    return time.monotonic() - began


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        print(json.dumps(record.take("subscriptions", measure), indent=1))
