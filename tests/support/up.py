"""`receiver up` as a process of a test, with its output read line by line."""

import json
import os
import pty
import subprocess
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.commands import RECEIVER, environment, free_port, run
from tests.support.eventually import eventually
from tests.support.forked import Forked

KINDS = {"sms.message.received.v1", "sms.delivery.updated.v1", "device.reachability.changed.v1"}
"""The types of the events of `receiver up --demo`."""


class Up:
    """`receiver up --demo` in a directory; a mark in the environment tells its processes."""

    def __init__(
        self,
        directory: Path,
        *prefix: str,
        console: str = "",
        terminal: bool = False,
        **environ: str,
    ) -> None:
        """`terminal`: its stderr is one, so that it speaks to people."""
        self.directory = directory
        self.environ = {"PORT": str(free_port())} | environ
        self.console = int(console or free_port())
        self._mark = f"MARK={uuid.uuid4()}"
        self._stderr = directory / f"stderr-{self._mark}"
        with _terminal(self._stderr) if terminal else self._stderr.open("wb") as stderr:
            self.process = Forked(
                [*prefix, *RECEIVER, "up", "--demo", "--console-port", str(self.console)],
                cwd=directory,
                env=environment(**self.environ, MARK=self._mark.removeprefix("MARK=")),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                process_group=0,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.communicate()
        eventually(lambda: not self.left(), within=120)

    def events(self, count: int) -> list[dict[str, Any]]:
        """The next lines of stdout, which must all be events."""
        assert self.process.stdout
        return [json.loads(self.process.stdout.readline()) for _ in range(count)]

    def said(self) -> str:
        """All of stderr so far."""
        return self._stderr.read_text("utf-8")

    def end(self, number: int) -> int:
        """Five seconds are promised; the rest is for a busy machine."""
        self.process.send_signal(number)
        return self.process.wait(60)

    def left(self) -> dict[int, str]:
        """Its living processes, itself included: number and command."""
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if self._is_ours(entry):
                    words = (entry / "cmdline").read_bytes().split(b"\0")
                    found[int(entry.name)] = " ".join(map(os.fsdecode, words)).strip()
            except OSError:
                continue  # it has ended since, or is not ours to look at
        return {number: command for number, command in found.items() if command}

    def _is_ours(self, entry: Path) -> bool:
        # Valkey writes its title over its environment, but nobody else works in its directory.
        data = self.directory / "var/valkey"
        environ = (entry / "environ").read_bytes().split(b"\0")
        return self._mark.encode() in environ or (entry / "cwd").readlink() == data

    def pid(self, part: str) -> int:
        """The process with this in its command line; 0 when there is none."""
        return next(iter(number for number, words in self.left().items() if part in words), 0)

    def signal(self, part: str, number: int) -> int:
        """Signal that process, once there is one; its number."""
        pid = eventually(lambda: self.pid(part))
        os.kill(pid, number)
        return pid

    def send(self, sample: str = "mo") -> bool:
        """Whether `receiver send` was answered 2xx."""
        return run(self.directory, "send", sample, **self.environ).returncode == 0


@contextmanager
def _terminal(file: Path) -> Iterator[int]:
    """A terminal whose screen is copied into a file."""
    ours, theirs = pty.openpty()
    file.touch()

    def copy() -> None:
        with file.open("ab", buffering=0) as copied, suppress(OSError):
            while seen := os.read(ours, 65536):
                copied.write(seen.replace(b"\r\n", b"\n"))
        os.close(ours)

    threading.Thread(target=copy, daemon=True).start()
    yield theirs
    os.close(theirs)
