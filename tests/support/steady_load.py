"""Notifications at a steady rate, from a process of its own: a test that measures beside it keeps
its time. `python -m tests.support.steady_load PORT RATE` sends until its standard input ends, then
prints how many were acknowledged, and when which others were refused, and why.
"""

import contextlib
import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

from tests.support.commands import ROOT
from tests.support.running import AUTHORIZED, mo

CONNECTIONS = 16


class SteadyLoad:
    """The answers of a load that is over."""

    def __init__(self) -> None:
        self.acknowledged = 0
        self.refused: list[tuple[float, str]] = []
        """By the monotonic clock: when, and the status with its reason."""


@contextlib.contextmanager
def steady_load(port: int, rate: int) -> Iterator[SteadyLoad]:
    """Load the web process for as long as the block takes."""
    command = [sys.executable, "-m", "tests.support.steady_load", str(port), str(rate)]
    load = SteadyLoad()
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            yield load
        finally:
            said, _ = process.communicate(timeout=60)
    load.acknowledged, refused = json.loads(said)
    load.refused = [(at, answer) for at, answer in refused]


def _send(
    port: int,
    every: float,
    over: threading.Event,
    took: list[int],
    refused: list[tuple[float, str]],
) -> None:
    """Send on one connection; one that is late catches up."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    due = time.monotonic()
    while not over.wait(max(0.0, due - time.monotonic())):
        due += every
        connection.request("POST", "/att/sms/mo", mo(), AUTHORIZED)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status == 204:
            took[0] += 1
        else:
            refused.append((time.monotonic(), f"{answer.status} {body.decode()}"))
    connection.close()


def main(port: int, rate: int) -> None:
    """From the command line."""
    over = threading.Event()
    took, refused = [[0] for _ in range(CONNECTIONS)], list[tuple[float, str]]()
    threads = [
        threading.Thread(target=_send, args=(port, CONNECTIONS / rate, over, one, refused))
        for one in took
    ]
    for number, thread in enumerate(threads):
        time.sleep(number and 1 / rate)
        thread.start()
    sys.stdin.read()
    over.set()
    for thread in threads:
        thread.join()
    print(json.dumps([sum(one[0] for one in took), refused]))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
