"""RQ's alarm, of a job that took too long on a machine that stood still: its worker goes on."""

from typing import Any

import pytest
from rq.timeouts import JobTimeoutException

from receiver.config.settings import Settings
from receiver.contract.redis_keys import EVENTS, GROUP, INBOUND
from receiver.operations import ledger, sink_ledger
from tests.support.consumer import consuming
from tests.support.forwarding import Forwarding, http_sink, publish_many
from tests.support.valkey import Valkey
from tests.workers.test_groups_moved import accept, published, texts
from workers.normalise import job
from workers.normalise.job import Normaliser
from workers.normalise.pipelined_connection import PipelinedConnection


def strike(patch: pytest.MonkeyPatch, where: Any, name: str) -> None:
    """Have the alarm go off once, before that is called."""
    real, struck = getattr(where, name), list[bool]()

    def alarmed(*arguments: Any, **more: Any) -> Any:
        if not struck:
            struck.append(True)
            raise JobTimeoutException("the job has taken too long")
        return real(*arguments, **more)

    patch.setattr(where, name, alarmed)


def test_the_normalise_job_after_one_that_was_struck_as_it_recovered(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    client: Any = valkey.client()
    normaliser = Normaliser(client, "me", Settings(), lambda: False)
    normaliser.run()
    accept(client, *range(5))
    client.xreadgroup(GROUP, "me", {INBOUND: ">"}, count=2)
    strike(monkeypatch, PipelinedConnection, "receive")
    with pytest.raises(JobTimeoutException):
        normaliser.run()
    normaliser.run()
    assert published(client) == texts(5)
    assert ledger.read(client).balanced


def test_what_a_worker_left_open_takes_no_longer_than_a_job(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    client: Any = valkey.client()
    normaliser = Normaliser(client, "me", Settings(), lambda: False)
    normaliser.run()
    accept(client, *range(5))
    client.xreadgroup(GROUP, "me", {INBOUND: ">"}, count=5)
    monkeypatch.setattr(job, "WORK_SECONDS", 0.0)
    for done in range(1, 6):
        client.delete("rq:queue:receiver-normalise")
        normaliser.run()
        assert client.xlen(EVENTS) == done
        assert client.llen("rq:queue:receiver-normalise") == 1  # for the rest
    assert published(client) == texts(5)


def test_the_forward_job_after_one_that_was_struck_as_it_sent(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    with consuming() as consumer:
        forwarding = Forwarding(valkey, http_sink(consumer))
        ids = publish_many(valkey, 5)
        strike(monkeypatch, type(forwarding._opened), "send")
        with pytest.raises(JobTimeoutException):
            forwarding.run()
        for _ in range(2):
            forwarding.run()
        assert sorted(consumer.ids) == ids
        (books,) = sink_ledger.read(forwarding.client)
        assert (books.delivered, books.failed_attempts, books.open) == (5, 0, 0)
