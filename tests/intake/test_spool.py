"""The spool: what Redis does not take waits on disk, in order; nobody loses or doubles it."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from receiver.contract.redis_keys import LEDGER
from receiver.intake import waiting_requests
from receiver.intake.inbound_writer import Batch
from receiver.intake.spool import drain, location
from receiver.intake.spool.spool import SpoolError
from receiver.intake.spool.spool_file import SpoolFile
from tests.support.eventually import eventually
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


def test_a_long_outage_leaves_intake_open_however_often_the_drain_tries(
    valkey: Valkey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drain, "_PAUSE", 0.001)
    names = [f"{number} {'x' * 3000}" for number in range(10)]
    room = 2 * len("".join(names))  # for the whole spool once, with what a stream takes besides
    stalls: list[str] = []

    async def test(house: House) -> None:
        house.availability.allow(0, room, "Redis is 80% full")
        monkeypatch.setattr(house.spool, "stalled", stalls.append)
        valkey.kill()
        await house.keep(*names)
        tries = len(stalls) + 20
        await asyncio.to_thread(eventually, lambda: len(stalls) > tries)
        assert (house.availability.spent, house.availability.closed) == (0, "")
        await asyncio.to_thread(valkey.start)
        await house.emptied()
        assert 0 < house.availability.spent < room
        assert house.availability.closed == ""

    live(valkey.url, tmp_path, test)
    assert appended(valkey) == [name.encode() for name in names]


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
