"""Notifications at a steady rate, from a process of its own: a test that measures beside it keeps
its time. `python -m tests.support.steady_load PORT RATE` sends until its standard input ends, then
prints how many got which answer.
"""

import contextlib
import http.client
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator

from tests.support.commands import ROOT
from tests.support.running import AUTHORIZED, mo

CONNECTIONS = 16


class SteadyLoad:
    """The answers of a load that is over."""

    def __init__(self) -> None:
        self.answers: dict[int, int] = {}


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
    load.answers = {int(status): count for status, count in json.loads(said).items()}


def _send(port: int, every: float, over: threading.Event, answers: Counter[int]) -> None:
    """Send on one connection; one that is late catches up."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    due = time.monotonic()
    while not over.wait(max(0.0, due - time.monotonic())):
        due += every
        connection.request("POST", "/att/sms/mo", mo(), AUTHORIZED)
        answer = connection.getresponse()
        answer.read()
        answers[answer.status] += 1
    connection.close()


def main(port: int, rate: int) -> None:
    """From the command line."""
    over = threading.Event()
    each: list[Counter[int]] = [Counter() for _ in range(CONNECTIONS)]
    threads = [
        threading.Thread(target=_send, args=(port, CONNECTIONS / rate, over, one)) for one in each
    ]
    for number, thread in enumerate(threads):
        time.sleep(number and 1 / rate)
        thread.start()
    sys.stdin.read()
    over.set()
    for thread in threads:
        thread.join()
    print(json.dumps(sum(each, Counter())))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
