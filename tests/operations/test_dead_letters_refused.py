"""A server that refuses everything refuses one dead letter as the next: it is said once."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from receiver.contract.redis_keys import DEAD_LETTERS
from tests.support.commands import run
from tests.support.dead_letters import undelivered
from tests.support.valkey import Valkey

COUNT = 250


@pytest.fixture
def replica() -> Iterator[Valkey]:
    server = Valkey()
    undelivered(server.client(), *map(str, range(COUNT)))
    server.client().replicaof("127.0.0.1", "1")
    yield server
    server.stop()


@pytest.mark.parametrize("action", ["replay", "drop"])
def test_a_replica_is_asked_once(replica: Valkey, tmp_path: Path, action: str) -> None:
    (tmp_path / "receiver.toml").write_text(
        '[[sink]]\nname = "billing"\nkind = "redis-stream"\nstream = "billing"\n'
    )
    done = run(tmp_path, "dead-letters", action, "--all", REDIS_URL=replica.url)
    assert (done.returncode, json.loads(done.stdout)) == (2, {"done": 0, "gone": 0, "failed": 0})
    (line,) = done.stderr.splitlines()
    assert line.startswith("receiver: Redis: You can't write against a read only replica")
    client: Any = replica.client()
    assert client.xlen(DEAD_LETTERS) == COUNT
