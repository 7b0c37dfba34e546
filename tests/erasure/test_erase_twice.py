"""Several runs of `receiver erase` over the same things: none counts what another does, and what
none counts is said. Parked events have tests of their own (`tests.parking.test_erasing_twice`).
"""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis

from receiver.config.settings import Settings
from receiver.contract.records import EraseSpooled, SpoolErased, encode
from receiver.contract.redis_keys import ERASE_RUNS, ERASE_SPOOLED, SPOOLS
from receiver.erasure import log_rewrite, own_spool, spools
from receiver.erasure.erase import Eraser, Report
from receiver.erasure.person import Person
from receiver.operations import ledger
from tests.support.commands import on_a_terminal, run
from tests.support.erasing_spool import HER, HIS, erasing, fill
from tests.support.eventually import eventually
from tests.support.spools import House
from tests.support.valkey import Valkey


def _erase(valkey: Valkey, number: str) -> Report:
    return Eraser(valkey.client(), Person((number,), Settings()), ()).run()


def test_runs_at_the_same_time_ask_the_spools_one_after_the_other(
    valkey: Valkey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_spool, "EVERY", 0.05)
    fill(tmp_path)

    async def work(_: House, __: Callable[..., Report]) -> None:
        both = [asyncio.to_thread(_erase, valkey, number) for number in (HER, HER, HIS)]
        reports = await asyncio.gather(*both)
        assert all(report.complete for report in reports)
        erased = [report.erased.get("spooled-notification", 0) for report in reports]
        assert sorted(erased[:2]) == [0, 3]
        assert erased[2] == 3
        books = ledger.read(valkey.client())
        assert (books.accepted, books.erased, books.balanced) == (6, 6, True)

    erasing(valkey, tmp_path, work)


def test_the_request_of_a_run_that_was_killed_ends(
    valkey: Valkey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_spool, "EVERY", 0.05)
    fill(tmp_path)

    async def work(_: House, __: Callable[..., Report]) -> None:
        client = valkey.client()
        killed = encode(EraseSpooled("killed", ["12065550188"], False))
        client.hset(ERASE_SPOOLED, "request", killed)
        erased = asyncio.create_task(asyncio.to_thread(_erase, valkey, HER))
        await asyncio.to_thread(eventually, lambda: client.ttl(ERASE_SPOOLED) > 0)
        client.delete(ERASE_SPOOLED)  # as if that time had passed
        report = await erased
        assert (report.erased["spooled-notification"], report.complete) == (3, True)

    erasing(valkey, tmp_path, work)


def test_an_answer_that_comes_after_its_run_is_none_to_the_next(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    client: Any = valkey.client()
    monkeypatch.setattr(spools, "ANSWERED_WITHIN", 0.3)
    client.hset(SPOOLS, "its-spool", msgspec.json.encode(["its-host", client.time()[0]]))
    late = SpoolErased("an earlier run", 5, 0, ["1.spool"], [], [], "")
    client.hset(ERASE_SPOOLED, "its-spool 1.spool", encode(late))
    report = _erase(valkey, HER)
    assert (report.erased, report.complete) == ({}, False)
    assert "the spool on its-host was not looked through" in report.left[0]


def test_what_a_run_that_was_killed_had_erased_is_said_to_be_counted_nowhere(
    valkey: Valkey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> str:
        raise redis.ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(log_rewrite, "rewrite", killed)
        with pytest.raises(redis.ConnectionError):
            _erase(valkey, HER)
    valkey.client().hset(ERASE_RUNS, "somebody else's", "text")
    arguments = ("erase", HER, "--yes")
    told = json.loads(run(tmp_path, *arguments, "--json", REDIS_URL=valkey.url).stdout)
    [sentence] = told["uncounted"]
    assert "has not ended" in sentence
    assert told["complete"]
    assert "not counted: a run that began" in on_a_terminal(
        tmp_path, *arguments, REDIS_URL=valkey.url
    )
    assert valkey.client().hlen(ERASE_RUNS) == 2  # the killed one's, and somebody else's
