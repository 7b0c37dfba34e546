"""Load: a closed loop (as fast as it is answered) and an open loop (as fast as it was ordered).

The closed loop is `wrk` where it is installed, else the client below. The open loop is always the
client below: arrivals at a fixed rate, and a latency counts from the moment the request was due,
whether or not a connection was free to send it then (no coordinated omission).

`python -m benchmarks.load PORT METHOD PATH …` prints one line of JSON; latencies in milliseconds.
"""

import gc
import json
import math
import select
import shutil
import socket
import subprocess
import sys
import time
from array import array
from collections import deque
from dataclasses import astuple, dataclass, field

from benchmarks import notifications
from benchmarks.processes import ROOT, python, scratch

WRK = shutil.which("wrk")
GRACE = 5.0
"""Seconds an open loop waits for answers after its last arrival."""

Result = dict[str, float]


@dataclass(frozen=True)
class Target:
    """What is loaded, and from which notification number on."""

    port: int
    method: str
    path: str
    first: int = 0
    kind: str = "message"
    """Which of `notifications.KINDS` is sent."""
    scheme: str = "http"
    """`https` for `wrk` only."""


def closed(target: Target, connections: int, seconds: float) -> Result:
    """Load in a closed loop: a connection sends the next request when the last one is answered."""
    if WRK is None:
        return _own(target, connections, seconds, math.inf)
    host = f"127.0.0.1:{target.port}"
    with scratch() as directory:
        template = directory / "request"
        template.write_bytes(notifications.request(target.method, target.path, host, target.kind))
        command = [WRK, "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "--timeout", "10s"]
        command += ["-s", str(ROOT / "benchmarks/post.lua"), f"{target.scheme}://{host}"]
        command += ["--", str(template), str(target.first)]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    result: Result = json.loads(output.rpartition("JSON ")[2])
    return result | {"rate": result["answered"] / result["seconds"]}


def opened(target: Target, rate: float, connections: int, seconds: float) -> Result:
    """Load in an open loop: `rate` requests become due a second; latency counts from then."""
    return _own(target, connections, seconds, rate)


def acknowledged(target: Target, number: int) -> bool:
    """Return whether one notification, sent now on a connection of its own, gets a 2xx."""
    client = _client(target)
    try:
        client.connect(1)
        client.send(number, time.perf_counter())
        client.collect(10)
    except OSError:
        return False
    finally:
        client.close()
    return len(client.took) == 1 and client.non_2xx == 0


def tool() -> str:
    """Return the name of the tool that makes the closed loop here."""
    return "wrk" if WRK else "the bundled client (wrk is not installed)"


def _own(target: Target, connections: int, seconds: float, rate: float) -> Result:
    """Run the bundled client in a process of its own: the caller has other things to watch."""
    fields = (*astuple(target), rate, connections, seconds)
    command = python("-m", "benchmarks.load", *(str(each) for each in fields))
    done = subprocess.run(command, check=True, cwd=ROOT, capture_output=True, text=True)
    result: Result = json.loads(done.stdout)
    return result


@dataclass
class Client:
    """Keep-alive connections and what came of the requests on them."""

    port: int
    parts: list[bytes]
    idle: deque[socket.socket] = field(default_factory=deque)
    busy: dict[int, tuple[socket.socket, float, float]] = field(default_factory=dict)
    """File descriptor -> (connection, when its request was due, when it went out)."""
    took: "array[float]" = field(default_factory=lambda: array("d"))
    refused: "array[float]" = field(default_factory=lambda: array("d"))
    """How long a 429 took; those are apart, or quick refusals would flatter the latencies."""
    served: "array[float]" = field(default_factory=lambda: array("d"))
    """Of `took`, the time since the request went out."""
    late: "array[float]" = field(default_factory=lambda: array("d"))
    """How long after it was due a request went out: the client's delay, or no free connection."""
    non_2xx: int = 0
    broken: int = 0

    def connect(self, connections: int) -> None:
        """Open the connections."""
        for _ in range(connections):
            self.idle.append(self._connection())

    def send(self, number: int, due: float) -> None:
        """Send one notification on a free connection."""
        connection = self.idle.popleft()
        now = time.perf_counter()
        self.late.append(now - due)
        connection.sendall((b"%07d" % number).join(self.parts))
        self.busy[connection.fileno()] = (connection, due, now)

    def collect(self, timeout: float) -> None:
        """Take the answers that are there, waiting for the first one at most `timeout` seconds."""
        # select and not epoll: its timeout is in microseconds, epoll's in milliseconds.
        for descriptor in select.select(list(self.busy), (), (), timeout)[0]:
            connection, due, sent = self.busy.pop(descriptor)
            try:
                answer = _answer(connection)
            except OSError:
                self.broken += 1
                connection.close()
                self.idle.append(self._connection())
                continue
            now = time.perf_counter()
            if answer.startswith(b"HTTP/1.1 429"):
                self.refused.append(now - due)
            else:
                self.took.append(now - due)
                self.served.append(now - sent)
            self.non_2xx += not answer.startswith(b"HTTP/1.1 2")
            self.idle.append(connection)

    def close(self) -> None:
        """Close every connection."""
        for connection in [*self.idle, *(each for each, _, _ in self.busy.values())]:
            connection.close()

    def _connection(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), 10)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection


def _answer(connection: socket.socket) -> bytes:
    """Read one whole HTTP/1.1 answer: none of the contenders sends chunks."""
    data = b""
    while True:
        more = connection.recv(65536)
        if not more:
            raise ConnectionError("closed by the server")
        data += more
        head, end, rest = data.partition(b"\r\n\r\n")
        if end and len(rest) >= _length(head):
            return data


def _length(head: bytes) -> int:
    _, _, value = head.lower().partition(b"content-length:")
    return int(value.split(b"\r\n", 1)[0]) if value else 0


def _run(client: Client, first: int, rate: float, seconds: float) -> Result:
    """Run the loop: send what is due, take what is answered, sleep until the next of either."""
    total = math.inf if rate == math.inf else rate * seconds
    begin = time.perf_counter()
    sent, now, end = 0, 0.0, seconds + (0 if rate == math.inf else GRACE)
    while (sent < total or client.busy) and now < end:
        while client.idle and sent < total and sent / rate <= now:
            client.send(first + sent, begin + (now if rate == math.inf else sent / rate))
            sent += 1
        pause = sent / rate - now if client.idle and sent < total else GRACE
        client.collect(max(0.0, min(pause, end - now)))
        now = time.perf_counter() - begin
    due = sent if rate == math.inf else round(total)
    answered = len(client.took) + len(client.refused)
    return _summary(client, now) | {"unanswered": max(0, due - answered)}


def _summary(client: Client, seconds: float) -> Result:
    took, late, refused = sorted(client.took), sorted(client.late), sorted(client.refused)
    answered = len(took) + len(refused)
    points = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999, "max": 1.0}
    return {
        "answered": answered,
        "seconds": seconds,
        "rate": answered / seconds,
        "non_2xx": client.non_2xx,
        "broken": client.broken,
        **{name: percentile(took, share) * 1e3 for name, share in points.items()},
        "served_p99": percentile(sorted(client.served), 0.99) * 1e3,
        "late_p99": percentile(late, 0.99) * 1e3,
        "refused": len(refused),
        "refused_p99": percentile(refused, 0.99) * 1e3 if refused else 0.0,
    }


def percentile(ordered: "list[float]", share: float) -> float:
    """Return the nearest rank in a sorted list; NaN of nothing."""
    if not ordered:
        return math.nan
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _client(target: Target) -> Client:
    host = f"127.0.0.1:{target.port}"
    template = notifications.request(target.method, target.path, host, target.kind)
    return Client(target.port, template.split(notifications.MARK.encode()))


def main() -> None:
    """Run once, as the arguments say."""
    port, method, path, first, kind, _, rate, connections, seconds = sys.argv[1:]
    gc.disable()
    client = _client(Target(int(port), method, path, int(first), kind))
    client.connect(int(connections))
    try:
        print(json.dumps(_run(client, int(first), float(rate), float(seconds))))
    finally:
        client.close()


if __name__ == "__main__":
    main()
