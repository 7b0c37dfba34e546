"""`receiver erase` and parked events: kills, races, a full disk, files that cannot be read."""

import errno
import json
import os
import re
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from receiver.contract.records import EraseParked, encode
from receiver.contract.redis_keys import erase_parked, erase_parked_fields, sink_parking
from receiver.erasure import parked as erasing
from receiver.erasure import wait
from receiver.erasure.erase import Report
from receiver.erasure.wait import Wait
from tests.parking.conftest import Made
from tests.support.command_line import here
from tests.support.commands import run, running
from tests.support.dying_parker import ERASING, dying
from tests.support.erasing_parked import (
    HER,
    all_parked,
    come_back,
    erase,
    on_disk,
    publish_hers_and_his,
    stepping,
)
from tests.support.eventually import eventually
from tests.support.forwarding import Forwarding
from tests.support.parking import copied, copy_sink
from tests.support.valkey import Valkey
from workers.parking import segment, segment_writer
from workers.parking.parked_files import ParkedFiles

REQUEST, BEGAN, ANSWERED, *_REST = erase_parked_fields(HER[1:])
TOML = '[[sink]]\nname = "copy"\nkind = "redis-stream"\nstream = "company:events"\nshare = 0.001\n'


@pytest.mark.parametrize("point", ERASING)
def test_a_parker_killed_while_it_erases_costs_nothing(
    valkey: Valkey, parking: Made, tmp_path: Path, point: str
) -> None:
    client, parked, ids = all_parked(valkey, parking, 1_000)
    parked.close()
    client.hset(erase_parked("copy"), REQUEST, encode(EraseParked("first", [HER[1:]])))
    (tmp_path / "receiver.toml").write_text(TOML)
    with dying(point, tmp_path, valkey) as killed:
        assert killed.wait(60) == -signal.SIGKILL
    again = parking(copy_sink(share=0.0001))
    with stepping(again):
        report = erase(client)
    assert (report.left, HER.encode() in on_disk(tmp_path)) == ([], False)
    assert report.erased["parked-event"] == 1_000 - len(ids)
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
    client.hset(erase_parked("copy"), REQUEST, encode(EraseParked("first", [HER[1:]])))
    parked.run(2)
    parked.close()  # as where the disk was taken away and put back
    while not client.hexists(erase_parked("copy"), ANSWERED):
        parked.run(1)
    assert HER.encode() not in on_disk(tmp_path)
    client.delete("receiver:sink:copy")
    come_back(parked, Forwarding(valkey, copy_sink(share=0.0001)))
    assert (parked.books().delivered, parked.books().parked_damaged) == (1_333, 0)


def test_a_request_that_takes_the_place_of_one_under_way_is_answered(
    valkey: Valkey, parking: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, parked, _ = all_parked(valkey, parking, 1_000)
    key = erase_parked("copy")
    first, second = (encode(EraseParked(name, [HER[1:]])) for name in ("first", "second"))
    looks = ParkedFiles.erase

    def asked_anew(files: ParkedFiles, *arguments: Any) -> Any:
        yield from looks(files, *arguments)
        if client.hget(key, REQUEST) == first:
            client.hset(key, REQUEST, second)

    monkeypatch.setattr(ParkedFiles, "erase", asked_anew)
    client.hset(key, REQUEST, first)
    parked.run(10)
    assert client.hget(key, ANSWERED) == second


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
    assert "of which 2 parts cannot be read or written, or were kept aside" in left
    assert not report.complete
    assert report.erased["parked-event"] > 0


def test_on_a_full_disk_nothing_is_erased_which_is_said_and_all_comes_back(
    valkey: Valkey, parking: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_file: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    client, parked, _ = all_parked(valkey, parking, 1_000)
    monkeypatch.setattr(os, "fsync", full)
    with stepping(parked):
        (left,) = erase(client).left
    assert "of which 1 parts cannot be read or written" in left
    assert [*tmp_path.rglob("*.new")] == []
    client.delete("receiver:sink:copy")
    come_back(parked, Forwarding(valkey, copy_sink(share=0.0001)))
    assert (parked.books().delivered, parked.books().parked_damaged) == (1_000, 0)


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


def test_a_worker_that_ends_while_it_erases_is_not_waited_for(
    valkey: Valkey, parking: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wait, "SAID_AFTER", 0.0)
    client, _, _ = all_parked(valkey, parking, 600)
    pause = Wait.pause

    def meanwhile(waiting: Wait, seconds: float) -> None:
        pause(waiting, seconds)
        _begun_and_ended(client)

    monkeypatch.setattr(Wait, "pause", meanwhile)
    done = here(tmp_path, "erase", HER, "--yes", REDIS_URL=valkey.url)
    (left,) = json.loads(done.out)["left"]
    assert done.code == 1
    assert re.fullmatch(
        r"600 events of sink copy are parked on the disk of \S+ and were not looked through: the "
        r"worker there was last heard of \d+ s ago; run this again while one runs there",
        left,
    )
    assert re.search(
        r"receiver: waiting: the worker on \S+ looks through 600 events of sink copy that are "
        "parked there\n",
        done.err,
    )
    assert not client.exists(erase_parked("copy"))


def _begun_and_ended(client: Any) -> None:
    """What is left by a worker that has heard of the request, once it was."""
    if request := client.hget(erase_parked("copy"), REQUEST):
        client.hset(sink_parking("copy"), "seen", int(1000 * (time.time() - 61)))
        client.hset(erase_parked("copy"), BEGAN, request)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)]
)
def test_a_run_that_is_ended_says_what_it_erased(
    valkey: Valkey, parking: Made, tmp_path: Path, number: int, code: int
) -> None:
    client, _, _ = all_parked(valkey, parking, 600)
    with running(tmp_path, "erase", HER, "--yes", REDIS_URL=valkey.url) as process:
        eventually(lambda: client.hexists(erase_parked("copy"), REQUEST))  # it waits for a worker
        process.send_signal(number)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == code
    told = json.loads(out)
    assert (told["erased"], told["complete"]) == ({"event": 200}, False)
    assert told["left"] == ["this run did not come to its end: run it again"]
