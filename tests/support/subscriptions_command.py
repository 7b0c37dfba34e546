"""`receiver subscriptions` as people run it, and subscriptions that were made elsewhere."""

import json
import subprocess
from typing import Any

from tests.support.commands import run
from tests.support.controlling import DEVICES, Controlled
from tests.support.eventually import eventually
from tests.support.operators import asked


def command(fleet: Controlled, *words: str) -> "subprocess.CompletedProcess[str]":
    return command_line(fleet, "subscriptions", *words)


def command_line(fleet: Controlled, *words: str) -> "subprocess.CompletedProcess[str]":
    fleet.configure()
    return run(fleet.directory, *words, REDIS_URL=fleet.valkey.url, SIM="simulated-secret")


def orphans(fleet: Controlled) -> set[str]:
    """The operator's ids of those that are listed."""
    lines = command(fleet, "orphans").stdout.splitlines()
    return {json.loads(line)["id"] for line in lines}


def made_elsewhere(fleet: Controlled, device: str) -> str:
    """One at our URL that no controller has made."""
    sink = fleet.sink.url.rpartition("/")[0] + "/camara/notifications/default"
    body = asked(sink)
    body["config"]["subscriptionDetail"]["device"] = {"phoneNumber": device}
    found: str = fleet.operator.create(body)["id"]
    return found


def foreign(fleet: Controlled) -> str:
    """One that was made elsewhere for the first device, listed as an orphan."""
    found = made_elsewhere(fleet, DEVICES[0])
    fleet.start()
    eventually(lambda: found in command(fleet, "orphans").stdout)
    return found


def read(fleet: Controlled, orders: str) -> list[bytes]:
    found: Any = fleet.redis.lrange(orders, 0, -1)
    return list(found)
