"""`receiver erase` reaches what is parked: the person's events never arrive, all others do."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from receiver.config.settings import Settings
from receiver.contract.records import EraseParked, encode
from receiver.contract.redis_keys import erase_parked, sink_parking
from receiver.erasure import parked as erasing
from receiver.erasure.erase import Eraser, Report
from receiver.erasure.person import Person, naming
from tests.parking.conftest import Made
from tests.parking.test_segment import entries
from tests.support.commands import run
from tests.support.dying_parker import ERASING, dying
from tests.support.forwarding import Forwarding, event, publish, publish_many
from tests.support.parking import Parking, copied, copy_sink
from tests.support.valkey import Valkey
from workers.parking import segment, segment_writer
from workers.parking.parked_files import ParkedFiles

TOML = '[[sink]]\nname = "copy"\nkind = "redis-stream"\nstream = "company:events"\nshare = 0.001\n'
HER = "+12065550100"
HIS = "+12065550199"


def erase(client: Any, **more: Any) -> Report:
    person = Person((HER,), Settings())
    return Eraser(client, person, (), open_seconds=0.5).run(**more)


def publish_hers_and_his(valkey: Valkey, count: int) -> list[str]:
    """Every third is about her; the ids of those that are not."""
    about = {number: HIS if number % 3 else HER for number in range(count)}
    publish(valkey, *(event(n, subject=who, data={"from": who}) for n, who in about.items()))
    return [event(number)["id"] for number, who in about.items() if who == HIS]


def all_parked(valkey: Valkey, parking: Made, count: int) -> tuple[Any, Parking, list[str]]:
    """A parker with so many events on disk, hers and his; the ids of his."""
    client = Forwarding(valkey, copy_sink(share=0.0001)).client
    client.hset("receiver:sink:copy", "stopped", "until all are parked")
    parked = parking(copy_sink(share=0.0001))
    ids = publish_hers_and_his(valkey, count)
    parked.run()
    assert parked.parked() == count
    return client, parked, ids


def come_back(parked: Parking, forwarding: Forwarding) -> None:
    """Until nothing is parked or open."""
    for _ in range(200):
        parked.run(1)
        forwarding.run()
        books = parked.books()
        if not books.parked + books.open:
            return


@contextmanager
def stepping(parked: Parking) -> Iterator[None]:
    """A parker at work, as in its process."""
    over = threading.Event()
    work = threading.Thread(target=parked.parker.run, args=(lambda _: over.wait(0.005),))
    work.start()
    try:
        yield
    finally:
        over.set()
        work.join()


def _read(data: bytes, at: int, size: int) -> bytes:
    return data[at : at + size]


def on_disk(directory: Path) -> bytes:
    """All events in segment files."""
    found = []
    for path in directory.rglob("*.segment*"):
        data = path.read_bytes()
        for one in segment.scan(partial(_read, data), len(data)):
            found += segment.events(data[one.at : one.at + one.size])
    return b"\n".join(event or b"" for _, event in found)


def test_her_parked_events_go_at_once_and_the_others_arrive_in_order(
    valkey: Valkey, parking: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segment_writer, "SEGMENT_BYTES", 4_000)
    client, parked, ids = all_parked(valkey, parking, 3_000)
    assert HER.encode() in on_disk(tmp_path)
    assert len([*tmp_path.rglob("*.segment")]) > 1
    with stepping(parked):
        report = erase(client)
    assert report.erased == {"event": 3_000 - len(ids), "parked-event": 3_000 - len(ids)}
    assert (report.undelivered, report.left, report.complete) == (1_000, [], True)
    assert (HER.encode() in on_disk(tmp_path), HIS.encode() in on_disk(tmp_path)) == (False, True)
    assert not client.exists(erase_parked("copy"))
    assert parked.parked() == 3_000
    ids += publish_many(valkey, 300, first=3_000)
    client.delete("receiver:sink:copy")
    come_back(parked, Forwarding(valkey, copy_sink(share=0.0001)))
    books = parked.books()
    assert copied(client) == ids
    assert (books.delivered, books.erased, books.parked_damaged) == (2_300, 1_000, 0)


def test_a_file_keeps_its_numbers_and_what_has_come_back_goes_uncounted(tmp_path: Path) -> None:
    files = ParkedFiles(tmp_path)
    for number in (0, 10, 20):
        files.append(number, entries(10, number))
    assert sum(gone for gone, _ in files.erase(naming(["7", "12", "25"]), 13)) == 1
    assert files.next(0) == files.next(10)
    assert files.next(13) == (13, entries(7, 13))
    number, last = files.next(20) or (0, [])
    assert (number, [event for _, event in last].index(None)) == (20, 5)
    assert [entry for entry, _ in last] == [entry for entry, _ in entries(10, 20)]
    files.append(30, entries(10, 30))
    files.close()
    again = ParkedFiles(tmp_path)
    assert (again.end, again.next(20)) == (40, (20, last))
    again.close()


@pytest.mark.parametrize("point", ERASING)
def test_a_parker_killed_while_it_erases_costs_nothing(
    valkey: Valkey, parking: Made, tmp_path: Path, point: str
) -> None:
    client, parked, ids = all_parked(valkey, parking, 1_000)
    parked.close()
    client.hset(erase_parked("copy"), "request", encode(EraseParked("first", [HER[1:]])))
    (tmp_path / "receiver.toml").write_text(TOML)
    with dying(point, tmp_path, valkey) as killed:
        assert killed.wait(60) == -signal.SIGKILL
    again = parking(copy_sink(share=0.0001))
    with stepping(again):
        report = erase(client)
    assert (report.left, HER.encode() in on_disk(tmp_path)) == ([], False)
    assert [*tmp_path.rglob("*.new")] == []
    client.delete("receiver:sink:copy")
    come_back(again, Forwarding(valkey, copy_sink(share=0.0001)))
    assert copied(client) == ids
    assert again.books().parked_damaged == 0


def test_what_was_read_to_be_parked_while_it_was_erased_is_counted_once(
    valkey: Valkey, parking: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Forwarding(valkey, copy_sink(share=0.0001)).client
    client.hset("receiver:sink:copy", "stopped", "until all are parked")
    publish_hers_and_his(valkey, 600)
    append = ParkedFiles.append
    reports: list[Report] = []

    def erased_meanwhile(files: ParkedFiles, number: int, entries: Any) -> None:
        append(files, number, entries)
        if not reports:
            reports.append(erase(client))

    monkeypatch.setattr(ParkedFiles, "append", erased_meanwhile)
    parked = parking(copy_sink(share=0.0001))
    parked.run()  # nothing leaves: what was read is there no more
    parked.run()
    assert reports[0].erased == {"event": 200}
    assert HER.encode() not in on_disk(tmp_path)
    assert (parked.parked(), parked.books().erased) == (400, 200)


def test_files_that_were_opened_anew_are_looked_through_from_the_first(
    valkey: Valkey, parking: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segment_writer, "SEGMENT_BYTES", 4_000)
    client, parked, _ = all_parked(valkey, parking, 2_000)
    client.hset(erase_parked("copy"), "request", encode(EraseParked("first", [HER[1:]])))
    parked.run(2)
    parked.close()  # as where the disk was taken away and put back
    while not client.hexists(erase_parked("copy"), "answered"):
        parked.run(1)
    assert HER.encode() not in on_disk(tmp_path)
    client.delete("receiver:sink:copy")
    come_back(parked, Forwarding(valkey, copy_sink(share=0.0001)))
    assert (parked.books().delivered, parked.books().parked_damaged) == (1_333, 0)


def test_what_cannot_be_looked_through_is_said(
    valkey: Valkey, parking: Made, tmp_path: Path
) -> None:
    client, parked, _ = all_parked(valkey, parking, 1_000)
    (path,) = tmp_path.rglob("*.segment")
    data = bytearray(path.read_bytes())
    data[segment.HEAD_BYTES + 100] ^= 1
    path.write_bytes(data)
    path.with_name(f"{path.name}.unclaimed").write_bytes(b"kept")
    with stepping(parked):
        report = erase(client)
    (left,) = report.left
    assert left.startswith("sink copy has files on the disk of ")
    assert "of which 2 parts cannot be read, or were kept aside" in left
    assert not report.complete
    assert report.erased["parked-event"] > 0


@pytest.mark.parametrize("seen", ["nobody looks", "nobody begins"])
def test_without_the_worker_that_has_the_disk_they_are_left_and_said(
    valkey: Valkey,
    parking: Made,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    seen: str,
) -> None:
    monkeypatch.setattr(erasing, "BEGUN_WITHIN", 0.2)
    client, _, _ = all_parked(valkey, parking, 600)
    if seen == "nobody looks":
        client.hset(sink_parking("copy"), "seen", int(1000 * (time.time() - 61)))
    report = erase(client)
    (left,) = report.left
    assert left.startswith("600 events of sink copy are parked on the disk of ")
    assert left.endswith("were not looked at: run this again while a worker runs there")
    assert not client.exists(erase_parked("copy"))
    (dry,) = erase(client, dry_run=True).left
    assert dry.endswith("were not looked at: without --dry-run they are")
    exported = run(tmp_path, "export-person", HER, REDIS_URL=valkey.url)
    assert "receiver: 600 events of sink copy are parked on the disk of" in exported.stderr


def test_a_request_that_nobody_understands_is_answered(valkey: Valkey, parking: Made) -> None:
    client, parked, _ = all_parked(valkey, parking, 600)
    client.hset(erase_parked("copy"), "request", b"\x00rubbish")
    parked.run(3)
    assert client.hget(erase_parked("copy"), "answered") == b"\x00rubbish"
    assert client.hget(erase_parked("copy"), "erased") == b"0"
    assert client.ttl(erase_parked("copy")) > 0
    assert parked.parked() == 600
