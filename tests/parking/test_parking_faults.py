"""What may happen to a park disk, and to what Redis knows of it: counted, said, nothing is lost."""

import errno
import os
import shutil
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from receiver.contract.redis_keys import EVENTS, MARKS, SINKS, sink_parking
from receiver.operations import sink_ledger, sink_orders
from tests.parking.conftest import Made
from tests.support.forwarding import Forwarding, publish_many
from tests.support.parking import Parking, copied, copy_sink
from tests.support.valkey import Valkey
from workers.maintenance.sink_sweep import SinkSweep
from workers.parking import parker

DAMAGED = "sink.parked_damaged"


def segments(tmp_path: Path, kind: str = "segment") -> list[Path]:
    return sorted((tmp_path / "disk" / "receiver-parking" / "copy").glob(f"*.{kind}"))


def park(parked: Parking, *blocks: int) -> None:
    """Blocks of so many events."""
    for events in blocks:
        assert parked.parker._parkings["copy"].relieve(parked.use("copy"), events)


def come_back(parked: Parking, forwarding: Forwarding) -> list[str]:
    for _ in range(50):
        parked.run()
        forwarding.run()
    return copied(forwarding.client)


@pytest.mark.parametrize("before", [None, 0o755])
def test_nobody_else_may_look_into_the_parking_directory(
    valkey: Valkey, parking: Made, tmp_path: Path, before: int | None
) -> None:
    directory = tmp_path / "disk" / "receiver-parking"
    if before:
        directory.mkdir(mode=before, parents=True)
    parked = parking(copy_sink())
    Forwarding(valkey, copy_sink())
    publish_many(valkey, 20)
    park(parked, 20)
    assert directory.stat().st_mode & 0o777 == 0o700


def test_a_damaged_block_costs_its_own_events_which_are_counted(
    valkey: Valkey, parking: Made, tmp_path: Path
) -> None:
    forwarding, parked = Forwarding(valkey, copy_sink()), parking(copy_sink())
    ids = publish_many(valkey, 60)
    park(parked, 20, 20, 20)
    (path,) = segments(tmp_path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    with capture_logs() as logs:
        assert come_back(parked, forwarding) == ids[:20] + ids[40:]
    assert [(one["sink"], one["events"]) for one in logs if one["event"] == DAMAGED] == [
        ("copy", 20)
    ]
    books = parked.books()
    assert (books.parked_damaged, books.delivered, books.parked) == (20, 40, 0)
    assert (len(segments(tmp_path, "damaged")), segments(tmp_path)) == (1, [])


def test_segments_that_somebody_deleted_are_counted_and_hold_up_nothing(
    valkey: Valkey, parking: Made, tmp_path: Path
) -> None:
    forwarding, parked = Forwarding(valkey, copy_sink()), parking(copy_sink())
    ids = publish_many(valkey, 50)
    park(parked, 20, 20)
    for path in segments(tmp_path):
        path.unlink()
    assert come_back(parked, forwarding) == ids[40:]
    assert parked.books().parked_damaged == 40


def test_a_full_disk_is_said_and_events_stay_in_memory_until_it_takes_them(
    valkey: Valkey, parking: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    forwarding, parked = Forwarding(valkey, copy_sink()), parking(copy_sink())
    client = forwarding.client
    client.set("company:events", "in the way")  # nothing is delivered meanwhile
    ids = publish_many(valkey, 4_500)
    park(parked, *[500] * 3)

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as disk:
        disk.setattr(os, "pwrite", full)
        for _ in range(5):
            parked.parker.step()
    books = parked.books()
    assert (books.parking_trouble, books.parked) == ("No space left on device", 1_400)
    assert parked.use("copy").waiting == 3_000  # and what fits in memory came back
    client.delete("company:events")
    assert come_back(parked, forwarding) == ids
    assert parked.books().parking_trouble == ""


def test_only_the_host_that_has_them_parks_and_returns(
    valkey: Valkey, parking: Made, tmp_path: Path
) -> None:
    forwarding, one = Forwarding(valkey, copy_sink()), parking(copy_sink())
    other = parking(copy_sink(), directory=tmp_path / "another")
    ids = publish_many(valkey, 60)
    park(one, 20)
    assert not other.parker._parkings["copy"].relieve(other.use("copy"), 20)
    other.run()
    assert (other.parked(), other.use("copy").waiting) == (20, 40)
    assert one.books().parked_unseen_seconds > 10**9  # the other host has not looked after them
    assert come_back(one, forwarding) == ids
    ids += publish_many(valkey, 20, first=60)
    park(other, 20)
    one.run()
    assert (one.parked(), one.books().parked_damaged) == (20, 0)
    assert come_back(other, forwarding) == ids


def test_of_two_parkers_that_read_the_same_events_one_parks_them(
    valkey: Valkey, parking: Made, tmp_path: Path
) -> None:
    forwarding, one = Forwarding(valkey, copy_sink()), parking(copy_sink())
    other = parking(copy_sink(), directory=tmp_path / "another")
    ids = publish_many(valkey, 40)
    both = one.use("copy")
    assert one.parker._parkings["copy"].relieve(both, 30)
    assert not other.parker._parkings["copy"].relieve(both, 40)
    assert list((tmp_path / "another").rglob("*.segment")) == []
    assert come_back(one, forwarding) == ids


def test_a_second_process_on_the_same_disk_stands_back(valkey: Valkey, parking: Made) -> None:
    forwarding, one = Forwarding(valkey, copy_sink()), parking(copy_sink())
    ids = publish_many(valkey, 30)
    park(one, 10)
    second = parking(copy_sink())
    second.run()
    assert (second.parked(), second.books().parking_trouble) == (10, "")
    one.close()
    assert come_back(second, forwarding) == ids


def test_a_redis_that_came_back_empty_has_the_files_kept(
    valkey: Valkey, parking: Made, tmp_path: Path
) -> None:
    Forwarding(valkey, copy_sink())
    parked = parking(copy_sink())
    publish_many(valkey, 30)
    park(parked, 20)
    parked.client.flushall()
    forwarding = Forwarding(valkey, copy_sink())
    ids = publish_many(valkey, 10)
    assert come_back(parked, forwarding) == ids
    assert (len(segments(tmp_path, "unclaimed")), parked.books().parked_damaged) == (1, 0)


def test_a_redis_that_went_back_has_what_it_does_not_know_of_as_parked_from_its_stream(
    valkey: Valkey, parking: Made
) -> None:
    forwarding, parked = Forwarding(valkey, copy_sink()), parking(copy_sink())
    client = forwarding.client
    ids = publish_many(valkey, 60)
    park(parked, 20)
    before = {key: client.dump(key) for key in (EVENTS, MARKS, SINKS, sink_parking("copy"))}
    park(parked, 20)
    client.delete(*before)
    for key, value in before.items():
        if value:
            client.restore(key, 0, value)
    assert parked.use("copy").position == client.xrange(EVENTS)[19][0].decode()
    assert come_back(parked, forwarding) == ids


def test_a_disk_that_is_not_there_costs_nothing(
    valkey: Valkey, parking: Made, tmp_path: Path
) -> None:
    forwarding, parked = Forwarding(valkey, copy_sink()), parking(copy_sink())
    ids = publish_many(valkey, 30)
    park(parked, 20)
    parked.close()
    disk, away = tmp_path / "disk", tmp_path / "not mounted"
    disk.rename(away)
    without = parking(copy_sink())
    assert come_back(without, forwarding) == []
    without.close()
    shutil.rmtree(disk)
    away.rename(disk)
    assert come_back(parking(copy_sink()), forwarding) == ids


def test_a_sink_that_is_retired_lets_go_of_what_is_parked_and_the_files_stay(
    valkey: Valkey, parking: Made, tmp_path: Path
) -> None:
    Forwarding(valkey, copy_sink())
    parked = parking(copy_sink())
    publish_many(valkey, 30)
    park(parked, 20)
    SinkSweep(parked.client, ())._retire_sink("copy")
    (books,) = sink_ledger.read(parked.client)
    assert (books.parked, books.parked_damaged, books.begun) == (0, 20, False)
    forwarding = Forwarding(valkey, copy_sink())  # it is configured again
    ids = publish_many(valkey, 10, first=30)
    assert come_back(parked, forwarding) == ids
    assert (parked.books().open, len(segments(tmp_path, "unclaimed"))) == (0, 1)


def test_what_nobody_wants_leaves_without_a_file(
    valkey: Valkey, parking: Made, tmp_path: Path
) -> None:
    """Beside a disk; without one it waits for the sink's own worker."""
    sink = copy_sink(types=("nothing.*",))
    Forwarding(valkey, sink)
    publish_many(valkey, 20)
    parked = parking(sink)
    park(parked, 20)
    books = parked.books()
    assert (books.filtered, books.open, segments(tmp_path)) == (20, 0, [])


def test_whoever_has_parked_events_says_that_it_lives_now_and_then_and_not_each_round(
    valkey: Valkey, parking: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    Forwarding(valkey, copy_sink())
    parked = parking(copy_sink())
    publish_many(valkey, 40)
    park(parked, 40)
    sink_orders.pause(parked.client, "copy", "so that nothing comes back")
    times: list[int] = []

    def now(_client: object) -> int:
        times.append(len(times))
        return 1

    monkeypatch.setattr(parker, "server_time", now)
    for _ in range(5):
        parked.parker.step()
    assert len(times) == 1
