"""The script that appends: all of it or nothing, whatever refuses a part; and what it bounds."""

import time
from collections.abc import Callable
from typing import Any

import pytest
import redis
from redis.exceptions import ResponseError

from receiver.contract.redis_keys import BELL, INBOUND, LEDGER, REJECTED
from receiver.intake.inbound_writer import REJECTED_KEPT, script
from tests.support.restricted import restricted
from tests.support.valkey import Valkey

FLUSHER = "receiver:flusher:test"
KEYS = (INBOUND, REJECTED, LEDGER, BELL, FLUSHER)
BATCH = (1, 2, 1, "one", "two", "bad")
LAST_ID = "18446744073709551615-18446744073709551614"
"""Of a stream that takes one more entry and no second."""
MONTH = 30 * 24 * 3600


def append(client: redis.Redis, *batches: Any, kept: int = REJECTED_KEPT) -> Any:
    return client.eval(script(), len(KEYS), *KEYS, 5000, kept, *batches)


def state(client: redis.Redis) -> list[Any]:
    """What a batch changes; a count that was never written is nought, a forgotten number too."""
    counts = [int(count or 0) for count in client.hmget(LEDGER, "accepted", "rejected")]
    number = int(client.get(FLUSHER) or 0)
    return [client.xlen(INBOUND), client.xlen(REJECTED), *counts, number]


@pytest.mark.parametrize(
    "rules",
    [
        ["-xadd"],
        ["-set"],
        ["-get"],
        ["-hincrby"],
        ["resetkeys", *(f"~{key}" for key in KEYS if key != INBOUND)],
        ["resetkeys", *(f"~{key}" for key in KEYS if key != REJECTED)],
        ["resetkeys", *(f"~{key}" for key in KEYS if key != LEDGER)],
        ["resetkeys", *(f"~{key}" for key in KEYS if key != BELL)],
        ["resetkeys", *(f"~{key}" for key in KEYS if key != FLUSHER)],
    ],
    ids=lambda rules: rules[0] if len(rules) == 1 else f"{len(rules[1])} {rules[-1]}",
)
def test_a_user_who_may_not_do_a_part_of_it_does_nothing_of_it(
    valkey: Valkey, rules: list[str]
) -> None:
    narrow, client = restricted(valkey, *rules), valkey.client()
    for _ in range(3):
        with pytest.raises(ResponseError):
            append(narrow, *BATCH)
    assert state(client) == [0, 0, 0, 0, 0]
    append(client, *BATCH)
    append(client, *BATCH)
    assert state(client) == [2, 1, 2, 1, 1]


@pytest.mark.parametrize("field", ["accepted", "rejected"])
@pytest.mark.parametrize("value", ["many", "", "1.5", "9223372036854775807"])
def test_a_count_that_is_no_number_stops_all_of_it(valkey: Valkey, field: str, value: str) -> None:
    client = valkey.client()
    client.hset(LEDGER, field, value)
    for _ in range(3):
        with pytest.raises(ResponseError):
            append(client, *BATCH)
    assert client.hget(LEDGER, field) == value.encode()
    client.hset(LEDGER, field, 0)
    assert state(client) == [0, 0, 0, 0, 0]
    append(client, *BATCH)
    assert state(client) == [2, 1, 2, 1, 1]


@pytest.mark.parametrize("stream", [INBOUND, REJECTED])
def test_a_stream_that_takes_no_further_entry_gets_none_of_them(
    valkey: Valkey, stream: str
) -> None:
    client: Any = valkey.client()
    client.xadd(stream, {"x": "x"}, id=LAST_ID)
    before = state(client)
    for _ in range(3):
        with pytest.raises(ResponseError):
            append(client, 1, 2, 2, "one", "two", "bad", "worse")
    assert state(client) == before


@pytest.mark.parametrize("key", [INBOUND, LEDGER])
def test_a_key_of_another_type_fails_the_probe_too(valkey: Valkey, key: str) -> None:
    client = valkey.client()
    client.set(key, "somebody else's")
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        append(client)


@pytest.mark.parametrize("command", ["xadd", "hincrby", "set"])
def test_a_user_who_may_not_do_a_part_of_it_fails_the_probe_too(
    valkey: Valkey, command: str
) -> None:
    with pytest.raises(ResponseError, match=f"^{command.upper()} on receiver:"):
        append(restricted(valkey, f"-{command}"))


def test_a_probe_writes_nothing(start_valkey: Callable[..., Valkey]) -> None:
    client = start_valkey().client()  # where nobody else writes
    append(client)
    before: Any = client.info("persistence")
    assert append(client) == [0, 0, 0]
    after: Any = client.info("persistence")
    assert after["rdb_changes_since_last_save"] == before["rdb_changes_since_last_save"]
    assert state(client) == [0, 0, 0, 0, 0]


def test_a_batch_that_a_part_of_was_written_is_written_to_its_end(valkey: Valkey) -> None:
    client: Any = valkey.client()
    append(client, 1, 1, 0, "one")
    assert append(client, 1, 1, 0, "one", 2, 1, 1, "two", "bad", 3, 1, 0, "three") == [1, 0, 3]
    assert [fields[b"n"] for _, fields in client.xrange(INBOUND)] == [b"one", b"two", b"three"]
    assert [fields[b"r"] for _, fields in client.xrange(REJECTED)] == [b"bad"]


@pytest.mark.parametrize("repeated", [False, True])
def test_a_number_is_remembered_for_thirty_days_from_its_last_write(
    valkey: Valkey, *, repeated: bool
) -> None:
    client = valkey.client()
    append(client, *BATCH)
    if repeated:
        client.expire(FLUSHER, 60)
        append(client, *BATCH)
    assert MONTH - 60 < client.ttl(FLUSHER) <= MONTH
    assert client.expiretime(FLUSHER) <= time.time() + MONTH + 60


def test_refusals_are_bounded_and_the_newest_are_kept(valkey: Valkey) -> None:
    client: Any = valkey.client()
    for number in range(1, 31):
        append(client, number, 0, 100, *(f"{number}/{one}" for one in range(100)), kept=1000)
    assert 1000 <= client.xlen(REJECTED) <= 1100  # whole nodes go, of a hundred entries
    (_, newest), *_ = client.xrevrange(REJECTED, count=1)
    assert newest[b"r"] == b"30/99"
    assert client.hget(LEDGER, "rejected") == b"3000"
