"""A web process and its spool: when it does not start, and what it acknowledges without Redis."""

import asyncio
import json
import os
import shlex
import signal
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from receiver.config.settings import SettingsError
from receiver.intake.spool import location
from receiver.intake.spool.spool import Spool
from tests.support.bare import connect
from tests.support.commands import RECEIVER, environment
from tests.support.commands import run as run_command
from tests.support.eventually import eventually
from tests.support.running import Receiver, mo


def test_a_directory_that_cannot_be_written_in_stops_the_start(tmp_path: Path) -> None:
    answer = run_command(
        tmp_path,
        "web",
        REDIS_URL="redis://127.0.0.1:1",
        RECEIVER_BEARER_TOKENS="made-up",
        RECEIVER_SPOOL_DIR="/proc/nowhere",
    )
    assert answer.returncode == 2
    reason = json.loads(answer.stderr)["reason"]
    assert reason.startswith("RECEIVER_SPOOL_DIR='/proc/nowhere': ")
    with pytest.raises(SettingsError, match="RECEIVER_SPOOL_DIR"):
        asyncio.run(Spool(Path("/proc/nowhere"), 1024**3).start())


def test_a_disk_that_is_full_stops_the_start_in_one_sentence(tmp_path: Path) -> None:
    full = f"ulimit -f 64; exec {shlex.join(RECEIVER)} web"  # no file larger than 32 KiB
    environ = environment(
        REDIS_URL="redis://127.0.0.1:1", RECEIVER_BEARER_TOKENS="made-up", RECEIVER_SPOOL_DIR="s"
    )
    answer = subprocess.run(
        ["/bin/sh", "-c", full], cwd=tmp_path, env=environ, stderr=subprocess.PIPE, check=False
    )
    assert answer.returncode == 2
    reason = json.loads(answer.stderr)["reason"]
    assert reason.startswith("RECEIVER_SPOOL_DIR='s': File too large")
    assert list((tmp_path / "s" / location.NAME).iterdir()) == []


def spooling(receiver: Receiver, **environ: str) -> Receiver:
    receiver.also(RECEIVER_SPOOL_DIR="spool", **environ)
    return receiver


def spooled(receiver: Receiver) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(receiver.get("/readyz").data)["spool"]
    return found


def test_a_web_process_with_a_spool_stays_ready_and_acknowledges_while_redis_is_gone(
    receiver: Receiver,
) -> None:
    spooling(receiver).start()
    sent = ["before"]
    receiver.acknowledged("/att/sms/mo", mo("before"))
    receiver.valkey.kill()
    for number in range(30):
        sent.append(f"while it is gone {number}")
        assert receiver.post("/att/sms/mo", mo(sent[-1])).status == 204
    eventually(
        lambda: b"Redis does not answer: what comes waits in" in receiver.get("/readyz").data
    )
    assert receiver.get("/readyz").status == 200
    assert spooled(receiver)["notifications"] == 30
    assert spooled(receiver)["oldest_seconds"] > 0
    receiver.valkey.start()
    eventually(lambda: spooled(receiver)["notifications"] == 0)
    sent.append("after")
    assert receiver.post("/att/sms/mo", mo("after")).status == 204
    eventually(lambda: len(receiver.events()) == len(sent))
    assert receiver.settled().published == len(sent)
    assert [event["data"]["text"] for event in receiver.events()] == sent


def test_a_spool_takes_as_many_bytes_as_were_set_and_then_the_answer_is_503(
    receiver: Receiver,
) -> None:
    spooling(receiver, RECEIVER_SPOOL_BYTES="1mb").start_web()
    receiver.valkey.kill()
    sent = [receiver.post("/att/sms/mo", mo("x" * 250_000)).status for _ in range(6)]
    assert sent == [204, 204, 204, 204, 204, 503]
    assert 1024**2 < spooled(receiver)["bytes"] < 1024**2 + 300_000
    assert b"the spool takes nothing: it holds 1048576 bytes" in receiver.get("/readyz").data
    # The intake tried again every few hundredths of a second; that is no line each time.
    assert 1 <= receiver.log.read_text().count('"spool.refused"') < 4


def test_a_spool_whose_disk_has_gone_is_begun_in_no_other_place(
    receiver: Receiver, tmp_path: Path
) -> None:
    """What would be acknowledged there is found by nobody once the disk is back."""
    disk = tmp_path / "disk"
    receiver.also(RECEIVER_SPOOL_DIR=str(disk / "spool"))
    receiver.start_web()
    disk.rename(tmp_path / "away")
    receiver.acknowledged("/att/sms/mo", mo())
    eventually(lambda: b"the spool takes nothing" in receiver.get("/readyz").data)
    receiver.stop()
    assert not disk.exists()


def listens(receiver: Receiver) -> bool:
    try:
        connect(receiver.port).close()
    except ConnectionError:
        return False
    return True


def test_killed_web_processes_and_a_killed_redis_lose_and_double_nothing(
    receiver: Receiver,
) -> None:
    spooling(receiver, WEB_CONCURRENCY="2").start()
    sent = []
    for number in range(40):
        if number == 10:
            receiver.valkey.kill()
        if number == 20:
            assert receiver.web
            os.killpg(receiver.web.pid, signal.SIGKILL)
            receiver.web.wait()
            # Its children may die more slowly, and until then they hold the port.
            eventually(lambda: not listens(receiver))
            receiver.start_web()
        sent.append(str(number))
        body = mo(sent[-1])  # the same at each attempt, like a carrier's
        eventually(lambda body=body: receiver.post("/att/sms/mo", body).status == 204)  # type: ignore[misc]
    receiver.valkey.start()
    eventually(lambda: len(receiver.events()) >= len(sent))
    receiver.settled()
    assert Counter(event["data"]["text"] for event in receiver.events()) == Counter(sent)
