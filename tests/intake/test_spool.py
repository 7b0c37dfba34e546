"""The spool: what Redis does not take waits on disk, in order; nobody loses or doubles it."""

import asyncio
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from receiver.config.settings import SettingsError
from receiver.contract.redis_keys import LEDGER
from receiver.intake import waiting_requests
from receiver.intake.inbound_writer import Batch
from receiver.intake.spool import location
from receiver.intake.spool.spool import Spool, SpoolError
from receiver.intake.spool.spool_file import SpoolFile
from tests.support.bare import connect
from tests.support.commands import RECEIVER, environment
from tests.support.commands import run as run_command
from tests.support.eventually import eventually
from tests.support.running import Receiver, mo
from tests.support.spools import House, appended, depth, inbound, left, live
from tests.support.valkey import Valkey


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process nobody's time is up on a slow machine."""
    monkeypatch.setattr(waiting_requests, "ACKNOWLEDGE_WITHIN", 30.0)


def test_what_a_dead_redis_does_not_take_is_kept_at_once_and_drained_in_order(
    valkey: Valkey, tmp_path: Path
) -> None:
    async def test(house: House) -> None:
        await house.keep("0")
        valkey.kill()
        begun = time.monotonic()
        await house.keep(*(str(number) for number in range(1, 20)))
        assert time.monotonic() - begun < 15
        assert house.spool.depth.notifications == 19
        await asyncio.to_thread(valkey.start)
        await house.keep("20", "21")
        await house.emptied()
        await house.keep("22")

    live(valkey.url, tmp_path, test)
    assert appended(valkey) == [str(number).encode() for number in range(23)]
    assert valkey.client().hget(LEDGER, "accepted") == b"23"
    assert depth(tmp_path).batches == 0


def test_what_a_frozen_server_applies_late_is_not_applied_again_from_the_spool(
    valkey: Valkey, tmp_path: Path
) -> None:
    async def test(house: House) -> None:
        await house.keep("before")
        valkey.pause()
        await house.keep("tried and spooled")
        await house.keep("spooled at once")
        await asyncio.sleep(1)  # the drain tries, and leaves more copies in the server's sockets
        valkey.resume()
        await house.emptied()
        await house.keep("after")

    live(valkey.url, tmp_path, test)
    assert appended(valkey) == [b"before", b"tried and spooled", b"spooled at once", b"after"]


def test_the_next_process_drains_what_the_last_one_left_before_what_is_new(
    valkey: Valkey, tmp_path: Path
) -> None:
    async def first(house: House) -> None:
        await house.keep("1", "2", "3")

    async def second(house: House) -> None:
        assert house.spool.depth.notifications == 3
        await house.keep("4")
        await house.emptied()

    valkey.kill()
    live(valkey.url, tmp_path, first)
    valkey.start()
    live(valkey.url, tmp_path, second)
    assert appended(valkey) == [b"1", b"2", b"3", b"4"]


def test_files_of_several_dead_processes_are_taken_over_by_one(
    valkey: Valkey, tmp_path: Path
) -> None:
    for number in range(3):
        file = left(tmp_path, number)
        file.write(Batch(f"f{number}", 1, [b"%d" % number], []))
        file.close()

    async def test(house: House) -> None:
        await house.emptied()

    live(valkey.url, tmp_path, test)
    assert sorted(appended(valkey)) == [b"0", b"1", b"2"]


def test_a_copy_that_somebody_made_of_a_file_is_left_alone(valkey: Valkey, tmp_path: Path) -> None:
    copy = location.prepare(tmp_path) / "spool-0.backup.log"
    copy.write_bytes(b"not ours")
    live(valkey.url, tmp_path, lambda house: house.keep("one"))
    assert copy.read_bytes() == b"not ours"
    assert appended(valkey) == [b"one"]


def test_a_file_has_one_owner(tmp_path: Path) -> None:
    file = SpoolFile.acquire(tmp_path, 0)
    assert file
    assert SpoolFile.acquire(tmp_path, 0) is None
    file.close()
    again = SpoolFile.acquire(tmp_path, 0)
    assert again
    again.close()


def test_a_batch_that_redis_has_already_is_not_appended_from_the_spool(
    valkey: Valkey, tmp_path: Path
) -> None:
    async def already() -> None:
        link = inbound(valkey.url)
        await link.append(Batch("f", 7, [b"once"], []))
        await link.end()

    asyncio.run(already())
    assert valkey.client().ttl("receiver:flusher:f") > 29 * 24 * 3600
    file = left(tmp_path, 0)
    file.write(Batch("f", 7, [b"once"], []))
    file.write(Batch("f", 8, [b"twice"], []))
    file.close()

    async def test(house: House) -> None:
        await house.emptied()

    live(valkey.url, tmp_path, test)
    assert appended(valkey) == [b"once", b"twice"]


@pytest.mark.parametrize("redis_is_up", [True, False])
def test_a_disk_that_takes_nothing_is_a_503_or_redis_alone_never_a_lie(
    valkey: Valkey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, redis_is_up: bool
) -> None:
    async def test(house: House) -> None:
        valkey.kill()
        await house.keep("1")
        house.spool._files._most = house.spool._files._limit = 0  # as if it might have nothing
        with pytest.raises(SpoolError):
            await house.spool.write(Batch("x", 1, [b"no"], []))
        assert house.spool.trouble
        if redis_is_up:
            await asyncio.to_thread(valkey.start)
            await house.keep("2")
            await house.emptied()
        else:
            monkeypatch.setattr(waiting_requests, "ACKNOWLEDGE_WITHIN", 1.0)
            kept = await asyncio.gather(house.intake.keep([b"2"], []), return_exceptions=True)
            assert [type(end).__name__ for end in kept] == ["Unavailable"]

    live(valkey.url, tmp_path, test)
    if redis_is_up:
        assert sorted(appended(valkey)) == [b"1", b"2"]
    else:
        assert depth(tmp_path).notifications == 1


def test_the_drain_waits_while_redis_is_nearly_full(valkey: Valkey, tmp_path: Path) -> None:
    async def test(house: House) -> None:
        valkey.kill()
        house.availability.closed = "Redis is 81% full"
        await house.keep("1")
        await asyncio.to_thread(valkey.start)
        await asyncio.sleep(0.6)
        assert house.spool.engaged
        house.availability.closed = ""
        await house.emptied()

    live(valkey.url, tmp_path, test)
    assert appended(valkey) == [b"1"]


def test_a_writer_killed_at_any_moment_leaves_everything_it_acknowledged(
    valkey: Valkey, tmp_path: Path
) -> None:
    code = (
        "import itertools, sys\n"
        "from pathlib import Path\n"
        "from receiver.intake.inbound_writer import Batch\n"
        "from receiver.intake.spool.spool_file import SpoolFile\n"
        "file = SpoolFile.acquire(Path(sys.argv[1]), 0)\n"
        "for n in itertools.count(1):\n"
        "    file.write(Batch('f', n, [b'%d' % n], []))\n"
        "    print(n, flush=True)\n"
    )
    command = [sys.executable, "-c", code, str(location.prepare(tmp_path))]
    root = str(Path(__file__).parents[2])
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": root}
    ) as writer:
        assert writer.stdout
        for _ in range(50):
            writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
        acknowledged = 50 + len(writer.stdout.readlines())

    async def test(house: House) -> None:
        await house.emptied()

    live(valkey.url, tmp_path, test)
    found = appended(valkey)
    assert len(found) in (acknowledged, acknowledged + 1)
    assert found == [b"%d" % (number + 1) for number in range(len(found))]


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
    assert receiver.post("/att/sms/mo", mo("before")).status == 204
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
