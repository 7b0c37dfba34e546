"""A park disk and a Redis that do not fit each other any more: taken away, older, damaged."""

import errno
import os
import shutil
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from receiver.contract.redis_keys import (
    EVENTS,
    MARKS,
    SINKS,
    forward_group,
    retry_due,
    sink_parking,
)
from tests.parking.conftest import Made
from tests.parking.test_parking_faults import come_back, park, segments
from tests.support.forwarding import Forwarding, publish_many
from tests.support.parking import copied, copy_sink
from tests.support.valkey import Valkey
from workers.parking import segment
from workers.parking.segment import HEAD_BYTES, Block


def test_a_disk_that_goes_while_events_come_back_is_waited_for(
    valkey: Valkey, parking: Made, tmp_path: Path
) -> None:
    forwarding, parked = Forwarding(valkey, copy_sink()), parking(copy_sink(share=20))
    ids = publish_many(valkey, 2_000)
    park(parked, *[500] * 3)
    parked.parker.step()  # the first hundred came back
    disk, away = tmp_path / "disk", tmp_path / "away"
    disk.rename(away)  # what is below the place where it was mounted is another directory
    for _ in range(3):
        parked.run(3)
        forwarding.run()
    books = parked.books()
    assert (books.delivered, books.parked, books.parked_damaged) == (100, 1_400, 0)
    shutil.rmtree(disk)
    away.rename(disk)
    assert come_back(parked, forwarding) == ids
    assert parked.books().parked_damaged == 0


def _change(path: Path, change: Callable[[bytearray, list[Block]], Any]) -> None:
    data = bytearray(path.read_bytes())
    found = segment.scan(lambda at, size: bytes(data[at : at + size]), len(data))
    change(data, [one for one in found if isinstance(one, Block)])
    path.write_bytes(data)


def _flip(data: bytearray, at: int) -> None:
    data[at] ^= 0x40


def _truncate(data: bytearray, at: int) -> None:
    del data[at:]


DAMAGES: dict[str, tuple[Callable[[bytearray, list[Block]], Any], set[int]]] = {
    "first block": (lambda data, blocks: _flip(data, blocks[0].size - 1), {0}),
    "last block": (lambda data, blocks: _flip(data, blocks[2].at + HEAD_BYTES), {2}),
    "first head": (lambda data, _: _flip(data, 0), {0}),
    "last head": (lambda data, blocks: _flip(data, blocks[2].at + 9), {2}),
    "truncated": (lambda data, blocks: _truncate(data, blocks[1].at + 50), {1, 2}),
    "truncated in a head": (lambda data, blocks: _truncate(data, blocks[2].at + 3), {2}),
    "emptied": (lambda data, _: _truncate(data, 0), {0, 1, 2}),
    "overwritten": (lambda data, _: data.__setitem__(slice(None), bytes(len(data))), {0, 1, 2}),
}


@pytest.mark.parametrize("restarted", [False, True], ids=["running", "restarted"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_costs_its_own_blocks_and_all_others_arrive_in_order(
    valkey: Valkey, parking: Made, tmp_path: Path, damage: str, restarted: bool
) -> None:
    forwarding, parked = Forwarding(valkey, copy_sink()), parking(copy_sink())
    ids = publish_many(valkey, 40)
    park(parked, 10, 10, 10)
    if restarted:
        parked.close()
    change, hit = DAMAGES[damage]
    _change(segments(tmp_path)[0], change)
    if restarted:
        parked = parking(copy_sink())
    sound = [ids[10 * n : 10 * n + 10] for n in range(4) if n not in hit]
    assert come_back(parked, forwarding) == list(chain.from_iterable(sound))
    books = parked.books()
    assert (books.parked_damaged, books.parked, books.open) == (10 * len(hit), 0, 0)
    assert (segments(tmp_path), len(segments(tmp_path, "damaged"))) == ([], 1)


def _stored(client: Any) -> dict[str, bytes]:
    names = (EVENTS, MARKS, SINKS, sink_parking("copy"))
    return {key: value for key in names if (value := client.dump(key))}


def _restore(client: Any, stored: dict[str, bytes]) -> None:
    client.delete(*(key for key in client.keys("receiver:*") if b":time" not in key))
    for key, value in stored.items():
        client.restore(key, 0, value)


@pytest.mark.parametrize("blocks", [(20,), (5, 15)])
def test_a_redis_from_before_the_last_were_parked_has_the_earlier_ones_and_the_files_of_others_kept(
    valkey: Valkey, parking: Made, tmp_path: Path, blocks: tuple[int, ...]
) -> None:
    """The backup's stream has never had all that was parked since."""
    forwarding, parked = Forwarding(valkey, copy_sink()), parking(copy_sink())
    ids = publish_many(valkey, 20)
    park(parked, 15)
    backup = _stored(parked.client)
    publish_many(valkey, 20, first=100)
    park(parked, *blocks)
    _restore(parked.client, backup)
    ids += publish_many(valkey, 10, first=200)
    assert come_back(parked, forwarding) == ids
    books = parked.books()
    assert (books.parked_damaged, books.delivered, books.open) == (0, 30, 0)
    (kept,) = segments(tmp_path, "unclaimed")
    data = kept.read_bytes()
    found = segment.scan(lambda at, n: data[at : at + n], len(data))
    assert [one.events for one in found if isinstance(one, Block)] == list(blocks)


@pytest.mark.parametrize("meanwhile", [0, 10])
def test_a_redis_that_is_put_back_has_what_was_set_aside_without_it(
    valkey: Valkey, parking: Made, tmp_path: Path, meanwhile: int
) -> None:
    """It had come back empty, and what the empty one parked is in no record of the other."""
    forwarding, parked = Forwarding(valkey, copy_sink()), parking(copy_sink())
    ids = publish_many(valkey, 40)
    park(parked, 15, 15)
    disk = _stored(parked.client)
    parked.client.flushall()
    Forwarding(valkey, copy_sink())
    publish_many(valkey, 20, first=100)
    parked.parker._parkings["copy"].update_files(parked.use("copy"))
    assert len(segments(tmp_path, "unclaimed")) == 1
    if meanwhile:
        park(parked, meanwhile)
    _restore(parked.client, disk)
    assert come_back(parked, forwarding) == ids
    books = parked.books()
    assert (books.parked_damaged, books.delivered, books.open) == (0, 40, 0)
    assert len(segments(tmp_path, "unclaimed")) == (meanwhile > 0)


def test_an_older_redis_that_is_put_back_has_of_what_was_set_aside_what_it_knows_of(
    valkey: Valkey, parking: Made, tmp_path: Path
) -> None:
    """It parks at once, under the numbers that the others have."""
    forwarding, parked = Forwarding(valkey, copy_sink()), parking(copy_sink())
    ids = publish_many(valkey, 20)
    park(parked, 10)
    backup = _stored(parked.client)
    publish_many(valkey, 20, first=100)
    park(parked, 10, 20)
    parked.client.flushall()
    Forwarding(valkey, copy_sink())
    parked.parker._parkings["copy"].update_files(parked.use("copy"))
    _restore(parked.client, backup)
    ids += publish_many(valkey, 20, first=200)
    assert come_back(parked, forwarding) == ids
    assert len(segments(tmp_path, "unclaimed")) == 1


def test_what_redis_has_forgotten_is_kept_also_where_somebody_has_moved_the_group_back(
    valkey: Valkey, parking: Made, tmp_path: Path
) -> None:
    Forwarding(valkey, copy_sink())
    parked = parking(copy_sink())
    publish_many(valkey, 20)
    park(parked, 15)
    parked.client.delete(sink_parking("copy"))
    parked.client.xgroup_setid(EVENTS, forward_group("copy"), "0")
    parked.parker._parkings["copy"].update_files(parked.use("copy"))
    assert (segments(tmp_path), len(segments(tmp_path, "unclaimed"))) == ([], 1)


def test_a_disk_from_before_the_last_were_parked_counts_those_as_missing(
    valkey: Valkey, parking: Made, tmp_path: Path
) -> None:
    forwarding, parked = Forwarding(valkey, copy_sink()), parking(copy_sink())
    ids = publish_many(valkey, 40)
    park(parked, 10)
    parked.close()
    shutil.copytree(tmp_path / "disk", tmp_path / "backup")
    parked = parking(copy_sink())
    park(parked, 15)
    parked.close()
    shutil.rmtree(tmp_path / "disk")
    (tmp_path / "backup").rename(tmp_path / "disk")
    assert come_back(parking(copy_sink()), forwarding) == ids[:10] + ids[25:]
    assert parked.books().parked_damaged == 15
    assert parked.client.hexists(sink_parking("copy"), "damaged")  # for `receiver doctor`


@pytest.mark.parametrize("policy", ["hold", "shed"])
def test_what_was_parked_comes_back_also_where_nothing_is_parked_any_more(
    valkey: Valkey, parking: Made, policy: str
) -> None:
    forwarding, parked = Forwarding(valkey, copy_sink()), parking(copy_sink())
    ids = publish_many(valkey, 100)
    park(parked, 60)
    parked.close()
    changed = parking(copy_sink(when_full=policy, share=20))
    assert come_back(changed, forwarding) == ids
    assert (changed.books().open, changed.books().shed) == (0, 0)


def test_a_sink_that_sheds_from_now_on_sheds_newer_ones_and_gets_what_is_parked(
    valkey: Valkey, parking: Made
) -> None:
    forwarding, parked = Forwarding(valkey, copy_sink()), parking(copy_sink())
    ids = publish_many(valkey, 2_000)
    park(parked, 500)
    parked.close()
    changed = parking(copy_sink(when_full="shed"))
    came = come_back(changed, forwarding)
    books = changed.books()
    assert (came[:500], books.shed, books.delivered) == (ids[:500], 1_500, 500)
    assert (books.parked, books.open, books.parked_damaged) == (0, 0, 0)


def test_events_that_came_back_while_redis_clock_was_ahead_hold_up_no_others(
    valkey: Valkey, parking: Made
) -> None:
    forwarding, parked = Forwarding(valkey, copy_sink()), parking(copy_sink())
    client: Any = forwarding.client
    ids = publish_many(valkey, 50)
    park(parked, 30)
    ahead = int(client.time()[0]) * 1_000 + 1_800_000
    client.hset(sink_parking("copy"), "due", ahead)
    parked.run(1)
    now = int(client.time()[0]) * 1_000 + 1_000
    assert client.zcount(retry_due("copy"), "-inf", now) == 30
    assert come_back(parked, forwarding) == ids


def test_a_sink_of_another_name_gets_nothing_of_what_is_parked_and_the_old_one_keeps_it(
    valkey: Valkey, parking: Made
) -> None:
    forwarding, parked = Forwarding(valkey, copy_sink()), parking(copy_sink())
    ids = publish_many(valkey, 30)
    park(parked, 20)
    parked.close()
    renamed = copy_sink(name="renamed", stream="company:renamed")
    other, both = Forwarding(valkey, renamed), parking(renamed)
    both.run()
    other.run()
    assert both.parked("copy") == 20
    back = parking(copy_sink(), renamed)
    assert come_back(back, forwarding) == ids
    assert copied(forwarding.client) == ids


@pytest.mark.parametrize("call", ["fsync", "link"])
def test_a_directory_whose_name_could_not_be_written_once_is_used_when_it_can_be(
    valkey: Valkey, parking: Made, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, call: str
) -> None:
    Forwarding(valkey, copy_sink())
    parked = parking(copy_sink())
    publish_many(valkey, 1_000)

    def full(*_: object, **_more: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as disk:
        disk.setattr(os, call, full)
        parked.parker.step()
    books = parked.books()
    assert (books.parking_trouble, books.parked) == ("No space left on device", 0)
    parked.parker.step()
    books = parked.books()
    assert (books.parking_trouble, books.parked > 0) == ("", True)
    assert [one.name for one in (tmp_path / "disk").rglob("place*")] == ["place"]
