"""Viewers of the console's live tail, in a process of their own: they read and count.

`python -m benchmarks.console_viewers PORT COOKIE VIEWERS SECONDS` prints how many rows each had.
"""

import html
import json
import select
import socket
import subprocess
import sys
import time

import httpx2

from benchmarks.processes import ROOT, python


class Viewers:
    """So many viewers, for so many seconds."""

    def __init__(self, port: int, cookie: str, viewers: int, seconds: float) -> None:
        words = (str(each) for each in (port, cookie, viewers, seconds))
        command = python("-m", "benchmarks.console_viewers", *words)
        self._popen = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
        assert self._popen.stdout
        self._popen.stdout.readline()  # all of them watch: their start is nobody's load

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
    lines = [_opened(port, cookie) for _ in range(viewers)]
    print(flush=True)
    rows, until = dict.fromkeys(lines, 0), time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        for line in select.select(lines, [], [], left)[0]:
            rows[line] += line.recv(1 << 18).count(b"<tr ")
    return list(rows.values())


def _opened(port: int, cookie: str) -> socket.socket:
    """Open the page, and its stream from where the page ends, as its script does."""
    headers = {"Host": f"127.0.0.1:{port}", "Cookie": cookie}
    page = httpx2.get(f"http://127.0.0.1:{port}/live", headers=headers).text
    address = html.unescape(page.partition('data-stream="')[2].partition('"')[0])
    line = socket.create_connection(("127.0.0.1", port))
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    line.sendall(f"GET {address} HTTP/1.1\r\n{head}\r\n".encode())
    return line


if __name__ == "__main__":
    print(json.dumps(watch(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))))
