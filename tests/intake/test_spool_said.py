"""What is wrong with the spool is said wherever an operator looks, and only while it is so."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from receiver.intake.inbound_writer import Batch
from receiver.intake.spool import file_set, location
from tests.support.commands import run
from tests.support.eventually import eventually
from tests.support.running import TOKEN, Receiver, mo
from tests.support.spools import House, filled, left, live
from tests.support.valkey import Valkey


def warnings(receiver: Receiver) -> list[str]:
    found: list[str] = json.loads(receiver.get("/readyz").data)["warnings"]
    return found


def told(receiver: Receiver, metric: str) -> float:
    text = receiver.get("/metrics").data.decode()
    return float(
        next(line.split()[1] for line in text.splitlines() if line.startswith(metric + " "))
    )


def examined(receiver: Receiver, directory: Path, spool: Path) -> tuple[int, str]:
    environ = {"RECEIVER_SPOOL_DIR": str(spool), "RECEIVER_BEARER_TOKENS": TOKEN}
    answer = run(directory, "doctor", REDIS_URL=receiver.valkey.url, **environ)
    return answer.returncode, answer.stdout


def test_a_damaged_row_is_said_everywhere_and_the_books_are_printed(
    receiver: Receiver, tmp_path: Path
) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    file = filled(spool, 5)
    data = bytearray(file.read_bytes())
    data[16 + 34] ^= 1
    file.write_bytes(data)
    receiver.also(RECEIVER_SPOOL_DIR=str(spool))
    receiver.start_web()
    said = "1 or more notifications on the spool were damaged and are set aside in spool-0.damaged"
    eventually(lambda: receiver.books().accepted == 4)
    eventually(lambda: said in warnings(receiver))
    eventually(lambda: receiver.get("/readyz").status == 200)
    assert told(receiver, "receiver_spool_damaged") == 1
    assert f'"serious","what":"{said}' in examined(receiver, tmp_path, spool)[1]
    environ = {"REDIS_URL": receiver.valkey.url, "RECEIVER_SPOOL_DIR": str(spool)}
    answer = run(tmp_path, "ledger", **environ)
    assert answer.returncode == 1
    books = json.loads(answer.stdout)
    assert [books[name] for name in ("accepted", "spooled", "spool_damaged")] == [4, 0, 1]
    assert answer.stderr == f"receiver: {said}\n"
    (location.own(spool) / "spool-0.damaged").unlink()
    eventually(lambda: said not in warnings(receiver))
    assert run(tmp_path, "ledger", **environ).returncode == 0


def test_the_ledger_prints_its_books_whatever_lies_in_the_spool(
    valkey: Valkey, tmp_path: Path
) -> None:
    spool = tmp_path / "var" / "spool"
    spool.mkdir(parents=True)
    filled(spool, 2, number=1)
    (location.own(spool) / "spool-0.log").write_bytes(b"not ours" * 100)
    (location.own(spool) / "spool-2.log").mkdir()
    (spool / "spool-3.sqlite3").write_bytes(b"not ours" * 100)
    answer = run(tmp_path, "ledger", REDIS_URL=valkey.url)
    assert answer.stderr.count(" in the spool cannot be read: ") == 3
    assert answer.returncode == 0
    books: dict[str, Any] = json.loads(answer.stdout)
    assert (books["accepted"], books["open"]) == (0, 0)
    assert (books["spooled"], books["balanced"]) == (2, True)


def test_what_does_not_get_from_the_spool_to_a_redis_that_answers_is_said(
    receiver: Receiver, tmp_path: Path
) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    receiver.redis.hset("receiver:flusher:stuck", "not", "a number")
    file = left(spool, 0)
    now = time.time_ns() // 1_000_000
    file.write(Batch("stuck", 1, [b"waits"], []), at=[now - 70_000])
    file.close()
    receiver.also(RECEIVER_SPOOL_DIR=str(spool))
    receiver.start_web()
    said = "Redis answers, and notifications have waited in the spool for "
    eventually(lambda: any(one.startswith(said) for one in warnings(receiver)))
    eventually(lambda: any(one.endswith(": ResponseError") for one in warnings(receiver)))
    status, findings = examined(receiver, tmp_path, spool)
    assert status == 1
    assert '"warning","what":"1 notifications have waited in the spool for ' in findings
    assert told(receiver, "receiver_spool_oldest_seconds") > 60
    receiver.redis.delete("receiver:flusher:stuck")
    eventually(lambda: receiver.books().accepted == 1)
    eventually(lambda: warnings(receiver) == [])


def test_a_spool_that_was_full_is_ready_again_as_soon_as_it_is_drained(
    receiver: Receiver,
) -> None:
    receiver.also(RECEIVER_SPOOL_DIR="spool", RECEIVER_SPOOL_BYTES="1mb")
    receiver.start_web()
    receiver.valkey.kill()
    statuses = [receiver.post("/att/sms/mo", mo("x" * 250_000)).status for _ in range(6)]
    assert statuses == [204] * 5 + [503]
    eventually(lambda: receiver.get("/readyz").status == 503)
    assert any(one.endswith("which is all it may") for one in warnings(receiver))
    receiver.valkey.start()
    eventually(lambda: warnings(receiver) == [])
    receiver.valkey.kill()
    eventually(lambda: any("waits in the spool" in one for one in warnings(receiver)))
    assert receiver.get("/readyz").status == 200
    assert receiver.post("/att/sms/mo", mo()).status == 204


def test_room_on_the_disk_counts_as_it_is_and_not_as_it_was_at_the_start(
    valkey: Valkey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_set, "LOOK_EVERY", 0.0)

    async def test(house: House) -> None:
        await house.spool.write(Batch("f", 1, [b"1"], []))
        with monkeypatch.context() as full:
            full.setattr(file_set, "SHARE_OF_FREE", 0.0)
            house.spool._files._look()
            assert "which is all it may: its disk has no more room" in house.spool.trouble
        await house.spool.head()
        assert not house.spool.trouble
        await house.emptied()

    live(valkey.url, tmp_path, test)


def test_a_disk_that_took_nothing_is_tried_again_though_nobody_writes(
    valkey: Valkey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_set, "LOOK_EVERY", 0.0)

    async def test(house: House) -> None:
        house.spool._files.refused = "No space left on device"  # as the last write was told
        assert house.spool.trouble
        await house.spool.head()
        assert not house.spool.trouble

    live(valkey.url, tmp_path, test)
