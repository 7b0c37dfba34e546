"""Where a command's output cannot go."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import IO

import pytest

from receiver.contract.records import DeadLetter, encode
from receiver.contract.redis_keys import DEAD_LETTERS
from tests.support.commands import RECEIVER, environment, free_port, run
from tests.support.receivers import TOKEN, Receiver, listening
from tests.support.valkey import Valkey

WHY = "stdout cannot be written: No space left on device"
FULL = f"receiver: {WHY}\n"
SHOWN = [
    ["schema", "sms.message.received.v1"],
    ["schema", "--asyncapi"],
    ["--version"],
    ["send", "--help"],
    ["ledger"],
    ["tail", "--from-start"],
    ["dead-letters", "list"],
]
pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")


def into(
    stdout: IO[bytes] | int, cwd: Path, *arguments: str, **environ: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*RECEIVER, *arguments],
        cwd=cwd,
        env=environment(**environ),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
        check=False,
    )


def fill(valkey: Valkey) -> None:
    """Something for every command to show."""
    client = valkey.client()
    client.xadd("receiver:events", {"event": json.dumps({"id": "a"})})
    client.xadd(DEAD_LETTERS, {"d": encode(DeadLetter(1, "no", b"{}", "", b"", 0, "1-0"))})


@pytest.mark.parametrize("arguments", SHOWN, ids=" ".join)
def test_a_full_device_is_said_in_one_sentence(
    arguments: list[str], valkey: Valkey, tmp_path: Path
) -> None:
    fill(valkey)
    with open("/dev/full", "wb") as full:
        answer = into(full, tmp_path, *arguments, REDIS_URL=valkey.url)
        assert (answer.stderr, answer.returncode) == (FULL, 2)
        answer = into(full, tmp_path, *arguments, REDIS_URL=valkey.url, PYTHONUNBUFFERED="1")
        assert (answer.stderr, answer.returncode) == (FULL, 2)


@pytest.mark.parametrize("arguments", SHOWN, ids=" ".join)
def test_a_reader_that_has_gone_ends_a_command_quietly(
    arguments: list[str], valkey: Valkey, tmp_path: Path
) -> None:
    fill(valkey)
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "wb") as pipe:
        answer = into(pipe, tmp_path, *arguments, REDIS_URL=valkey.url)
    assert (answer.stderr, answer.returncode) == ("", 1)


@pytest.mark.parametrize("closed", ["1", "2"])
def test_a_command_works_without_stdout_or_stderr(
    closed: str, valkey: Valkey, tmp_path: Path
) -> None:
    shell = ["sh", "-c", f'"$@" {closed}>&-', "sh", *RECEIVER, "dead-letters", "list"]
    fill(valkey)
    environ = environment(REDIS_URL=valkey.url)
    found = subprocess.run(shell, cwd=tmp_path, env=environ, capture_output=True, check=True)
    assert bool(found.stdout) == (closed == "2")
    assert found.stderr == b""


def test_the_demo_ends_when_its_events_cannot_be_written(tmp_path: Path) -> None:
    with open("/dev/full", "wb") as full:
        answer = into(full, tmp_path, "up", "--demo", PORT=str(free_port()))
    assert answer.returncode == 2
    assert WHY in answer.stderr.splitlines()[-1]
    assert "Traceback" not in answer.stderr


def test_the_demo_goes_on_when_only_stderr_is_full(tmp_path: Path) -> None:
    shell = ["sh", "-c", 'exec "$@" 2>/dev/full', "sh", *RECEIVER, "up", "--demo"]
    environ = environment(PORT=str(free_port()))
    with subprocess.Popen(
        shell, cwd=tmp_path, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    ) as demo:
        try:
            assert demo.stdout
            assert json.loads(demo.stdout.readline())["specversion"] == "1.0"
            demo.send_signal(signal.SIGINT)
            assert demo.wait(60) == 0
        finally:
            demo.kill()  # its processes end with it


def test_a_log_of_attempts_that_cannot_be_written_takes_nothing_from_the_verdict(
    valkey: Valkey, tmp_path: Path
) -> None:
    with listening(Receiver(valkey.client())) as url:
        answer = run(
            tmp_path,
            *("simulate", "--url", url, "--token", TOKEN, "--count", "10", "--log", "/dev/full"),
        )
    assert answer.returncode == 2
    assert json.loads(answer.stdout)["acknowledged"] > 0
    assert answer.stderr == "receiver: --log cannot be written: No space left on device\n"
