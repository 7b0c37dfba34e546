"""How many notifications and events make one batch, by what Redis is asked."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from receiver.config.settings import RedisStreamSink, Settings
from receiver.contract.records import Notification, encode
from receiver.contract.redis_keys import EVENTS, GROUP, INBOUND
from tests.support.forwarding import event, publish
from tests.support.valkey import Valkey
from workers import gathering
from workers.forward.delivery_queue import DeliveryQueue, create_group
from workers.forward.run_loop import RunLoop
from workers.forward.transactional_job import TransactionalJob
from workers.normalise.inbound_reader import BATCH, FIRST
from workers.normalise.job import Normaliser
from workers.sinks import open_sink


@pytest.fixture
def client(valkey: Valkey) -> Any:
    valkey.client().xgroup_create(INBOUND, GROUP, id="0", mkstream=True)
    return valkey.client()


def comes_in(client: Any, number: int) -> None:
    body = b'{"id": "%d", "source": "s", "specversion": "1.0", "type": "t"}' % number
    note = Notification(
        "camara.notifications", "default", f"r{number}", 0, "application/cloudevents+json", body
    )
    client.xadd(INBOUND, {"n": encode(note)})


def calls(client: Any, command: str) -> int:
    return int(client.info("commandstats")[f"cmdstat_{command}"]["calls"])


def test_only_with_a_backlog_is_the_next_batch_read_before_one_is_published(client: Any) -> None:
    def reads(waiting: int) -> int:
        before = client.xlen(EVENTS)
        for number in range(before, before + waiting):
            comes_in(client, number)
        client.config_resetstat()
        Normaliser(client, "me", Settings(), lambda: False).run()
        assert client.xlen(EVENTS) == before + waiting
        return int(client.info("commandstats")["cmdstat_xreadgroup"]["calls"])

    assert reads(1) == reads(FIRST - 1) == reads(FIRST) - 2  # two were under way by then


def meanwhile(
    monkeypatch: pytest.MonkeyPatch, comes: Callable[[int], object], rounds: int = 5, each: int = 10
) -> int:
    """Have some more come in each of the first waits between batches. Returns how many in all."""
    numbers = iter(range(1, rounds * each + 1))

    def gather(_handled: int = 0) -> None:
        for number in itertools.islice(numbers, each):
            comes(number)

    monkeypatch.setattr(gathering, "gather", gather)
    return rounds * each


def test_what_comes_in_soon_after_a_notification_is_normalised_together(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    comes_in(client, 0)
    many = meanwhile(monkeypatch, lambda number: comes_in(client, number))
    client.config_resetstat()
    Normaliser(client, "me", Settings(), lambda: False).run()
    assert client.xlen(EVENTS) == 1 + many
    assert calls(client, "xreadgroup") < many / 2


def test_what_is_published_soon_after_an_event_is_forwarded_together(
    valkey: Valkey, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = RedisStreamSink(name="copy", stream="company:events")
    create_group(client, sink.name)
    opened: Any = open_sink(sink, valkey.url, {})
    deliveries = DeliveryQueue(client, sink.name, "me", guards=opened.guards)
    publish(valkey, event(0))
    many = meanwhile(monkeypatch, lambda number: publish(valkey, event(number)))
    client.config_resetstat()
    TransactionalJob(opened, RunLoop(sink, deliveries, lambda: None, lambda: False)).run()
    assert client.xlen("company:events") == 1 + many
    assert calls(client, "xread") < many / 2


def test_after_a_large_batch_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("workers.gathering.time.sleep", waits.append)
    for handled in (gathering.FEW, 1, BATCH):
        gathering.gather(handled)
    assert waits == [gathering.SECONDS]
