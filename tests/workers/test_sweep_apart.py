"""What is wrong with one key of ours holds back one step of the sweep: the others are taken."""

from typing import Any

import pytest
from redis.exceptions import ReadOnlyError

from receiver.config.settings import RedisStreamSink
from receiver.contract.records import Delivery, decode_dead_letter, encode
from receiver.contract.redis_keys import (
    DEAD_LETTERS,
    DELIVERIES,
    EVENTS,
    INBOUND,
    LEDGER,
    SINKS,
    retry_due,
    retry_items,
)
from receiver.operations import dead_letters
from tests.runtime.test_log_conditions import said
from tests.support.eventually import eventually
from tests.support.forwarding import event, publish
from tests.support.running import Receiver, mo
from tests.support.valkey import Valkey
from workers.maintenance.sink_sweep import SinkSweep
from workers.maintenance.sweep import DAY, HISTORIES, History, Sweep

A, B = (RedisStreamSink(name=name, stream=f"copy:{name}") for name in "ab")
NEXT = History("deliveries", DELIVERIES, DAY)


def test_workers_start_and_work_although_a_count_is_none(receiver: Receiver) -> None:
    receiver.redis.hset(LEDGER, "inbound_trimmed", "x")
    receiver.redis.xadd(DELIVERIES, {"a": "old"}, id="1-1")
    receiver.start()
    receiver.acknowledged("/att/sms/mo", mo())
    eventually(lambda: receiver.redis.xlen(EVENTS) == 1)
    eventually(lambda: receiver.redis.xlen(DELIVERIES) == 0)
    [line, *_] = eventually(lambda: said(receiver, "sweep.failed"))
    assert line["step"] == "trim inbound"
    [line, *_] = eventually(lambda: said(receiver, "redis.trouble"))
    assert line["reason"] == "inbound_trimmed"
    receiver.redis.hdel(LEDGER, "inbound_trimmed")
    eventually(lambda: said(receiver, "redis.back"))


def test_a_history_that_a_user_may_not_trim_leaves_the_others_to_be_trimmed(valkey: Valkey) -> None:
    client: Any = valkey.client()
    for key in (INBOUND, DELIVERIES):
        client.xadd(key, {"a": "old"}, id="1-1")
    rules = ["on", "nopass", "+@all", "~receiver:deliveries", "~receiver:ledger", "~receiver:marks"]
    client.execute_command("ACL", "SETUSER", "few", "reset", *rules)
    few = valkey.client(username="few", password="")
    Sweep(few, (HISTORIES[0], NEXT)).trim()
    assert (client.xlen(INBOUND), client.xlen(DELIVERIES)) == (1, 0)


def queued(client: Any, sink: RedisStreamSink) -> int:
    return int(client.llen(f"rq:queue:receiver-forward-{sink.name}"))


def test_a_sink_whose_key_is_none_of_ours_stalls_only_itself(valkey: Valkey) -> None:
    client = valkey.client()
    sweep = SinkSweep(client, (A, B))
    sweep.create_groups()
    publish(valkey, event(1))
    client.set(retry_due("a"), "x")
    sweep.run()
    assert (queued(client, A), queued(client, B)) == (0, 1)


def test_a_sink_that_cannot_be_retired_stalls_neither_the_next_nor_what_is_rung(
    valkey: Valkey,
) -> None:
    client: Any = valkey.client()
    SinkSweep(client, (A, B, *(RedisStreamSink(name=x, stream="s") for x in "xy"))).create_groups()
    publish(valkey, event(1))
    client.hset(SINKS, mapping={"x:configured": 1, "y:configured": 1})
    client.set(retry_due("x"), "not ours")
    SinkSweep(client, (A, B)).run()
    groups = {group["name"] for group in client.xinfo_groups(EVENTS)}
    assert groups == {b"forward:a", b"forward:b", b"forward:x"}
    assert (queued(client, A), queued(client, B)) == (1, 1)


def test_what_another_program_left_to_a_retired_sink_is_a_dead_letter_as_it_stands(
    valkey: Valkey,
) -> None:
    client: Any = valkey.client()
    sweep = SinkSweep(client, (A,))
    sweep.create_groups()
    client.hset(SINKS, "a:configured", 1)
    good = encode(Delivery("1-2", b'{"id":"x","type":"t","source":"s"}', 1, 3))
    client.hset(retry_items("a"), mapping={"1-1": b"not ours", "1-2": good})
    client.zadd(retry_due("a"), {"1-1": 1, "1-2": 2})
    SinkSweep(client, ()).run()
    letters = [decode_dead_letter(fields[b"d"]) for _, fields in client.xrange(DEAD_LETTERS)]
    assert [(one.sink, one.entry, one.attempts) for one in letters] == [
        ("a", "1-1", 0),
        ("a", "1-2", 3),
    ]
    assert letters[0].event == b"not ours"
    assert [one.summary.kind for one in dead_letters.select(client, dead_letters.Selection())] == [
        "unreadable",
        "event",
    ]
    assert not client.xinfo_groups(EVENTS)


def test_a_server_that_refuses_every_write_ends_the_sweep(valkey: Valkey) -> None:
    client = valkey.client()
    client.xadd(INBOUND, {"n": "x"}, id="1-1")
    client.replicaof("127.0.0.1", "1")
    with pytest.raises(ReadOnlyError):
        Sweep(client, [NEXT]).trim()
    client.replicaof("no", "one")
