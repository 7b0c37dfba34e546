"""`receiver erase` reaches what is parked: the person's events never arrive, all others do."""

from pathlib import Path

import pytest

from receiver.contract.redis_keys import erase_parked, erase_parked_fields
from receiver.erasure.person import naming
from tests.parking.conftest import Made
from tests.parking.test_segment import entries
from tests.support.erasing_parked import (
    HER,
    HIS,
    all_parked,
    come_back,
    erase,
    on_disk,
    stepping,
)
from tests.support.forwarding import Forwarding, publish_many
from tests.support.parking import copied, copy_sink
from tests.support.valkey import Valkey
from workers.parking import segment_writer
from workers.parking.parked_files import ParkedFiles


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
    assert sum(gone for _, gone, _ in files.erase(naming(["7", "12", "25"]), 13)) == 1
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


def test_a_request_that_nobody_understands_is_answered(valkey: Valkey, parking: Made) -> None:
    client, parked, _ = all_parked(valkey, parking, 600)
    request, _, answered, erased, _, _ = erase_parked_fields("nobody")
    client.hset(erase_parked("copy"), request, b"\x00rubbish")
    parked.run(3)
    assert client.hget(erase_parked("copy"), answered) == b"\x00rubbish"
    assert not client.hexists(erase_parked("copy"), erased)
    assert client.ttl(erase_parked("copy")) > 0
    assert parked.parked() == 600
