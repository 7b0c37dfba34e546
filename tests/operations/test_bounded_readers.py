"""What is read by its own id, and the ledger where entries were deleted by hand."""

from typing import Any

import pytest
import redis

from receiver.contract.records import DeadLetter, encode
from receiver.contract.redis_keys import (
    DEAD_LETTERS,
    EVENTS,
    GROUP,
    INBOUND,
    LEDGER,
    SINKS,
    forward_group,
)
from receiver.operations import dead_letters, ledger, look, sink_ledger
from receiver.operations.dead_letters import Selection
from receiver.operations.look import Look
from tests.support.valkey import Valkey


def fill(client: redis.Redis, stream: str, group: str, count: int) -> None:
    """So many entries that the group has not read; then the last is deleted, and one more added."""
    client.xgroup_create(stream, group, id="0", mkstream=True)
    pipe: Any = client.pipeline(transaction=False)
    for _ in range(count):
        pipe.xadd(stream, {"x": ""})
    client.xdel(stream, pipe.execute()[-1])
    client.xadd(stream, {"x": ""})
    groups: Any = client.xinfo_groups(stream)
    assert groups[0]["lag"] is None


@pytest.mark.parametrize(("count", "opened", "exact"), [(20, 20, True), (5_300, 5_000, False)])
def test_counting_is_bounded_and_says_whether_it_is_exact(
    valkey: Valkey, count: int, opened: int, exact: bool
) -> None:
    client = valkey.client()
    fill(client, INBOUND, GROUP, count)
    fill(client, EVENTS, forward_group("billing"), count)
    client.hset(LEDGER, "accepted", count)
    client.hset(SINKS, mapping={"billing:begun": 1})
    books, [sink] = ledger.read(client), sink_ledger.read(client)
    assert (books.open, bool(books.exact), books.balanced) == (opened, exact, True)
    assert (sink.open, sink.exact, sink.balanced) == (opened, exact, True)
    client.hset(LEDGER, "accepted", 7)
    assert not ledger.read(client).balanced


def test_letters_named_by_their_own_ids_are_found_without_looking_at_others(valkey: Valkey) -> None:
    client = valkey.client()
    letter = DeadLetter(1, "answered 422", b"", "billing", b'{"id":"e","type":"t","source":"s"}')
    for entry in ("9-1", "10-1", "11-1"):
        client.xadd(DEAD_LETTERS, {"d": encode(letter)}, id=entry)
    looked: list[int] = []

    def ids(*named: str, **wanted: Any) -> list[str]:
        selection = Selection(ids=frozenset(named), **wanted)
        return [x.summary.id for x in dead_letters.select(client, selection, looked.append)]

    assert ids("11-1", "9-1", "1-1") == ["9-1", "11-1"]
    assert ids("10-1", sink="crm") == ids("10-1", until=10) == ids("10-1", since=11) == []
    assert looked == []
    assert ids("10-1", "e") == ["9-1", "10-1", "11-1"]


def test_within_a_budget_a_look_goes_no_further_than_what_belongs_to_its_time(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = valkey.client()
    monkeypatch.setattr(look, "PAGE", 2)
    for number in range(6):
        client.xadd(EVENTS, {"event": b"words"}, id=f"{number * look.SOON}-1")
    bounded = Look(client, 1_000)
    found = [entry for page in bounded.on(EVENTS, "1", b"words") for entry, _ in page]
    assert found == [f"{number * look.SOON}-1" for number in (1, 2)]
    assert bounded.reached == {EVENTS: f"{2 * look.SOON}-1"}
    assert sum(map(len, Look(client).on(EVENTS, "1", b"words"))) == 5
    assert list(Look(client).on(EVENTS, "1", b"other words")) == [[], [], []]


def test_what_a_filter_leaves_out_is_not_decoded_and_what_cannot_be_read_is_found(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = valkey.client()
    event = b'{"id":"e","type":"t","source":"/att/sms/mo/promo","receiptid":"r"}'
    for number, (sink, reason, document) in enumerate(
        [("crm", "slow", event), ("erp", "slow", event), ("crm", "gone", b"{")], 1
    ):
        letter = DeadLetter(number, reason, b"", sink, document)
        client.xadd(DEAD_LETTERS, {"d": encode(letter)}, id=f"{number}-1")
    client.xadd(DEAD_LETTERS, {"d": b"of somebody else"}, id="4-1")
    decoded: list[str] = []
    real = dead_letters.read

    def read(entry: str, stored: bytes) -> dead_letters.Found:
        decoded.append(entry)
        return real(entry, stored)

    monkeypatch.setattr(dead_letters, "read", read)

    def found(sink: str = "", reason: str = "") -> list[str]:
        decoded.clear()
        rows, _ = dead_letters.newest(client, Selection(sink=sink, reason=reason))
        return [one.summary.id for one in rows]

    assert found(sink="erp") == ["2-1"]
    assert decoded == ["4-1", "2-1"]
    assert found(reason="cannot be read") == ["4-1", "3-1"]
    assert found(sink="crm", reason="slow") == ["1-1"]
    assert dead_letters.reasons(client, 10) == {
        ("crm", "slow"): 1,
        ("erp", "slow"): 1,
        ("crm", "gone"): 1,
        ("", dead_letters.NOT_READ): 1,
    }
    assert dead_letters.reasons(client, 1) == {("", dead_letters.NOT_READ): 1}


def test_large_entries_are_read_a_few_at_a_time(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = valkey.client()
    monkeypatch.setattr(look, "FIRST", 2)
    monkeypatch.setattr(look, "BYTES", 1_000)
    for number in range(1, 8):
        client.xadd(EVENTS, {"event": bytes(100 if number < 3 else 400)}, id=f"{number}-1")
    pages = list(Look(client).on(EVENTS, "-"))
    assert [len(page) for page in pages] == [2, 5]
    for _ in range(20):
        client.xadd(EVENTS, {"event": bytes(400)})
    assert max(len(page) for page in list(Look(client).on(EVENTS, "3-1"))[1:]) <= 2
