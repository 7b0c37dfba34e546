"""Viewers of the console's live tail, in a process of their own: they read and count.

`python -m benchmarks.console_viewers PORT COOKIE VIEWERS SECONDS` prints how many rows each had.
"""

import json
import select
import socket
import subprocess
import sys
import time

from benchmarks.processes import ROOT, python


class Viewers:
    """So many viewers, for so many seconds."""

    def __init__(self, port: int, cookie: str, viewers: int, seconds: float) -> None:
        words = (str(each) for each in (port, cookie, viewers, seconds))
        command = python("-m", "benchmarks.console_viewers", *words)
        self._popen = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)

    def rows(self) -> list[int]:
        """Wait until their time is over; returns how many rows each has had."""
        found: list[int] = json.loads(self._popen.communicate()[0])
        return found

    def end(self) -> None:
        """End them before their time is over."""
        self._popen.kill()
        self._popen.communicate()


def watch(port: int, cookie: str, viewers: int, seconds: float) -> list[int]:
    """Read the streams for so long."""
    lines = [socket.create_connection(("127.0.0.1", port)) for _ in range(viewers)]
    head = f"GET /live/stream HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\n\r\n"
    for line in lines:
        line.sendall(head.encode())
    rows, until = dict.fromkeys(lines, 0), time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        for line in select.select(lines, [], [], left)[0]:
            rows[line] += line.recv(1 << 18).count(b"<tr ")
    return list(rows.values())


if __name__ == "__main__":
    print(json.dumps(watch(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))))
