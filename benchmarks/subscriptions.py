"""Subscriptions: the first apply of 1,000 slots at 50 requests a second, what a slot takes, a plan.

The operator is the simulated one, in a process of its own. `python -m benchmarks.subscriptions`.
"""

import json
import time
from pathlib import Path
from typing import Any

import redis

from benchmarks.calm import Result
from benchmarks.footprint import resident_megabytes
from benchmarks.processes import Process, free_port, python, running, scratch, until, valkey
from receiver.config.settings import load
from receiver.contract.redis_keys import SUBSCRIPTIONS, subscriptions_state
from receiver.subscriptions import overview

SLOTS = 1_000
PLANNED = 10_000
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
    """Seconds and megabytes of the first apply, bytes of Valkey for a slot, seconds of a plan."""
    port = free_port()
    with scratch() as directory, valkey() as server:
        _declare(directory, port, SLOTS)
        toml = str(directory / "receiver.toml")
        environ = {"REDIS_URL": server.url, "RECEIVER_CONFIG": toml, "SIM": "simulated-secret"}
        operator = python("-m", "receiver", "simulate", "operator", "--port", str(port))
        # It ends with its standard input, as below a supervisor.
        kept = ["sh", "-c", 'sleep 600 | "$0" "$@"']
        controller = [*kept, *python("-m", "receiver.subscriptions", "sim")]
        before = _used(server.client)
        with running(operator, {}), running(controller, environ) as process:
            began = time.monotonic()
            until(lambda: _active(server.client) == SLOTS, process, 240)
            took, memory = time.monotonic() - began, _megabytes(process)
        each = (_used(server.client) - before) / SLOTS
        _declare(directory, port, PLANNED)
        return {
            "apply_seconds": took,
            "controller_megabytes": memory,
            "bytes_per_slot": each,
            "plan_seconds": _plan(server.client, environ),
        }


def _declare(directory: Path, port: int, devices: int) -> None:
    (directory / "receiver.toml").write_text(_TOML.format(port=port))
    lines = "\n".join(f"+1206{number:07}" for number in range(devices))
    (directory / "fleet.txt").write_text(lines + "\n")


def _plan(client: "redis.Redis", environ: dict[str, str]) -> float:
    """Compare 10,000 devices with as many slots, a tenth of them theirs."""
    stored: Any = client.hgetall(SUBSCRIPTIONS)
    for copy in range(1, PLANNED // SLOTS):
        client.hset(SUBSCRIPTIONS, mapping={f"{n.decode()}{copy}": v for n, v in stored.items()})
    began = time.monotonic()
    overview.plan(overview.read_slots(client), load(environ), time.time())
    return time.monotonic() - began


def _active(client: "redis.Redis") -> int:
    found: Any = client.hget(subscriptions_state("sim"), "sets")
    return sum(each["states"].get("active", 0) for each in json.loads(found or b"[]"))


def _megabytes(process: Process) -> float:
    return max(resident_megabytes(process).values())


def _used(client: "redis.Redis") -> float:
    found: Any = client.info("memory")
    return float(found["used_memory"])


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
