"""Several runs of `receiver erase` over the same parked events: one killed before another, and two
at a time. Together they count each erased event once, and everybody else's arrive.
"""

import signal
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from receiver.config.settings import Settings
from receiver.contract.redis_keys import erase_parked, erase_parked_fields
from receiver.erasure.erase import Eraser, Report
from receiver.erasure.person import Person
from tests.parking.conftest import Made
from tests.support.commands import running
from tests.support.erasing_parked import (
    HER,
    HIS,
    all_parked,
    come_back,
    erase,
    on_disk,
    stepping,
)
from tests.support.eventually import eventually
from tests.support.forwarding import Forwarding
from tests.support.parking import Parking, copied, copy_sink
from tests.support.valkey import Valkey
from workers.parking import segment_writer

KEY = erase_parked("copy")
REQUEST, _, ANSWERED, ERASED, _, _ = erase_parked_fields(HER[1:])


@pytest.fixture(autouse=True)
def _many_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment_writer, "SEGMENT_BYTES", 4_000)


def _at_once(client: Any, numbers: Sequence[str]) -> list[Report]:
    def run(number: str) -> Report:
        return Eraser(client, Person((number,), Settings()), (), open_seconds=0.5).run()

    with ThreadPoolExecutor(len(numbers)) as pool:
        return list(pool.map(run, numbers))


def _arrive(valkey: Valkey, client: Any, parked: Parking) -> list[str]:
    client.delete("receiver:sink:copy")
    come_back(parked, Forwarding(valkey, copy_sink(share=0.0001)))
    assert parked.books().parked_damaged == 0
    return copied(client)


@pytest.mark.parametrize("until", [ERASED, ANSWERED])
def test_what_was_erased_for_a_run_that_was_killed_is_counted_by_the_next(
    valkey: Valkey, parking: Made, tmp_path: Path, until: str
) -> None:
    client, parked, ids = all_parked(valkey, parking, 3_000)
    with running(tmp_path, "erase", HER, "--yes", REDIS_URL=valkey.url) as killed:
        eventually(lambda: client.hexists(KEY, REQUEST))
        killed.send_signal(signal.SIGSTOP)  # it counts nothing before it is killed
        while not client.hexists(KEY, until):
            parked.run(1)
        killed.kill()
        killed.wait()
    with stepping(parked):
        report = erase(client)
    assert report.erased == {"parked-event": 1_000}
    assert (report.undelivered, report.left) == (1_000, [])
    assert not client.exists(KEY)
    assert HER.encode() not in on_disk(tmp_path)
    assert _arrive(valkey, client, parked) == ids
    assert parked.books().erased == 1_000


def test_two_people_are_erased_at_once_and_each_is_counted(
    valkey: Valkey, parking: Made, tmp_path: Path
) -> None:
    client, parked, _ = all_parked(valkey, parking, 3_000)
    with stepping(parked):
        hers, his = _at_once(client, [HER, HIS])
    assert (hers.erased["parked-event"], his.erased["parked-event"]) == (1_000, 2_000)
    assert (hers.left, his.left) == ([], [])
    assert on_disk(tmp_path).strip() == b""
    assert _arrive(valkey, client, parked) == []
    assert parked.books().erased == 3_000


def test_two_runs_about_one_person_count_each_of_her_events_once(
    valkey: Valkey, parking: Made
) -> None:
    client, parked, ids = all_parked(valkey, parking, 3_000)
    with stepping(parked):
        both = _at_once(client, [HER, HER])
    assert sum(one.erased.get("parked-event", 0) for one in both) == 1_000
    assert sum(one.erased.get("event", 0) for one in both) == 1_000
    assert [one.left for one in both] == [[], []]
    assert not client.exists(KEY)
    assert _arrive(valkey, client, parked) == ids
