"""Streams of large entries are read a few at a time: Redis copies each reply before it is sent."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from receiver.config.settings import Settings
from receiver.contract.records import DeadLetter, Delivery, Notification, Refusal, encode
from receiver.contract.redis_keys import DEAD_LETTERS, EVENTS, INBOUND, REJECTED, retry_items
from receiver.erasure import stores
from receiver.erasure.person import Person
from receiver.operations import dead_letters, look, rejected_requests
from tests.support.replies import measured
from tests.support.valkey import Valkey

SIZE = Settings().max_body_bytes
COUNT = 150
MOST = look.BYTES + look.FIRST * SIZE
"""Of one reply: what is asked for where it is known how large entries are, and where it is not."""
HER = "+12065550100"
BODY = b"+12065550100".ljust(SIZE, b" ")
REFUSAL = encode(Refusal("att.sms.mo", "default", "r", 1, 400, "why", [], BODY))
LETTER = encode(DeadLetter(1, "why", encode(Notification("att.sms.mo", "d", "r", 1, "", BODY))))
COMES = encode(Notification("att.sms.mo", "default", "r", 1, "", BODY))

Read = Callable[[Any], Iterator[Any]]


def newest_rejected(client: Any) -> Iterator[Any]:
    rows, _ = rejected_requests.newest(client, rejected_requests.Selection(), count=COUNT)
    return iter(rows)


def newest_letters(client: Any) -> Iterator[Any]:
    rows, _ = dead_letters.newest(client, dead_letters.Selection(), count=COUNT)
    return iter(rows)


def reasons(client: Any) -> Iterator[Any]:
    return dead_letters.reasons(client, COUNT).elements()


def of_person(client: Any) -> Iterator[Any]:
    return stores.find(client, Person((HER,), Settings()), ("copy",))


READ: dict[str, tuple[str, dict[str, bytes], Read]] = {
    "rejected": (
        REJECTED,
        {"r": REFUSAL},
        lambda client: rejected_requests.select(client, rejected_requests.Selection()),
    ),
    "newest rejected": (REJECTED, {"r": REFUSAL}, newest_rejected),
    "letters": (
        DEAD_LETTERS,
        {"d": LETTER},
        lambda client: dead_letters.select(client, dead_letters.Selection()),
    ),
    "newest letters": (DEAD_LETTERS, {"d": LETTER}, newest_letters),
    "reasons": (DEAD_LETTERS, {"d": LETTER}, reasons),
    "her notifications": (INBOUND, {"n": COMES}, of_person),
    "her events": (EVENTS, {"event": BODY}, of_person),
}


@pytest.mark.parametrize("name", READ)
def test_all_of_a_stream_is_found_and_little_is_asked_for_at_once(
    valkey: Valkey, name: str
) -> None:
    stream, fields, read = READ[name]
    client: Any = measured(valkey)
    for _ in range(COUNT):
        client.xadd(stream, fields)
    client.largest = 0
    assert sum(1 for _ in read(client)) == COUNT
    assert SIZE < client.largest < MOST


def test_what_waits_for_a_sink_is_asked_for_a_little_at_a_time_too(valkey: Valkey) -> None:
    client: Any = measured(valkey)
    for number in range(COUNT):
        client.hset(retry_items("copy"), f"{number}-1", encode(Delivery(f"{number}-1", BODY, 1)))
    client.largest = 0
    assert {one.entry for one in of_person(client)} == {f"{number}-1" for number in range(COUNT)}
    assert (
        SIZE < client.largest < 3 * MOST
    )  # HSCAN gives whole buckets, of two tables while they grow


def test_a_page_is_what_was_stored_when_it_began(valkey: Valkey) -> None:
    client: Any = valkey.client()
    for _ in range(3 * look.FIRST):
        client.xadd(REJECTED, {"r": b"x"})
    for found in rejected_requests.select(client, rejected_requests.Selection()):
        client.xadd(REJECTED, {"r": b"x"})
        rejected_requests.drop(client, found)
    assert client.xlen(REJECTED) == 3 * look.FIRST
