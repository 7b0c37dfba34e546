"""Erasing goes past what nobody can read, or look through, and says so."""

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from receiver.carriers import BY_NAME
from receiver.carriers.carrier import Event
from receiver.contract.records import Attempt, DeadLetter, Notification, Refusal, encode
from receiver.contract.redis_keys import (
    DEAD_LETTERS,
    DELIVERIES,
    EVENTS,
    INBOUND,
    REJECTED,
    SINKS,
    SPOOLS,
    WATCHES,
    retry_due,
    retry_items,
)
from receiver.erasure.erase import Eraser
from receiver.erasure.person import Person
from tests.support.command_line import here
from tests.support.commands import run
from tests.support.erasing import HER, HIS, SETTINGS, accept, erase, everything, message, work
from tests.support.erasing_spool import erasing, fill
from tests.support.foreign_records import unreadable
from tests.support.spools import House
from tests.support.valkey import Valkey


def foreign(client: Any, number: str) -> None:
    """What another program wrote where our records stand, with somebody's number in it."""
    body, reason = message(number), "why"
    came = Notification("att.sms.mo", "default", reason, 1, "", body)
    for stored in unreadable(came, reason):
        client.xadd(INBOUND, {"n": stored})
        client.xadd(DEAD_LETTERS, {"d": encode(DeadLetter(1, reason, stored))})
    for stored in unreadable(DeadLetter(1, reason, b"", "copy", body, 1, "1-1"), reason):
        client.xadd(DEAD_LETTERS, {"d": stored})
    for stored in unreadable(Refusal("att.sms.mo", "a", "b", 1, 400, reason, [], body), reason):
        client.xadd(REJECTED, {"r": stored})
    for stored in unreadable(Attempt("copy", "1-1", 1, 1, 1, 500, reason, body), reason):
        client.xadd(DELIVERIES, {"a": stored})
    client.hset(SINKS, b"\xff:begun", 1)
    client.xadd(EVENTS, {"event": b'{"type":"\xff","subject":"' + number.encode() + b'"}'})


def test_what_another_program_wrote_stops_neither_an_export_nor_an_erasure(
    valkey: Valkey, tmp_path: Path
) -> None:
    client: Any = valkey.client()
    foreign(client, HER)
    foreign(client, HIS)
    work(client)
    exported = run(tmp_path, "export-person", HER, "--json", REDIS_URL=valkey.url)
    assert exported.returncode == 0, exported.stderr
    kinds = [json.loads(line)["kind"] for line in exported.stdout.splitlines()]
    assert set(kinds) == {"notification", "dead-letter", "rejected", "attempt", "event"}
    report = erase(client)
    assert (report.complete, sum(report.erased.values())) == (True, len(kinds)), report
    stored = everything(client)
    assert b"12065550100" not in stored
    assert b"12065550199" in stored


def test_a_spool_of_no_name_is_said_and_holds_back_no_erasure(valkey: Valkey) -> None:
    client: Any = valkey.client()
    accept(client, message(HER))
    work(client)
    client.hset(SPOOLS, b"\xff", "somebody else's")
    report = erase(client)
    assert report.erased == {"notification": 1, "event": 1}
    (left,) = report.left
    assert left.startswith("the spool on a host, of which nothing was heard")


@pytest.fixture
def fault(monkeypatch: pytest.MonkeyPatch) -> str:
    """A receipt: its notification makes its carrier fail."""
    receipt, carrier = f"{2:027x}", BY_NAME["att.sms.mo"]

    def normalise(one: Notification, *place: Any) -> list[Event]:
        if one.receipt == receipt:
            raise KeyError
        return carrier.normalise(one, *place)

    broken = msgspec.structs.replace(carrier, normalise=normalise)
    monkeypatch.setitem(BY_NAME, carrier.name, broken)
    return receipt


def test_a_notification_that_its_carrier_fails_on_holds_back_no_erasure_and_is_said(
    valkey: Valkey, fault: str, tmp_path: Path
) -> None:
    client: Any = valkey.client()
    accept(client, message(HER[2:]), message(HIS), message(HER))
    work(client)
    assert client.xlen(DEAD_LETTERS) == 1
    exported = here(tmp_path, "export-person", HER, REDIS_URL=valkey.url)
    assert len(exported.out.splitlines()) == 4
    assert fault in exported.err
    report = erase(client)
    assert report.erased == {"notification": 2, "event": 2}
    assert not report.complete
    (said,) = report.left
    assert said.startswith("1 notifications that the receiver fails to read")
    assert fault in said
    report = erase(client, HIS)  # as it is written there
    assert (report.erased, report.complete) == ({"notification": 1, "dead-letter": 1}, True)


def test_of_a_spool_it_is_said_too(valkey: Valkey, fault: str, tmp_path: Path) -> None:
    fill(tmp_path)  # the one it fails on is hers, where her number stands as it is: so another's
    her = Person(("+12065550101",), SETTINGS)

    async def work(_: House, __: Any) -> None:
        report = await asyncio.to_thread(Eraser(valkey.client(), her, ()).run)
        (said,) = report.left
        assert fault in said
        assert not report.complete

    erasing(valkey, tmp_path, work)


def test_what_stands_under_a_name_that_is_no_text_is_printed_and_erased(
    valkey: Valkey, tmp_path: Path
) -> None:
    client: Any = valkey.client()
    client.hset(SINKS, "copy:begun", 1)
    hashes = (WATCHES, retry_items("copy"))
    for key in hashes:
        client.hset(key, b"\xff\xfe not ours", b'{"to": "+12065550100"}')
    client.zadd(retry_due("copy"), {b"\xff\xfe not ours": 1})
    printed = run(tmp_path, "export-person", "+12065550100", REDIS_URL=valkey.url)
    assert printed.returncode == 0
    assert {json.loads(line)["key"] for line in printed.stdout.splitlines()} == set(hashes)
    erased = run(tmp_path, "erase", "+12065550100", "--yes", "--json", REDIS_URL=valkey.url)
    assert json.loads(erased.stdout)["erased"] == {"watch": 1, "delivery": 1}
    assert not client.exists(*hashes)
