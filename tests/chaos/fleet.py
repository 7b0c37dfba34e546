"""The processes under test, each of which may end at any moment and is started again; and the
simulated operator and gateway, which nobody harms.
"""

import asyncio
import contextlib
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.chaos import guard, toml
from tests.support.commands import RECEIVER, environment, free_port
from tests.support.valkey import Valkey

TOKEN = "a-token-for-chaos"
_LOOK_EVERY = 0.1
_LOADED = ("web-0", "web-1", "worker-0", "worker-1")
_BESIDE = ("poll", "console")


class Fleet:
    """All processes and their Valkey. `close` leaves none behind."""

    def __init__(self, directory: Path, valkey: Valkey, *, alone: bool) -> None:
        """`alone`: only what the load needs."""
        self.valkey = valkey
        self.harmable = ("valkey", *_LOADED, *(() if alone else _BESIDE))
        self.web_ports = {"web-0": free_port(), "web-1": free_port()}
        self.ports = {name: free_port() for name in ("operator", "gateway", "console")}
        self.surprises: list[str] = []
        """Processes that ended although nobody had harmed them."""
        self._directory = directory
        self._commands: dict[str, tuple[list[str], dict[str, str]]] = {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._harmed: dict[str, int] = {}

    def start(self, web_line: int, worker_line: int, *, spool: bool) -> None:
        """Start all of it; the lines' ports are where Valkey is reached."""
        for name, port in self.web_ports.items():
            more = {"PORT": str(port), "RECEIVER_BEARER_TOKENS": TOKEN}
            if spool:
                more["RECEIVER_SPOOL_DIR"] = str(self._directory / "spool")
            self._define(name, [*RECEIVER, "web"], web_line, **more)
        parked = str(self._directory / "parked")
        for name in ("worker-0", "worker-1"):
            command = [sys.executable, "-P", "-m", "workers"]
            self._define(name, command, worker_line, RECEIVER_PARK_DIR=parked)
        if "console" in self.harmable:
            self._define_company(worker_line)
        for name in self._commands:
            self.spawn(name)

    def _define_company(self, worker_line: int) -> None:
        self._define("poll", [*RECEIVER, "poll"], worker_line)
        at = str(self.ports["console"])
        self._define("console", [*RECEIVER, "console", "--port", at], worker_line)
        self._simulate("operator")
        self._simulate("gateway", "--redis-url", self.valkey.url)

    def _simulate(self, name: str, *options: str) -> None:
        scenario = self._directory / f"{name}.toml"
        scenario.write_text(toml.SCENARIOS[name])
        port = ["--port", str(self.ports[name])]
        self._define(name, [*RECEIVER, "simulate", name, str(scenario), *port, *options], 0)

    def reload(self) -> None:
        """Tell everything that reads `receiver.toml` that it has changed; who is only starting has
        still to read it, and SIGHUP would end him.
        """
        for name in (*_LOADED, *_BESIDE):
            if _handles(self._running[name].pid, signal.SIGHUP):
                self._running[name].send_signal(signal.SIGHUP)

    def spawn(self, name: str) -> None:
        """Start one of them, again."""
        if name == "valkey":
            self.valkey.start()
            return
        command, environ = self._commands[name]
        with (self._directory / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                command,
                cwd=self._directory,
                env=environ,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                process_group=0,
            )

    @contextmanager
    def harmed(self, *names: str) -> Iterator[None]:
        """While they are ours to harm nobody wonders about their end, or starts them again."""
        for name in names:
            self._harmed[name] = self._harmed.get(name, 0) + 1
        try:
            yield
        finally:
            for name in names:
                self._harmed[name] -= 1

    def signal(self, name: str, number: int) -> None:
        """To the process itself: of the workers, the supervisor."""
        if name == "valkey":
            os.kill(self.valkey.pid, number)
        else:
            self._running[name].send_signal(number)

    async def end(self, name: str) -> None:
        """End one for good."""
        self._harmed[name] = 1
        self.signal(name, signal.SIGKILL)
        await self.gone(name)

    def limit_files(self, name: str, size: int) -> None:
        """No file of this process may grow beyond this size: to it, its disk is full."""
        with contextlib.suppress(ProcessLookupError):
            number = self._running[name].pid
            _, most = resource.prlimit(number, resource.RLIMIT_FSIZE)
            resource.prlimit(number, resource.RLIMIT_FSIZE, (size, most))

    def workers_of(self, name: str) -> list[int]:
        """The supervisor's children."""
        number = self._running[name].pid
        try:
            found = Path(f"/proc/{number}/task/{number}/children").read_text()
        except OSError:
            return []
        return [int(each) for each in found.split()]

    async def gone(self, name: str) -> None:
        """Wait for its end."""
        if name == "valkey":
            await asyncio.to_thread(self.valkey.gone)
        else:
            await asyncio.to_thread(self._running[name].wait)

    async def tend(self, say: Callable[[str], None]) -> None:
        """Start again what ended by itself, for ever."""
        while True:
            for name, process in self._running.items():
                code = process.poll()
                if code is not None and not self._harmed.get(name):
                    self.surprises.append(f"{name} ended by itself (status {code})")
                    say(self.surprises[-1])
                    self.spawn(name)
            await asyncio.sleep(_LOOK_EVERY)

    def close(self) -> None:
        """Kill whatever is left of the run, Valkey and orphans of killed supervisors included."""
        for process in self._running.values():
            process.kill()
            process.communicate()
        guard.end_all(*guard.mark().values())

    def _define(self, name: str, command: list[str], line: int, **more: str) -> None:
        url = {"REDIS_URL": f"redis://127.0.0.1:{line}/0"} if line else {}
        environ = environment(**guard.mark(), **toml.ENVIRONMENT, **url, **more)
        environ.pop("PYTHONWARNINGS")
        self._commands[name] = command, environ


def _handles(process: int, number: int) -> bool:
    """Return whether a process has a handler of its own for a signal (proc(5), SigCgt)."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False
    return bool(int(status.partition("SigCgt:")[2].split()[0], 16) >> (number - 1) & 1)
