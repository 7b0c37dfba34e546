"""`receiver erase` beside the streams: what sinks had still to get, what a server has logged."""

from collections.abc import Callable
from typing import Any

import pytest

from receiver.contract.records import Attempt, encode
from receiver.contract.redis_keys import SINKS, retry_due, retry_items, sink_deliveries
from receiver.operations import sink_ledger
from tests.support.consumer import answering, consuming
from tests.support.erasing import HER, HIS, accept, erase, message, work
from tests.support.eventually import eventually
from tests.support.forwarding import Forwarding, event, http_sink, publish
from tests.support.valkey import Valkey


def test_what_a_sink_had_still_to_get_is_its_outcome(valkey: Valkey) -> None:
    """One event waits for another attempt, one is with a worker, one nobody has read."""
    with consuming() as consumer:
        consumer.behaviour = answering(503)
        forwarding = Forwarding(valkey, http_sink(consumer))
        client = forwarding.client
        publish(valkey, event(0), event(1, subject=HIS, data={"from": HIS}))
        forwarding.run()
        assert len(forwarding.retries()) == 2
        publish(valkey, event(2))
        assert Forwarding(valkey, forwarding.sink, consumer="other").deliveries.lease(10)
        publish(valkey, event(3))
        report = erase(client)
        assert (report.undelivered, report.erased) == (3, {"event": 3, "delivery": 1})
        (books,) = sink_ledger.read(client)
        assert (books.erased, books.retrying, books.open, books.balanced) == (3, 1, 1, True)
        assert client.zcard(retry_due("hook")) == client.hlen(retry_items("hook")) == 1
        consumer.behaviour = answering(204)
        consumer.requests.clear()
        forwarding.later(3600)
        assert [one.event["subject"] for one in consumer.requests] == [HIS]
        (books,) = sink_ledger.read(client)
        assert (books.delivered, books.erased, books.open) == (1, 3, 0)
        assert books.balanced


def test_the_servers_log_has_nothing_of_it_any_more(valkey: Valkey) -> None:
    client: Any = valkey.client()
    accept(client, message(HER))
    work(client)
    logs = valkey.directory / "appendonlydir"
    assert any(b"2065550100" in path.read_bytes() for path in logs.iterdir())
    assert erase(client).log == "rewritten"
    assert not any(b"2065550100" in path.read_bytes() for path in logs.iterdir())


def test_nor_has_it_where_messages_of_others_stand_around_hers(
    start_valkey: Callable[..., Valkey],
) -> None:
    """A stream keeps its entries in blocks, and what is deleted stays in its block."""
    valkey = start_valkey(aof_use_rdb_preamble="no")
    client: Any = valkey.client()
    accept(client, *map(message, (HIS, HER, HIS)))
    work(client)
    report = erase(client)
    assert (report.complete, report.later) == (True, [])
    client.bgrewriteaof()  # by itself, some time later
    eventually(lambda: not client.info("persistence")["aof_rewrite_in_progress"])
    logs = [path.read_bytes() for path in (valkey.directory / "appendonlydir").iterdir()]
    assert any(b"2065550199" in log for log in logs)
    assert not any(b"2065550100" in log for log in logs)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"aof_use_rdb_preamble": "yes"}, ["append-only file"]),
        ({"save": "3600 1"}, ["append-only file", "snapshots (save)"]),
        ({"save": "3600 1", "appendonly": "no"}, ["snapshots (save)"]),
    ],
)
def test_a_file_of_the_servers_that_keeps_what_is_deleted_for_a_while_is_said(
    start_valkey: Callable[..., Valkey], told: dict[str, str], said: list[str]
) -> None:
    client: Any = start_valkey(**told).client()
    accept(client, *map(message, (HIS, HER, HIS)))
    work(client)
    report = erase(client)
    assert report.complete
    assert [sentence.partition(":")[0] for sentence in report.later] == said


def test_nor_have_its_logs_of_slow_and_of_large_commands(
    start_valkey: Callable[..., Valkey],
) -> None:
    told = {"slowlog-log-slower-than": "0", "commandlog-request-larger-than": "1"}
    client: Any = start_valkey(**told).client()
    accept(client, message(HER))
    logs = {name: ("COMMANDLOG", "GET", -1, name) for name in ("slow", "large-request")}
    for name, words in logs.items():
        assert b"2065550100" in repr(client.execute_command(*words)).encode(), name
    work(client)
    assert erase(client).complete
    for name, words in logs.items():
        assert b"2065550100" not in repr(client.execute_command(*words)).encode(), name


def test_an_answer_among_the_newest_of_a_sink_goes_too(valkey: Valkey) -> None:
    client: Any = valkey.client()
    client.hset(SINKS, "hook:begun", 0)
    for number in (HER, HIS):
        answer = Attempt("hook", "1-0", 1, 1, 1, 422, "answered 422", number.encode())
        client.xadd(sink_deliveries("hook"), {"a": encode(answer)})
    assert erase(client).erased == {"attempt": 1}
    assert client.xlen(sink_deliveries("hook")) == 1
