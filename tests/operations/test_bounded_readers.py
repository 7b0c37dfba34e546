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
    monkeypatch.setattr(look, "SEARCHED", 2)
    for number in range(6):
        client.xadd(EVENTS, {"event": b"words"}, id=f"{number * look.SOON}-1")
    bounded = Look(client, 1_000)
    found = [entry for page in bounded.on(EVENTS, "1", b"words") for entry, _ in page]
    assert found == [f"{number * look.SOON}-1" for number in (1, 2)]
    assert bounded.reached == {EVENTS: f"{2 * look.SOON}-1"}
    assert sum(map(len, Look(client).on(EVENTS, "1", b"words"))) == 5
    assert list(Look(client).on(EVENTS, "1", b"other words")) == [[], [], []]
