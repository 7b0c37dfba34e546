"""A path of the receiver's that is not UTF-8 is shown as far as it is, and hides nothing else."""

import json
import os
from pathlib import Path

import pytest

from receiver.health.memory import Memory
from tests.support.commands import run
from tests.support.eventually import eventually
from tests.support.put import put
from tests.support.running import TOKEN, Receiver
from tests.support.valkey import Valkey


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """A directory with an octet in its name that no UTF-8 has."""
    directory = tmp_path / os.fsdecode(b"d\xff")
    directory.mkdir()
    return directory


def test_readyz_says_what_is_wrong_with_a_file_there(receiver: Receiver, odd: Path) -> None:
    put(odd / "receiver.toml", "")
    receiver.also(RECEIVER_CONFIG=str(odd / "receiver.toml"))
    receiver.start_web()
    put(odd / "receiver.toml", "[[listener")

    def warned() -> str:
        answer = receiver.get("/readyz")
        assert answer.status == 200
        return "".join(answer.json()["warnings"])

    assert "/d?/receiver.toml: line 1: " in eventually(warned)


@pytest.mark.parametrize("command", ["doctor", "config check", "status"])
def test_commands_print_their_documents(odd: Path, valkey: Valkey, command: str) -> None:
    put(odd / "receiver.toml", "[[listener" if command != "status" else "")
    environ = {"REDIS_URL": valkey.url, "RECEIVER_CONFIG": str(odd / "receiver.toml")}
    environ |= {"RECEIVER_SPOOL_DIR": str(odd / "none"), "RECEIVER_BEARER_TOKENS": TOKEN}
    done = run(odd, *command.split(), **environ)
    assert "Traceback" not in done.stderr
    assert [json.loads(line) for line in done.stdout.splitlines()]


def test_what_is_known_of_a_server_at_such_a_socket_is_kept(tmp_path: Path) -> None:
    memory = Memory(tmp_path, os.fsdecode(b"/run/\xff/redis.sock"))
    memory.keep("book", "run", 7)
    known = memory.of("book")
    assert known
    assert known.accepted == 7
