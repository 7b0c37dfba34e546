"""`receiver losses`: what was read is cleared, and nothing that somebody has yet to see."""

import json
import os
import pty
import subprocess
from pathlib import Path
from typing import Any

from receiver.contract.redis_keys import LOSSES
from tests.support.command_line import here
from tests.support.commands import RECEIVER, environment
from tests.support.forked import Forked
from tests.support.valkey import Valkey


def test_a_loss_that_is_noticed_while_it_asks_is_not_cleared(
    valkey: Valkey, tmp_path: Path
) -> None:
    client: Any = valkey.client()
    client.hset(LOSSES, mapping={"seen": 5, "grows": 6})
    ours, theirs = pty.openpty()
    with Forked(
        [*RECEIVER, "losses", "clear"],
        cwd=tmp_path,
        env=environment(REDIS_URL=valkey.url, TERM="xterm"),
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        asked = b""
        while b"Clear that?" not in asked:
            asked += os.read(ours, 1000)
        assert b"11 or more notifications were lost" in asked
        client.hset(LOSSES, mapping={"grows": 60, "new": 7})
        os.write(ours, b"y\n")
        process.communicate(timeout=60)
    os.close(ours)
    assert process.returncode == 0
    assert client.hgetall(LOSSES) == {b"grows": b"60", b"new": b"7"}


def test_a_count_that_is_none_is_listed_as_nought_and_cleared(
    valkey: Valkey, tmp_path: Path
) -> None:
    client: Any = valkey.client()
    client.hset(LOSSES, mapping={"a life": 7, "somebody else's": "text"})
    listed = here(tmp_path, "losses", "list", REDIS_URL=valkey.url)
    assert [json.loads(line) for line in listed.out.splitlines()] == [
        {"data": "a life", "lost": 7},
        {"data": "somebody else's", "lost": 0},
    ]
    assert here(tmp_path, "losses", "clear", "--yes", REDIS_URL=valkey.url).code == 0
    assert not client.exists(LOSSES)
