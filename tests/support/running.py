"""A receiver as an operator runs it: real web and worker processes before one Valkey."""

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import urllib3

from receiver.contract.records import DeadLetter, decode_dead_letter
from receiver.contract.redis_keys import DEAD_LETTERS, EVENTS
from receiver.operations import ledger
from receiver.operations.ledger import Ledger
from tests.support.commands import RECEIVER, environment, free_port
from tests.support.eventually import eventually
from tests.support.forked import Forked
from tests.support.valkey import Valkey

TOKEN = "a-token-for-tests"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
_numbers = itertools.count(2_000_000_000)


def mo(text: str = "hello", sender: str = "") -> bytes:
    """An AT&T mobile-originated SMS; every call another sender, so never a duplicate."""
    return json.dumps(
        {
            "DateTime": "04-15-2011T12:00:00",
            "MessageId": "",
            "Message": text,
            "SenderAddress": sender or f"tel:+1{next(_numbers)}",
            "DestinationAddress": "52345678",
        }
    ).encode()


def programs_in(directory: Path) -> set[int]:
    """The programs of ours that run in a directory."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended
            command = (entry / "cmdline").read_bytes()
            if b"\0-m\0" in command and (entry / "cwd").readlink() == directory.resolve():
                found.add(int(entry.name))
    return found


class Receiver:
    """The processes of one receiver. Start what the test needs; everything is stopped after it."""

    def __init__(self, valkey: Valkey, directory: Path, **environ: str) -> None:
        self.valkey = valkey
        self.redis = valkey.client()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = directory / "log"
        self.web_command = [*RECEIVER, "web"]
        self.web: subprocess.Popen[bytes] | None = None
        self.worker: subprocess.Popen[bytes] | None = None
        self._spawned: list[subprocess.Popen[bytes]] = []
        self._directory = directory
        self._environ = environment(
            **{"REDIS_URL": valkey.url, "PORT": str(self.port), "RECEIVER_BEARER_TOKENS": TOKEN},
            **environ,
        )
        self._pool = urllib3.PoolManager(maxsize=64, retries=False, timeout=60)

    def also(self, **environ: str) -> None:
        """More variables for what is started from now on."""
        self._environ |= environ

    def start(self) -> "Receiver":
        """Web and worker, ready."""
        self.start_worker()
        return self.start_web()

    def start_web(self) -> "Receiver":
        """The web half, ready."""
        self.web = self.spawn(self.web_command)
        eventually(self._ready)
        return self

    def start_worker(self) -> None:
        """The worker half."""
        self.worker = self.spawn([sys.executable, "-P", "-m", "workers"])

    def spawn(self, command: list[str]) -> "subprocess.Popen[bytes]":
        """Any process of the receiver's, with its environment and its log."""
        with self.log.open("ab") as log:
            process = Forked(
                command,
                cwd=self._directory,
                env=self._environ,
                stdin=subprocess.PIPE,  # a worker whose input ends takes its supervisor for dead
                stdout=log,
                stderr=log,
                process_group=0,
            )
        self._spawned.append(process)
        return process

    def worker_processes(self) -> list[int]:
        """Those of the worker half, without the supervisor; who has forked them is no matter."""
        return sorted(programs_in(self._directory) - {process.pid for process in self._spawned})

    def post(
        self, path: str, body: bytes, headers: dict[str, str] | None = None
    ) -> urllib3.BaseHTTPResponse:
        """Post as a carrier does, with the right token unless other headers are given."""
        return self._pool.request(
            "POST", self.url + path, body=body, headers=AUTHORIZED if headers is None else headers
        )

    def acknowledged(
        self, path: str, body: bytes, headers: dict[str, str] | None = None
    ) -> urllib3.BaseHTTPResponse:
        """Post until it is answered 204, as a carrier does: on a machine that is too busy Redis may
        not be in time, and 503 is right. Any other answer is wrong.
        """

        def answers() -> list[urllib3.BaseHTTPResponse]:
            return [one for one in [self.post(path, body, headers)] if one.status != 503]

        [found] = eventually(answers)
        assert found.status == 204
        return found

    def get(self, path: str) -> urllib3.BaseHTTPResponse:
        """Get as an operator does."""
        return self._pool.request("GET", self.url + path)

    def events(self) -> list[dict[str, Any]]:
        """Everything on the events stream, in order."""
        entries: Any = self.redis.xrange(EVENTS)
        return [json.loads(fields[b"event"]) for _, fields in entries]

    def dead_letters(self) -> list[DeadLetter]:
        """Everything on the dead letter stream, in order."""
        entries: Any = self.redis.xrange(DEAD_LETTERS)
        return [decode_dead_letter(fields[b"d"]) for _, fields in entries]

    def books(self) -> Ledger:
        """The ledger now."""
        return ledger.read(self.redis)

    def settled(self, *, within: float = 120) -> Ledger:
        """The books once nothing is open; they must balance."""
        eventually(lambda: self.books().open == 0, within=within)
        books = self.books()
        assert books.balanced, books
        return books

    def kill(self) -> None:
        """End every process now: a stop that no test looks at takes up to a second.

        A web process alone is killed. Who starts others is told to end and waits for these, which
        are killed: none is left that nobody waits for.
        """
        several = "WEB_CONCURRENCY" in self._environ
        for process in self._spawned:
            alone = process.args[-1] == "web" and not several  # type: ignore[index]
            process.send_signal(signal.SIGKILL if alone else signal.SIGTERM)
        with contextlib.suppress(AssertionError):
            eventually(self._ended, within=60)
        self.stop()

    def _ended(self) -> bool:
        if not (running := [each for each in self._spawned if each.poll() is None]):
            return True
        if not all(each.args[-1] == "web" for each in running):  # type: ignore[index]
            for number in self.worker_processes():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(number, signal.SIGKILL)
        return False

    def stop(self) -> None:
        """End every process as its operator does, whatever state it is in."""
        for process in self._spawned:
            if process.poll() is None:
                process.terminate()
        for process in self._spawned:
            try:
                process.communicate(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
        self._pool.clear()
        self.redis.close()

    def _ready(self) -> bool:
        assert self.web is not None
        assert self.web.poll() is None, self.log.read_text()
        try:
            return self.get("/readyz").status == 200
        except urllib3.exceptions.HTTPError:
            return False
