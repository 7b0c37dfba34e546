"""What another program wrote onto our streams hides nothing of ours, and can be dropped."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from receiver.config.settings import RqSink, Settings
from receiver.contract.records import DeadLetter, Notification, Refusal, encode
from receiver.contract.redis_keys import DEAD_LETTERS, EVENTS, INBOUND, LEDGER, REJECTED
from receiver.operations import dead_letters, explain, rejected_requests
from receiver.operations.dead_letters import Selection
from tests.support.command_line import here
from tests.support.console_data import accept, receipt, work
from tests.support.foreign_records import unreadable
from tests.support.running import mo
from tests.support.valkey import Valkey
from tests.workers.test_foreign_entries import STRANGE, forwarded, strange
from workers.normalise.job import Normaliser

CONFIG = '[[sink]]\nname = "jobs"\nkind = "rq"\nqueue = "company"\nfunction = "theirs.take"\n'
RECEIPT = receipt(1, 1_760_000_000_000)
OURS = Notification("att.sms.mo", "default", RECEIPT, 1, "", mo())
REFUSED = Refusal("att.sms.mo", "default", RECEIPT, 1, 400, "no sender", [("a", "b")], mo())
SETTINGS = Settings(sinks=(RqSink(name="jobs", queue="company", function="theirs.take"),))


@pytest.fixture
def client(valkey: Valkey) -> Any:
    """Dead letters of all that is strange, as the workers make them, and some that are strange."""
    forwarded(valkey, SETTINGS.sinks[0]).close()
    client: Any = valkey.client()
    strange(client, INBOUND)
    Normaliser(client, "me", Settings(), lambda: False).run()
    letter = DeadLetter(1, "not ours", b"", "jobs", b"{}", 1, "1-1")
    for stored in unreadable(letter, "not ours"):
        client.xadd(DEAD_LETTERS, {"d": stored})
    for stored in unreadable(OURS, RECEIPT):
        client.xadd(DEAD_LETTERS, {"d": encode(DeadLetter(1, "why", stored))})
    client.hset(LEDGER, "dead", client.xlen(DEAD_LETTERS))
    return client


def entries(client: Any, stream: str) -> list[str]:
    return [entry.decode() for entry, _ in client.xrange(stream)]


def test_every_dead_letter_is_listed_and_shown(client: Any, valkey: Valkey, tmp_path: Path) -> None:
    names = entries(client, DEAD_LETTERS)
    assert len(names) > len(STRANGE)
    listed = here(tmp_path, "dead-letters", "list", "--json", REDIS_URL=valkey.url)
    assert [json.loads(line)["id"] for line in listed.out.splitlines()] == names
    newest, _ = dead_letters.newest(client, Selection(), count=len(names))
    assert [one.summary.id for one in newest] == names[::-1]
    assert sum(dead_letters.reasons(client, len(names)).values()) == len(names)
    for words in ([], ["--json"]):
        shown = here(tmp_path, "dead-letters", "show", *names, *words, REDIS_URL=valkey.url)
        assert (shown.code, shown.err) == (0, "")


def test_what_is_readable_is_replayed_and_the_rest_can_be_dropped(
    client: Any, valkey: Valkey, tmp_path: Path
) -> None:
    (tmp_path / "receiver.toml").write_text(CONFIG)
    before = len(entries(client, DEAD_LETTERS))
    replayed = here(tmp_path, "dead-letters", "replay", "--all", "--json", REDIS_URL=valkey.url)
    said = json.loads(replayed.out)
    left = entries(client, DEAD_LETTERS)
    assert said == {"done": before - len(left), "gone": 0, "failed": len(left)}
    assert said["done"] > 0
    dropped = here(tmp_path, "dead-letters", "drop", "--all", "--json", REDIS_URL=valkey.url)
    assert json.loads(dropped.out) == {"done": len(left), "gone": 0, "failed": 0}
    assert entries(client, DEAD_LETTERS) == []


def test_every_rejected_request_is_listed_shown_and_dropped(valkey: Valkey, tmp_path: Path) -> None:
    client: Any = valkey.client()
    for stored in (encode(REFUSED), *unreadable(REFUSED, RECEIPT)):
        client.xadd(REJECTED, {"r": stored})
    names = entries(client, REJECTED)
    found, _ = rejected_requests.newest(client, rejected_requests.Selection())
    assert [one.id for one in found] == names[::-1]
    listed = here(tmp_path, "rejected", "list", "--json", REDIS_URL=valkey.url)
    assert [json.loads(line)["id"] for line in listed.out.splitlines()] == names
    assert here(tmp_path, "rejected", "show", *names, REDIS_URL=valkey.url).code == 0
    assert here(tmp_path, "rejected", "drop", *names, REDIS_URL=valkey.url).code == 0
    assert client.xlen(REJECTED) == 0


def test_a_rejected_request_that_reading_fails_on_is_not_sent_and_stays(valkey: Valkey) -> None:
    client: Any = valkey.client()
    foreign = msgspec.structs.replace(REFUSED, headers=[("content-type", "\N{EURO SIGN}")])
    client.xadd(REJECTED, {"r": encode(foreign)})
    replay = rejected_requests.Replay(client, "http://127.0.0.1:1", "token")
    found = list(rejected_requests.select(client, rejected_requests.Selection()))
    assert list(map(replay.send, found)) == ["reading it fails: UnicodeEncodeError"]
    assert client.xlen(REJECTED) == 1
    replay.close()


def test_what_has_its_receipt_in_it_and_is_not_ours_is_no_part_of_a_story(
    valkey: Valkey, tmp_path: Path
) -> None:
    client: Any = valkey.client()
    ours = accept(valkey, 1)
    work(valkey)
    before = explain.explain(client, ours, SETTINGS)
    body = mo()
    for stored in unreadable(Notification(ours, "default", ours, 1, "", body), "default"):
        client.xadd(INBOUND, {"n": stored})
    for stored in unreadable(Refusal("a", "default", ours, 1, 4, "why", [], body), "default"):
        client.xadd(REJECTED, {"r": stored})
    for event in (b'{"receiptid":"%s","type":"\xff"}', b'{"data":"%s"}', b'{"id":"%s"', b"%s"):
        client.xadd(EVENTS, {"event": event % ours.encode()})
    assert here(tmp_path, "explain", ours, REDIS_URL=valkey.url).code == 0
    after = explain.explain(client, ours, SETTINGS)
    assert [line.what for line in after[0].lines] == [line.what for line in before[0].lines]
    assert explain.bodies(client, ours) == [mo("private words 1", "tel:+12065550142")]


@pytest.mark.parametrize("at", ["9000000000000000-0", str(2**53 - 1)])
def test_an_entry_of_no_calendar_day_is_listed_and_hides_no_other(
    valkey: Valkey, tmp_path: Path, at: str
) -> None:
    client: Any = valkey.client()
    client.xadd(DEAD_LETTERS, {"d": encode(DeadLetter(1, "why", encode(OURS)))})
    client.xadd(DEAD_LETTERS, {"x": "y"}, id=at)
    client.xadd(REJECTED, {"r": encode(msgspec.structs.replace(REFUSED, received=2**53))})
    for stream, command in ((DEAD_LETTERS, "dead-letters"), (REJECTED, "rejected")):
        names = entries(client, stream)
        for terminal in (False, True):
            listed = here(tmp_path, command, "list", terminal=terminal, REDIS_URL=valkey.url)
            assert (listed.code, listed.err) == (0, "")
            assert all(name in listed.out for name in names)


@pytest.mark.parametrize("deep", [b'"\xff"', b"[" * 5000 + b"]" * 5000], ids=["no text", "deep"])
def test_an_event_that_only_a_sink_reads_whole_is_explained(
    valkey: Valkey, tmp_path: Path, deep: bytes
) -> None:
    """`receiptid` is in order, and what the sink's filter would look at is not."""
    (tmp_path / "receiver.toml").write_text(CONFIG + 'listeners = ["promo"]\n')
    client: Any = valkey.client()
    client.xgroup_create(EVENTS, "forward:jobs", "0", mkstream=True)
    event = b'{"id":"x","type":"t","source":"s","receiptid":"%s","data":%s}'
    client.xadd(EVENTS, {"event": event % (RECEIPT.encode(), deep)}, id="1760000000000-0")
    done = here(tmp_path, "explain", RECEIPT, REDIS_URL=valkey.url)
    assert "Traceback" not in done.err
    assert done.code in (0, 1)
