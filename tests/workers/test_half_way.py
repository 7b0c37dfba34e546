"""A script of the workers' or an operator's that Redis refuses a part of: all of it or nothing."""

from typing import Any

import msgspec
import pytest
from redis.exceptions import ResponseError

from receiver.config.settings import RedisStreamSink, RqSink, Settings
from receiver.contract.records import DeadLetter, Notification, encode
from receiver.contract.redis_keys import (
    ATTEMPTS,
    DEAD_LETTERS,
    EVENTS,
    GROUP,
    IDENTITIES,
    INBOUND,
    LEDGER,
    SINKS,
    forward_group,
)
from receiver.operations.dead_letter_actions import DeadLetterActions
from receiver.operations.dead_letters import Selection, select
from tests.support.forwarding import Forwarding, event, publish_many
from tests.support.restricted import restricted
from tests.support.running import mo
from tests.support.valkey import Valkey
from workers.forward.delivery_queue import create_group
from workers.maintenance.sweep import History, Sweep
from workers.normalise.job import Normaliser

FULL = "18446744073709551615-18446744073709551615"
"""The greatest id: a stream that has it takes no further entry."""
KEYS = [
    *(f"~{name}" for name in (INBOUND, EVENTS, DEAD_LETTERS, LEDGER, ATTEMPTS)),
    *(f"~{IDENTITIES}*", "~receiver:bell*", "~receiver:marks", "~receiver:meter*"),
    "~receiver:heard*",
]
"""What a worker that normalises may use."""
COPY = RedisStreamSink(name="copy", stream="copies")


def accept(client: Any, *bodies: bytes) -> None:
    for body in bodies:
        one = Notification("att.sms.mo", "default", body.hex()[-8:], 1, "application/json", body)
        client.xadd(INBOUND, {"n": encode(one)})


def normaliser(client: Any) -> Normaliser:
    return Normaliser(client, "me", Settings(), lambda: False)


@pytest.mark.parametrize("command", ["xadd", "xack", "hincrby", "sadd", "sismember"])
def test_what_a_worker_may_not_publish_stays_open(valkey: Valkey, command: str) -> None:
    client: Any = valkey.client()
    accept(client, mo("good"), b"nothing")
    with pytest.raises(ResponseError, match="may not run"):
        normaliser(restricted(valkey, f"-{command}")).run()
    assert client.xpending(INBOUND, GROUP)["pending"] == 2
    normaliser(client).run()
    assert (client.xlen(EVENTS), client.xlen(DEAD_LETTERS)) == (1, 1)
    assert client.hmget(LEDGER, "published", "dead", "duplicate") == [b"1", b"1", None]


@pytest.mark.parametrize("key", [EVENTS, DEAD_LETTERS, LEDGER, ATTEMPTS, IDENTITIES])
def test_a_worker_that_may_not_use_a_key_leaves_open_what_it_has(valkey: Valkey, key: str) -> None:
    client: Any = valkey.client()
    accept(client, mo("good"), b"nothing")
    allowed = [name for name in KEYS if not name.startswith(f"~{key}")]
    with pytest.raises(ResponseError):
        normaliser(restricted(valkey, "resetkeys", *allowed)).run()
    assert client.xpending(INBOUND, GROUP)["pending"] == 2
    normaliser(client).run()
    assert (client.xlen(EVENTS), client.xlen(DEAD_LETTERS)) == (1, 1)


def test_a_worker_that_may_use_its_keys_and_no_others_publishes(valkey: Valkey) -> None:
    client: Any = valkey.client()
    accept(client, mo("good"), b"nothing")
    client.hset(ATTEMPTS, "0-0", 1)
    normaliser(restricted(valkey, "resetkeys", *KEYS)).run()
    assert (client.xlen(EVENTS), client.xlen(DEAD_LETTERS)) == (1, 1)


@pytest.mark.parametrize("what", ["size", "sets", "ends"])
def test_outcomes_wait_for_identities_whose_numbers_are_some(valkey: Valkey, what: str) -> None:
    client: Any = valkey.client()
    accept(client, mo("first"))
    normaliser(client).run()
    field = next(name for name in client.hkeys(IDENTITIES) if name.endswith(what.encode()))
    number = client.hget(IDENTITIES, field)
    client.hset(IDENTITIES, field, "many")
    accept(client, mo("good"), b"nothing")
    with pytest.raises(ResponseError, match=f"{what} in {IDENTITIES} is not a number"):
        normaliser(client).run()
    assert (client.xlen(EVENTS), client.xlen(DEAD_LETTERS)) == (1, 0)
    client.hset(IDENTITIES, field, number)
    normaliser(client).run()
    assert (client.xlen(EVENTS), client.xlen(DEAD_LETTERS)) == (2, 1)


@pytest.mark.parametrize("field", ["published", "dead", "events"])
def test_outcomes_wait_for_counts_that_are_numbers(valkey: Valkey, field: str) -> None:
    client: Any = valkey.client()
    accept(client, mo("good"), b"nothing")
    client.hset(LEDGER, field, "many")
    with pytest.raises(ResponseError, match=field):
        normaliser(client).run()
    assert (client.xlen(EVENTS), client.xlen(DEAD_LETTERS)) == (0, 0)
    client.hset(LEDGER, field, 0)
    normaliser(client).run()
    assert (client.xlen(EVENTS), client.xlen(DEAD_LETTERS)) == (1, 1)


@pytest.mark.parametrize("stream", [EVENTS, DEAD_LETTERS])
def test_outcomes_wait_for_a_stream_that_takes_entries(valkey: Valkey, stream: str) -> None:
    client: Any = valkey.client()
    accept(client, mo("good"), b"nothing")
    client.xadd(stream, {"x": "x"}, id=FULL)
    with pytest.raises(ResponseError, match="no further entry"):
        normaliser(client).run()
    client.delete(stream)
    normaliser(client).run()
    assert (client.xlen(EVENTS), client.xlen(DEAD_LETTERS)) == (1, 1)


def test_one_job_that_cannot_be_enqueued_stays_open_and_holds_up_no_other(valkey: Valkey) -> None:
    sink = RqSink(name="jobs", queue="company", function="theirs.take")
    forwarding = Forwarding(valkey, sink)
    client: Any = forwarding.client
    ids = publish_many(valkey, 3)
    client.lpush(f"rq:job:{ids[1]}-jobs", "somebody else's")
    forwarding.run()
    assert (client.llen("rq:queue:company"), forwarding.count("delivered")) == (2, 2)
    assert forwarding.pending() == 1
    client.delete(f"rq:job:{ids[1]}-jobs")
    forwarding.run()
    assert (client.llen("rq:queue:company"), forwarding.count("delivered")) == (3, 3)


def test_a_copy_that_its_stream_refuses_stays_open(valkey: Valkey) -> None:
    forwarding = Forwarding(valkey, COPY)
    client: Any = forwarding.client
    publish_many(valkey, 3)
    client.xadd("copies", {"x": "x"}, id=FULL)
    with pytest.raises(ResponseError):
        forwarding.run()
    assert (forwarding.pending(), forwarding.count("delivered")) == (3, 0)
    client.delete("copies")
    forwarding.run()
    assert (client.xlen("copies"), forwarding.count("delivered")) == (3, 3)


@pytest.mark.parametrize("key", ["rq:queue:company", "rq:queues"])
def test_a_job_waits_for_keys_of_the_type_that_rq_gives_them(valkey: Valkey, key: str) -> None:
    sink = RqSink(name="jobs", queue="company", function="theirs.take")
    forwarding = Forwarding(valkey, sink)
    client: Any = forwarding.client
    publish_many(valkey, 3)
    client.set(key, "somebody else's")
    forwarding.run()
    assert client.keys("rq:job:*") == []
    # Nothing is leased that could not be settled: it would come after what is new.
    assert (forwarding.pending(), forwarding.count("delivered")) == (0, 0)
    client.delete(key)
    forwarding.run()
    assert (client.llen("rq:queue:company"), forwarding.count("delivered")) == (3, 3)


@pytest.mark.parametrize("count", ["delivered", "filtered", "dead", "replayed", "failed_attempts"])
def test_deliveries_wait_for_counts_that_are_numbers(valkey: Valkey, count: str) -> None:
    forwarding = Forwarding(valkey, COPY)
    client: Any = forwarding.client
    publish_many(valkey, 3)
    client.hset(SINKS, f"copy:{count}", "many")
    with pytest.raises(ResponseError, match="not a number"):
        forwarding.run()
    assert (client.xlen("copies"), forwarding.pending()) == (0, 3)
    client.hset(SINKS, f"copy:{count}", 0)
    forwarding.run()
    assert (client.xlen("copies"), forwarding.count("delivered")) == (3, 3)


def test_a_sink_that_could_not_open_its_books_has_no_group(valkey: Valkey) -> None:
    client: Any = valkey.client()
    client.xadd(EVENTS, {"event": "{}"})
    client.set(SINKS, "somebody else's")
    with pytest.raises(ResponseError):
        create_group(client, "copy", "0")
    client.delete(SINKS)
    assert create_group(client, "copy", "0")
    assert client.xinfo_groups(EVENTS)[0]["name"] == forward_group("copy").encode()
    assert client.hget(SINKS, "copy:begun") == b"0"


def test_history_that_cannot_be_counted_is_not_cut(valkey: Valkey) -> None:
    client: Any = valkey.client()
    client.xadd(DEAD_LETTERS, {"d": "x"}, id="1-1")
    client.hset(LEDGER, "dead_trimmed", "many")
    Sweep(client, [History("dead", DEAD_LETTERS, 1)]).trim()
    assert client.xlen(DEAD_LETTERS) == 1


def test_a_letter_that_cannot_go_on_its_way_or_be_counted_stays(valkey: Valkey) -> None:
    client: Any = valkey.client()
    client.hset(LEDGER, "dead", 2)
    one = Notification("att.sms.mo", "default", "r", 1, "application/json", mo())
    client.xadd(DEAD_LETTERS, {"d": encode(DeadLetter(1, "why", encode(one)))})
    unsent = DeadLetter(1, "why", b"", "copy", msgspec.json.encode(event(1)), 1, "1-1")
    client.xadd(DEAD_LETTERS, {"d": encode(unsent)})
    letters, sinks = list(select(client, Selection())), frozenset({"copy"})
    client.xadd(INBOUND, {"n": "x"}, id=FULL)
    client.hset(SINKS, "copy:replayed", "many")
    assert all(
        said.startswith("Redis:") for _, said in DeadLetterActions(client).replay(letters, sinks)
    )
    client.hset(LEDGER, "dead_dropped", "many")
    assert all(said.startswith("Redis:") for _, said in DeadLetterActions(client).drop(letters))
    assert client.xlen(DEAD_LETTERS) == 2
    client.delete(INBOUND, SINKS)
    assert {said for _, said in DeadLetterActions(client).replay(letters, sinks)} == {"done"}
    assert (client.xlen(DEAD_LETTERS), client.hget(LEDGER, "dead")) == (0, b"1")
