"""What 10,000 credentials of subscriptions cost the web process: its latencies with them and
without any, in interleaved rounds.

`python -m benchmarks.subscription_web` prints the rounds and keeps them in `results/raw.json`.
"""

import hashlib
import json
import time
from dataclasses import replace
from typing import Any

import redis

from benchmarks import record
from benchmarks.contenders import OURS, Contender, web_process
from benchmarks.load import opened
from benchmarks.options import options
from benchmarks.processes import valkey
from benchmarks.rounds import compared, interleave
from receiver.contract.redis_keys import (
    SUBSCRIPTION_CREDENTIALS,
    SUBSCRIPTION_CREDENTIALS_CHANGES,
    SUBSCRIPTION_CREDENTIALS_REVISION,
)

MANY = 10_000
WITHOUT = replace(OURS, letter="0", name="without credentials of subscriptions")
WITH = replace(OURS, letter="n", name=f"with {MANY:,} of them")


def measure(many: int, rate: float, seconds: float) -> dict[str, float]:
    """Open loop at a rate, 16 connections, beside so many credentials."""
    with valkey() as server:
        if many:
            fill(server.client, many)
        with web_process(OURS, server) as running:
            opened(replace(running.target, first=1), rate, 16, 2)
            return opened(replace(running.target, first=500_000), rate, 16, seconds)


def fill(client: "redis.Redis", many: int) -> None:
    """Store credentials as controllers do."""
    expires = int(time.time()) + 30 * 86_400
    records: dict[Any, Any] = {}
    for number in range(many):
        slot = f"fleet:{number:020x}"
        said = {
            "label": "fleet",
            "listener": "default",
            "expires": expires,
            "attempt": f"rs{number:020x}",
        }
        text = json.dumps(said | {"generation": 1, "slot": slot})
        records[hashlib.sha256(b"%d" % number).hexdigest()] = text
    client.hset(SUBSCRIPTION_CREDENTIALS, mapping=records)
    changes: dict[Any, Any] = {digest: number for number, digest in enumerate(records, 1)}
    client.zadd(SUBSCRIPTION_CREDENTIALS_CHANGES, changes)
    client.set(SUBSCRIPTION_CREDENTIALS_REVISION, many)


def main() -> None:
    """Run from the command line."""
    said = options(__doc__, rounds=5, seconds=6.0, rate=500.0)
    both = [WITHOUT, WITH]

    def measured(each: Contender) -> dict[str, float]:
        return measure(MANY * (each is WITH), said.rate, said.seconds)

    rounds = record.take("subscription_web", lambda: interleave(both, said.rounds, measured))
    print(compared(rounds, WITHOUT, WITH, {"p50": "p50 ms", "p99": "p99 ms"}))


if __name__ == "__main__":
    main()
