"""Somebody moves the group back between two reads of one batch: its entries do not ascend."""

from typing import Any

import pytest

from receiver.contract.redis_keys import (
    ATTEMPTS,
    DEAD_LETTERS,
    EVENTS,
    GROUP,
    IDENTITIES,
    INBOUND,
    LEDGER,
    MARKS,
)
from receiver.runtime.scripts import load
from tests.support.valkey import Valkey
from tests.workers.test_groups_moved import accept, work

KEYS = (INBOUND, EVENTS, DEAD_LETTERS, LEDGER, IDENTITIES, ATTEMPTS, MARKS)


@pytest.fixture
def client(valkey: Valkey) -> Any:
    """One entry is done, so the group has a mark."""
    found = valkey.client()
    accept(found, 0)
    work(found)
    return found


def read(client: Any) -> list[str]:
    (_, entries), *_ = client.xreadgroup(GROUP, "one", {INBOUND: ">"})
    return [entry.decode() for entry, _ in entries]


def end(client: Any, *names: str) -> bytes:
    """Publish these as dead letters, in this order; what became of each."""
    script = load("workers.normalise", "publish")
    dead = [word for name in names for word in (name, 0, "a letter")]
    codes: bytes = client.eval(script, len(KEYS), *KEYS, GROUP, 3600, 1, 1000, *dead)[5]
    return codes


def test_what_is_done_is_marked_and_what_is_between_is_not(client: Any) -> None:
    accept(client, 1, 2, 3)
    first, middle, last = read(client)
    assert end(client, last, first) == b"xx"
    assert client.hget(MARKS, GROUP).decode() == f"0-0 {first} {last} {last}"
    assert end(client, last, middle, first) == b"-x-"
    assert client.hget(MARKS, GROUP).decode() == f"0-0 {last}"


def test_what_was_done_before_and_is_delivered_again_has_its_outcome(client: Any) -> None:
    accept(client, 1)
    (new,) = read(client)
    client.xgroup_setid(INBOUND, GROUP, "0")
    (done, _) = read(client)
    assert end(client, new, done) == b"x-"
    assert (client.xlen(EVENTS), client.xlen(DEAD_LETTERS)) == (1, 1)
