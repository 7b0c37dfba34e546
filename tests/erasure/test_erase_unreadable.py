"""Erasing goes past what nobody can read, or look through, and says so."""

import json
from pathlib import Path
from typing import Any

from receiver.contract.records import Attempt, DeadLetter, Notification, Refusal, encode
from receiver.contract.redis_keys import DEAD_LETTERS, DELIVERIES, EVENTS, INBOUND, REJECTED, SINKS
from tests.erasure.test_erase import HER, HIS, erase, everything, message, work
from tests.support.commands import run
from tests.support.foreign_records import unreadable
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
