"""`receiver erase`: whatever names a person goes, everything else stays, and the counts add up."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from receiver.config.settings import RedisStreamSink
from receiver.contract.records import Attempt, Refusal, decode_notification, encode
from receiver.contract.redis_keys import DEAD_LETTERS, DELIVERIES, EVENTS, GROUP, INBOUND, REJECTED
from receiver.erasure.person import Person, naming
from receiver.operations import ledger
from tests.support.commands import run
from tests.support.erasing import HER, HIS, SETTINGS, accept, erase, everything, message, work
from tests.support.forwarding import Forwarding
from tests.support.valkey import Valkey

CONFIG = """
[[sink]]
name = "copy"
kind = "redis-stream"
stream = "company:events"
"""


def test_what_names_her_goes_and_what_names_him_stays(valkey: Valkey) -> None:
    client: Any = valkey.client()
    accept(client, message(f"tel:{HER}"), message(f"tel:{HIS}"), message(HIS, "call 12065550100"))
    accept(client, message("2065550100"), b'{"From": "+12065550100"}')  # national; unreadable
    work(client)
    refused = Refusal("att.sms.mo", "default", "r", 1, 400, "no", [], b"x=0012065550100")
    client.xadd(REJECTED, {"r": encode(refused)})
    named = msgspec.structs.replace(refused, body=b"{}", headers=[("x-from", HER)])
    client.xadd(REJECTED, {"r": encode(named)})
    other = msgspec.structs.replace(refused, body=b"x=112065550100")
    client.xadd(REJECTED, {"r": encode(other)})
    answer = Attempt(
        "hook", "1-0", 1, 1, 1, 500, "status 500", b"12065550100 is unknown" + b"." * 30
    )
    client.xadd(DELIVERIES, {"a": encode(answer)})
    report = erase(client)
    assert report.erased == {
        "notification": 4, "event": 3, "dead-letter": 1, "rejected": 2, "attempt": 1
    }  # fmt: skip
    assert report.complete
    assert b"2065550100" not in everything(client).replace(b"112065550100", b"")
    assert [event_["data"]["from"] for event_ in events(client)] == [HIS]
    books = ledger.read(client)
    assert (books.accepted, books.open, books.balanced) == (5, 0, True)
    assert (books.dead, books.dead_dropped) == (1, 1)


def events(client: Any) -> list[dict[str, Any]]:
    return [json.loads(fields[b"event"]) for _, fields in client.xrange(EVENTS)]


@pytest.mark.parametrize(
    "body",
    [
        b"SenderAddress=tel%3A%2B12065550100&Message=hi",
        json.dumps({"SenderAddress": HER, "Message": "hi"}).encode("utf-16"),
        b'{"SenderAddress": "tel:\\u002b12065550100", "Message": "hi"}',
        b'{"SenderAddress": "tel:+1\\u0032065550100", "Message": "hi"}',
    ],
    ids=["form", "utf-16", "escaped sign", "escaped digit"],
)
def test_however_it_was_written(valkey: Valkey, body: bytes) -> None:
    client: Any = valkey.client()
    accept(client, body)
    work(client)
    assert erase(client).erased["notification"] == 1
    assert (client.xlen(INBOUND), client.xlen(EVENTS), client.xlen(DEAD_LETTERS)) == (0, 0, 0)


@pytest.mark.parametrize(
    "written",
    ["+1 206-555-0100", "+1 (206) 555 0100", "1.206.555.0100", "+1\u00a0206\u2011555\u20110100"],
)
def test_in_a_text_with_what_people_put_between_digits(valkey: Valkey, written: str) -> None:
    client: Any = valkey.client()
    accept(client, message(HIS, f"call {written}, please"), message(HIS, f"call {written}1"))
    work(client)
    assert erase(client).erased == {"notification": 1, "event": 1}
    assert client.xlen(EVENTS) == 1


@pytest.mark.parametrize("written", ["+44 (0)20 7946 0958", "0044(0)20-7946-0958"])
def test_in_a_text_with_the_0_that_is_dialled_inside_the_country_only(
    valkey: Valkey, written: str
) -> None:
    client: Any = valkey.client()
    accept(client, message(HIS, f"call {written}, please"), message(HIS, f"call {written}1"))
    work(client)
    assert erase(client, "+442079460958").erased == {"notification": 1, "event": 1}
    assert client.xlen(EVENTS) == 1


def test_a_dry_run_counts_and_changes_nothing(valkey: Valkey) -> None:
    client: Any = valkey.client()
    accept(client, message(HER))
    work(client)
    before = everything(client)
    report = erase(client, dry_run=True)
    assert (report.erased, report.complete) == ({"notification": 1, "event": 1}, False)
    assert everything(client) == before
    assert erase(client).erased == report.erased


def test_what_no_worker_has_processed_is_left_and_said(valkey: Valkey) -> None:
    client: Any = valkey.client()
    accept(client, message(HER), message(HER, "two"))
    client.xgroup_create(INBOUND, GROUP, id="0")
    client.xreadgroup(GROUP, "other-0", {INBOUND: ">"}, count=1)
    report = erase(client)
    assert not report.complete
    assert report.left[0].startswith("2 notifications that no worker has processed yet: ")
    assert ledger.read(client).open == 2
    client.xgroup_setid(INBOUND, GROUP, "0")
    work(client)
    assert erase(client).complete
    assert b"2065550100" not in everything(client)


@pytest.mark.parametrize("number", ["2065550100", "me", "", "+1"])
def test_a_number_without_country_code_is_refused(number: str) -> None:
    with pytest.raises(ValueError, match=r"such as \+12065550100"):
        Person((number,), SETTINGS)


def test_export_person_and_erase_report_what_they_found_and_what_they_left(
    valkey: Valkey, tmp_path: Path
) -> None:
    (tmp_path / "receiver.toml").write_text(CONFIG)
    forwarding = Forwarding(valkey, RedisStreamSink(name="copy", stream="company:events"))
    client = forwarding.client
    accept(client, message(HER), message(HIS))
    work(client)
    forwarding.run()
    exported = run(tmp_path, "export-person", "-", stdin=f"{HER}\n", REDIS_URL=valkey.url)
    found = [json.loads(line) for line in exported.stdout.splitlines()]
    assert [one["kind"] for one in found] == ["notification", "event", "copy"]
    assert found[1]["stored"]["subject"] == HER
    without = run(tmp_path, "erase", HER, "--yes", REDIS_URL=valkey.url)
    assert without.returncode == 1
    assert json.loads(without.stdout)["left"] == [
        "company:events: your own, not looked at; --copies does"
    ]
    whole = run(tmp_path, "erase", HER, "--yes", "--copies", "--json", REDIS_URL=valkey.url)
    report = json.loads(whole.stdout)
    assert (whole.returncode, report["erased"], report["complete"]) == (0, {"copy": 1}, True)
    assert HER.encode()[1:] not in everything(client)
    assert HER not in without.stdout + without.stderr + whole.stdout + whole.stderr
    nothing = run(tmp_path, "export-person", HER, REDIS_URL=valkey.url)
    assert (nothing.returncode, nothing.stdout) == (0, "")
    (his,) = [decode_notification(fields[b"n"]) for _, fields in client.xrange(INBOUND)]
    assert HIS.encode() in his.body


@pytest.mark.parametrize(
    ("stored", "named"),
    [
        (b'"tel:+12065550100"', True),
        (b"12065550100", True),
        (b"0012065550100", True),
        (b"01112065550100", True),
        (b"address=tel%3A%2B12065550100&x=1", True),
        (b"+120655501001", False),
        (b"+912065550100", False),
        (b"+1206555010", False),
    ],
)
def test_a_number_counts_whole_and_not_as_a_part_of_another_one(stored: bytes, named: bool) -> None:
    assert naming(["12065550100", "447700900123"])(stored) is named
