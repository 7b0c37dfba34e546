"""What becomes of a sink that is not configured any more, and of what it had to get."""

from typing import Any

import pytest

from receiver.config.settings import SinkSettings
from receiver.contract.redis_keys import (
    EVENTS,
    MARKS,
    forward_group,
    retry_due,
    retry_items,
    sink_deliveries,
    sink_state,
)
from receiver.operations import sink_ledger
from receiver.operations.requeue import Requeue
from receiver.operations.sink_ledger import SinkLedger
from tests.support.consumer import answering, consuming
from tests.support.forwarding import Forwarding, http_sink, publish_many
from tests.support.valkey import Valkey
from workers.maintenance import sink_sweep
from workers.maintenance.sink_sweep import SinkSweep


def retire(client: Any, monkeypatch: pytest.MonkeyPatch) -> SinkLedger:
    """Have a day go by in which nobody had the sink configured; its ledger."""
    with monkeypatch.context() as patch:
        patch.setattr(sink_sweep, "RETIRED_AFTER", -1)
        SinkSweep(client, ()).run()
    (books,) = sink_ledger.read(client)
    assert books.balanced
    return books


def test_what_is_retried_becomes_dead_letters_and_the_rest_is_let_go_and_counted(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    with consuming() as consumer:
        forwarding = Forwarding(valkey, http_sink(consumer))
        consumer.behaviour = answering(500)
        publish_many(valkey, 3)
        forwarding.run()
        publish_many(valkey, 20, first=3)
        assert len(forwarding.deliveries.lease(5)) >= 1  # a worker had some and is gone
        (before,) = sink_ledger.read(forwarding.client)
        SinkSweep(forwarding.client, [forwarding.sink]).run()
        books = retire(forwarding.client, monkeypatch)
        assert len(forwarding.dead()) == books.dead == before.retrying == 3
        assert (books.shed, books.open, books.begun) == (20, 0, False)
        assert before.events == books.events == 23


def test_of_however_many_retries_each_is_a_dead_letter_and_no_attempt_stays(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    with consuming() as consumer:
        forwarding = Forwarding(valkey, http_sink(consumer))
        client = forwarding.client
        consumer.behaviour = answering(500)
        publish_many(valkey, 1)
        forwarding.run()
        asked_again = [(f"9-{number}", b"{}") for number in range(1100)]
        Requeue(client).send("hook", asked_again, int(1000 * forwarding.now))
        assert client.exists(sink_deliveries("hook"))
        SinkSweep(client, [forwarding.sink]).run()
        books = retire(client, monkeypatch)
        assert (books.dead, books.retrying, len(forwarding.dead())) == (1101, 0, 1101)
        assert not client.exists(sink_deliveries("hook"), retry_due("hook"), retry_items("hook"))


def again(valkey: Valkey, sink: SinkSettings) -> Forwarding:
    """The sink, configured again, and three events that come then."""
    forwarding = Forwarding(valkey, sink)
    publish_many(valkey, 3, first=100)
    forwarding.run()
    return forwarding


def test_a_sink_that_was_stopped_and_retired_is_not_stopped_when_it_is_named_again(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    with consuming() as consumer:
        forwarding = Forwarding(valkey, http_sink(consumer))
        consumer.behaviour = answering(410)
        publish_many(valkey, 3)
        forwarding.run()
        assert b"stopped" in forwarding.state()
        SinkSweep(forwarding.client, [forwarding.sink]).run()
        assert retire(forwarding.client, monkeypatch).stopped == ""
        assert not forwarding.client.exists(sink_state("hook"))
        consumer.behaviour = answering(204)
        consumer.requests.clear()
        anew = again(valkey, forwarding.sink)
        assert len(consumer.requests) == anew.count("delivered") == 3
        (books,) = sink_ledger.read(forwarding.client)
        assert (books.stopped, books.open, books.balanced) == ("", 0, True)


def test_nothing_of_a_retired_sinks_group_stays(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    with consuming() as consumer:
        forwarding = Forwarding(valkey, http_sink(consumer))
        client: Any = forwarding.client
        publish_many(valkey, 3)
        forwarding.run()
        client.xgroup_destroy(EVENTS, forward_group("hook"))
        forwarding.run()
        assert client.hexists(MARKS, f"{forward_group('hook')}:moves")
        SinkSweep(client, [forwarding.sink]).run()
        retire(client, monkeypatch)
        assert [name for name in client.hkeys(MARKS) if name.startswith(b"forward:")] == []
