"""What a Redis that came back knows less of is missed: at least, and never more than it was."""

import asyncio
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

from receiver.contract.redis_keys import LEDGER, LOSSES
from receiver.health.data_loss import DataLoss
from receiver.health.memory import Memory
from receiver.runtime.redis_client import async_client
from tests.support.eventually import eventually
from tests.support.running import Receiver, mo
from tests.support.valkey import Valkey

ACCEPTED = 5


class Process:
    """What one web process with an intake and a drain knows of one Redis."""

    def __init__(self, valkey: Valkey, directory: Path) -> None:
        self.client: Any = valkey.client()
        self.url = valkey.url
        self.run_id = self.client.info("server")["run_id"]
        self.losses = DataLoss(Memory(directory, valkey.url))
        self.intake, self.drain = self.losses.writer(), self.losses.writer()

    def appended(self, times: int, *, by_drain: bool = False) -> None:
        for _ in range(times):
            accepted = self.client.hincrby(LEDGER, "accepted", 1)
            (self.drain if by_drain else self.intake)(accepted)

    def look(self, run_id: str = "") -> int:
        async def main() -> None:
            line = async_client(self.url)
            await self.losses.look(line, run_id or self.run_id)
            await line.aclose()

        asyncio.run(main())
        return self.losses.lost


@pytest.mark.parametrize("looks", [0, 1, 2])
def test_a_loss_is_missed_once_however_looks_and_appends_follow_each_other(
    valkey: Valkey, tmp_path: Path, looks: int
) -> None:
    one = Process(valkey, tmp_path)
    one.look()
    one.appended(ACCEPTED)
    one.look()
    one.client.flushall()
    for _ in range(looks):
        one.look()
    one.appended(2 * ACCEPTED)
    assert one.look() == ACCEPTED
    assert len(one.client.hgetall(LOSSES)) == 1


def test_a_loss_is_counted_once_though_each_writer_and_process_comes_to_it_by_itself(
    valkey: Valkey, tmp_path: Path
) -> None:
    one, other = Process(valkey, tmp_path / "1"), Process(valkey, tmp_path / "2")
    one.look()
    other.look()
    one.appended(60)
    one.appended(57, by_drain=True)
    other.look()
    one.look()
    one.client.hset(LEDGER, "accepted", 17)  # as a copy of yesterday has it
    assert one.look("restarted") == 100
    one.appended(1)
    assert one.look("restarted") == 100
    one.appended(1, by_drain=True)
    assert one.look("restarted again") == 100
    assert other.look("restarted again") == 100
    other.appended(1)
    assert other.look("and again") == 100
    assert Process(valkey, tmp_path / "1").look("and again") == 100
    one.client.delete(LOSSES)  # dealt with
    assert [process.look("later") for process in (one, other)] == [0, 0]


def test_a_second_loss_is_added_to_the_first(valkey: Valkey, tmp_path: Path) -> None:
    one = Process(valkey, tmp_path)
    one.appended(10)
    one.look("first")
    one.client.hset(LEDGER, "accepted", 7)
    assert one.look("second") == 3
    one.appended(5)
    one.look("second")
    one.client.hset(LEDGER, "accepted", 8)
    assert one.look("third") == 7


@pytest.mark.parametrize("what", ["an older copy", "nothing"])
@pytest.mark.parametrize("spool", [False, True])
def test_a_restore_while_everything_was_stopped_is_noticed_at_the_next_start(
    receiver: Receiver, tmp_path: Path, what: str, spool: bool
) -> None:
    if spool:
        receiver.also(RECEIVER_SPOOL_DIR="spool")
    receiver.start_web()
    log = receiver.valkey.directory / "appendonlydir"
    for number in range(3):
        receiver.acknowledged("/att/sms/mo", mo(f"in the copy {number}"))
    shutil.copytree(log, tmp_path / "copy")
    for number in range(4):
        receiver.acknowledged("/att/sms/mo", mo(f"not in it {number}"))
    receiver.stop()
    receiver.valkey.kill()
    shutil.rmtree(log)
    if what == "an older copy":
        shutil.copytree(tmp_path / "copy", log)
    receiver.valkey.start()
    lost = 4 if what == "an older copy" else 7
    receiver.start_web()
    said = f"Redis came back without {lost} or more notifications".encode()
    eventually(lambda: said in receiver.get("/readyz").data)
    assert receiver.books().lost == lost
    receiver.redis.delete(LOSSES)
    receiver.stop()
    receiver.start_web()
    eventually(lambda: b'"warnings":[]' in receiver.get("/readyz").data)
    assert (tmp_path / ("spool/receiver-spool" if spool else "var") / "books.json").exists()


def test_what_is_remembered_of_another_server_accuses_nobody(
    valkey: Valkey, tmp_path: Path
) -> None:
    Memory(tmp_path, "elsewhere:6379").keep("another book", "run", 1000)
    assert Process(valkey, tmp_path).look() == 0
    (tmp_path / "books.json").write_text("not what was written")
    assert Process(valkey, tmp_path).look() == 0


def test_a_disk_that_takes_long_does_not_hold_up_a_look(
    valkey: Valkey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, goes_on = Process(valkey, tmp_path), threading.Event()
    syncs: list[int] = []

    def fsync(file: int) -> None:
        syncs.append(file)
        goes_on.wait()

    async def main() -> None:
        line = async_client(valkey.url)
        for number in range(5):
            one.appended(1)
            await one.losses.look(line, f"run {number}")
        await asyncio.to_thread(eventually, lambda: syncs)
        assert len(syncs) == 1
        goes_on.set()
        await line.aclose()

    monkeypatch.setattr(os, "fsync", fsync)
    asyncio.run(main())
    one.losses.close()
    found = Memory(tmp_path, valkey.url).of("")
    assert found is not None
    assert (found.run_id, found.accepted) == ("run 4", 5)


def test_the_same_books_at_another_address_are_known_again(valkey: Valkey, tmp_path: Path) -> None:
    one = Process(valkey, tmp_path)
    one.appended(9)
    one.look()
    moved = Process(valkey, tmp_path)
    moved.losses = DataLoss(Memory(tmp_path, "a new machine:6379"))
    one.client.hset(LEDGER, "accepted", 2)
    assert moved.look("another run") == 7


def test_what_another_program_wrote_beside_the_losses_ends_no_look(
    valkey: Valkey, tmp_path: Path
) -> None:
    """A look that ended there would leave a web process without credentials."""
    one = Process(valkey, tmp_path)
    one.client.hset(LOSSES, mapping={"ours": 3, "theirs": "many", b"\xff": b"\xff"})
    one.client.hset(LEDGER, "accepted", "no number")
    assert one.look() == 3
