"""The console as a child of `receiver up`: without it everything else goes on."""

import time
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import redis

from receiver.cli.terminal import setup
from receiver.cli.up.child_process import Child
from receiver.cli.up.notices import notice, say
from receiver.console import sessions
from receiver.runtime.blocking_http import BlockingHttp, Unreachable

WAIT: Final = 3.0
"""Seconds that a demo waits for the console before it sends its samples."""


class Console:
    """Run the console on a port of this machine, where it is free."""

    def __init__(self, port: int, web: str) -> None:
        """`port` 0: no console. `web` is the URL of the web process."""
        self._port = port
        self._web = web
        self.children: list[Child] = []
        """The one process, or none."""

    def can_start(self) -> bool:
        """Return whether it is wanted and its port is free; say so where that is taken."""
        if self._port == 0:
            return False
        same = "the web process has it (PORT)" if urlsplit(self._web).port == self._port else ""
        if why := same or setup.port_fault("127.0.0.1", self._port):
            taken = f"No console: 127.0.0.1:{self._port}: {why}."
            notice(f"{taken} --console-port names another (`make run CONSOLE_PORT=9001`).")
            return False
        return True

    def start(self, environ: Mapping[str, str]) -> None:
        """Have the process started by whoever looks after it next."""
        arguments = ["receiver", "console", "--port", str(self._port), "--web", self._web]
        # It is for this machine, wherever the web process listens.
        self.children = [Child("console", arguments, {**environ, "HOST": "127.0.0.1"})]

    def restart_if_ended(self) -> None:
        """Start it, and again where it ended, not where it refused to start. Main thread only."""
        for child in self.children:
            child.restart_if_ended(notice)
        if any(child.refused for child in self.children):
            notice("No console: it refused to start; all else goes on.")
            self.children = []

    def announce(self, client: redis.Redis, *, demo: bool) -> None:
        """Say how to look, in a demo with a link; nothing where it raises `redis.RedisError`."""
        if not self.children:
            return
        base = f"http://127.0.0.1:{self._port}"
        if not demo:
            said = f"Console: {base}   (receiver console link signs you in)\n"
            say(said, "console.ready", url=base)
            return
        link = sessions.Link("demo", "operator", "/live?since=start")
        token = sessions.make_link(client, link)
        self._wait(base)
        said = f"Watch it: {base}/login?token={token}\n"
        say(said, "console.ready", url=base, sign_in="receiver console link")

    def _wait(self, base: str) -> None:
        http, until = BlockingHttp(timeout=1), time.monotonic() + WAIT
        while time.monotonic() < until:
            try:
                http.request("GET", f"{base}/login")
                break
            except Unreachable:
                time.sleep(0.05)
        http.close()
