"""A running web half, and requests to it that no HTTP client would send."""

import select
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from tests.commands import RECEIVER, environment, free_port
from tests.eventually import eventually

TOKEN = "a-token-made-up-for-tests"
BEARER = {"authorization": f"Bearer {TOKEN}"}


class Door:
    """`receiver web` in a process of its own, and what it printed."""

    def __init__(self, port: int, process: "subprocess.Popen[bytes]", output: Path) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.process = process
        self._output = output

    @property
    def printed(self) -> str:
        """Everything on stdout and stderr so far."""
        return self._output.read_text("utf-8", "replace")

    @property
    def kilobytes(self) -> int:
        """Resident memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0])

    def connect(self) -> socket.socket:
        """A bare connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def exchange(self, *parts: bytes) -> bytes:
        """Send these bytes on a new connection; everything that came until it was closed."""
        with self.connect() as line:
            try:
                for part in parts:
                    line.sendall(part)
                line.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # closed under us: what it said before is still there
            return read_all(line)


def read_all(line: socket.socket) -> bytes:
    """Until the other side closes; a reset is an end as well."""
    got = b""
    try:
        while chunk := line.recv(65536):
            got += chunk
    except ConnectionError:
        return got
    return got


def read_answer(line: socket.socket) -> bytes:
    """One answer with its body, or what came before the end."""
    got = b""
    while b"\r\n\r\n" not in got:
        chunk = line.recv(65536)
        if not chunk:
            return got
        got += chunk
    head, _, body = got.partition(b"\r\n\r\n")
    length = next(
        (int(h[15:]) for h in head.lower().split(b"\r\n") if h.startswith(b"content-length:")), 0
    )
    while len(body) < length:
        body += line.recv(65536)
    return head + b"\r\n\r\n" + body


def open_still(line: socket.socket) -> bool:
    """Whether the other side has neither said anything nor closed."""
    return not select.select([line], [], [], 0)[0]


def status(answer: bytes) -> int:
    """Of an answer in bytes; 0 when there is none."""
    return int(answer[9:12]) if answer.startswith(b"HTTP/1.1 ") else 0


@contextmanager
def door(redis_url: str, **environ: str) -> Iterator[Door]:
    """Start a web half, wait until it is ready, end it with the block."""
    port = free_port()
    more = {"REDIS_URL": redis_url, "PORT": str(port), "RECEIVER_BEARER_TOKENS": TOKEN} | environ
    with tempfile.TemporaryDirectory() as directory:
        output = Path(directory) / "output"
        with output.open("wb") as file:
            process = subprocess.Popen(
                [*RECEIVER, "web"],
                cwd=directory,
                env=environment(**more),
                stdout=file,
                stderr=subprocess.STDOUT,
                process_group=0,
            )
        found = Door(port, process, output)
        try:
            eventually(lambda: _ready(found))
            yield found
        finally:
            process.terminate()
            process.wait(timeout=30)


def _ready(found: Door) -> bool:
    assert found.process.poll() is None, found.printed
    try:
        return httpx2.get(f"{found.url}/readyz").status_code == 200
    except httpx2.TransportError:
        return False
