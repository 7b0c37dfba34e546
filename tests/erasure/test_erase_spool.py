"""`receiver erase` and the spools of web hosts: hers goes, his comes out, in order."""

import asyncio
import json
import os
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis

from receiver.contract.records import decode_notification
from receiver.contract.redis_keys import ERASE_SPOOLED, SPOOLS
from receiver.erasure import spools
from receiver.erasure.erase import Report
from receiver.intake.inbound_writer import Batch
from receiver.intake.spool import location, place
from receiver.intake.spool.place import Rest
from receiver.operations import ledger
from tests.support.command_line import here
from tests.support.erasing_spool import HER, erase, erasing, fill, on_disk
from tests.support.eventually import eventually
from tests.support.running import Receiver
from tests.support.spools import House, appended, depth, left
from tests.support.valkey import Valkey


def test_hers_goes_and_his_comes_out_in_order_and_the_ledger_balances(
    valkey: Valkey, tmp_path: Path
) -> None:
    fill(tmp_path)

    async def work(house: House, erase: Callable[..., Report]) -> None:
        report = await asyncio.to_thread(erase)
        assert report.erased == {"spooled-notification": 3, "spooled-refusal": 3}
        assert (report.complete, report.left) == (True, [])
        assert b"2065550100" not in on_disk(tmp_path)
        assert house.spool.depth.notifications == depth(tmp_path).notifications == 3
        books = ledger.read(valkey.client())
        assert (books.accepted, books.erased, books.open, books.balanced) == (3, 3, 0, True)
        assert not valkey.client().exists(ERASE_SPOOLED)
        house.availability.closed = ""
        await house.emptied()

    erasing(valkey, tmp_path, work)
    came = [decode_notification(raw) for raw in appended(valkey)]
    assert [int(one.receipt, 16) for one in came] == [1, 3, 5]
    books = ledger.read(valkey.client())
    assert (books.accepted, books.rejected, books.open, books.balanced) == (6, 3, 3, True)
    assert not valkey.client().exists(SPOOLS)


def test_a_dry_run_counts_what_is_spooled_and_changes_nothing(
    valkey: Valkey, tmp_path: Path
) -> None:
    fill(tmp_path)

    async def work(_: House, erase: Callable[..., Report]) -> None:
        before = on_disk(tmp_path)
        report = await asyncio.to_thread(erase, dry_run=True)
        assert report.erased == {"spooled-notification": 3, "spooled-refusal": 3}
        assert on_disk(tmp_path) == before
        assert ledger.read(valkey.client()).accepted == 0

    erasing(valkey, tmp_path, work)


def test_hers_is_found_and_goes_where_redis_is_full_to_the_brim(
    start_valkey: Callable[..., Valkey], tmp_path: Path
) -> None:
    valkey = start_valkey()
    fill(tmp_path)

    async def work(_: House, __: Callable[..., Report]) -> None:
        client: Any = valkey.client()
        client.set("full", bytes(4_000_000))
        client.config_set("maxmemory", client.info("memory")["used_memory"] // 2)
        ask = partial(here, tmp_path, REDIS_URL=valkey.url)
        found = await asyncio.to_thread(ask, "export-person", HER)
        assert found.err.startswith("receiver: 6 more wait on spools: ")
        done = await asyncio.to_thread(ask, "erase", HER, "--yes")
        assert (done.code, json.loads(done.out)["erased"]["spooled-notification"]) == (0, 3)
        assert b"2065550100" not in on_disk(tmp_path)

    erasing(valkey, tmp_path, work)


def test_what_is_erased_counts_once_where_redis_hangs_over_its_count(
    valkey: Valkey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path)
    client: Any = valkey.client()

    def hang(*words: Any) -> Rest:
        """The last that is asked of the disk: the count is what goes to Redis next."""
        valkey.pause()
        threading.Timer(1.5, valkey.resume).start()
        monkeypatch.undo()
        return place.rest(*words)

    async def work(_: House, erase: Callable[..., Report]) -> None:
        report = await asyncio.to_thread(erase)
        assert report.erased["spooled-notification"] == 3
        heard = client.hvals(SPOOLS)
        await asyncio.to_thread(eventually, lambda: client.hvals(SPOOLS) != heard)
        books = ledger.read(client)
        assert (books.accepted, books.erased) == (3, 3)

    monkeypatch.setattr(place, "rest", hang)
    erasing(valkey, tmp_path, work)


def test_what_flows_is_drained_first_and_erased_in_redis(valkey: Valkey, tmp_path: Path) -> None:
    fill(tmp_path)

    async def work(house: House, _: Callable[..., Report]) -> None:
        house.availability.closed = ""
        await house.emptied()
        found = await asyncio.to_thread(
            lambda: spools.erase(valkey.client(), ["12065550100"], dry_run=False)
        )
        assert found == spools.Answer(0, 0, [])

    erasing(valkey, tmp_path, work)
    assert len(appended(valkey)) == 6


def test_a_spool_of_a_host_that_is_down_is_left_and_said(valkey: Valkey) -> None:
    client = valkey.client()
    client.hset(SPOOLS, "cafe", msgspec.json.encode(["web-2", int(time.time()) - 3600]))
    client.hset(SPOOLS, "gone", msgspec.json.encode(["web-1", int(time.time()) - 31 * 86400]))
    report = erase(valkey)
    (said,) = report.left
    assert said.startswith("the spool on web-2, of which nothing was heard for 36")
    assert "run this again while `receiver web` runs there" in said
    assert said.endswith(
        "if that disk is gone for good, `receiver erase --forget-spool cafe` first"
    )
    assert not report.complete
    assert client.hkeys(SPOOLS) == [b"cafe"]


def test_a_spool_whose_disk_is_gone_is_forgotten_and_erasing_is_complete(
    valkey: Valkey, tmp_path: Path
) -> None:
    client = valkey.client()
    client.hset(SPOOLS, "cafe", msgspec.json.encode(["web-2", int(time.time()) - 3600]))
    words = ("erase", "--forget-spool", "cafe")
    done = here(tmp_path, *words, REDIS_URL=valkey.url)
    assert done == (0, "", "forgotten: the spool on web-2\n")
    assert not client.exists(SPOOLS)
    assert erase(valkey).complete
    again = here(tmp_path, *words, REDIS_URL=valkey.url)
    assert again == (
        1,
        "",
        "receiver: there is no spool 'cafe': `receiver erase` names those left\n",
    )


def test_a_spool_that_a_web_process_has_is_not_forgotten(valkey: Valkey, tmp_path: Path) -> None:
    client = valkey.client()
    client.hset(SPOOLS, "cafe", msgspec.json.encode(["web-2", int(time.time())]))
    done = here(tmp_path, "erase", "--forget-spool", "cafe", REDIS_URL=valkey.url)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("receiver: a web process has the spool on web-2: ")
    assert client.hkeys(SPOOLS) == [b"cafe"]


@pytest.mark.parametrize("more", ["--dry-run", "--copies"])
def test_a_spool_is_not_forgotten_with_an_option_of_erasing(
    valkey: Valkey, tmp_path: Path, more: str
) -> None:
    client = valkey.client()
    client.hset(SPOOLS, "cafe", msgspec.json.encode(["web-2", int(time.time()) - 3600]))
    done = here(tmp_path, "erase", "--forget-spool", "cafe", more, REDIS_URL=valkey.url)
    assert (done.code, done.out) == (2, "")
    assert f"--forget-spool takes no {more}" in done.err
    assert client.hkeys(SPOOLS) == [b"cafe"]


@pytest.mark.parametrize("words", [(), (HER, "--forget-spool", "cafe")])
def test_either_a_number_or_a_spool_to_forget_is_wanted(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    done = here(tmp_path, "erase", *words)
    assert (done.code, done.out) == (2, "")
    assert "NUMBER" in done.err


def test_a_process_that_does_not_answer_is_said(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spools, "ANSWERED_WITHIN", 0.3)
    valkey.client().hset(SPOOLS, "cafe", msgspec.json.encode(["web-2", int(time.time())]))
    (said,) = erase(valkey).left
    assert said.startswith("the spool on web-2 was not looked through within 0 seconds: ")
    assert not valkey.client().exists(ERASE_SPOOLED)


class TimeUpOnceAnswered:
    """A clock whose time is up as soon as an answer has come and was read."""

    sleep, time = staticmethod(time.sleep), staticmethod(time.time)

    def __init__(self, valkey: Valkey) -> None:
        self._client = valkey.client()
        self._begun = self._answered = False

    def monotonic(self) -> float:
        # Who is asked first, when the wait begins, has read no answer that is there already.
        there = self._begun and self._client.hlen(ERASE_SPOOLED) > 1
        read, self._answered, self._begun = self._answered, there, True
        return 1_000.0 if read else 0.0


def test_files_that_another_process_has_and_damaged_ones_are_said(
    valkey: Valkey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spools, "time", TimeUpOnceAnswered(valkey))
    fill(tmp_path, 7)
    other = left(tmp_path, 7)
    (location.own(tmp_path) / "spool-3.damaged").write_bytes(b"12065550100")

    async def work(_: House, erase: Callable[..., Report]) -> None:
        report = await asyncio.to_thread(erase)
        assert "was not looked through within 60 seconds" in report.left[0]
        assert "has files that cannot be looked through, spool-3.damaged: " in report.left[1]
        assert not report.complete

    erasing(valkey, tmp_path, work)
    other.close()
    assert valkey.client().exists(SPOOLS)


@pytest.mark.parametrize("point", ["os.fsync", "pathlib.Path.rename", "os.dup2"])
def test_a_process_that_ends_while_it_rewrites_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    class Killed(BaseException):
        """In place of SIGKILL: nothing handles it."""

    def die(*_: Any, **__: Any) -> None:
        raise Killed

    fill(tmp_path)
    file = left(tmp_path, 5)
    changes = file.changes(lambda batch: batch._replace(accepted=batch.accepted[1:]))
    assert (changes.accepted, changes.refused) == (3, 0)
    with monkeypatch.context() as patched:
        patched.setattr(point, die)
        with pytest.raises(Killed):
            file.rewrite(changes)
    file.close()
    again = left(tmp_path, 5)
    kept = [decode_notification(one) for head in again.head() for one in head.batch.accepted]
    assert [int(one.receipt, 16) for one in kept] == (
        [1, 3, 5] if point == "os.dup2" else [0, 1, 2, 3, 4, 5]
    )
    assert not list(tmp_path.rglob("*.new"))
    again.close()


def test_a_disk_that_is_full_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, os.strerror(28))

    fill(tmp_path)
    file = left(tmp_path, 5)
    changes = file.changes(lambda batch: batch._replace(accepted=[]))
    with monkeypatch.context() as patched:
        patched.setattr("os.pwrite", full)
        with pytest.raises(OSError, match="No space left"):
            file.rewrite(changes)
    assert file.depth.notifications == 6
    assert not list(tmp_path.rglob("*.new"))
    file.write(Batch("f5", 4, [b"next"], []))
    assert [head.batch.number for head in file.head()] == [1, 2, 3, 4]
    file.close()


def test_a_web_process_says_that_it_has_a_spool_until_it_ends_and_it_is_empty(
    valkey: Valkey, tmp_path: Path
) -> None:
    receiver = Receiver(valkey, tmp_path, RECEIVER_SPOOL_DIR=str(tmp_path / "spool")).start_web()
    try:
        eventually(lambda: valkey.client().hlen(SPOOLS) == 1)
        assert spools.erase(valkey.client(), ["12065550100"], dry_run=False).left == []
    finally:
        receiver.stop()
    assert valkey.client().hlen(SPOOLS) == 0


def test_no_spool_is_forgotten_because_the_clock_of_redis_is_weeks_ahead(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, right = valkey.client(), redis.Redis.time
    client.hset(SPOOLS, "cafe", msgspec.json.encode(["web-2", int(time.time()) - 3600]))

    def ahead(self: Any) -> tuple[int, int]:
        found: Any = right(self)
        return found[0] + 40 * 86400, found[1]

    with monkeypatch.context() as patch:
        patch.setattr(redis.Redis, "time", ahead)
        assert not erase(valkey).complete
    assert client.hkeys(SPOOLS) == [b"cafe"]
