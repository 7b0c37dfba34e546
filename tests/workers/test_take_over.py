"""What a dead worker left open is taken over, also what was deleted from the stream meanwhile."""

from typing import Any

import pytest

from receiver.config.settings import Settings
from receiver.contract.records import Notification, encode
from receiver.contract.redis_keys import ATTEMPTS, DEAD_LETTERS, GROUP, INBOUND, LEDGER
from receiver.operations import ledger
from tests.support.running import mo
from tests.support.valkey import Valkey
from workers.normalise import inbound_reader
from workers.normalise.job import Normaliser

LONG = 2 * inbound_reader.ABANDONED_MILLISECONDS


def worker(client: Any, name: str) -> Normaliser:
    return Normaliser(client, name, Settings(), lambda: False)


def accept(client: Any, count: int = 1) -> None:
    last = client.hincrby(LEDGER, "accepted", count)
    pipe = client.pipeline(transaction=False)
    for number in range(last - count + 1, last + 1):
        one = Notification("att.sms.mo", "default", f"{number:027x}", number, "", mo())
        pipe.xadd(INBOUND, {"n": encode(one)})
    pipe.execute()


def left_open(client: Any, count: int, consumer: str = "dead", idle: int = LONG) -> list[bytes]:
    """So many accepted notifications that a worker has read and done nothing with since."""
    accept(client, count)
    client.xgroup_create(INBOUND, GROUP, "0", mkstream=True)
    found = client.xreadgroup(GROUP, consumer, {INBOUND: ">"})
    entries = [entry for entry, _ in found[0][1]]
    client.xclaim(INBOUND, GROUP, consumer, 0, entries, idle=idle, justid=True)
    return entries


def outcomes(client: Any) -> tuple[int, int, int]:
    books = ledger.read(client)
    assert books.balanced
    assert client.hlen(ATTEMPTS) == 0
    return books.published, books.dead, books.open


def test_an_entry_that_was_deleted_meanwhile_is_a_dead_letter_once(valkey: Valkey) -> None:
    client: Any = valkey.client()
    entries = left_open(client, 4)
    client.xdel(INBOUND, entries[0], entries[2])
    for name in ("one", "two"):
        worker(client, name).run()
        assert outcomes(client) == (2, 2, 0)
    assert client.xlen(DEAD_LETTERS) == 2


def test_it_is_so_too_where_the_stream_was_trimmed_to_nothing(valkey: Valkey) -> None:
    client: Any = valkey.client()
    left_open(client, 60)
    client.xtrim(INBOUND, maxlen=0)
    worker(client, "one").run()
    assert outcomes(client) == (0, 60, 0)


def test_it_stays_open_while_the_worker_that_found_it_is_killed(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    client: Any = valkey.client()
    entries = left_open(client, 3)
    client.xdel(INBOUND, entries[0])

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Normaliser, "_publish_alone", killed)
        with pytest.raises(KeyboardInterrupt):
            worker(client, "one").run()
    assert outcomes(client) == (0, 0, 3)
    worker(client, "one").run()
    assert outcomes(client) == (2, 1, 0)


def test_it_stays_open_however_often_others_work_around_it(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    client: Any = valkey.client()
    entries = left_open(client, 3, idle=0)
    client.xclaim(INBOUND, GROUP, "one", 0, [entries[0], entries[2]])
    client.xdel(INBOUND, entries[1])
    for number in range(1, 4):
        accept(client)
        worker(client, "one").run()
        assert outcomes(client) == (2 + number, 0, 1)
    monkeypatch.setattr(inbound_reader, "ABANDONED_MILLISECONDS", 0)
    worker(client, "one").run()
    assert outcomes(client) == (5, 1, 0)


def test_two_that_find_it_at_once_count_it_once(valkey: Valkey) -> None:
    client: Any = valkey.client()
    entries = left_open(client, 3)
    client.xdel(INBOUND, entries[1])
    one, two = worker(client, "one"), worker(client, "two")
    for each in (one, two):
        each._join_group()
    found = [(each, each._left_over()) for each in (one, two)]
    assert [[entry for entry, _ in left] for _, left in found] == [entries, [entries[1]]]
    for each, left in found:
        for entry in left:
            each._publish_alone(entry)
        each._connection.close()
    assert (ledger.read(client).published, ledger.read(client).dead) == (2, 1)
    assert ledger.read(client).balanced


def test_what_a_worker_itself_left_and_somebody_deleted_is_tried_once(valkey: Valkey) -> None:
    client: Any = valkey.client()
    client.xdel(INBOUND, *left_open(client, 3, "one"))
    worker(client, "one").run()
    assert outcomes(client) == (0, 3, 0)


def test_what_another_worker_has_at_hand_stays_with_it(valkey: Valkey) -> None:
    client: Any = valkey.client()
    entries = left_open(client, 2, idle=0)
    client.xdel(INBOUND, entries[0])
    worker(client, "one").run()
    assert outcomes(client) == (0, 0, 2)
    assert client.xpending_range(INBOUND, GROUP, "-", "+", 9, "dead")[1]["message_id"] == entries[1]


def test_no_attempt_is_remembered_at_what_another_worker_has_settled_meanwhile(
    valkey: Valkey,
) -> None:
    client: Any = valkey.client()
    entries = left_open(client, 3)

    def taken_over() -> bool:
        """The slow one's time is up, and somebody else does what it was to do."""
        client.xclaim(INBOUND, GROUP, "slow", 0, entries, idle=LONG, justid=True)
        worker(client, "other").run()
        return False

    Normaliser(client, "slow", Settings(), taken_over).run()
    assert outcomes(client) == (3, 0, 0)
