"""A consumer that takes everything, in a process of its own: what else a test does, and other
consumers in the test's process, do not delay it. `python -m tests.support.steady_consumer PORT`
answers until its standard input ends, and prints of each event its `sequence`, and the milliseconds
from its receipt until it came.
"""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from tests.support.commands import ROOT, free_port
from tests.support.consumer import consuming
from tests.support.eventually import eventually


class SteadyConsumer:
    """What a consumer in another process was given."""

    def __init__(self, port: int, out: Path) -> None:
        self.netloc = f"127.0.0.1:{port}"
        self.url = f"http://{self.netloc}/hook?key=1"
        self._out = out
        self._read = 0

    def came(self) -> list[tuple[str, float]]:
        """`sequence` and delay (ms) of each event that came since the last call."""
        with self._out.open("rb") as file:
            file.seek(self._read)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._read += len(whole)
        parts = (line.split() for line in whole.decode().splitlines())
        return [(sequence, float(delay)) for sequence, delay in parts]


@contextlib.contextmanager
def steady_consumer(directory: Path) -> Iterator[SteadyConsumer]:
    """Run one for the length of the block, ready."""
    found = SteadyConsumer(free_port(), directory / "came")
    command = [sys.executable, "-m", __name__, found.netloc.partition(":")[2]]
    with (
        found._out.open("wb") as out,
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=out) as process,
    ):
        try:
            eventually(lambda: found._out.stat().st_size)
            found._read = found._out.stat().st_size
            yield found
        finally:
            process.communicate(timeout=60)


def main(port: int) -> None:
    """From the command line."""
    with consuming(port=port) as consumer:

        def take(request: Any, _handler: Any) -> int:
            now = time.time() * 1000
            consumer.requests.clear()
            events = msgspec.json.decode(request.body)
            lines = (f"{one['sequence']} {now - int(one['receiptid'][:11], 16)}" for one in events)
            print("\n".join(lines), flush=True)
            return 204

        consumer.behaviour = take
        print("ready", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(int(sys.argv[1]))
