"""A controller killed in the middle of a first apply: seconds until every slot has its one living
subscription again.

`python -m benchmarks.subscription_kill` prints the rounds and keeps them in `results/raw.json`.
"""

import json
import os
import signal
import time
import urllib.request
from typing import Any

from benchmarks import record
from benchmarks.calm import Result
from benchmarks.processes import (
    Process,
    free_port,
    python,
    running,
    scratch,
    session,
    until,
    valkey,
)
from benchmarks.subscriptions import active, controller, declare, environment

SLOTS = 300
ROUNDS = 3
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def measure() -> Result:
    """Measure one round: killed with half of the slots created, the next one started at once."""
    port = free_port()
    with scratch() as directory, valkey() as server:
        declare(directory, port, SLOTS)
        environ = environment(server.url, directory)
        operator = python("-m", "receiver", "simulate", "operator", "--port", str(port))
        with running(operator, {}) as simulated:
            with running(controller(), environ) as process:
                until(lambda: live(port) > SLOTS / 2, process, 120)
                kill(process)
            killed, created = time.monotonic(), live(port)
            with running(controller(), environ) as process:
                until(lambda: active(server.client) == SLOTS == live(port), process, 400)
            simulated.check()
    return {"seconds": time.monotonic() - killed, "created_before": created, "slots": SLOTS}


def live(port: int) -> int:
    """Return how many subscriptions live at the operator; 0 where it does not listen yet."""
    try:
        with _DIRECT.open(f"http://127.0.0.1:{port}/_books?summary") as answer:
            found: dict[str, Any] = json.load(answer)
    except OSError:
        return 0
    return int(found["live"])


def kill(process: Process) -> None:
    """Send SIGKILL to all of it."""
    for number in session(process.popen.pid):
        os.kill(number, signal.SIGKILL)


if __name__ == "__main__":
    figures = record.take("subscription_kill", lambda: [measure() for _ in range(ROUNDS)])
    print(json.dumps(figures, indent=1))
